"""Many people at once: which column holds what, what is asked, and what the service says of it."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from service_client import (
    BadInputError,
    Feature,
    Prediction,
    Problem,
    Scalar,
    ServedModel,
    ServiceClient,
)
from spreadsheet import Cell, Choice, decimal_mark, read_number

#: Rows that are asked about, and sent, at once.
MAX_ROWS, BATCH_ROWS = 10_000, 500
#: Bytes of a request; the service takes twice as many.
BATCH_BYTES = 1_000_000
#: The service lists no more problems than these in one answer.
LISTED_PROBLEMS = 100
#: What a CSV table of the training means by no value where its contract lists no texts; a copy of
#: what pandas takes for it.
KNOWN_MISSING = frozenset(
    {
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    }
)
YES, NO = frozenset({"true", "yes", "y", "1"}), frozenset({"false", "no", "n", "0"})


@dataclass(frozen=True)
class Field:
    """A field that rows may hold: an input of the model, or the target to compare with.

    Attributes:
        feature: What the page knows of it.
        headers: What else its column may be called than by its name or label.
        day: How the tables of the training write a day, in the codes of `strptime`; "" if it is
            no date.
        yes: How they write yes.
        no: How they write no.
        absent: Texts that mean no value in them.
    """

    feature: Feature
    headers: tuple[str, ...] = ()
    day: str = ""
    yes: frozenset[str] = YES
    no: frozenset[str] = NO
    absent: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, feature: Feature, column: Mapping[str, Any], missing: Iterable[str] = ()
    ) -> "Field":
        """A field as its column of the contract describes it.

        Args:
            feature: What the page knows of it.
            column: The column.
            missing: Texts that mean no value in every column of its table.
        """
        listed = (
            feature.categories,
            feature.met,
            column.get("true_values"),
            column.get("false_values"),
        )
        absent = {*missing, *(column.get("missing_values") or ())}
        return cls(
            feature,
            tuple(str(column.get(key) or "") for key in ("column", "label")),
            str(column.get("format") or "") if feature.kind == "date" else "",
            YES | {str(text).casefold() for text in column.get("true_values") or ()},
            NO | {str(text).casefold() for text in column.get("false_values") or ()},
            frozenset(map(str, absent)).difference(*(texts or () for texts in listed)),
        )

    def lacks(self, cell: Cell) -> bool:
        """Whether a cell holds one of the texts that mean no value; of numbers, in any form."""
        text = written_cell(cell)
        if text in self.absent or self.feature.kind not in ("number", "integer"):
            return text in self.absent
        number = read_number(text, ".")
        return number is not None and number in self._codes

    @cached_property
    def _codes(self) -> frozenset[float | None]:
        """The numbers that mean no value."""
        return frozenset(read_number(each, ".") for each in self.absent) - {None}

    @property
    def names(self) -> frozenset[str]:
        """What its header may be, without regard to case, spaces and signs."""
        label, unit = self.feature.label, self.feature.unit
        known = (self.feature.name, label, f"{label} {unit}", *self.headers)
        return frozenset(map(folded, known)) - {""}


def fields_of(model: ServedModel, contract: Mapping[str, Any]) -> list[Field]:
    """The fields that a row may hold: every input, and last the target to compare with.

    Args:
        model: The served model.
        contract: Its contract, as the service tells it.
    """
    columns = {column["name"]: column for column in contract["features"]}
    told = ((contract.get("table") or {}).get("csv") or {}).get("missing")
    missing = KNOWN_MISSING if told is None else frozenset(told)
    fields = [
        Field.of(feature, columns.get(feature.name, {}), missing) for feature in model.features
    ]
    if model.compared is not None:
        label = f"{model.compared.label} to compare (optional)"
        compared = replace(model.compared, label=label, unit="")
        fields.append(Field.of(compared, contract["target"], missing))
    return fields


def folded(text: str) -> str:
    """A header by which all are one that differ by case, spaces and signs only."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True)
class Columns:
    """Which column of a table holds which field.

    Attributes:
        places: Place of the column, from 0, by field name.
        missing: Inputs that no column holds.
        unused: Headers of columns that hold none; they are kept.
        twice: Headers that hold a field which an earlier column holds already.
    """

    places: Mapping[str, int]
    missing: tuple[Feature, ...]
    unused: tuple[str, ...]
    twice: tuple[str, ...]

    @classmethod
    def of(cls, headers: Sequence[str], fields: Sequence[Field]) -> "Columns":
        """Find the fields among the headers of a table; a field's own name comes first."""
        places: dict[str, int] = {}
        unused, twice = [], []
        for place, header in enumerate(headers):
            found = field_of(header, fields)
            if found is None:
                unused.append(header)
            elif found.feature.name in places:
                twice.append(header)
            else:
                places[found.feature.name] = place
        missing = [each.feature for each in fields if each.feature.name not in places]
        return cls(places, tuple(missing), tuple(filter(None, unused)), tuple(twice))


def field_of(header: str, fields: Sequence[Field]) -> Field | None:
    """The field that a header names; None if it names none."""
    wanted = folded(header)
    if not wanted:
        return None
    named = [each for each in fields if folded(each.feature.name) == wanted]
    return next(iter([*named, *(each for each in fields if wanted in each.names)]), None)


