"""What `kedro models show` prints: the findings first, as sentences and tables."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from salary_kedro.cli.console import count, holdout_rows, no_gap, printable, show
from salary_kedro.registry.history import BY_HAND

Row = Mapping[str, Any]
Lines = Iterator[tuple[str, str]]
SIGNIFICANT = 0.05
#: Metrics that are told in other lines.
TOLD = frozenset(
    {"rmse", "cv_rmse_mean", "cv_rmse_sd", "baseline_mean_rmse", "baseline_median_rmse"}
)


def tell(shown: Row) -> None:
    """Print all about a version; what others claim is marked."""
    lines = [*_head(shown), *_figures(shown), *_sureness(shown)]
    width = max(len(label) for label, _ in lines)
    imported = ", imported" if shown["imported"] else ""
    click.echo(f"Version {shown['version']}, {shown['stage'] or 'of no stage'}{imported}")
    for label, text in lines:
        click.echo(printable(f"{label:<{width}}  {text}"))
    report = shown["report"] or {}
    _section("Pay by group", _by_group(report.get("groups")))
    _section("What the error rests on", _importance(report.get("importance")))
    _section("Parameters", _parameters(shown["parameters"]))
    history = (f"{show('when', r['when'])}  {r['action']}: {r['why']}" for r in shown["history"])
    _section("History", history)
    click.echo(f"\nAll of it, to the last digit: kedro models show {shown['version']} --json")


def _section(title: str, lines: Iterator[str]) -> None:
    told = [*lines]
    if told:
        click.echo(f"\n{title}")
        for line in told:
            click.echo(printable(f"  {line}").rstrip())


def _head(shown: Row) -> Lines:
    lineage = shown["lineage"]
    yield "Trained", f"{show('when', shown['when'])} UTC, {shown['model'] or 'model unknown'}"
    yield "Run", shown["run_id"]
    made = {
        "data": lineage.get("data_sha256"),
        "code": lineage.get("code_sha256"),
        "lock": lineage.get("lock_sha256"),
        "commit": lineage.get("git_commit"),
    }
    texts = [f"{name} {text[:12]}" for name, text in made.items() if text]
    if lineage.get("git_dirty") == "true":
        texts.append("with changes that are not committed")
    yield f"Made from{_mark(shown['imported'])}", ", ".join(texts) or "-"
    moves = [record for record in shown["history"] if record.get("to") == shown["version"]]
    if shown["production"] and moves and moves[-1]["action"] in BY_HAND:
        how = "a rollback" if moves[-1]["action"] == "rollback" else "hand"
        yield "Production", f"made so by {how}: {moves[-1]['why']}"
    if shown["verdict"] is not None:
        reason = str(shown["verdict"].get("reason", "-"))
        yield f"Verdict{_mark(shown['verdict_claimed'])}", reason
    yield "Arrays", shown["runtime_reason"]


def _figures(shown: Row) -> Lines:
    metrics = shown["metrics"]
    rmse = f"{_figure(shown['rmse'])}{_mark(shown['claimed'])}"
    if (mean := metrics.get("cv_rmse_mean")) is not None:
        spread = _figure(metrics.get("cv_rmse_sd"))
        rmse += f" on the holdout rows, {_figure(mean)} ± {spread} by cross-validation"
    yield "RMSE", rmse
    if (baseline := metrics.get("baseline_mean_rmse")) is not None:
        median = _figure(metrics.get("baseline_median_rmse"))
        by = ((shown["report"] or {}).get("baseline") or {}).get("median_by")
        kind = f"the median of each {by}" if by else "the median"
        yield "Baseline", f"RMSE {_figure(baseline)} by the mean, {median} by {kind}"
    others = [f"{name} {_figure(value)}" for name, value in metrics.items() if name not in TOLD]
    yield f"Metrics{_mark(shown['imported'])}", ", ".join(others) or "-"


def _sureness(shown: Row) -> Lines:
    report = shown["report"] or {}
    if found := report.get("intervals"):
        covered = found["coverage"]
        yield (
            "Intervals",
            (
                f"of {_percent(found['confidence'])} hold {_percent(covered['share'])} of "
                f"{holdout_rows(covered)} (by chance {_percent(covered['low'])} to "
                f"{_percent(covered['high'])}), {_figure(found['mean_width'])} wide on average"
            ),
        )
    elif shown["no_intervals"]:
        yield "Intervals", f"none: {shown['no_intervals']}"
    if found := report.get("percentiles"):
        fit = "consistent" if found["p_value"] >= SIGNIFICANT else "not consistent"
        rows, p_value = count(found["rows"], "holdout row"), f"p = {found['p_value']:.2g}"
        yield "Percentiles", f"of {rows}: {fit} with an even spread (Kolmogorov-Smirnov, {p_value})"


def _by_group(found: Row | None) -> Iterator[str]:
    if not found:
        return
    yield (
        f"of {count(found['rows'], 'row')} that no model had seen: the holdout, and training rows "
        f"out of fold"
    )
    for column in found["columns"]:
        yield ""
        yield f"{column['column']}, compared with {column['reference'] or 'none'}"
        rows = [_group_row(scores) for scores in column["groups"]]
        yield from (f"  {line}" for line in _aligned(rows))
        if column["withheld"]:
            yield f"  {count(column['withheld'], 'small group')} withheld"
        if why := no_gap(column):
            yield f"  no gap: {why}"


def _group_row(scores: Row) -> dict[str, str]:
    gap = "-"
    if scores["gap"] is not None:
        ends = f"{_signed(scores['gap_low'])} to {_signed(scores['gap_high'])}"
        gap = f"{_signed(scores['gap'])} ({ends})"
    ends = f"{_signed(scores['low'])} to {_signed(scores['high'])}"
    covered = scores["coverage"]
    return {
        "group": scores["group"],
        "rows": f"{scores['rows']:,}",
        "mean residual": f"{_signed(scores['mean_residual'])} ({ends})",
        "unexplained gap": gap,
        "RMSE": _figure(scores["rmse"]),
        "within": "-" if covered is None else _percent(covered),
    }


def _importance(found: Row | None) -> Iterator[str]:
    if not found:
        return
    rows = [
        {"input": item["input"], "RMSE rises by": f"{_figure(item['importance'])} ± {spread}"}
        for item in found["inputs"]
        for spread in [_figure(item["spread"])]
    ]
    yield f"if its values are shuffled among {count(found['rows'], 'holdout row')}"
    yield from _aligned(rows)


def _parameters(parameters: Mapping[str, str]) -> Iterator[str]:
    """One line a group: `data_science  model=ridge, random_state=234`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, value in parameters.items():
        group, _, key = name.partition(".")
        groups[group].append(f"{key or group}={value}")
    for group, settings in groups.items():
        yield f"{group}: {', '.join(settings)}"


def _aligned(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Rows in columns under their names."""
    lines = [dict(zip(row, row, strict=True)) for row in rows[:1]] + [dict(row) for row in rows]
    for line in lines:
        cells = (text.ljust(max(len(other[key]) for other in lines)) for key, text in line.items())
        yield "  ".join(cells).rstrip()


def _mark(claimed: bool) -> str:
    return " (claimed)" if claimed else ""


def _figure(value: float | None) -> str:
    """A figure for people; counts have no decimals."""
    is_count = value is not None and value == int(value) and abs(value) >= 1
    text = f"{value:,.0f}" if is_count else show("rmse", value)
    return f"−{text[1:]}" if text.startswith("-") and value is not None else text


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{_figure(abs(value))}"
