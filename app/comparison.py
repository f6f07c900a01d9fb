"""Two versions side by side: what differs in figures, parameters and contract."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from model_card import Record, Version
from words import amount, percent, signed

UNKNOWN, NOTHING = "not recorded", "\u2014"
#: What metrics are called; others are shown by their own name.
NAMES = {
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "median_absolute_error": "Median absolute error",
    "r2": "R\u00b2",
    "mape": "Mean percentage error",
    "cv_rmse_mean": "RMSE, cross-validated",
    "cv_rmse_sd": "Spread of that",
    "baseline_mean_rmse": "RMSE of a plain mean",
    "baseline_median_rmse": "RMSE of a plain median",
    "interval_coverage": "People within their interval",
    "interval_mean_width": "Mean width of an interval",
    "percentile_ks": "Unevenness of percentiles",
    "rows_train": "Rows trained on",
    "rows_holdout": "Rows held out",
    "rows_rejected": "Rows rejected",
}
SHARES = {"mape", "interval_coverage"}


def last_refused(records: tuple[Record, ...]) -> Record | None:
    """The decision against a version since which none became production; None if there is none.

    Args:
        records: The decisions, the newest first.
    """
    production = now_in_production(records)
    since = records if production is None else records[: records.index(production)]
    return next((each for each in since if each.action == "archiving"), None)


def now_in_production(records: tuple[Record, ...]) -> Record | None:
    """The decision by which today's production version came to be it."""
    moved = (
        each
        for each in records
        if each.state == "done" and each.action != "archiving" and each.before != each.after
    )
    return next(moved, None)


def metric_rows(one: Version, other: Version) -> Iterator[Sequence[str]]:
    """Each metric that both or one have: its name, both values, and the difference."""
    known = {**one.metrics, **other.metrics}
    for key in [*(key for key in NAMES if key in known), *sorted(known.keys() - NAMES.keys())]:
        write = percent if key in SHARES else amount
        left, right = one.metrics.get(key), other.metrics.get(key)
        difference = "" if left is None or right is None else _difference(key, right - left)
        name = NAMES.get(key, key)
        yield (
            name,
            *(UNKNOWN if each is None else write(each) for each in (left, right)),
            difference,
        )


def _difference(key: str, value: float) -> str:
    if value == 0:
        return "0"
    return f"{signed(100 * value)} points" if key in SHARES else signed(value)


def fact_rows(one: Version, other: Version) -> Iterator[Sequence[str]]:
    """What else is known of each: kind, stage, time, data, code and run."""
    both = (one, other)
    yield "Model", *((each.model or UNKNOWN).replace("_", " ") for each in both)
    yield "Stage", *(each.stage or UNKNOWN for each in both)
    yield "Made", *(f"{each.when:%Y-%m-%d %H:%M}" if each.when else UNKNOWN for each in both)
    yield "Data (SHA-256)", *((each.data_sha256 or UNKNOWN)[:12] for each in both)
    yield "Commit", *((each.git_commit or UNKNOWN)[:12] for each in both)
    yield "Run in MLflow", *((each.run_id or UNKNOWN)[:12] for each in both)


def parameter_rows(one: Version, other: Version) -> Iterator[Sequence[str]]:
    """The parameters that differ."""
    both = [dict(_flat(each.parameters)) for each in (one, other)]
    for key in sorted(both[0].keys() | both[1].keys()):
        left, right = (_written(each.get(key)) for each in both)
        if left != right:
            yield key, left, right


def _flat(parameters: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Each parameter with its whole name, such as `data_science.model`."""
    for key, value in parameters.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def contract_rows(one: Version, other: Version) -> Iterator[Sequence[str]]:
    """What differs between the contracts: field, what of it, and both values."""
    left, right = _columns(one.contract or {}), _columns(other.contract or {})
    for name in [*left, *(name for name in right if name not in left)]:
        if name not in right:
            yield name, "column", "there", NOTHING
        elif name not in left:
            yield name, "column", NOTHING, "there"
        else:
            for key in [*left[name], *(key for key in right[name] if key not in left[name])]:
                values = _written(left[name].get(key)), _written(right[name].get(key))
                if values[0] != values[1]:
                    yield name, key, *values


def _columns(contract: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Features and target by their names, and what else a contract holds by its own."""
    found: dict[str, Mapping[str, Any]] = {
        each["name"]: each for each in contract.get("features", ())
    }
    target = contract.get("target")
    rest = {
        key: each for key, each in contract.items() if isinstance(each, dict) and key != "target"
    }
    return {**found, **({target["name"]: target} if target else {}), **rest}


def _written(value: object) -> str:
    """A value as people read it."""
    if value is None or value in ("", [], {}):
        return NOTHING
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_written, value))
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return f"{value:.15g}"
    return str(value)