def mark_of(
    rows: Sequence[Sequence[Cell]],
    columns: Columns,
    fields: Sequence[Field],
    otherwise: str | None,
) -> str | None:
    """The decimal mark of a table's numbers, by those that can be read in one way only."""
    places = [
        columns.places[each.feature.name]
        for each in fields
        if each.feature.kind in ("number", "integer") and each.feature.name in columns.places
    ]
    cells = (row[place] for row in rows for place in places)
    return decimal_mark((cell for cell in cells if isinstance(cell, str)), otherwise)


def value_of(cell: Cell, asked: Field, mark: str | None) -> Scalar | None:
    """A cell as a request holds it; what cannot be read goes as it is, for the service to judge.

    Args:
        cell: What was found.
        asked: The field that it is for.
        mark: The decimal mark of numbers that are texts; None if that is not known.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()) or asked.lacks(cell):
        return None
    match asked.feature.kind:
        case "number" | "integer":
            return _number(cell, mark)
        case "boolean":
            word = written_cell(cell).casefold()
            return True if word in asked.yes else False if word in asked.no else cell
        case "date" if isinstance(cell, str):
            return _day(cell.strip(), asked.day)
        case "category":
            return written_cell(cell)
    return cell


def written_cell(cell: Cell) -> str:
    """A cell as a text: a number as it would be typed."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return cell.strip()
    return f"{cell:.15g}"


def _number(cell: Cell, mark: str | None) -> Scalar | None:
    number = read_number(cell, mark) if isinstance(cell, str) else cell
    if number is None:
        return cell
    whole = isinstance(number, float) and number.is_integer() and abs(number) < 2**53
    return int(number) if whole else number


def _day(text: str, form: str) -> str:
    """The ISO text of a day that is written as the contract says, or as a workbook holds it."""
    for each in (form, "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        try:
            read = datetime.strptime(text, each) if each else None
        except ValueError:
            continue
        if read is not None:
            return date(read.year, read.month, read.day).isoformat()
    return text


@dataclass(frozen=True)
class Asked:
    """What became of the rows.

    Attributes:
        predictions: By the place of the row, from 0.
        problems: What the service says of the rows that it refused, by their place: a sentence by
            field name, or by "" where it is about the whole row.
    """

    predictions: dict[int, Prediction] = field(default_factory=dict)
    problems: dict[int, dict[str, str]] = field(default_factory=dict)


def ask_all(
    service: ServiceClient,
    rows: Sequence[Mapping[str, Scalar]],
    target: str,
    tell: Callable[[int], None],
) -> Asked:
    """Ask about every row; those that are refused do not keep the others from an answer.

    Args:
        service: Answers.
        rows: What is asked, by field name.
        target: Name of the target.
        tell: Told how many rows are done, after each batch.

    Raises:
        ServiceError: If there is no answer; nothing is kept then.
    """
    asked, done = Asked(), 0
    for batch in batches(rows):
        _ask(service, rows, batch, target, asked)
        done += len(batch)
        tell(done)
    return asked


def batches(rows: Sequence[Mapping[str, Scalar]]) -> Iterator[list[int]]:
    """Places of rows, in parts that are small enough for one request."""
    batch: list[int] = []
    size = 0
    for place, row in enumerate(rows):
        # Six bytes a character at most, in JSON, and twenty for a number.
        needs = sum(24 + 6 * len(name) + 6 * len(str(value)) for name, value in row.items())
        if batch and (len(batch) == BATCH_ROWS or size + needs > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += needs
    if batch:
        yield batch


def _ask(
    service: ServiceClient,
    rows: Sequence[Mapping[str, Scalar]],
    batch: list[int],
    target: str,
    asked: Asked,
) -> None:
    """Ask about some rows until each of them is answered or refused."""
    while batch:
        try:
            answers = service.predict_batch([rows[place] for place in batch], target)
        except BadInputError as error:
            refused = by_row(error.problems)
            if not refused or max(refused) >= len(batch):
                raise
            asked.problems.update({batch[place]: found for place, found in refused.items()})
            batch = [place for at, place in enumerate(batch) if at not in refused]
        else:
            asked.predictions.update(zip(batch, answers, strict=True))
            return


def by_row(problems: Sequence[Problem]) -> dict[int, dict[str, str]]:
    """Problems by the place of their row in the request, and by field.

    Of a list as long as the service makes one, the last row may have more than are listed: it is
    left out, to be asked about again, unless it is the only one.
    """
    found: dict[int, dict[str, str]] = {}
    for problem in problems:
        if told := re.fullmatch(r"rows\.(\d+)(?:\.(.+))?", problem.field):
            found.setdefault(int(told[1]), {}).setdefault(told[2] or "", problem.message)
    if len(problems) >= LISTED_PROBLEMS and len(found) > 1:
        del found[max(found)]
    return found


def headers_of(fields: Sequence[Field]) -> list[str]:
    """A header for each field of a template: its label, or its name where two share a label."""
    labels = [folded(each.feature.label) for each in fields]
    alone = len(set(labels)) == len(labels)
    return [each.feature.label if alone else each.feature.name for each in fields]


def choices_of(fields: Sequence[Field]) -> list[Choice]:
    """What the columns of a template offer."""
    kinds = [(place, each.feature) for place, each in enumerate(fields)]
    listed = [(place, each.categories) for place, each in kinds if each.categories]
    return [Choice(place, texts) for place, texts in listed]
