"""Knows the order of texts that rank something: education, grades, sizes, ranges."""

import re
from collections.abc import Sequence

from salary_kedro.contract.spelling import fold
from salary_kedro.tables.drafting import headers

#: More texts than these are no scale.
MAX_LEVELS = 40
#: Scales, from the lowest level on; texts between slashes are one level, those between commas
#: are other words for it.
SCALES = """
    very low/low/medium,moderate,mid,middle,average,normal/high/very high
    niedrig,gering/mittel/hoch
    faible/moyen/élevé
    bajo/medio/alto
    never/rarely,seldom/sometimes,occasionally/often,frequently/always
    strongly disagree/disagree/neutral,neither agree nor disagree,undecided/agree/strongly agree
    very dissatisfied/dissatisfied/neutral/satisfied/very satisfied
    very poor/poor,bad/fair/average/good/very good/excellent,outstanding
    needs improvement,pip/partially meets/fully meets,meets/exceeds
    intern/junior,entry,entry level/mid,mid level,intermediate/senior,senior level/lead/director
    en/mi/se/ex
    beginner,novice/intermediate/advanced/expert
    xxs/xs/s/m/l/xl/xxl/xxxl
    tiny/small/medium,mid/large/very large,huge
    instructor,lecturer/asst prof,assistant professor/assoc prof,associate professor/prof,professor
    instructor/assistant/associate/full
    first/second/third/fourth/fifth
    bronze/silver/gold/platinum
    non travel/travel rarely/travel frequently
"""
#: Education, by the first pattern that a text has; the number is its rank.
EDUCATION = (
    (1, r"\bno (school|degree|formal|education)|^none$|illiterate|\buneducated"),
    (2, r"less than|<|below|dropout|drop out|not finished"),
    (2, r"primary|elementary|grundschule|^basic$|primaria"),
    (5, r"some (college|university)"),
    (3, r"some (high|hs)|lower sec|middle school|realschule"),
    (4, r"high school|^hs\b|hs grad|highschool|secondary|\bged\b|abitur|secundaria|gymnasium"),
    (5, r"vocation|apprentic|trade|certificate|diploma|berufs"),
    (6, r"associate"),
    (9, r"post ?grad|graduate (degree|school)|^graduate$|advanced degree|master|\bm ?sc\b|\bmba\b"),
    (7, r"bachelor|college|undergrad|\bb ?sc\b|\bb ?a\b|university|licence|licenciatura|degree"),
    (10, r"professional"),
    (11, r"ph ?d|doctor|doktor"),
)
LEAD = re.compile(r"\d+[.):]\s+")
RANGE = re.compile(
    r"(?P<low><|≤|under|below|less than|up to|fewer than)?\s*[$£€>≥]?"
    r"\s*(?P<first>\d[\d,.]*)\s*(?P<first_unit>[km]\b)?"
    r"(?:\s*(?:-|–|—|to|bis)\s*[$£€]?\s*(?P<last>\d[\d,.]*)\s*(?P<last_unit>[km]\b)?.*"
    r"|(?P<more>\s*(?:\+|(?:years?\s+)?(?:and|or|plus)\b).*)|.*)",
    re.IGNORECASE,
)
UNITS = {"k": 1_000, "m": 1_000_000}
ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)\b.*", re.IGNORECASE)
NUMBERED = re.compile(r"(?P<name>\D*?)\s*(?P<number>\d+)")
RANKS = headers.word_set("level grade band tier rank class step stufe nivel niveau lvl g l p e ic")

Ranks = Sequence[tuple[float, ...]] | None


def in_order(texts: Sequence[str], header: str) -> tuple[str, ...] | None:
    """The texts from the lowest to the highest; None if it is not known how they rank.

    Args:
        texts: Distinct texts of a column.
        header: Its header.
    """
    if not 2 <= len(texts) <= MAX_LEVELS:
        return None
    plain = [LEAD.sub("", text) for text in texts]
    for ranked in (_by_scale, _by_education, _by_range, _by_ordinal, _by_number):
        ranks = ranked(plain, header)
        if ranks is not None and len(set(ranks)) == len(texts):
            return tuple(text for _, text in sorted(zip(ranks, texts, strict=True)))
    return None


def _by_scale(texts: Sequence[str], _: str) -> Ranks:
    """Places in a scale that has all texts; two or three letters tell only if there are three."""
    folded = [" ".join(headers.words(text)) for text in texts]
    if len(texts) < 3 and max(map(len, folded)) <= 3:
        return None
    for scale in SCALE_PLACES:
        if all(text in scale for text in folded):
            return [(scale[text],) for text in folded]
    return None


def _by_education(texts: Sequence[str], _: str) -> Ranks:
    found = [
        next((rank for rank, known in EDUCATION if re.search(known, fold(text))), None)
        for text in texts
    ]
    known = [(float(rank),) for rank in found if rank is not None]
    return known if len(known) == len(texts) > 2 else None


def _by_range(texts: Sequence[str], _: str) -> Ranks:
    """Ranges by their first numbers; one below a number comes before what begins with it."""
    found = [RANGE.fullmatch(text.strip()) for text in texts]
    ranges = [each for each in found if each is not None]
    if len(ranges) < len(texts) or not all(map(_is_range, ranges)):
        return None
    return [(_number(each, "first"), 0.0 if each["low"] else 1.0) for each in ranges]


def _is_range(found: re.Match[str]) -> bool:
    if found["last"]:
        return _number(found, "last") >= _number(found, "first")
    return bool(found["low"] or found["more"] or found[0].lstrip()[0] in ">≥")


def _number(found: re.Match[str], which: str) -> float:
    """An end of a range; `10-50k` begins at 10k."""
    unit = found[f"{which}_unit"] or found["last_unit"] or ""
    return float(found[which].replace(",", "").rstrip(".") or 0) * UNITS.get(unit.lower(), 1)


def _by_ordinal(texts: Sequence[str], _: str) -> Ranks:
    found = [ORDINAL.fullmatch(text) for text in texts]
    ranks = [(float(each[1]),) for each in found if each is not None]
    return ranks if len(ranks) == len(texts) else None


def _by_number(texts: Sequence[str], header: str) -> Ranks:
    """Numbers behind one word, such as `Grade 7` and `G7`, or under a header that says so."""
    found = [NUMBERED.fullmatch(text.strip()) for text in texts]
    numbered = [each for each in found if each is not None]
    names = {fold(each["name"]) for each in numbered}
    if len(numbered) < len(texts) or len(names) > 1:
        return None
    known = RANKS & {*headers.words(header), *names}
    return [(float(each["number"]),) for each in numbered] if known else None


def _places(scale: str) -> dict[str, float]:
    levels = [level.split(",") for level in scale.strip().split("/")]
    return {
        " ".join(headers.words(word)): float(place)
        for place, level in enumerate(levels)
        for word in level
    }


SCALE_PLACES = [_places(line) for line in SCALES.splitlines() if line.strip()]
