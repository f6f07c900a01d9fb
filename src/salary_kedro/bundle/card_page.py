"""The model card as a page for people: it loads nothing, in light, dark and on paper."""

import json
from collections.abc import Iterable, Sequence
from html import escape

from salary_kedro.bundle.card import ModelCard, named
from salary_kedro.bundle.figures import amount, level, percent
from salary_kedro.bundle.report import ColumnScores, Fit, FitCell, GroupScores, Report
from salary_kedro.contract import Category, Column

#: Names of metrics for people.
METRICS = {
    "rmse": "Root mean squared error (RMSE)",
    "mae": "Mean absolute error",
    "median_absolute_error": "Median absolute error",
    "r2": "Share of the variance that is explained (R²)",
    "mape": "Mean absolute percentage error",
    "cv_rmse_mean": "RMSE in cross-validation, mean",
    "cv_rmse_sd": "RMSE in cross-validation, standard deviation",
    "baseline_mean_rmse": "RMSE of predicting the mean",
    "baseline_median_rmse": "RMSE of predicting the median",
    "interval_coverage": "Share of rows within their interval",
    "interval_mean_width": "Mean width of the intervals",
    "percentile_ks": "Unevenness of the percentiles (Kolmogorov-Smirnov)",
    "rows_train": "Rows trained on",
    "rows_holdout": "Rows held out",
    "rows_rejected": "Rows rejected",
}
SHARES = ("r2", "mape", "interval_coverage")
COUNTS = ("rows_train", "rows_holdout", "rows_rejected")
MAX_SHOWN = 12
_CLAIMED = (
    "Its RMSE is claimed by the archive that it was imported from; nobody has measured it here."
)
#: Every pair of colours has a contrast of at least 4.5 (WCAG 2.2, AA), in light and dark.
_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#55606f;--paper:#fff;--card:#f6f8fa;
--line:#d3d9e0;--mark:#1558b0}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a4afbd;--paper:#11161d;
--card:#1a212b;--line:#38424f;--mark:#8ab8ff}}
@media print{:root{--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--line:#bbb;--mark:#1558b0}
section{break-inside:avoid}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem;background:var(--paper);
color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.75rem;line-height:1.2;margin:0}h2{font-size:1.25rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:1rem 0 .25rem}p{margin:.25rem 0 .5rem}
ul{margin:.25rem 0;padding-left:1.25rem}
.soft,caption,thead th{color:var(--soft)}code{font:.875em ui-monospace,monospace}
.warn{border-left:.25rem solid var(--mark);background:var(--card);padding:.75rem 1rem}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:0 2rem}
.figures{display:flex;flex-wrap:wrap;gap:.5rem 2.5rem;margin:1rem 0}
.figures p{margin:0}.figures b{display:block;font-size:1.5rem;line-height:1.2}
table{width:100%;border-collapse:collapse;margin:.5rem 0}caption{text-align:left}
th,td{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;
border-top:1px solid var(--line);font-weight:400}thead th{border-top:0}
td,code,h1{overflow-wrap:anywhere}thead th{white-space:nowrap}
svg{width:100%;height:auto;max-width:34rem;display:block}
svg text{fill:var(--soft);font:12px system-ui,sans-serif}
svg .mark{fill:var(--mark);stroke:var(--paper)}svg .line{stroke:var(--soft);fill:none}
@media (max-width:40rem){thead{position:absolute;clip-path:inset(50%);height:1px;width:1px;
overflow:hidden}tr{display:block;padding:.375rem 0;border-top:1px solid var(--line)}
tr>*{display:block;border:0;padding:0}
td[data-name]::before{content:attr(data-name) ": ";color:var(--soft)}}
"""


def card_html(card: ModelCard) -> bytes:
    """A card for people."""
    title = _title(card)
    parts = (
        _head(card, title),
        _figures(card),
        _uses(card),
        _metrics(card),
        _fit(card),
        _intervals(card),
        _importance(card),
        _groups(card),
        _fields(card),
        _origin(card),
    )
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title>'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>'
        f"<main>{''.join(parts)}</main></body></html>"
    )
    return page.encode()


def _title(card: ModelCard) -> str:
    version = "" if card.model_version is None else f", version {card.model_version}"
    return f"{card.contract.target.label} model{version}"


def _head(card: ModelCard, title: str) -> str:
    name = f" of <code>{escape(card.model_name)}</code>" if card.model_name else ""
    model = f"{escape(card.model.replace('_', ' '))}{name}" if card.model else f"A model{name}"
    told = [f"<h1>{escape(title)}</h1>", f'<p class="soft">{model[:1].upper()}{model[1:]}</p>']
    if card.promoted is not None:
        day = f"{card.promoted.when:%Y-%m-%d %H:%M} UTC"
        what = escape(card.promoted.action)
        told.append(
            f"<p>In production since {day} ({what}): {escape(card.promoted.why.rstrip('.'))}.</p>"
        )
    if card.claimed:
        told.append(f'<p class="warn">{_CLAIMED}</p>')
    return "".join(told)


def _figures(card: ModelCard) -> str:
    target, rows = card.contract.target, _holdout_rows(card.report)
    what = f"{escape(named(target))} ({escape(target.unit)})"
    on = f", on {rows:,} rows it had not seen" if rows else ""
    shown = [(amount(card.metrics.get("rmse")), f"root mean squared error of {what}{on}")]
    if (baseline := card.report.baseline) is not None:
        best = min(baseline.mean_rmse, baseline.median_rmse)
        shown.append((amount(best), "the same error of a plain mean or median"))
    if (measured := card.report.intervals) is not None:
        within = f"of them lie within their interval, where {level(measured.confidence)} should"
        shown.append((percent(measured.coverage.share), within))
    inside = "".join(f"<p><b>{number}</b>{text}</p>" for number, text in shown)
    return f'<div class="figures">{inside}</div>'


def _holdout_rows(report: Report) -> int | None:
    """Number of holdout rows, from whichever section tells it."""
    if report.fit is not None:
        return report.fit.rows
    return None if report.intervals is None else report.intervals.coverage.rows


def _uses(card: ModelCard) -> str:
    return (
        f'<div class="two"><section><h2>What it is for</h2>{_list(card.intended_use)}</section>'
        f"<section><h2>What it is not for</h2>{_list(card.not_for)}</section></div>"
    )


def _metrics(card: ModelCard) -> str:
    rows = [
        (
            METRICS.get(name, name.replace("_", " ")),
            _written(name, value),
        )
        for name, value in sorted(card.metrics.items(), key=lambda item: _place(item[0]))
    ]
    target = card.contract.target
    about = f"On rows that training has not seen; amounts of {named(target)} ({target.unit})."
    return _section("How good it is", _table(("Metric", "Value"), rows, about))


def _written(name: str, value: float | None) -> str:
    if value is None or name not in (*SHARES, *COUNTS):
        return amount(value)
    return percent(value) if name in SHARES else f"{value:,.0f}"


def _place(name: str) -> tuple[int, str]:
    known = [*METRICS]
    return (known.index(name) if name in METRICS else len(known), name)


# --- Predicted against actual -----------------------------------------------------------------

_SIDE, _LEFT, _BELOW = 300, 70, 40


def _fit(card: ModelCard) -> str:
    fit = card.report.fit
    if fit is None or not (fit.cells or fit.bands):
        return ""
    about = (
        f"<p>{fit.rows:,} rows that training had not seen, in cells of at least {fit.min_rows}; "
        f"the darker, the more. On the line, a prediction is right.</p>"
    )
    bands = [
        (
            f"{amount(band.low)} to {amount(band.high)}",
            f"{band.rows:,}",
            amount(band.mean_residual),
            amount(band.spread),
        )
        for band in fit.bands
    ]
    names = ("Predicted", "Rows", "Mean of actual minus predicted", "Spread")
    table = _table(names, bands, "How wrong it is, by what it predicts") if bands else ""
    return _section("Predicted and actual", about + (_cells(fit) if fit.cells else "") + table)


def _cells(fit: Fit) -> str:
    """The cells in a square whose axes are the same."""
    ends = [
        end
        for cell in fit.cells
        for end in (cell.predicted_low, cell.predicted_high, cell.actual_low, cell.actual_high)
    ]
    low, high = min(ends), max(ends)
    most = max(map(_density, fit.cells))
    cells = "".join(_cell(cell, low, (high - low) or 1.0, most) for cell in fit.cells)
    first, last, right = amount(low), amount(high), _LEFT + _SIDE
    return (
        f'<svg viewBox="0 0 {right + 30} {_SIDE + _BELOW}" role="img" '
        f'aria-label="Actual against predicted, {first} to {last}">{cells}'
        f'<rect class="line" x="{_LEFT}" y="0" width="{_SIDE}" height="{_SIDE}"/>'
        f'<path class="line" stroke-dasharray="4" d="M{_LEFT} {_SIDE}L{right} 0"/>'
        f'<text x="{_LEFT}" y="{_SIDE + 16}">{first}</text>'
        f'<text x="{right}" y="{_SIDE + 16}" text-anchor="end">{last}</text>'
        f'<text x="{_LEFT + _SIDE / 2}" y="{_SIDE + 32}" text-anchor="middle">Predicted</text>'
        f'<text x="{_LEFT - 6}" y="{_SIDE}" text-anchor="end">{first}</text>'
        f'<text x="{_LEFT - 6}" y="12" text-anchor="end">{last}</text>'
        f'<text x="{_LEFT - 6}" y="{_SIDE / 2}" text-anchor="end">Actual</text></svg>'
    )


def _cell(cell: FitCell, low: float, span: float, most: float) -> str:
    left, right, bottom, top = (
        (end - low) / span * _SIDE
        for end in (cell.predicted_low, cell.predicted_high, cell.actual_low, cell.actual_high)
    )
    return (
        f'<rect class="mark" x="{_LEFT + left:.1f}" y="{_SIDE - top:.1f}" '
        f'width="{right - left:.1f}" height="{top - bottom:.1f}" '
        f'fill-opacity="{0.15 + 0.8 * _density(cell) / most:.2f}">'
        f"<title>{cell.rows} rows</title></rect>"
    )


def _density(cell: FitCell) -> float:
    wide, tall = cell.predicted_high - cell.predicted_low, cell.actual_high - cell.actual_low
    return cell.rows / ((wide * tall) or 1.0)


# --- How sure, what moves it, for whom ----------------------------------------------------------


def _intervals(card: ModelCard) -> str:
    known, measured = card.intervals, card.report.intervals
    if known.reason is not None:
        return _section("How sure it is", f"<p>There are no intervals: {escape(known.reason)}.</p>")
    text = (
        f"<p>Each prediction comes with an interval that should hold {level(known.confidence)} "
        f"of what people like that have; it rests on {known.rows:,} predictions in "
        f"cross-validation.</p>"
    )
    if measured is None:
        return _section("How sure it is", text)
    rows = [(level(each.confidence), percent(each.share)) for each in measured.levels]
    width = f"<p>Its mean width is {amount(measured.mean_width)}.</p>"
    table = _table(("Should hold", "Holds"), rows, "At other confidences") if rows else ""
    return _section("How sure it is", text + width + table)


def _importance(card: ModelCard) -> str:
    found = card.report.importance
    if found is None or not found.inputs:
        return ""
    labels = {column.name: column.label for column in card.contract.inputs}
    rows = [
        (labels.get(each.input, each.input), amount(each.importance), amount(each.spread))
        for each in found.inputs[:MAX_SHOWN]
    ]
    about = (
        f"By how much the RMSE rises if an input's values are shuffled, {found.repeats} times, on "
        f"{found.rows:,} rows."
    )
    return _section("What it rests on", _table(("Input", "Rise", "Spread"), rows, about))


def _groups(card: ModelCard) -> str:
    found = card.report.groups
    if found is None:
        return ""
    labels = {column.name: column.label for column in card.contract.audits}
    about = (
        f"<p>On {found.rows:,} rows that it had not seen; groups of fewer than {found.min_rows} "
        f"are withheld. A gap is what one group has more than the reference with the same "
        f"inputs.</p>"
    )
    tables = "".join(
        _group_table(column, labels.get(column.column, column.column)) for column in found.columns
    )
    return _section("For whom it predicts well", about + tables)


def _group_table(column: ColumnScores, label: str) -> str:
    names = ("Group", "Rows", "RMSE", "Within their interval", "Gap")
    rows = [
        (
            group.group,
            f"{group.rows:,}",
            amount(group.rmse),
            "unknown" if group.coverage is None else percent(group.coverage),
            "the reference" if group.group == column.reference else _gap(group),
        )
        for group in column.groups
    ]
    withheld = f" ({column.withheld} withheld)" if column.withheld else ""
    if not rows:
        return f"<h3>{escape(label)}</h3><p>All groups are withheld.</p>"
    return _table(names, rows, f"{label}{withheld}")


def _gap(group: GroupScores) -> str:
    if group.gap is None or group.gap_low is None or group.gap_high is None:
        return "unknown"
    return f"{amount(group.gap)} ({amount(group.gap_low)} to {amount(group.gap_high)})"


# --- Fields and origin ---------------------------------------------------------------------------


def _fields(card: ModelCard) -> str:
    rows = [
        (column.label, column.allowed, _learned(card, column), "yes" if column.required else "no")
        for column in card.contract.inputs
    ]
    return _section("What it takes", _table(("Field", "Allowed", "Learned from", "Required"), rows))


def _learned(card: ModelCard, column: Column) -> str:
    if (ends := card.domain.ranges.get(column.name)) is not None:
        low, high = (end if isinstance(end, str) else f"{end:,.6g}" for end in ends)
        return f"{low} to {high}"
    texts = card.domain.categories.get(column.name)
    if isinstance(column, Category) and texts is not None:
        texts = tuple(text for text in column.listed or texts if text in texts)
        more = f" and {len(texts) - MAX_SHOWN:,} more" if len(texts) > MAX_SHOWN else ""
        return f"{', '.join(texts[:MAX_SHOWN])}{more}"
    return "yes and no" if column.kind == "boolean" else "unknown"


def _origin(card: ModelCard) -> str:
    told = {"MLflow run": card.run_id, "Bundle": card.bundle}
    told |= {name.replace("_", " "): f"{text}" for name, text in card.lineage.items()}
    section = card.parameters.get("data_science")
    parameters = section if isinstance(section, dict) else card.parameters
    told |= {f"parameter {name}": _in_short(value) for name, value in parameters.items()}
    rows = [(name, text) for name, text in told.items() if text is not None]
    return _section("What it was made from", _table(("What", "Value"), rows))


def _in_short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{title}</h2>{inside}</section>"


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table whose cells name their columns, for where it is too narrow for a head."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(
            f'<td data-name="{escape(name)}">{escape(cell)}</td>'
            for name, cell in zip(names[1:], rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
