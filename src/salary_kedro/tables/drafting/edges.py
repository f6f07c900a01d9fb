"""Recognises the lines of a table that are no rows: titles, units, totals, notes."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from salary_kedro.contract.model import CsvDialect
from salary_kedro.contract.spelling import tidy
from salary_kedro.tables.drafting.spellings import holds_number

Row = Sequence[str]

#: Rows that a caller should bring, of the beginning of a table and of its end.
HEAD, TAIL = 50, 20
#: By these words the first cell of a line begins that sums up, or tells about, the others.
SUMS = (
    *("total", "grand total", "subtotal", "sum", "average", "mean", "median", "count"),
    *("summe", "gesamt", "insgesamt", "durchschnitt", "somme", "moyenne", "totale", "totaal"),
    *("suma", "toplam", "итого", "всего", "合計", "总计", "合计"),
)
NOTES = (
    *("source", "sources", "note", "notes", "quelle", "anmerkung", "fuente", "nota", "remarque"),
    *("copyright", "©", "generated", "produced", "exported", "downloaded", "data as of", "*", "†"),
    *("disclaimer", "report", "updated", "last updated", "stand"),
)
#: Of these, the ones that begin no title or department.
PARTIAL = ("subtotal", "sub-total", "sub total", "grand total", "zwischensumme", "gesamtsumme")
UNITS = frozenset(
    """
    years year yrs months days hours hrs weeks % percent usd eur gbp chf inr jpy cad aud $ € £ ₹
    currency dollars euro euros us$ usd/year eur/year usd/yr eur/jahr jahre monate stunden text
    string integer number date bool categorical n count - years_of_experience yes/no kg cm
    """.split()  # noqa: SIM905 - it is read as a list of words
)
MAX_HEADER = 3
#: Where that many rows below a line hold numbers, a text in it is not one of them.
MIN_BELOW = 3
COMMENTS = "#"
#: A number that a header may hold.
YEAR = re.compile(r"(?:19|20)\d\d")
#: Of a full line so many cells are filled.
FULL = 0.75


@dataclass(frozen=True)
class Edges:
    """What of a table is no row.

    Attributes:
        skip_rows: Lines above the header.
        header_rows: Lines of the header.
        comment: By what lines begin that are no rows; None for nothing.
        footer: By what the first cell of lines begins that are no rows.
        remarks: What the person who edits the draft should know.
    """

    skip_rows: int = 0
    header_rows: int = 1
    comment: str | None = None
    footer: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def within(self, dialect: CsvDialect) -> CsvDialect:
        """How the file is written, with what of it is no row."""
        keys = ("skip_rows", "header_rows", "comment", "footer")
        return dialect.model_copy(update={key: getattr(self, key) for key in keys})


def find_edges(head: Sequence[Row], tail: Sequence[Row]) -> Edges:
    """Find the lines of a table that are no rows.

    Args:
        head: Its first lines, header included, each cell as a text; blank lines too.
        tail: Its last lines; none if the head holds all of them.
    """
    begun = [row for row in head if _first(row).startswith(COMMENTS)]
    full = _width(head)
    has_comments = bool(begun) and all(_is_comment(row, full) for row in begun)
    places = [place for place, row in enumerate(head) if not (has_comments and row in begun)]
    lines = [head[place] for place in places]
    width = _width(lines)
    first, count = _header_block(lines, _header_line(lines, width))
    footer = _footer([*lines[first + count :], *tail], width)
    skipped = places[first] if any(map(_filled, lines[:first])) else 0
    return Edges(
        skip_rows=skipped,
        header_rows=count,
        comment=COMMENTS if has_comments else None,
        footer=footer,
        remarks=tuple(_remarks(skipped, count, has_comments=has_comments)),
    )


def _filled(row: Row) -> int:
    return sum(bool(tidy(cell)) for cell in row)


def _first(row: Row) -> str:
    return next((tidy(cell) for cell in row if tidy(cell)), "")


def _is_comment(row: Row, width: int) -> bool:
    """Whether a line that begins as a comment is one, not a header or a row of a table."""
    return bool(row) and bool(tidy(row[0])) and _first(row) != COMMENTS and _filled(row) < width


def _width(lines: Sequence[Row]) -> int:
    """Cells that most lines have filled."""
    counts = Counter(map(_filled, lines))
    return max(counts, key=lambda cells: (counts[cells], cells), default=0)


def _header_line(lines: Sequence[Row], width: int) -> int:
    """Number of the first line that is nearly full; 0 if it is no header, but holds numbers."""
    if width < 2:
        return 0
    full = (place for place, row in enumerate(lines) if _filled(row) >= max(2, FULL * width))
    top = next(full, 0)
    numbers = [cell for cell in lines[top] if holds_number(cell)] if lines else []
    if 2 * len(numbers) >= width:
        return 0
    if not all(YEAR.fullmatch(tidy(cell)) for cell in numbers):  # a row: a name was left empty
        while top and _may_be_header(lines[top - 1]):
            top -= 1
    return top


def _may_be_header(row: Row) -> bool:
    return _filled(row) >= 2 and _are_texts(row)


def _header_block(lines: Sequence[Row], top: int) -> tuple[int, int]:
    """Number of the header's first line, and how many lines it has."""
    first, last = top, top
    if top and _may_be_header(lines[top - 1]):
        first = top - 1
    while last + 1 - first < MAX_HEADER and _continues(lines, last + 1):
        last += 1
    return first, last + 1 - first


