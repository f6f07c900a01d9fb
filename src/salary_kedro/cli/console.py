"""Prints what the commands found: one JSON value for programs, lines and tables for people.

Tables fit the terminal, or 80 columns where there is none. Sentences wrap at its width, and stay
whole where the output goes to a file or another program, which may search them.
"""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import click

from salary_kedro.bundle.figures import figure

Style = Literal["heading", "faint", "good", "warn", "bad", "plain"]
#: Wider lines are hard to read.
MAX_WIDTH = 110
#: A column of text is not made narrower than this, unless it holds nothing longer.
MIN_TEXT = 10
GAP = "  "
NO_BREAK = "\N{NO-BREAK SPACE}"
_STYLES: Mapping[Style, Mapping[str, Any]] = {
    "heading": {"bold": True},
    "faint": {"dim": True},
    "good": {"fg": "green"},
    "warn": {"fg": "yellow"},
    "bad": {"fg": "red"},
    "plain": {},
}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: Its key in the rows, which decides how a value is shown.
        heading: What stands above it; the key if empty.
        right: Whether it holds numbers, which end below each other.
        least: Characters that it may be cut to: hashes and times are known by their beginning.
            None for a column whose cells are wrapped instead.
        optional: Whether it is left out where the table would be too wide.
        style: How a cell looks, by its text.
    """

    key: str
    heading: str = ""
    right: bool = False
    least: int | None = None
    optional: bool = False
    style: Callable[[str], Style] = lambda _: "plain"


def as_json(result: Any) -> None:
    """Print one JSON value, and nothing else."""
    click.echo(json.dumps(result, indent=2, allow_nan=False))


def as_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Iterable[Column],
    note: str = "",
    env: str | None = None,
) -> None:
    """Print rows in aligned columns; how a value is shown depends on its column alone.

    Args:
        rows: The rows.
        columns: The columns.
        note: Key of a sentence that is printed below each row that has one; none if empty.
        env: The environment that was asked for.
    """
    if not rows:
        echo(f"none yet: `make run{f' ENV={env}' if env else ''}` trains a model")
        return
    for line in table(rows, columns, note):
        echo(line)


def table(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[Column], note: str = "", indent: int = 0
) -> list[str]:
    """The lines of a table, with a heading; see `as_table`.

    Args:
        rows: The rows.
        columns: The columns.
        note: Key of a sentence below each row.
        indent: Spaces that will stand before each line.
    """
    shown = [
        (column, [show(column.key, row.get(column.key)) for row in rows]) for column in columns
    ]
    shown, widths = _fit(shown, width() - indent)
    heads = [column.heading or column.key for column, _ in shown]
    lines = _row(shown, widths, heads, is_heading=True)
    for number, row in enumerate(rows):
        lines += _row(shown, widths, [cells[number] for _, cells in shown])
        for sentence in _sentences(row.get(note)):
            lines += [styled(line, "faint") for line in wrapped(sentence, indent=4)]
    return lines


Shown = list[tuple[Column, list[str]]]


def _fit(shown: Shown, room: int) -> tuple[Shown, list[int]]:
    """Columns and their widths, so that the table fits: cut first, then leave out, then wrap."""
    while True:
        widths = [_natural(column, cells) for column, cells in shown]
        excess = sum(widths) + len(GAP) * (len(widths) - 1) - room
        for place, (column, _) in enumerate(shown):
            if column.least is not None and excess > 0:  # half a time says less than its minutes
                cut = max(0, widths[place] - max(column.least, _head(column)))
                widths[place], excess = widths[place] - cut, excess - cut
        optional = [place for place, (column, _) in enumerate(shown) if column.optional]
        if excess <= 0 or not optional:
            return shown, _narrowed(shown, widths, excess)
        del shown[optional[-1]]


def _narrowed(shown: Shown, widths: list[int], excess: int) -> list[int]:
    """Take what is too much from the widest columns of text."""
    texts = [place for place, (column, _) in enumerate(shown) if column.least is None]
    while excess > 0:
        widest = max((place for place in texts), key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= MIN_TEXT:
            return widths
        widths[widest], excess = widths[widest] - 1, excess - 1
    return widths


def _head(column: Column) -> int:
    return cell_width(column.heading or column.key)


def _natural(column: Column, cells: Sequence[str]) -> int:
    return max([_head(column), *map(cell_width, cells)])


def _row(
    shown: Shown, widths: Sequence[int], texts: Sequence[str], *, is_heading: bool = False
) -> list[str]:
    """The lines of one row: as many as its longest cell needs."""
    cells = [
        [_cut(text, room)] if column.least is not None else _folded(text, room)
        for (column, _), text, room in zip(shown, texts, widths, strict=True)
    ]
    lines = []
    for number in range(max(map(len, cells))):
        parts = []
        for (column, _), cell, text, room in zip(shown, cells, texts, widths, strict=True):
            part = cell[number] if number < len(cell) else ""
            space = " " * max(0, room - cell_width(part))
            look: Style = "heading" if is_heading else column.style(text)
            looks = styled(part, look)
            parts.append(space + looks if column.right else looks + space)
        lines.append(GAP.join(parts).rstrip())
    return lines


def _cut(text: str, room: int) -> str:
    return text if cell_width(text) <= room else text[:room]


def _folded(text: str, room: int) -> list[str]:
    """A text in lines of so many cells, broken at spaces where that can be."""
    if cell_width(text) <= room:
        return [text]
    lines = [""]
    for word in (part for whole in text.split(" ") for part in _parts(whole, room)):
        joined = f"{lines[-1]} {word}".lstrip()
        if cell_width(joined) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _parts(word: str, room: int) -> Iterator[str]:
    """A word in parts that fit; whole if it fits."""
    start = 0
    for end in range(1, len(word) + 1):
        if end - start > 1 and cell_width(word[start:end]) > room:
            yield word[start : end - 1]
            start = end - 1
    yield word[start:]


def _sentences(found: Any) -> list[str]:
    """What stands below a row: nothing, a sentence, or several."""
    if not found:
        return []
    return [printable(text) for text in ([found] if isinstance(found, str) else found)]


def labelled(lines: Sequence[tuple[str, str]], indent: int = 0) -> list[str]:
    """Lines `label  text`, the texts below each other; an empty label goes on with the last one.

    Args:
        lines: Labels and texts.
        indent: Spaces that will stand before each line.
    """
    room = max((cell_width(label) for label, _ in lines), default=0)
    told = []
    for label, text in lines:
        first, *more = wrapped(printable(text), room + len(GAP), indent)
        told.append(f"{styled(label, 'heading')}{first[len(label) :]}".rstrip())
        told += more
    return told


def wrapped(text: str, indent: int = 0, outer: int = 0) -> list[str]:
    """A sentence in lines of the terminal's width, or in one where there is no terminal.

    A command in backticks stays in one line, so that it can be copied.

    Args:
        text: The sentence.
        indent: Spaces before each line.
        outer: More spaces that will stand before each line.
    """
    before = " " * indent
    if not _is_wrapped() or not text:
        return [before + text]
    return [before + line for line in _lines(text, max(width() - indent - outer, 20))]


def error_text(message: str) -> str:
    """An error in lines of the terminal's width, or in one where stderr is no terminal."""
    text = f"Error: {message}"
    return "\n".join(_lines(text, width())) if sys.stderr.isatty() else text


