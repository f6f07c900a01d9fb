"""What the header of a raw column tells about pay: whether it is the salary, and in what."""

import itertools
import re
from collections.abc import Sequence

from salary_kedro.tables.drafting.headers import word_set, words

#: Words of headers, as `words` gives them.
TARGETS = word_set(
    """
    salary salaries wage wages income incomes pay compensation earnings earning earn
    remuneration gehalt lohn einkommen verdienst bruttogehalt jahresgehalt monatsgehalt
    stundenlohn monatslohn bruttolohn salaire salaires revenu sueldo salario salarios ingreso
    ingresos stipendio retribuzione reddito vencimento ordenado loon salaris inkomen lon palkka
    wynagrodzenie pensja zarobki plat mzda maas ucret зарплата 工资 薪资 年収 給与 연봉
    """
)
#: Headers in German often are one word: `Bruttojahresgehalt`, `Jahresbrutto`.
COMPOUND = re.compile(
    r"(?:brutto|netto)?(?P<period>jahres|monats|stunden)?(?:(?<=[sn])(?:brutto|netto)"
    r"|(?:brutto|netto)?(?:arbeits|grund)?"
    r"(?:gehalt|lohn|entgelt|vergutung|verguetung|einkommen|verdienst)s?)"
)
#: So are grades, on which pay depends: `Lohngruppe`, `Besoldungsstufe`.
GRADE = re.compile(
    r"(?:gehalts?|lohn|entgelt|vergutungs?|verguetungs?|besoldungs|tarif)"
    r"(?:gruppe|stufe|klasse|art)n?"
)
COMPOUND_PERIODS = {"jahres": "year", "monats": "month", "stunden": "hour"}
#: A column called so beside a word for pay tells something about it, and is no pay.
NOT_PAY = word_set(
    """
    currency currencies grade grades band bands basis type types frequency freq period unit units
    group groups class code codes plan scale step level category status date schedule flag id
    ids source tax taxes quintile decile quartile percentile rank location name note notes
    comment comments waehrung wahrung devise moneda learning yearning
    """
)
#: Beside these a word for pay is a part of the pay, or somebody else's, or of another time.
PART_OF_PAY = word_set(
    """
    bonus overtime other extra benefits benefit commission tips stock additional deferred
    severance retirement increase change raise growth gap ratio pct percent min minimum max
    maximum starting initial begin beginning previous prior former old expected desired
    household family spouse husband wife father mother capital nonwage unearned
    """
)
PERIODS = {
    "year": {"annual", "annually", "year", "yearly", "pa", "annuel", "anual", "jahr"},
    "month": {"month", "monthly", "monat", "mensuel", "mensual"},
    "week": {"week", "weekly"},
    "hour": {"hour", "hourly", "stunde", "horaire", "hr", "hrly"},
}
#: Where several columns are called alike, the pay of a longer time comes first.
LONGEST_FIRST = ("year", "", "month", "week", "hour")
CURRENCIES = word_set(
    """
    usd eur gbp chf jpy cny inr cad aud nzd sek nok dkk pln czk huf ron brl mxn zar krw sgd
    hkd try ils
    """
)
#: Words beside which `comp` is pay, and no computer or competition.
COMP_BESIDE = word_set("converted annual annually yearly monthly weekly hourly")
#: Words of headers by which amounts are in thousands; other forms are `k`, `T€`, `keur`.
THOUSANDS = word_set("thousand thousands tausend tsd milliers tys tkr 000 000s 1000s")
#: Before the code of a currency, and after it.
BEFORE_CODE, AFTER_CODE = ("t", "k"), "k"
THOUSAND_SIGN = re.compile(r"(?<![^\W_])t\s?[€$£]|\bin 1000\b")
#: Words beside a word for pay that leave it the whole pay.
BESIDE = frozenset(
    {"in", "per", "the", "k", *THOUSANDS, *CURRENCIES, *itertools.chain(*PERIODS.values())}
)
LOGARITHMS = frozenset({"l", "ln", "log", "lg", "logarithm"})
#: How tables of occupations call their averages: `A_MEDIAN`, `H_MEAN`.
AVERAGES = {"a": "year", "h": "hour"}
#: Up to this rank a header calls its column a salary, whatever the column holds.
CALLED, ALIKE = 3, 4


