"""Writes the report as one page for people; nothing in it comes from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from salary_kedro.modelling.drift import DRIFTED
from salary_kedro.pipelines.monitoring.words import PREDICTIONS

STYLE = """
:root { color-scheme: light dark; --line: #d5d9e0; --ink: #1c2430; --quiet: #5b6675;
  --before: #9aa7b8; --after: #3b6fb6; --warn: #8a4b00; --warn-soft: #fff4e2; --soft: #f4f6f9; }
@media (prefers-color-scheme: dark) { :root { --line: #3a424e; --ink: #e8ebf0; --quiet: #a3adba;
  --before: #66717f; --after: #7da7e0; --warn: #ffc27a; --warn-soft: #3a2c17; --soft: #20262e; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 60rem;
  margin: 0 auto; padding: 1.5rem 1rem 4rem; background: Canvas; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; }
p { margin: .35rem 0; } .quiet { color: var(--quiet); font-size: .9rem; }
.verdict { background: var(--soft); border-radius: .5rem; padding: .75rem 1rem; margin: 1rem 0; }
.drift { background: var(--warn-soft); color: var(--warn); }
article { border: 1px solid var(--line); border-radius: .75rem; padding: .9rem 1rem;
  margin: .75rem 0; }
article.drift { background: none; color: inherit; border-color: var(--warn); }
table { width: 100%; border-collapse: collapse; font-size: .9rem; margin-top: .5rem; }
th { text-align: left; font-weight: 600; } td, th { padding: .15rem .5rem .15rem 0; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; width: 5.5rem; }
td.b { width: 40%; } td.b div { height: .4rem; border-radius: 2px; background: var(--before); }
td.b div + div { background: var(--after); margin-top: 2px; }
code { font-size: .95rem; }
"""


def page(report: Mapping[str, Any]) -> str:
    """The report as a page of HTML, in ASCII, so that no encoding can spoil it."""
    title = escape(f"{report['model_name']}, version {report['model_version']}: monitoring")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{STYLE}</style></head><body>",
        f"<h1>{title}</h1>",
        f'<p class="quiet">{escape(report["created"])}</p>',
        *_verdict(report),
        *_drift(report["drift"]),
        *_errors(report["errors"]),
        *_shadow(report["shadow"]),
        "</body></html>",
    ]
    return "\n".join(parts).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _verdict(report: Mapping[str, Any]) -> Iterator[str]:
    kind = "verdict drift" if report["verdict"] == "drift" else "verdict"
    text = escape(report["words"])
    yield f'<div class="{kind}"><p><strong>{text[:1].upper()}{text[1:]}.</strong></p>'
    if report["retrain"]:
        yield f"<p>Train again: <code>{escape(report['retrain'])}</code></p>"
    yield "</div>"


def _drift(drift: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Requests beside the training rows</h2>"
    if drift["problem"]:
        yield f"<p>{escape(drift['problem'])}.</p>"
        return
    texts = [
        f"{drift['rows']:,} logged rows, {_hour(drift['first'])} to {_hour(drift['last'])} UTC",
        f"{drift['warned']:.1%} of them were warned of",
        *(f"{rows:,} rows of {name} are set aside" for name, rows in drift["others"].items()),
        *(f"not used: {text}" for text in drift["unusable"]),
        *([f"not logged: {', '.join(drift['not_logged'])}"] if drift["not_logged"] else []),
    ]
    yield from (f'<p class="quiet">{escape(text)}</p>' for text in texts)
    order = sorted(drift["findings"], key=lambda item: item["verdict"] not in DRIFTED)
    yield from map(_finding, order)


def _hour(moment: str) -> str:
    """The hour of a time in ISO 8601."""
    return moment[:16].replace("T", " ")


def _finding(item: Mapping[str, Any]) -> str:
    kind = ' class="drift"' if item["verdict"] in DRIFTED else ""
    figures = []
    if item["shift"] is not None:
        figures.append(f"shift {item['shift']:+.2f} (p {item['p_shift']:.4f})")
    if item["psi"] is not None:
        chance = f"by chance {item['chance_psi']:.3f}, p {item['p_psi']:.4f}"
        figures.append(f"PSI {item['psi']:.3f} ({chance})")
    told = f'<p class="quiet">{", ".join(figures)}</p>' if figures else ""
    cells = _cells(item["cells"], "holdout" if item["field"] == PREDICTIONS else "training")
    return f"<article{kind}><h3>{escape(item['words'])}</h3>{told}{cells}</article>"


def _cells(cells: list[Mapping[str, Any]], before: str) -> str:
    if not cells:
        return ""
    top = max(max(cell["training"], cell["requests"]) for cell in cells) or 1
    rows = "".join(
        f'<tr><td>{escape(cell["cell"])}</td><td class="n">{cell["training"]:.1%}</td>'
        f'<td class="n">{cell["requests"]:.1%}</td><td class="b">'
        f'<div style="width:{100 * cell["training"] / top:.0f}%"></div>'
        f'<div style="width:{100 * cell["requests"] / top:.0f}%"></div></td></tr>'
        for cell in cells
    )
    head = f'<tr><th>value</th><th class="n">{before}</th><th class="n">requests</th><th></th></tr>'
    return f"<table>{head}{rows}</table>"


def _errors(errors: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Once salaries are known</h2>"
    for item in errors["sources"]:
        kind = ' class="drift"' if item["worse"] else ""
        yield f"<article{kind}><h3>By {escape(item['source'])}</h3>"
        yield f"<p>{escape(item['words'])}</p></article>"
    if errors["file"]:
        yield f'<p class="quiet">Nothing to compare with: {escape(errors["file"])}.</p>'


def _shadow(shadow: Mapping[str, Any]) -> Iterator[str]:
    if shadow["challenger"] is None:
        return
    yield f"<h2>Version {shadow['challenger']} in the shadow</h2>"
    yield from (f"<p>{escape(text)}</p>" for text in shadow["words"])
