"""What the header of a raw column tells: a field name, a label, and what it is likely to hold."""

import itertools
import re
import unicodedata
from collections.abc import Iterable

from salary_kedro.contract.columns import RESERVED_FOR_TARGET, RESERVED_NAMES

MAX_NAME = 60
MAX_LABEL = 80


#: Letters that do not come apart into an ASCII letter and an accent.
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"})


def words(header: str) -> list[str]:
    """The words of a header in lower case without accents: `baseSalary_USD` has three."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", header.translate(LETTERS))
    plain = unicodedata.normalize("NFKD", apart)
    bare = "".join(char for char in plain if not unicodedata.combining(char)).lower()
    composed = unicodedata.normalize("NFC", bare)
    return [word for word in re.split(r"[\W_]+", composed) if word]


def word_set(text: str) -> frozenset[str]:
    """The words of a text that lists them."""
    return frozenset(words(text))


#: Words of headers, as `words` gives them.
YEARS = frozenset({"year", "yr", "jahr", "annee", "ano", "anno"})
UNITS = {"years": {"years", "yrs", "jahre"}, "months": {"months"}}
UNITS |= {"hours": {"hours", "hrs"}, "days": {"days"}, "weeks": {"weeks"}}


def field_names(headers: Iterable[str]) -> list[str]:
    """One field name a header: ASCII, of its own, and not reserved."""
    names: list[str] = []
    for position, header in enumerate(headers, start=1):
        base = _slug(header) or f"column_{position}"
        base = f"{base}_column" if base in RESERVED_NAMES | RESERVED_FOR_TARGET else base
        numbered = (f"{base}_{count}" for count in itertools.count(2))
        names.append(next(name for name in itertools.chain([base], numbered) if name not in names))
    return names


def _slug(header: str) -> str:
    ascii_words = (word.encode("ascii", "ignore").decode() for word in words(header))
    slug = "_".join(filter(None, ascii_words))[:MAX_NAME].strip("_")
    return f"column_{slug}" if slug[:1].isdigit() else slug


def label_of(header: str, name: str) -> str:
    """A short name for people."""
    text = " ".join(re.sub(r"[_\s]+|\.(?=\w)", " ", header).split())[:MAX_LABEL].strip()
    text = text or name
    return text if any(char.isupper() for char in text) else text[0].upper() + text[1:]


def unit_of(header: str) -> str:
    """The unit that a header names; empty if it names none."""
    found = set(words(header))
    return next((unit for unit, known in UNITS.items() if found & known), "")


def is_year(header: str) -> bool:
    """Whether a header names years, such as `year` or `hire_year`."""
    found = words(header)
    return bool(found) and (found[0] in YEARS or found[-1] in YEARS)