def pay_of(header: str) -> tuple[str, str]:
    """Currency and period that the target's header names, each empty if it names none."""
    found = words(header)
    currency = next((code.upper() for code in map(_currency_of, found) if code), "")
    if not currency:
        symbols = {"$": "", "€": "EUR", "£": "GBP"}  # many countries have dollars
        currency = next((symbols[char] for char in header if char in symbols), "")
    return currency, _period(found)


def _currency_of(word: str) -> str:
    """The code of a currency that a word names, also of thousands in it: `keur`; empty if none."""
    bare = word[1:] if word.startswith(BEFORE_CODE) else ""
    return next((code for code in (word, bare, word.removesuffix("k")) if code in CURRENCIES), "")


def in_thousands(header: str) -> bool:
    """Whether a header says that its amounts are in thousands: `Salary (k€)`, `Pay £000s`."""
    if THOUSAND_SIGN.search(header.casefold()):
        return True
    found = words(header)
    return any(
        (word not in CURRENCIES and _currency_of(word))
        or (word in {*THOUSANDS, "k"} and not _within_number(found, place))
        for place, word in enumerate(found)
    )


def _within_number(found: Sequence[str], place: int) -> bool:
    """Whether a word belongs to a number: `000` to `50,000`, `k` to `401(k)` and `K-12`."""
    before, after = "".join(found[place - 1 : place]), "".join(found[place + 1 : place + 2])
    is_one = found[place].startswith("0") and before == "1"
    return (before.isdigit() and not is_one) or (found[place] == "k" and after.isdigit())


def _period(found: list[str]) -> str:
    if _is_average(found):
        return AVERAGES[found[0]]
    compound = next((match["period"] for match in map(COMPOUND.fullmatch, found) if match), None)
    if compound:
        return COMPOUND_PERIODS[compound]
    return next((name for name, known in PERIODS.items() if known & set(found)), "")


def _is_average(found: list[str]) -> bool:
    return len(found) == 2 and found[0] in AVERAGES and found[1] in {"mean", "median"}


def target_rank(header: str) -> int | None:
    """How much a header sounds like a salary: 0 most; None if it does not.

    Up to `CALLED` it calls its column a salary; `ALIKE` only sounds like one.
    """
    found = [word for word in words(header) if word not in LOGARITHMS]
    if NOT_PAY & set(found) or names_grade(found):
        return None
    pay = {word for word in found if _names_pay(word)}
    if pay and PART_OF_PAY & set(found):
        return CALLED
    if len(found) == 1 and pay:
        return 0
    whole = [word for word in found if word not in BESIDE and not word.isdigit()]
    if (whole and _names_pay(whole[-1])) or is_logarithm(header):
        return 1
    if pay or _is_average(found) or is_comp(found):
        return 2
    joined = "".join(found)
    return ALIKE if any(len(word) > 3 and word in joined for word in TARGETS) else None


def names_grade(found: Sequence[str]) -> bool:
    """Whether words of a header name a grade, on which pay depends."""
    return any(map(GRADE.fullmatch, found))


def is_comp(found: Sequence[str]) -> bool:
    """Whether words of a header name pay as surveys do: `ConvertedCompYearly`, `annual comp`."""
    return "comp" in found and not COMP_BESIDE.isdisjoint(found)


def _names_pay(word: str) -> bool:
    return word in TARGETS or COMPOUND.fullmatch(word) is not None


def is_called(header: str) -> bool:
    """Whether a header calls its column a salary, or a part of one."""
    rank = target_rank(header)
    return rank is not None and rank <= CALLED


def is_logarithm(header: str) -> bool:
    """Whether a header names the logarithm of pay, such as `lwage` or `log_salary`."""
    found = words(header)
    if LOGARITHMS & set(found) and any(map(_names_pay, found)):
        return True
    joined = "".join(found)
    rests = [joined.removeprefix(word) for word in LOGARITHMS if joined.startswith(word)]
    return any(map(_names_pay, rests))
