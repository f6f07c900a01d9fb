"""Encodings of tables with titles and towns in many languages, large and small."""

import codecs
import random
from pathlib import Path

import pytest

from salary_kedro.tables.drafting.encodings import Encoding, encoding_of, find_encoding

#: Words of salary tables.
WORDS = {
    "Czech": """
        Účetní Vedoucí oddělení Řidič Skladník Programátor Lékařka Učitelka Dělník
        Zdravotní sestra Plzeň Brno Ústí nad Labem České Budějovice Hradec Králové
        Jihlava Třebíč vysokoškolské středoškolské základní Výroba Účtárna Údržba Mzdová
        účetní Elektrikář Zámečník Kuchař Žďár nad Sázavou Přerov Olomouc
    """,
    "Polish": """
        Księgowy Kierownik działu Kierowca Magazynier Programista Lekarz Nauczycielka
        Robotnik Pielęgniarka Łódź Kraków Gdańsk Wrocław Poznań Częstochowa wyższe
        średnie podstawowe Sprzedaż Księgowość Inżynier Główny specjalista Starszy
        księgowy Ślusarz Zespół płac Rzeszów Białystok Toruń
    """,
    "Hungarian": """
        Könyvelő Vezető Sofőr Raktáros Programozó Orvos Tanítónő Munkás Ápolónő Győr
        Székesfehérvár Pécs Szeged felsőfokú középfokú alapfokú Értékesítés Könyvelés
        Mérnök Főmérnök Ügyintéző Villanyszerelő Műszaki vezető Bérszámfejtő
    """,
    "Russian": """
        Бухгалтер Начальник отдела Водитель Кладовщик Программист Врач Учительница
        Рабочий Медсестра Москва Санкт-Петербург Нижний Новгород Казань Челябинск высшее
        среднее начальное Продажи Бухгалтерия Инженер Главный специалист Слесарь
        Электрик Повар Екатеринбург
    """,
    "Greek": """
        Λογιστής Διευθυντής τμήματος Οδηγός Αποθηκάριος Προγραμματιστής Γιατρός Δασκάλα
        Εργάτης Νοσοκόμα Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα ανώτατη μέση βασική
        Πωλήσεις Λογιστήριο Μηχανικός Υπεύθυνος μισθοδοσίας Ηλεκτρολόγος Μάγειρας
    """,
    "Turkish": """
        Muhasebeci Bölüm müdürü Şoför Depocu Yazılımcı Doktor Öğretmen İşçi Hemşire
        İstanbul Eskişehir Diyarbakır Muğla Şanlıurfa Kırşehir yükseköğretim ortaöğretim
        ilköğretim Satış Muhasebe Mühendis Başmühendis Aşçı Elektrikçi Güvenlik
        görevlisi
    """,
    "Chinese": """
        会计 部门经理 司机 仓库管理员 程序员 医生 教师 工人 护士 北京 上海 广州 深圳 成都 本科
        硕士 高中 销售部 财务部 工程师 高级工程师 电工 厨师
        人力资源部 产品经理
    """,
    "Chinese of Taiwan": """
        會計 部門經理 司機 倉庫管理員 程式設計師 醫生 教師 工人 護士 臺北 高雄 臺中 臺南 新竹
        大學 碩士 高中 業務部 財務部 工程師 資深工程師 電工
        廚師 人力資源部 產品經理
    """,
    "Japanese": """
        会計士 部長 運転手 倉庫係 プログラマー 医師 教師 作業員 看護師 東京 大阪 名古屋 札幌
        福岡 大学卒 大学院 高校卒 営業部 経理部 エンジニア
        主任エンジニア 電気工事士 調理師 人事部 マネージャー
    """,
    "Korean": """
        회계사 부서장 운전기사 창고관리 프로그래머 의사 교사 작업자 간호사 서울 부산 대구 인천
        광주 대학교 대학원 고등학교 영업부 재무부 엔지니어
        수석엔지니어 전기기사 요리사 인사부 관리자
    """,
    "German": """
        Buchhalter Abteilungsleiterin Kraftfahrer Lagerist Programmierer Ärztin Lehrerin
        Hilfsarbeiter Pflegekraft München Köln Düsseldorf Nürnberg Würzburg Universität
        Realschule Grundschule Verkauf Geschäftsführer Ingenieur Prüfer Schlosser Köchin
        Büro Größe Außendienst
    """,
    "French": """
        Comptable Chef de département Chauffeur Magasinier Développeur Médecin
        Enseignante Ouvrier Infirmière Orléans Besançon Nîmes Saint-Étienne Île-de-
        France supérieur secondaire élémentaire Vente Comptabilité Ingénieur Contrôleur
        Électricien Cuisinière Sécurité Contremaître
    """,
    "Spanish": """
        Contador Jefe de sección Conductor Almacenista Programador Médico Maestra Obrero
        Enfermería Málaga Córdoba Logroño Cáceres La Coruña educación básica media
        Contaduría Ingeniería Técnico Electricista Diseñador Niñera Peón Albañil
        Administración
    """,
    "Portuguese": """
        Contador Chefe de seção Motorista Armazém Programação Médico Professora Operário
        Enfermagem São Paulo Brasília Goiânia Belém Florianópolis graduação médio básica
        Produção Construção Engenharia Técnico Eletricista Cozinheiro Segurança
        Manutenção
    """,
    "Swedish": """
        Bokförare Avdelningschef Förare Lagerarbetare Programmerare Läkare Lärare
        Arbetare Sjuksköterska Göteborg Malmö Västerås Örebro Linköping högskola
        gymnasium grundskola Försäljning Ekonomi Ingenjör Överläkare Kökschef Säkerhet
        Utvecklare
    """,
    "Danish": """
        Bogholder Afdelingsleder Chauffør Lagermedarbejder Programmør Læge Lærer
        Arbejder Sygeplejerske Århus Ålborg Næstved Køge Helsingør højere mellem
        grundskole Salg Økonomi Ingeniør Overlæge Køkkenchef Sælger Bygningsfører
    """,
}
#: In which encodings the tables of a language are found.
WAYS = {
    "Czech": "cp1250 iso8859_2",
    "Polish": "cp1250 iso8859_2",
    "Hungarian": "cp1250 iso8859_2",
    "Russian": "cp1251 koi8_r cp866",
    "Greek": "cp1253",
    "Turkish": "cp1254",
    "Chinese": "gbk",
    "Chinese of Taiwan": "big5",
    "Japanese": "cp932 euc_jp",
    "Korean": "euc_kr",
    "German": "cp1252 mac_roman cp850",
    "French": "cp1252 mac_roman cp850",
    "Spanish": "cp1252 mac_roman cp850",
    "Portuguese": "cp1252 mac_roman",
    "Swedish": "cp1252 mac_roman cp437",
    "Danish": "cp1252 mac_roman cp850",
}
CASES = [(language, way) for language, ways in WAYS.items() for way in ways.split()]


