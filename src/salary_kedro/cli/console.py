"""Prints what the commands found: one JSON value for programs, lines and tables for people."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click


def as_json(result: Any) -> None:
    """Print one JSON value, and nothing else."""
    click.echo(json.dumps(result, indent=2, allow_nan=False))


def as_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print rows in aligned columns; how a value is shown depends on its column alone.

    Args:
        rows: The rows.
        columns: Heading of each column, by key.
    """
    if not rows:
        click.echo("none yet: `make run` trains a model")
        return
    cells = [list(columns.values()), *([show(key, row[key]) for key in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        click.echo("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


def show(column: str, value: Any) -> str:
    """A value as people read it in a column, in one line; `-` for None."""
    if value is None:
        return "-"
    return printable(_FORMATS.get(column, str)(value))


def count(number: int, noun: str) -> str:
    """A number of things: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def holdout_rows(covered: Mapping[str, Any]) -> str:
    """How many holdout rows a coverage rests on, and as how many they count.

    Args:
        covered: A `Coverage` of the report, as plain JSON.
    """
    rows, known = count(covered["rows"], "holdout row"), covered.get("effective_rows")
    if known is None or round(known) >= covered["rows"]:
        return rows
    return f"{rows}, which tell as much as {known:,.0f} independent ones"


def no_gap(column: Mapping[str, Any]) -> str | None:
    """Why no gap is known between the groups of an audit column; None if one is.

    Args:
        column: A `ColumnScores` of the report, as plain JSON.
    """
    groups, withheld = column["groups"], column["withheld"]
    if any(group["gap"] is not None for group in groups):
        return None
    if len(groups) > 1:
        return "the inputs tell nearly all of who is in which group"
    if withheld:
        return "fewer than two groups are large enough to be told"
    return f"all rows are of one group, {groups[0]['group']}" if groups else "there are no rows"


def printable(text: str) -> str:
    """A text in one line, without characters that control the terminal or the reading direction."""
    return "".join(char if char.isprintable() else " " for char in text)


def _time(text: str) -> str:
    """A time in ISO 8601, UTC, to the second."""
    return text[:19].replace("T", " ")


def _fingerprint(text: str) -> str:
    """A hash is known by its beginning."""
    return text[:12]


def _figure(value: float) -> str:
    return f"{value:,.1f}" if abs(value) >= 1 else f"{value:.3g}"


_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "when": _time,
    "data_sha256": _fingerprint,
    "code_sha256": _fingerprint,
    "rmse": _figure,
}
