"""How tables write texts and numbers: spaces, case, thousands, currency marks, ranges."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Piece = Annotated[str, Field(min_length=1, max_length=40)]

#: Zero-width spaces and joiners, byte order marks, soft hyphens: what no eye sees.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
DASHES = re.compile("[-_\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
RANGE = re.compile(
    r"(.*[^\s\-\u2010-\u2015])\s*(?:[-\u2010-\u2015~]|\bto\b|\bbis\b|\.\.)\s*(.+)", re.IGNORECASE
)
APOSTROPHES = "'\u2019"


def tidy(text: str) -> str:
    """A text without spaces around it, and with plain ones for other kinds of space within it.

    Tabs and line breaks within it stay.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    plain = text.translate(INVISIBLE)
    return "".join(" " if unicodedata.category(char) == "Zs" else char for char in plain).strip()


def fold(text: str) -> str:
    """A text by which all are one that differ by case, dashes or spaces only."""
    plain = unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold()
    return " ".join(DASHES.sub(" ", plain).split())


class Marks(Protocol):
    """How numbers are marked; a CSV dialect, for example."""

    @property
    def decimal(self) -> str:
        """The decimal mark."""

    @property
    def thousands(self) -> str | None:
        """What groups the digits of large numbers; None for nothing."""


class Written(BaseModel):
    """How a table writes the numbers of a column, beside the marks of its dialect.

    Case, and spaces around each piece, do not matter. Requests hold plain numbers always.

    Attributes:
        affixes: Texts before or after a number that mean nothing more: `$`, `USD`.
        factors: Texts after a number, and by what they multiply it: `k: 1000`.
        values: Whole cells, and the number that each stands for: `<1: 0.5`.
        ranges: What `40-50` is: a broken cell, or the number midway.
        parentheses: What `(500)` is: a broken cell, or -500, as accountants write it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    affixes: tuple[Piece, ...] = ()
    factors: Mapping[Piece, Factor] = {}
    values: Mapping[Piece, Finite] = {}
    ranges: Literal["reject", "midpoint"] = "reject"
    parentheses: Literal["reject", "negative"] = "reject"

    @field_validator("affixes", "factors")
    @classmethod
    def _check_pieces(cls, pieces: tuple[str, ...] | Mapping[str, float]) -> object:
        wrong = [piece for piece in pieces if re.search("[0-9]", piece) or piece.strip() in "-(.,"]
        if wrong:
            raise ValueError(
                f"{wrong[0]!r} cannot stand beside a number: name words or signs, and whole cells "
                f"under values"
            )
        return pieces


class Conversion(BaseModel):
    """A number whose unit another column of its row tells, such as a currency or a pay period.

    Attributes:
        column: Header of that column in the raw file.
        factors: Its texts, and by what each multiplies the number; a row with another text
            is broken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Annotated[str, Field(min_length=1)]
    factors: Mapping[str, Factor] = Field(min_length=1)


class NumberReader:
    """Reads texts as numbers, strictly: what is not wholly understood is none."""

    def __init__(self, marks: Marks, written: Written | None = None) -> None:
        """Prepare what one column needs.

        Args:
            marks: Decimal mark and what groups thousands.
            written: What else stands in its cells; None for plain numbers.
        """
        self._written = written or Written()
        self._marks = marks

    def read(self, text: str) -> float | None:
        """The number that a text stands for; None if it is none, or not finite.

        `1,23,45,678` is one where commas group thousands, as in India.
        """
        plain = tidy(text).casefold().replace("\u2212", "-")
        if plain in self._values:
            return self._values[plain]
        if self._written.parentheses == "negative" and re.fullmatch(r"\(.+\)", plain):
            inner = self._amount(plain[1:-1])
            return None if inner is None or inner[0] < 0 else -inner[0] * inner[1]
        amount = self._amount(plain)
        if amount is not None:
            return amount[0] * amount[1]
        return self._midpoint(plain) if self._written.ranges == "midpoint" else None

    @cached_property
    def _values(self) -> dict[str, float]:
        return {tidy(text).casefold(): value for text, value in self._written.values.items()}

    @cached_property
    def _factors(self) -> list[tuple[str, float]]:
        """Texts behind a number and their factors, the longest first; affixes have 1."""
        pieces = {**dict.fromkeys(self._written.affixes, 1.0), **self._written.factors}
        folded = {tidy(piece).casefold(): factor for piece, factor in pieces.items()}
        return sorted(folded.items(), key=lambda item: -len(item[0]))

    @cached_property
    def _prefixes(self) -> list[str]:
        return sorted((tidy(piece).casefold() for piece in self._written.affixes), key=len)[::-1]

    @cached_property
    def _digits(self) -> re.Pattern[str]:
        decimal, group, whole = re.escape(self._marks.decimal), self._group, "[0-9]+"
        if group:
            by_thousands = f"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+"
            by_lakhs = f"[0-9]{{1,2}}(?:{group}[0-9]{{2}})+{group}[0-9]{{3}}"
            whole = f"(?:{whole}|{by_thousands}|{by_lakhs})"
        return re.compile(f"[-+]?(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:e[-+]?[0-9]+)?")

    @cached_property
    def _group(self) -> str:
        """Pattern of what groups thousands; empty for nothing."""
        mark = self._marks.thousands
        if mark is None:
            return ""
        if mark in APOSTROPHES:
            return f"[{APOSTROPHES}]"
        return " " if mark.isspace() else re.escape(mark)

    def _amount(self, text: str) -> tuple[float, float] | None:
        """A number and its factor, of a text that holds one and known pieces."""
        sign, rest = (text[0], text[1:].lstrip()) if text[:1] in ("-", "+") else ("", text)
        prefix = next((piece for piece in self._prefixes if rest.startswith(piece)), "")
        rest, factor = self._without_suffixes(rest[len(prefix) :].lstrip())
        if not self._digits.fullmatch(rest) or (sign and rest[:1] in ("-", "+")):
            return None
        plain = re.sub(self._group, "", rest) if self._group else rest
        number = float(sign + plain.replace(self._marks.decimal, "."))
        return None if number * factor in (float("inf"), float("-inf")) else (number, factor)

    def _without_suffixes(self, text: str) -> tuple[str, float]:
        factor, rest, pieces = 1.0, text, list(self._factors)
        while found := next((item for item in pieces if rest.endswith(item[0])), None):
            pieces.remove(found)  # 5kk is no number
            rest, factor = rest[: -len(found[0])].rstrip(), factor * found[1]
        return rest, factor

    def _midpoint(self, text: str) -> float | None:
        """The number midway of a range; `40-50k` means 40k to 50k."""
        found = RANGE.fullmatch(text)
        ends = [self._amount(end) for end in found.groups()] if found else [None]
        if None in ends:
            return None
        (low, first), (high, last) = (end for end in ends if end)
        first = last if first == 1 else first
        return (low * first + high * last) / 2 if low * first <= high * last else None
