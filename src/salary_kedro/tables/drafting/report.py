"""Writes a draft as one page for people: counts and remarks, no rows, nothing from elsewhere."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import BinaryIO

from salary_kedro.errors import UserError
from salary_kedro.files import other_file, whole_file
from salary_kedro.tables.drafting.draft import ColumnDraft, Draft
from salary_kedro.tables.drafting.pictures import MIN_SHOWN

STYLE = """
:root { color-scheme: light dark; --line: #d5d9e0; --soft: #f4f6f9; --ink: #1c2430;
  --quiet: #5b6675; --bar: #3b6fb6; --warn: #8a4b00; --warn-soft: #fff4e2; }
@media (prefers-color-scheme: dark) { :root { --line: #3a424e; --soft: #20262e; --ink: #e8ebf0;
  --quiet: #a3adba; --bar: #7da7e0; --warn: #ffc27a; --warn-soft: #3a2c17; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 68rem;
  margin: 0 auto; padding: 1.5rem 1rem 4rem; background: Canvas; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .35rem 0; } .quiet { color: var(--quiet); font-size: .9rem; }
ul.doubts { list-style: none; padding: 0; margin: 1rem 0; }
.doubts li { background: var(--warn-soft); color: var(--warn); border-radius: .5rem;
  padding: .5rem .75rem; margin: .4rem 0; overflow-wrap: anywhere; }
main { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); }
article { border: 1px solid var(--line); border-radius: .75rem; padding: .9rem 1rem; min-width: 0; }
article.target { border: 2px solid var(--bar); grid-column: 1 / -1; }
article.ignore { background: var(--soft); }
.tag { display: inline-block; font-size: .78rem; border: 1px solid var(--line);
  border-radius: 1rem; padding: 0 .55rem; margin: .3rem .25rem 0 0; }
svg, .ends { width: 100%; max-width: 34rem; } svg { display: block; margin-top: .5rem; }
rect { fill: var(--bar); } .ends { display: flex; justify-content: space-between; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; margin-top: .5rem; }
td { padding: .1rem 0; overflow-wrap: anywhere; } td.n { text-align: right; width: 5rem;
  font-variant-numeric: tabular-nums; }
td.b { width: 35%; padding-left: .5rem; } td.b div { height: .6rem; background: var(--bar);
  border-radius: 2px; }
article ul { padding-left: 1.1rem; margin: .5rem 0 0; font-size: .9rem; overflow-wrap: anywhere; }
code { font-size: .85rem; overflow-wrap: anywhere; }
li code { display: inline-block; }
"""
WIDTH, HEIGHT = 480, 110

#: By what a report is known.
GENERATOR = '<meta name="generator" content="kedro contract infer">'


@contextmanager
def open_report(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open the file of a report, which appears whole once all else has been done, or not at all.

    Args:
        path: The file.
        force: Whether it may replace a file that is no earlier report.

    Raises:
        UserError: If it is something else already, or cannot be written.
    """
    if path.is_dir():
        raise UserError(f"--html {path} is a folder, but should be a file: name another one")
    if not force and path.exists() and not _is_report(path):
        raise UserError(
            f"--html {path} already exists and is no earlier draft: name another file, or "
            f"replace it with --force"
        )
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        if other_file(error, path):
            raise
        raise UserError(f"--html {path} cannot be written: {error.strerror}") from error


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(400)


def report_html(draft: Draft, name: str, rows: int) -> str:
    """A draft as a page of HTML.

    Args:
        draft: The draft.
        name: Name of the table's file.
        rows: Rows that it was made from.
    """
    columns = [draft.target, *draft.features]
    title = escape(f"Draft of a contract for {name}")
    intro = (
        f"From {rows:,} rows, {len(columns)} columns; a run may reject up to "
        f"{draft.table.max_rejected_share:.0%} of the rows. Counts alone: no row is shown, and no "
        f"text that stands in fewer than {MIN_SHOWN}."
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            GENERATOR,
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{STYLE}</style></head><body>",
            f"<h1>{title}</h1>",
            f'<p class="quiet">{intro}</p>',
            *_listed(draft.remarks, "doubts"),
            "<main>",
            *(_card(column, is_target=column is draft.target) for column in columns),
            "</main></body></html>",
        ]
    )


def _listed(texts: tuple[str, ...], sort: str = "") -> Iterator[str]:
    if texts:
        items = "".join(f"<li>{_marked(text)}</li>" for text in texts)
        yield f'<ul class="{sort}">{items}</ul>'


def _marked(text: str) -> str:
    """A remark as HTML, where what stands in backticks, and options, are code."""
    return re.sub(
        "`([^`]+)`|(--[a-z]+ [A-Z]+)",
        lambda found: f"<code>{found[1] or found[2]}</code>",
        escape(text),
    )


def _card(draft: ColumnDraft, *, is_target: bool) -> str:
    column, picture = draft.column, draft.picture
    use = "target" if is_target else column.use
    tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in (use, column.kind))
    parts = [f'<article class="{use}"><h2>{escape(column.column)}</h2>{tags}']
    if picture is not None:
        parts.append(f'<p class="quiet">{escape(picture.said)}.</p>')
        parts += [*_histogram(draft), *_texts(draft)]
    parts += [*_listed(draft.remarks)]
    parts += [f"<p><code>{escape(text)}</code></p>" for text in draft.proposals]
    return "".join([*parts, "</article>"])


def _histogram(draft: ColumnDraft) -> Iterator[str]:
    """The rows by size of their number, as a drawing."""
    if draft.picture is None or not draft.picture.bins:
        return
    bins, edges = draft.picture.bins, draft.picture.edges
    step, top = WIDTH / len(bins), max(bins)
    bars = "".join(
        f'<rect x="{place * step + 1:.1f}" y="{HEIGHT * (1 - count / top):.1f}" '
        f'width="{step - 2:.1f}" height="{HEIGHT * count / top:.1f}" rx="1"/>'
        for place, count in enumerate(bins)
    )
    low, high = f"{edges[0]:,.15g}", f"{edges[-1]:,.15g}"
    yield (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Histogram from {low} to '
        f'{high}">{bars}</svg><div class="ends quiet"><span>{low}</span><span>{high}</span></div>'
    )


def _texts(draft: ColumnDraft) -> Iterator[str]:
    """The commonest texts and their rows."""
    picture = draft.picture
    if picture is None or not picture.texts:
        return
    rows = [*picture.texts, *([("other texts", picture.others)] if picture.others else [])]
    top = max(count for _, count in rows)
    cells = "".join(
        f'<tr><td>{escape(text)}</td><td class="n">{count:,}</td>'
        f'<td class="b"><div style="width:{100 * count / top:.0f}%"></div></td></tr>'
        for text, count in rows
    )
    yield f"<table>{cells}</table>"
