"""Finds the encoding of a CSV file, and says how sure it is."""

import codecs
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

HEAD_BYTES = 1 << 22
#: Bytes that are judged, of lines that have more than ASCII.
SAMPLE_BYTES = 1 << 17
BOMS = (  # UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Share of bytes that are zero in a file of UTF-16, and the places of the zeros.
ZERO_SHARE = 0.2
#: Encodings of scripts that are told apart by their words.
SCRIPTS = (
    *("cp1251", "cp1253", "gb18030", "cp932", "euc_kr", "big5", "euc_jp", "koi8_r", "cp866"),
    *("cp1252", "cp1250", "cp1254", "mac_roman"),
)
#: Letters beyond ASCII of a language, each with how often it stands among them.
LANGUAGES = {
    "Czech": "í20 á18 é12 ě13 ý9 ř10 č9 š7 ž7 ů6 ú3 ň1 ť1 ď1 ó1",
    "Slovak": "á20 í14 é10 ý8 ú8 ž8 č10 š8 ľ4 ť4 ň2 ô2 ď1 ä1 ó1 ŕ1 ĺ1",
    "Polish": "ł22 ą13 ę14 ó12 ż11 ś9 ć6 ń5 ź2",
    "Hungarian": "á26 é25 ö9 ő9 ó9 ü6 í6 ú3 ű2",
    "Romanian": "ă32 î14 ş15 ţ13 â9",
    "Croatian": "č25 š25 ž20 ć20 đ10",
    "German": "ü40 ä32 ö20 ß8",
    "French": "é60 è10 à12 ê6 ç3 ô4 î3 û2 ù1 â2 ï1 ë1 œ1",
    "Spanish": "ó32 í24 á20 é14 ñ8 ú6 ü1",
    "Portuguese": "ã20 ç18 á14 é14 ê8 í10 ó7 õ5 à3 ú4 â3 ô2",
    "Italian": "à25 è25 ò15 ù15 ì10 é10",
    "Swedish": "ä38 ö32 å28 é2",
    "Danish": "ø35 å35 æ28 é2",
    "Icelandic": "í15 á15 ð18 þ8 ó10 é8 ú8 ý6 æ6 ö8",
    "Dutch": "ë50 é25 ï15 ö5 ü5",
    "Turkish": "ı40 ş14 ü15 ğ10 ç9 ö8 İ4 â1",
}
WESTERN = ("German", "French", "Spanish", "Portuguese", "Italian", "Swedish", "Danish", "Dutch")
CENTRAL = ("Czech", "Slovak", "Polish", "Hungarian", "Romanian", "Croatian", "German")
#: Encodings of Latin letters, the commonest first, and languages that are written in each.
LATIN = {
    "cp1252": (*WESTERN, "Icelandic"),
    "cp1250": CENTRAL,
    "cp1254": ("Turkish",),
    "mac_roman": (*WESTERN, "Icelandic"),
    "iso8859_2": CENTRAL,
    "cp850": WESTERN,
    "cp852": CENTRAL,
    "cp437": ("German", "French", "Spanish", "Italian", "Swedish"),
}
#: How likely is, among what is not ASCII, a sign; a letter of another language; anything else.
SIGNS = frozenset("€£°–—‘’“”„…«»§·ºª®™½²³±µ¿¡•\u00a0")
SIGN, OTHER_LETTER, STRANGE = 3e-3, 5e-4, 1e-5
#: How likely an accented capital is beside a small letter, where capitals begin words; and
#: one after a small letter.
CAPITAL, CAPITAL_WITHIN = 0.1, 1e-3
#: A reading is doubted that is not so many times as likely as another one.
DOUBTED = 100
#: Signs of money beside a number, and spaces within one, as cp1252 writes them.
MONEY = re.compile(
    rb"(?<=[0-9])[ \xa0]?[\x80\xa3\xa5](?![A-Za-z\x80-\xff])"
    rb"|(?<![A-Za-z\x80-\xff])[\x80\xa3\xa5](?=[ \xa0]?[0-9])"
    rb"|(?<=[0-9])\xa0(?=[0-9]{3})"
)
RUN = re.compile("([A-Za-z]?)[^\x00-\x7f]+([A-Za-z]?)")
LOCAL = re.compile(r"(?s)(?:(?<=(.))|^)([^\x00-\x7f])")


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file are read as texts.

    Attributes:
        name: The encoding, by a name that Python knows.
        remarks: What is doubted about it; nothing for Unicode.
    """

    name: str
    remarks: tuple[str, ...] = ()


def find_encoding(path: Path) -> Encoding:
    """The encoding of a file, by its first bytes."""
    with path.open("rb") as file:
        return encoding_of(file.read(HEAD_BYTES))


def encoding_of(head: bytes) -> Encoding:
    """The encoding of a file that begins with these bytes."""
    for mark, name in BOMS:
        if head.startswith(mark):
            return Encoding(name)
    if found := _wide(head):
        return Encoding(found)
    if b"\x1b$" in head and _decodes(head, "iso2022_jp"):
        return Encoding("iso2022_jp")
    if _decodes(head, "utf-8"):
        return Encoding("utf-8-sig")
    return _of_one_region(head)


def _wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte order mark; None if it is neither."""
    if head.count(0) < ZERO_SHARE * len(head):
        return None
    names = ("utf-32-le", "utf-32-be") if b"\0\0\0" in head else ("utf-16-le", "utf-16-be")
    little = head[1::2].count(0) > head[0::2].count(0)
    name = names[0] if little else names[1]
    return name if _decodes(head, name) else None


def _decodes(head: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(head)  # it may end within a letter
    except UnicodeDecodeError:
        return False
    return True


def _of_one_region(head: bytes) -> Encoding:
    """An encoding of one script or region, which only likelihood can tell."""
    written = _sample(head)
    sample = MONEY.sub(b"", written)
    if sample.isascii() and _decodes(head, "cp1252"):
        return Encoding("cp1252", (_guessed("cp1252", ""),))
    known = [name for name in SCRIPTS if _decodes(head, name)]
    best = from_bytes(sample, cp_isolation=known).best() if known else None
    if best is not None and best.encoding not in LATIN and not _mixes(sample, best.encoding):
        return Encoding(best.encoding, (_guessed(best.encoding, ""),))
    ranked = sorted(_likelihoods(sample, head, _of_money(written)), reverse=True)
    if not ranked:
        return Encoding("latin-1", (_guessed("latin-1", ""),))
    (likely, _, name), others = ranked[0], ranked[1:]
    read = sample.decode(name, errors="replace")
    doubted = [
        other
        for close, _, other in others
        if likely - close < math.log(DOUBTED) and sample.decode(other, errors="replace") != read
    ]
    return Encoding(name, (_guessed(name, doubted[0] if doubted else ""),))


def _mixes(sample: bytes, name: str) -> bool:
    """Whether most of what is not ASCII stands in one word with letters that are."""
    runs = RUN.findall(sample.decode(name, errors="replace"))
    return sum(any(letters) for letters in runs) > len(runs) / 2


def _guessed(name: str, other: str) -> str:
    doubt = f", though '{other}' is nearly as likely" if other else ""
    return (
        f"The file is not Unicode: it is read as '{name}'{doubt}. Look whether names and words are "
        f"right; --encoding NAME reads it as another."
    )


def _sample(head: bytes) -> bytes:
    """Lines that are not ASCII alone: the others tell nothing."""
    return b"\n".join(line for line in head.splitlines() if not line.isascii())[:SAMPLE_BYTES]


def _of_money(sample: bytes) -> Collection[str]:
    """Encodings of Latin letters that read what looks like signs of money as such, if any do."""
    signs = b"".join(MONEY.findall(sample))
    money = [name for name in LATIN if set(signs.decode(name, errors="replace")) <= set("€£¥\xa0 ")]
    return money or LATIN


def _likelihoods(
    sample: bytes, head: bytes, names: Collection[str]
) -> Iterator[tuple[float, int, str]]:
    """Logarithm of the likelihood of a sample by each encoding of these."""
    for place, (name, languages) in enumerate(LATIN.items()):
        if name in names and _decodes(head, name):
            found = LOCAL.findall(sample.decode(name, errors="replace"))
            likely = max(
                sum(math.log(_chance(before, char, SHARES[language])) for before, char in found)
                for language in languages
            )
            yield likely, -place, name


def _chance(before: str, char: str, shares: dict[str, float]) -> float:
    """How likely a language has a character after another one."""
    if char in SIGNS:
        return SIGN
    if not char.isalpha():
        return STRANGE
    small = char.lower() if len(char.lower()) == 1 else char
    share = shares.get(char) or shares.get(small, OTHER_LETTER)
    if char == small or char in shares or before.isupper():
        return share
    return share * (CAPITAL_WITHIN if before.islower() else CAPITAL)


def _shares(letters: str) -> dict[str, float]:
    counts = {item[0]: int(item[1:]) for item in letters.split()}
    return {letter: count / sum(counts.values()) for letter, count in counts.items()}


SHARES = {language: _shares(letters) for language, letters in LANGUAGES.items()}
