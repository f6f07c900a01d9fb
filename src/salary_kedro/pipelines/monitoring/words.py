"""What was found, in sentences."""

import math
from collections.abc import Sequence
from typing import Any, assert_never

from salary_kedro.bundle.figures import figure
from salary_kedro.modelling.drift import Finding
from salary_kedro.modelling.since import Differences, ErrorsSince
from salary_kedro.project.parameters import Monitoring

#: What is compared beside the fields.
PREDICTIONS = "predictions"


def say_finding(name: str, finding: Finding) -> str:
    """How the requests of one field compare with the training rows."""
    match finding.verdict:
        case "shifted":
            way = "higher" if finding.shift > 0 else "lower"
            return (
                f"{name}: {way} than {_before(name)} by {abs(finding.shift):.2f} standard "
                f"deviations; more than chance explains"
            )
        case "other":
            return (
                f"{name}: spread otherwise than {_before(name)}: {_moved(finding)}; more than "
                f"chance explains (PSI {finding.psi:.2f}, by chance {finding.chance_psi:.2f})"
            )
        case "small":
            return f"{name}: differs by more than chance explains, but too little to matter"
        case "quiet":
            return f"{name}: no more than chance explains{_unseen(finding)}"
        case "unknown":
            return f"{name}: not judged, for want of rows or of different values"
    assert_never(finding.verdict)


def _before(name: str) -> str:
    return "of the holdout rows" if name == PREDICTIONS else "in training"


def _unseen(finding: Finding) -> str:
    """How large a shift could have gone unseen, as it always does of few training rows."""
    if math.isnan(finding.detectable):
        return ""
    return f"; a shift below {finding.detectable:.2f} standard deviations would mostly go unseen"


def _moved(finding: Finding) -> str:
    """The cell whose share has changed most."""
    cells = zip(finding.names, finding.baseline, finding.requests, strict=True)
    name, before, after = max(cells, key=lambda cell: abs(cell[2] - cell[1]))
    return f"{name} makes up {after:.1%}, and made up {before:.1%}"


def say_errors(
    found: ErrorsSince, confidence: float, chance: float, parameters: Monitoring
) -> tuple[bool, str]:
    """Whether a model has become worse, by more than chance and enough to matter, and how wrong.

    Args:
        found: How wrong it has been.
        confidence: What its intervals should hold.
        chance: How often each of both comparisons may tell of what chance has done.
        parameters: What is enough to matter.
    """
    rmse, low, high = (figure(value) for value in (found.rmse, found.rmse_low, found.rmse_high))
    parts, is_larger, is_short = (
        [f"RMSE {rmse} ({low} to {high}) on {found.rows:,} rows"],
        False,
        False,
    )
    if found.training_rmse is not None and found.p_value is not None:
        is_beyond = found.p_value <= chance
        is_larger = is_beyond and found.rmse > (1 + parameters.least_rmse) * found.training_rmse
        before = f"{figure(found.training_rmse)} of rows unseen in training"
        parts.append(f"{before}, {_than(is_beyond, is_larger)}")
    covered = found.coverage
    if covered is not None and found.p_coverage is not None:
        is_beyond = found.p_coverage <= chance
        is_short = is_beyond and confidence - covered.share > parameters.least_uncovered
        parts.append(
            f"intervals of {confidence:.0%} hold {covered.share:.1%} ({covered.low:.1%} to "
            f"{covered.high:.1%}), {_than(is_beyond, is_short, 'fewer than')}"
        )
    return is_larger or is_short, "; ".join(parts)


def _than(is_beyond: bool, matters: bool, more: str = "more than") -> str:
    if not is_beyond:
        return "no " + more + " chance explains"
    return more + " chance explains" + ("" if matters else ", but too little to matter")


def say_differences(version: int, found: Differences, beyond: float) -> list[str]:
    """How a challenger's predictions differ from those that were served."""
    low, middle, high = (_amount(found.quantiles[q]) for q in ("0.05", "0.5", "0.95"))
    ends = f"{_amount(found.mean_low)} to {_amount(found.mean_high)}"
    lines = [
        f"version {version} differs by {_amount(found.mean)} on average ({ends})",
        f"by the median {middle}; of nine rows in ten {low} to {high}",
        f"{found.beyond:.1%} of its predictions differ by more than {beyond:.0%}",
    ]
    if found.outside is not None:
        wider = "" if found.wider is None else f"; its own are {found.wider:.2f} times as wide"
        lines.append(f"{found.outside:.1%} lie outside the intervals that were served{wider}")
    lines += [
        f"most by {cell.field}: {_amount(cell.mean)} where it is {cell.cell} ({cell.rows:,} rows)"
        for cell in found.most
    ]
    return lines


def _amount(value: float) -> str:
    return f"{'+' if value > 0 else ''}{figure(value)}"


def overall(
    drifted: Sequence[str],
    worse: Sequence[str],
    judged: int,
    unjudged: Sequence[str] = (),
    needed: int = 0,
) -> tuple[str, str]:
    """The verdict on all, `drift`, `quiet` or `unknown`, and the same in words.

    Args:
        drifted: Fields that drifted.
        worse: What says that the model has become worse.
        judged: How many comparisons were made.
        unjudged: Fields that were not judged.
        needed: How many logged rows it takes to judge any.
    """
    if not judged:
        few = f"too few rows for a verdict: it takes {needed:,} logged ones (monitoring.min_rows)"
        return "unknown", few
    besides = [f"not judged: {', '.join(unjudged)}"] if unjudged else []
    if drifted or worse:
        what = f"requests differ from the training rows in {', '.join(drifted)}"
        return "drift", "; ".join([*([what] if drifted else []), *worse, *besides])
    same = "nothing differs from training by more than chance explains and enough to matter"
    return "quiet", "; ".join([same, *besides])


def plain(value: Any) -> Any:
    """A figure as JSON holds it: None for one that is no number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
