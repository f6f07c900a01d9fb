"""A table of people with what the service says of each: answers, and problems on their cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from many_people import Asked, Columns
from markup import LINE
from service_client import Prediction, ServedModel
from spreadsheet import Cell, number_text, read_number

#: So many rows with problems are shown; all of them are in the download.
SHOWN_PROBLEMS = 50
CELL = (
    f"text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:{LINE};font-weight:400"
)
WRONG = f"{CELL};background:rgba(220,38,38,.14);box-shadow:inset 3px 0 #dc2626"


@dataclass(frozen=True)
class People:
    """A table to be asked about.

    Attributes:
        name: What its downloads are called by.
        headers: Its header, each text once.
        rows: Its cells as texts, in the order of the header.
        numbers: What people know each row by, on the page.
        mark: The decimal mark of what it came from, in which its downloads are written too.
        separator: What stood between two cells of its CSV.
    """

    name: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    mark: str = "."
    separator: str = ","


def problem_table(
    people: People, columns: Columns, problems: Mapping[int, Mapping[str, str]]
) -> str:
    """The rows that were refused, with what the service says beneath each cell that is wrong."""
    places = sorted(columns.places.values())
    heads = ("Row", *(people.headers[place] for place in places))
    head = "".join(f'<th scope="col" style="{CELL}">{escape(text)}</th>' for text in heads)
    wrong = sorted(problems)[:SHOWN_PROBLEMS]
    body = "".join(
        _problem_row(people.numbers[at], people.rows[at], columns, problems[at]) for at in wrong
    )
    more = len(problems) - len(wrong)
    also = f"<p>{more:,} more have problems: see the downloads.</p>" if more else ""
    return (
        f"<p><strong>{len(problems):,} to correct in the table above</strong></p>"
        '<div style="overflow:auto;max-height:26rem" tabindex="0" role="region" '
        'aria-label="Rows with problems">'
        f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{also}"
    )


def _problem_row(
    number: int, row: Sequence[str], columns: Columns, problems: Mapping[str, str]
) -> str:
    """A row with its problems; what is about none of its cells stands beneath it."""
    names = sorted(columns.places, key=lambda name: columns.places[name])
    cells = "".join(_cell(row[columns.places[name]], problems.get(name, "")) for name in names)
    rest = problem_text({name: told for name, told in problems.items() if name not in names})
    beneath = f'<tr><td colspan="{len(names) + 1}" style="{WRONG}">{escape(rest)}</td></tr>'
    head = f'<th scope="row" style="{CELL}">{number:,}</th>'
    return f"<tr>{head}{cells}</tr>{beneath if rest else ''}"


def _cell(text: str, told: str) -> str:
    if not told:
        return f'<td style="{CELL}">{escape(text)}</td>'
    said = f'<div style="min-width:9rem;font-size:.875em">{escape(told)}</div>'
    return f'<td style="{WRONG}">{escape(text)}{said}</td>'


def results(
    model: ServedModel, people: People, asked: Asked
) -> tuple[list[str], list[str], list[list[Cell]]]:
    """The whole table with what was answered, its numbers as numbers.

    Returns:
        The headers that the table had, those of the answers, and rows in the order of both.
    """
    compared = any(each.percentile is not None for each in asked.predictions.values())
    ours = [f"{model.target.label}, predicted", "Interval from", "Interval to"]
    ours += ["Percent who have less"] * compared
    ours += ["Warnings", "Problems", "Model version"]
    keep = [place for place, header in enumerate(people.headers) if header not in ours]
    table = [
        [
            *(cell_of(row[place]) for place in keep),
            *answer_of(asked.predictions.get(at), compared),
            problem_text(asked.problems.get(at, {})) or None,
            model.version if at in asked.predictions else None,
        ]
        for at, row in enumerate(people.rows)
    ]
    return [people.headers[place] for place in keep], ours, table


def answer_of(prediction: Prediction | None, compared: bool) -> list[Cell]:
    """The cells of an answer: value, interval, percentile if any were asked for, and warnings."""
    if prediction is None:
        return [None] * (4 + compared)
    ends = (prediction.value, prediction.low, prediction.high)
    rounded: list[Cell] = [None if end is None else round(end, 2) for end in ends]
    less = None if prediction.percentile is None else round(prediction.percentile)
    return [*rounded, *([less] * compared), "; ".join(prediction.warnings) or None]


def problem_text(problems: Mapping[str, str]) -> str:
    """What is wrong with a row, in one cell."""
    return "; ".join(f"{name}: {told}" if name else told for name, told in problems.items())


def cell_of(text: str) -> Cell:
    """A cell of the table as it is written: a plain number as a number, without losing a digit."""
    number = read_number(text, ".")
    return number if number is not None and number_text(number) == text else text or None
