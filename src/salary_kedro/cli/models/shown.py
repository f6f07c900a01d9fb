"""What `kedro models show` prints: the findings first, then how the version was made."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from salary_kedro.bundle.figures import figure, level, percent, signed
from salary_kedro.cli import console
from salary_kedro.cli.command import option
from salary_kedro.cli.console import Column, count, holdout_rows, labelled, no_gap, section, show
from salary_kedro.registry.history import BY_HAND

Row = Mapping[str, Any]
Lines = Iterator[tuple[str, str]]
SIGNIFICANT = 0.05
INDENT = len(console.GAP)
#: Metrics that are told in other lines.
TOLD = frozenset(
    {
        "rmse", "cv_rmse_mean", "cv_rmse_sd", "baseline_mean_rmse", "baseline_median_rmse",
        "rows_train", "rows_holdout", "rows_rejected", "interval_coverage", "interval_mean_width",
        "percentile_ks",
    }
)  # fmt: skip
NAMES = {
    "mae": "MAE",
    "median_absolute_error": "median absolute error",
    "r2": "R²",
    "mape": "MAPE",
}
GROUP_COLUMNS = (
    Column("group"),
    Column("rows", right=True),
    Column("residual", "mean residual", right=True),
    Column("ends", "95 % interval", optional=True),
    Column("gap", "unexplained gap"),
    Column("figure", "RMSE", right=True),
    Column("within", right=True),
)
INPUT_COLUMNS = (Column("input"), Column("rise", "RMSE rises by", right=True))


def tell(shown: Row, env: str | None = None) -> None:
    """Print all about a version; what others claim is marked.

    Args:
        shown: The version.
        env: The environment that was asked for.
    """
    report = shown["report"] or {}
    imported = ", imported" if shown["imported"] else ""
    stage = shown["stage"] or "of no stage"
    console.echo(
        f"Version {shown['version']}, {console.styled(stage, console.stage_style(stage))}{imported}"
    )
    _lines("Verdict", _verdict(shown))
    _lines("How good it is", _figures(shown))
    _lines("How sure it is", _sureness(shown))
    section("Pay by group", _by_group(report.get("groups")))
    section("What the error rests on", _importance(report.get("importance")))
    _lines("How it was made", _made(shown))
    _lines("Parameters", _parameters(shown["parameters"]))
    section("History (UTC)", _history(shown["history"]))
    command = f"kedro models show {shown['version']} --json{option(env)}"
    console.echo(f"\nAll of it, to the last digit: {command}")


def _lines(title: str, lines: Iterable[tuple[str, str]]) -> None:
    section(title, labelled([*lines], INDENT))


def _verdict(shown: Row) -> Lines:
    moves = [record for record in shown["history"] if record.get("to") == shown["version"]]
    if shown["production"] and moves and moves[-1]["action"] in BY_HAND:
        how = "a rollback" if moves[-1]["action"] == "rollback" else "hand"
        yield "By hand", f"made production by {how}: {moves[-1]['why']}"
    if shown["verdict"] is not None:
        yield f"Decided{_mark(shown['verdict_claimed'])}", str(shown["verdict"].get("reason", "-"))


def _figures(shown: Row) -> Lines:
    metrics = shown["metrics"]
    rmse = f"{show('rmse', shown['rmse'])}{_mark(shown['claimed'])}"
    if (mean := metrics.get("cv_rmse_mean")) is not None:
        spread = _figure(metrics.get("cv_rmse_sd"))
        rmse += f" on the holdout rows, {_figure(mean)} ± {spread} by cross-validation"
    yield "RMSE", rmse
    if (baseline := metrics.get("baseline_mean_rmse")) is not None:
        median = _figure(metrics.get("baseline_median_rmse"))
        by = ((shown["report"] or {}).get("baseline") or {}).get("median_by")
        kind = f"the median of each {by}" if by else "the median"
        yield "Baseline", f"RMSE {_figure(baseline)} by the mean, {median} by {kind}"
    others = [_metric(name, value) for name, value in metrics.items() if name not in TOLD]
    if others:
        yield f"Others{_mark(shown['imported'])}", ", ".join(others)


def _metric(name: str, value: float | None) -> str:
    if name == "mape" and value is not None:
        return f"{NAMES[name]} {percent(value)}"
    return f"{NAMES.get(name, name)} {_figure(value)}"


def _sureness(shown: Row) -> Lines:
    report = shown["report"] or {}
    if found := report.get("intervals"):
        covered = found["coverage"]
        yield (
            "Intervals",
            (
                f"of {level(found['confidence'])} hold {level(covered['share'])} of "
                f"{holdout_rows(covered)} (by chance {level(covered['low'])} to "
                f"{level(covered['high'])}), {_figure(found['mean_width'])} wide on average"
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
    yield from console.wrapped(
        f"of {count(found['rows'], 'row')} that no model had seen: the holdout, and training rows "
        f"out of fold"
    )
    for column in found["columns"]:
        yield ""
        yield console.printable(
            f"{column['column']}, compared with {column['reference'] or 'none'}"
        )
        rows = [_group_row(scores) for scores in column["groups"]]
        yield from (f"  {line}" for line in console.table(rows, GROUP_COLUMNS, indent=2 * INDENT))
        if column["withheld"]:
            yield f"  {count(column['withheld'], 'group')} withheld, to protect the small ones"
        if why := no_gap(column):
            yield f"  no gap: {console.printable(why)}"


def _group_row(scores: Row) -> dict[str, str]:
    gap = "-"
    if scores["gap"] is not None:
        gap = f"{signed(scores['gap'])} ({_ends(scores['gap_low'], scores['gap_high'])})"
    covered = scores["coverage"]
    return {
        "group": scores["group"],
        "rows": f"{scores['rows']:,}",
        "residual": signed(scores["mean_residual"]),
        "ends": _ends(scores["low"], scores["high"]),
        "gap": gap,
        "figure": _figure(scores["rmse"]),
        "within": "-" if covered is None else level(covered),
    }


def _ends(low: float, high: float) -> str:
    return f"{signed(low)} to {signed(high)}"


def _importance(found: Row | None) -> Iterator[str]:
    if not found:
        return
    rows = [
        {"input": item["input"], "rise": f"{_figure(item['importance'])} ± {spread}"}
        for item in found["inputs"]
        for spread in [_figure(item["spread"])]
    ]
    yield f"if its values are shuffled among {count(found['rows'], 'holdout row')}"
    yield from console.table(rows, INPUT_COLUMNS, indent=INDENT)


def _made(shown: Row) -> Lines:
    lineage, metrics = shown["lineage"], shown["metrics"]
    yield "Model", shown["model"] or "unknown"
    yield "Trained", "unknown" if shown["when"] is None else f"{show('when', shown['when'])} UTC"
    counts = {"to train on": "rows_train", "held out": "rows_holdout", "rejected": "rows_rejected"}
    rows = [
        f"{metrics[key]:,.0f} {what}"
        for what, key in counts.items()
        if metrics.get(key) is not None
    ]
    if rows:
        yield "Rows", ", ".join(rows)
    made = {
        "data": lineage.get("data_sha256"),
        "code": lineage.get("code_sha256"),
        "lock": lineage.get("lock_sha256"),
        "commit": lineage.get("git_commit"),
    }
    texts = [f"{name} {text[:12]}" for name, text in made.items() if text]
    if lineage.get("git_dirty") == "true":
        texts.append("with changes that are not committed")
    yield f"From{_mark(shown['imported'])}", ", ".join(texts) or "unknown"
    yield "Run", shown["run_id"]
    yield "Arrays", shown["runtime_reason"]


def _parameters(parameters: Mapping[str, str]) -> Lines:
    """One line a group: `data_science  model=ridge, random_state=234`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, value in parameters.items():
        if name.startswith("tournament.candidates."):
            continue  # what might have won is in `--json`
        group, _, key = name.partition(".")
        groups[group].append(f"{key}={value}" if key else value)
    for group, settings in groups.items():
        yield console.printable(group), ", ".join(settings)


def _history(records: Iterable[Row]) -> Iterator[str]:
    for record in records:
        yield console.printable(f"{show('when', record['when'])}  {record['action']}")
        yield from console.wrapped(console.printable(record["why"]), indent=2 * INDENT)


def _mark(claimed: bool) -> str:
    return " (claimed)" if claimed else ""


def _figure(value: float | None) -> str:
    """A figure for people; counts have no decimals."""
    if value is None:
        return "-"
    is_count = value == int(value) and value != 0
    return f"{value:,.0f}".replace("-", "−") if is_count else figure(value)
