"""Raw tables that nobody has seen before: any kinds, gaps, headers and texts."""

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from hypothesis import strategies as st

Cells = list[str]

#: Texts that YAML, CSV, OmegaConf or pandas might take for something else.
AWKWARD = (
    "No", "yes", "1e3", "0x1F", "007", "1,5", "${x}", "${data:x}", "a: b", "- item", "# no comment",
    "{}", "[1]", "null", "NA", "~", "%", "*all", "&x", "!x", "'single'", 'say "hi"', "back\\slash",
    "two\nlines", "carriage\r\nreturn", " spaced ", "tab\there", "naïve", "Straße", "日本語", "🙂",
    "=1+1", "<b>bold</b>", "$5", "_under_", "True", "2020-01-01", "12:30", "x" * 150,
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DELIMITERS = {",": 6, ";": 2, "\t": 1, "|": 1}


@dataclass(frozen=True)
class RawTable:
    """A raw table as texts.

    Attributes:
        columns: Cells by header; an empty text is a missing value.
        target: Header of the column to predict.
        delimiter: What separates the cells in the file.
        encoding: How the file is written.
    """

    columns: dict[str, Cells]
    target: str
    delimiter: str = ","
    encoding: str = "utf-8"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.columns[self.target])

    def write(self, file: Path) -> None:
        """Write the CSV file."""
        with file.open("w", newline="", encoding=self.encoding) as stream:
            writer = csv.writer(stream, delimiter=self.delimiter)
            writer.writerow(self.columns)
            writer.writerows(zip(*self.columns.values(), strict=True))


def _cells(draw: st.DrawFn, values: st.SearchStrategy[str], rows: int, gaps: bool) -> Cells:
    """Cells of one column, a tenth of them missing if there are gaps."""
    chance = draw(st.randoms(use_true_random=False))
    pool = draw(st.lists(values, min_size=rows, max_size=rows))
    return ["" if gaps and chance.random() < 0.1 else cell for cell in pool]


def _day(days: int, form: str) -> str:
    return (date(1990, 1, 1) + timedelta(days=days)).strftime(form)


@st.composite
def _column(draw: st.DrawFn, rows: int) -> Cells:
    """Cells of a column of any kind."""
    kind = draw(
        st.sampled_from(["number", "integer", "category", "many", "boolean", "date", "id", "same"])
    )
    gaps = draw(st.booleans())
    match kind:
        case "number":
            digits = draw(st.integers(1, 6))
            scale = draw(st.sampled_from([0.01, 1.0, 1e6]))
            values = st.floats(-scale, scale).map(lambda value: f"{value:.{digits}f}")
        case "integer":
            low = draw(st.sampled_from([-50, 0, 1950]))
            values = st.integers(low, low + 100).map(str)
        case "category":
            texts = draw(st.lists(st.sampled_from(AWKWARD), min_size=1, max_size=6, unique=True))
            values = st.sampled_from(texts)
        case "many":
            values = st.text(LETTERS, min_size=1, max_size=2)
        case "boolean":
            values = st.sampled_from(draw(st.sampled_from([("yes", "no"), ("Y", "N"), ("0", "1")])))
        case "date":
            form = draw(st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"]))
            values = st.integers(0, 12_000).map(lambda days: _day(days, form))
        case "id":
            return [f"person {number:05}" for number in range(rows)]
        case _:
            values = st.just(draw(st.sampled_from(AWKWARD)))
    return _cells(draw, values, rows, gaps)


def _header() -> st.SearchStrategy[str]:
    """Headers; those that pandas or the service use for something else are among them."""
    signs = st.characters(codec="utf-8", exclude_categories=["Cc"])
    plain = st.text(signs, min_size=1, max_size=12).filter(str.strip)
    named = st.sampled_from(["low", "warnings", "line", "class", "model_version", "Salary (raw)"])
    return st.sampled_from(AWKWARD) | named | plain


@st.composite
def raw_tables(draw: st.DrawFn) -> RawTable:
    """Any table of 1 to 40 columns beside its target, with 30 to 80 rows."""
    rows = draw(st.integers(30, 80))
    count = draw(st.integers(1, 6) | st.integers(1, 40))
    names = draw(st.lists(_header(), min_size=count, max_size=count, unique=True).filter(_distinct))
    columns = {name: draw(_column(rows)) for name in names}
    columns[names[0]] = [f"{place % 17 + place / 100:.2f}" for place in range(rows)]
    chance = draw(st.randoms(use_true_random=False))
    pay = [30_000 + 1_000 * (place % 17) + chance.randint(0, 5_000) for place in range(rows)]
    target = draw(st.sampled_from(["Salary", "Annual Salary (€)", "年収"]))
    columns[target] = [str(value) for value in pay]
    marks = [mark for mark, weight in DELIMITERS.items() for _ in range(weight)]
    return RawTable(
        columns,
        target,
        draw(st.sampled_from(marks)),
        draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])),
    )


def _distinct(names: list[str]) -> bool:
    """Whether pandas, which names a second `x` `x.1`, keeps the headers as they are."""
    return not any(f"{name}.1" in names for name in names) and "Salary" not in names