def _lines(text: str, room: int) -> list[str]:
    """A sentence in lines of so many columns; commands and percentages stay whole."""
    kept = re.sub("`[^`]*`| %", lambda found: found[0].replace(" ", NO_BREAK), text)
    lines = textwrap.wrap(kept, room, break_long_words=False, break_on_hyphens=False)
    return [line.replace(NO_BREAK, " ") for line in lines]


def echo(text: str = "", *, err: bool = False, newline: bool = True) -> None:
    """Print a line; in colour only where that is wanted and can be seen."""
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    click.echo(text, err=err, nl=newline, color=False if is_plain else None)


def say(text: str, style: Style = "plain", indent: int = 0) -> None:
    """Print a sentence, wrapped where it goes to a terminal."""
    for line in wrapped(printable(text), indent):
        echo(styled(line, style))


def section(title: str, lines: Iterable[str]) -> None:
    """Print lines under a title, indented; nothing if there are none."""
    told = [*lines]
    if told:
        echo(f"\n{styled(title, 'heading')}")
        for line in told:
            echo(f"{GAP}{line}".rstrip())


def styled(text: str, style: Style) -> str:
    """A text as it looks on a terminal; `echo` takes that away elsewhere."""
    return click.style(text, **_STYLES[style]) if text and style != "plain" else text


def width() -> int:
    """Columns that lines may have: the terminal's, or what COLUMNS says, or 80."""
    return min(shutil.get_terminal_size().columns, MAX_WIDTH)


def _is_wrapped() -> bool:
    return sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()


def cell_width(text: str) -> int:
    """How many columns of a terminal a text takes: some characters take two, or none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # slow to import

    return cell_len(text)


def show(column: str, value: Any) -> str:
    """A value as people read it in a column, in one line; `-` for None."""
    if value is None:
        return "-"
    return printable(_FORMATS.get(column, str)(value))


def count(number: int, noun: str) -> str:
    """A number of things: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def times(number: int) -> str:
    """How often: `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def seconds(taken: float) -> str:
    """A time that something took: `0.4 s`, `75 s`, `3 min 20 s`."""
    if taken < 9.95:
        return f"{taken:.1f} s"
    if taken < 119.5:
        return f"{taken:.0f} s"
    return f"{round(taken) // 60} min {round(taken) % 60} s"


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
        return (
            "fewer than two groups are told; a small one takes others along, by which its figures "
            "could be worked out"
        )
    return f"all rows are of one group, {groups[0]['group']}" if groups else "there are no rows"


def printable(text: str) -> str:
    """A text in one line, without characters that control the terminal or the reading direction."""
    return "".join(char if char.isprintable() else " " for char in text)


def stage_style(stage: str) -> Style:
    """How a stage looks."""
    looks: Mapping[str, Style] = {"production": "good", "staging": "warn", "archived": "faint"}
    return looks.get(stage, "plain")


def _time(text: str) -> str:
    """A time in ISO 8601, UTC, to the second."""
    return text[:19].replace("T", " ")


def _fingerprint(text: str) -> str:
    """A hash is known by its beginning."""
    return text[:12]


_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "when": _time,
    "data_sha256": _fingerprint,
    "code_sha256": _fingerprint,
    "rmse": figure,
}
