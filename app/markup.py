"""Tables and lists as HTML, which every reader of a page can read; texts are shown as they are."""

from collections.abc import Collection, Iterable, Sequence
from html import escape

LINE = "1px solid rgba(128,128,128,.3)"


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], said: str, right: Collection[int] = ()
) -> str:
    """A table that scrolls by itself where a page is narrow.

    Args:
        headers: Its header.
        rows: Cells in its order; the first of each names the row.
        said: What it holds, for those who do not see it.
        right: Places of columns that are aligned to the right, as numbers are.
    """
    side = ["right" if place in right else "left" for place in range(len(headers))]
    head = "".join(
        f'<th scope="col" style="{_style(align)};font-weight:600">{escape(text)}</th>'
        for align, text in zip(side, headers, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, side)}</tr>" for row in rows)
    return (
        f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{escape(said)}">'
        '<table style="border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[str], side: Sequence[str]) -> str:
    first, *others = zip(row, side, strict=True)
    name = f'<th scope="row" style="{_style(first[1])};font-weight:400">{escape(first[0])}</th>'
    return name + "".join(
        f'<td style="{_style(align)}">{escape(text)}</td>' for text, align in others
    )


def _style(align: str) -> str:
    return (
        f"text-align:{align};padding:.35rem 1.2rem .35rem 0;border-bottom:{LINE};vertical-align:top"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what stands for each; long words break where a page is narrow."""
    rows = "".join(
        f'<dt style="opacity:.85;margin-top:.5rem">{escape(name)}</dt>'
        f'<dd style="margin:0;overflow-wrap:anywhere">{escape(text)}</dd>'
        for name, text in pairs
    )
    return f'<dl style="margin:0;padding:0">{rows}</dl>'


def bullets(texts: Iterable[str]) -> str:
    """A list."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul style="margin:0;padding-left:1.2rem">{items}</ul>'