def _continues(lines: Sequence[Row], place: int) -> bool:
    """Whether a line holds units, or names where all lines below hold numbers."""
    below = lines[place + 1 :]
    if len(below) < MIN_BELOW or not _filled(lines[place]) or not _are_texts(lines[place]):
        return False
    row = lines[place]
    texts = [tidy(cell).strip("()[]").casefold() for cell in row if tidy(cell)]
    units = sum(text in UNITS for text in texts)
    numeric = [column for column in range(len(row)) if _is_numeric(below, column)]
    named = [column for column in numeric if tidy(row[column])]
    if units >= len(texts) / 2 and named:
        return True
    return len(named) >= 2 and len(named) == len(numeric) and len(set(texts)) == len(texts)


def _are_texts(row: Row) -> bool:
    return not any(holds_number(cell) for cell in row)


def _is_numeric(below: Sequence[Row], column: int) -> bool:
    """Whether the filled cells of a column hold numbers, but for a few."""
    cells = [row[column] for row in below if column < len(row) and tidy(row[column])]
    return len(cells) >= MIN_BELOW and sum(map(holds_number, cells)) >= 0.9 * len(cells)


def _footer(rows: Sequence[Row], width: int) -> tuple[str, ...]:
    """By what the last lines begin that sum up or tell about the others."""
    found: list[str] = []
    for row in reversed(rows[-TAIL:]):
        first = _first(row)
        if not first:
            continue
        word = _word_of(first, row, width)
        if word is None:
            break
        found.append(word)
    return tuple(dict.fromkeys(reversed(found)))


def _word_of(first: str, row: Row, width: int) -> str | None:
    """By what a line begins that is known to be no row; None if it may be one.

    `Total Rewards` may be a person's department, unless nothing stands beside it.
    """
    plain = first.casefold()
    words = sorted((*SUMS, *NOTES), key=len, reverse=True)
    word = next((word for word in words if _begins(plain, word)), None)
    if word is None or (_filled(row) >= width and (word in NOTES or plain.strip(": ") != word)):
        return None
    rest = plain[len(word) :]
    if re.match(r"\s+[^\W\d]", rest) and _filled(row) > 1:
        return None
    return first if rest[:1].isalnum() else first[: len(word)]


def _begins(text: str, word: str) -> bool:
    after = text[len(word) : len(word) + 1]
    return text.startswith(word) and not (word[-1].isalpha() and after.isalpha())


def _remarks(skipped: int, header: int, *, has_comments: bool) -> Iterator[str]:
    if skipped:
        lines = "1 line" if skipped == 1 else f"{skipped} lines"
        yield f"{lines} above the header: left out (csv.skip_rows)."
    if header > 1:
        yield f"The header has {header} lines, whose names are joined (csv.header_rows)."
    if has_comments:
        yield f"Lines that begin with {COMMENTS} are no rows (csv.comment)."