def table(language: str, rows: int, seed: int) -> str:
    """A table of so many rows, with two columns of words."""
    chance, words = random.Random(seed), WORDS[language].split()
    cells = [f"{chance.choice(words)};{chance.choice(words)}" for _ in range(rows)]
    lines = [f"{row};{cell};{chance.randrange(20_000, 90_000)}" for row, cell in enumerate(cells)]
    return "\r\n".join(["id;title;place;salary", *lines, ""])


@pytest.mark.parametrize(("language", "way"), CASES)
@pytest.mark.parametrize("rows", [10, 200])
def test_encoding_when_a_table_is_of_one_region_then_its_words_are_right(
    language: str, way: str, rows: int
) -> None:
    for seed in range(3):
        text = table(language, rows, seed)

        found = encoding_of(text.encode(way))

        assert text.encode(way).decode(found.name) == text
        assert found.remarks[0].startswith("The file is not Unicode")


@pytest.mark.parametrize(("language", "way"), CASES)
def test_encoding_when_a_table_has_three_rows_then_is_right_or_doubted(
    language: str, way: str
) -> None:
    text = table(language, 3, 1)

    found = encoding_of(text.encode(way))

    is_right = text.encode(way).decode(found.name, errors="replace") == text
    assert is_right or "nearly as likely" in found.remarks[0]


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize(
    ("written", "mark", "name"),
    [
        ("utf-8", b"", "utf-8-sig"),
        ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-32-le", codecs.BOM_UTF32_LE, "utf-32"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("utf-32-le", b"", "utf-32-le"),
    ],
)
def test_encoding_when_a_table_is_unicode_then_is_sure(
    language: str, written: str, mark: bytes, name: str
) -> None:
    assert encoding_of(mark + table(language, 20, 1).encode(written)) == Encoding(name)


def test_encoding_when_one_letter_alone_tells_then_says_what_else_it_could_be() -> None:
    found = encoding_of("title;salary\nsmørrebrød maker;40000\n".encode("cp1252"))

    assert found.name == "cp1252"
    assert found.remarks == (
        (
            "The file is not Unicode: it is read as 'cp1252', though 'cp1250' is nearly as likely. "
            "Look whether names and words are right; --encoding NAME reads it as another."
        ),
    )


@pytest.mark.parametrize(
    "cells",
    [
        ["£45000", "£31000"],
        ["45.000,00 €", "31.500,00 €"],
        ["45\xa0000 €", "31\xa0500 €"],
        ["45\xa0000\xa0€"],
        ["€ 45000"],
        ["¥4500000"],
        ["45000;Prüfer", "45000 €;Bürokauffrau", "39000 €;Verkäufer"],
    ],
)
def test_encoding_when_signs_of_money_stand_beside_numbers_then_is_that_of_windows(
    cells: list[str],
) -> None:
    head = "\r\n".join(["salary;title", *cells, ""]).encode("cp1252")

    assert encoding_of(head).name == "cp1252"


def test_encoding_when_years_are_written_in_russian_then_they_are_no_money() -> None:
    text = table("Russian", 10, 1).replace("\r\n", " г\r\n")

    assert encoding_of(text.encode("cp866")).name == "cp866"


def test_encoding_when_a_letter_is_cut_at_the_end_of_what_is_read_then_is_still_unicode() -> None:
    assert encoding_of("é".encode()[:1]) == Encoding("utf-8-sig")


def test_encoding_when_japanese_is_written_for_mail_then_is_known() -> None:
    assert encoding_of(table("Japanese", 9, 1).encode("iso2022_jp")).name == "iso2022_jp"


def test_find_encoding_when_there_is_a_file_then_reads_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a;b\n1;2\n".encode("ascii"))

    assert find_encoding(tmp_path / "t.csv") == Encoding("utf-8-sig")
