"""The verdict on a new version: a pure function of the evidence and the policy."""

import json
import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.bundle.report import Coverage
from salary_kedro.errors import UserError

Action = Literal["promote", "archive"]

#: Confidence of the interval that is shown when the policy asks for none.
SHOWN_CONFIDENCE = 0.95


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Policy(_Frozen):
    """What a new version must achieve to become production.

    Attributes:
        min_absolute_gain: Smallest gain in RMSE, in the target's unit, at least 0.
        min_relative_gain: Smallest gain as a share of the champion's RMSE, 0 to 1.
        required_confidence: Confidence, above 0.5 and below 1, with which the gain must
            be distinguishable from chance; None asks for none.
        min_holdout_rows: Fewest holdout rows a verdict may rest on, at least 1.
        max_rmse: Largest RMSE, in the target's unit, that the first version too must
            keep to; None sets no ceiling.
        min_coverage: Smallest share of holdout rows that must lie within their intervals,
            above 0 and below 1; a version is refused if its own is lower beyond chance, or
            not known. None asks for none.
        tie: Who wins when both RMSEs are equal; never the challenger where some gain is
            required.
        replace_unreadable_champion: Let a version that cannot be loaded, or cannot score
            today's rows, lose its place; else that is an error.
    """

    min_absolute_gain: float = Field(default=0, ge=0, allow_inf_nan=False)
    min_relative_gain: float = Field(default=0, ge=0, le=1)
    required_confidence: float | None = Field(default=None, gt=0.5, lt=1)
    min_holdout_rows: int = Field(default=1, ge=1)
    max_rmse: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    min_coverage: float | None = Field(default=None, gt=0, lt=1)
    tie: Literal["champion", "challenger"] = "champion"
    replace_unreadable_champion: bool = False


class Contestant(_Frozen):
    """A version and its score.

    Attributes:
        version: Version number.
        rmse: Root mean squared error on the common holdout rows, in the target's unit;
            None if it was not scored on them.
        stored_rmse: The same as recorded when it was trained, perhaps on other rows: it
            is shown, and never compared.
        data_sha256: Fingerprint of the raw data it was trained on; None if unknown.
        data_method: How that was taken: two say something about each other only if it is the
            same; None for the SHA-256 of the raw file's bytes.
    """

    version: int
    rmse: float | None
    stored_rmse: float | None = None
    data_sha256: str | None = None
    data_method: str | None = None


class Interval(_Frozen):
    """Where the true gain lies; see `modelling.comparison.gain_interval`.

    Attributes:
        low: Lower end, in the target's unit.
        high: Upper end.
        confidence: Share of such intervals that hold the true gain.
    """

    low: float
    high: float
    confidence: float


class Evidence(_Frozen):
    """What a verdict rests on; both contestants were scored on the same rows.

    Attributes:
        challenger: The new version.
        champion: The production version; None if there is none yet.
        holdout_rows: Number of rows both were scored on.
        gain: Interval of champion RMSE minus challenger RMSE; None if there is nothing
            to compare, or are fewer than two rows.
        coverage: How many of the rows lie within the challenger's intervals; None if that was
            not asked for, or is not known.
        champion_error: Why the champion could not be scored, where the policy lets it
            be replaced.
    """

    challenger: Contestant
    champion: Contestant | None
    holdout_rows: int
    gain: Interval | None = None
    coverage: Coverage | None = None
    champion_error: str | None = None


class Verdict(_Frozen):
    """What is to become of the challenger, and why.

    Attributes:
        action: `promote` makes it production, `archive` does not.
        reason: One sentence for people.
        evidence: What the verdict rests on.
        policy: What it had to achieve.
    """

    action: Action
    reason: str
    evidence: Evidence
    policy: Policy


def decide(evidence: Evidence, policy: Policy) -> Verdict:
    """Decide what becomes of the challenger.

    By the default policy only a strictly lower RMSE replaces the champion.

    Raises:
        UserError: If the champion has no finite RMSE on the holdout rows, so that
            nothing can be compared.
    """
    refusal = _unfit(evidence, policy)
    if refusal is not None:
        action, text = _ARCHIVE, refusal
    elif evidence.champion is None or evidence.champion_error is not None:
        action, text = _PROMOTE, _unopposed(evidence)
    else:
        action, text = _compare(evidence, evidence.champion, policy)
    return conclude(action, text, evidence, policy)


def conclude(action: Action, text: str, evidence: Evidence, policy: Policy) -> Verdict:
    """Word a verdict: `version 3 is not promoted: <text>`."""
    outcome = "is promoted" if action == "promote" else "is not promoted"
    reason = f"version {evidence.challenger.version} {outcome}: {text}"
    return Verdict(action=action, reason=reason, evidence=evidence, policy=policy)


def plain_verdict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON; what is not a finite number is null."""
    plain: dict[str, Any] = json.loads(verdict.model_dump_json())
    return plain


_PROMOTE: Action = "promote"
_ARCHIVE: Action = "archive"


def _unfit(evidence: Evidence, policy: Policy) -> str | None:
    """Why the challenger may not be production, whoever else is; None if it may."""
    rmse, rows = evidence.challenger.rmse, evidence.holdout_rows
    if rmse is None:
        return "its RMSE is missing"
    if not math.isfinite(rmse):
        return f"its RMSE is {rmse}, not a finite number"
    if rows < policy.min_holdout_rows:
        return f"{rows} holdout rows are fewer than the {policy.min_holdout_rows} that are required"
    if policy.max_rmse is not None and rmse > policy.max_rmse:
        return f"RMSE {figure(rmse)} is above the ceiling of {figure(policy.max_rmse)}"
    return _uncovered(evidence.coverage, policy.min_coverage)


def _uncovered(coverage: Coverage | None, required: float | None) -> str | None:
    """Why the intervals hold too few rows, beyond chance; None if they do not, or need not."""
    if required is None:
        return None
    if coverage is None:
        return "how many holdout rows lie within its intervals is not known"
    if coverage.high >= required:
        return None
    share, low, high = (100 * end for end in (coverage.share, coverage.low, coverage.high))
    return (
        f"{share:.1f} % of {coverage.rows} holdout rows lie within their intervals (95 % interval "
        f"{low:.1f} to {high:.1f} %), below the required {100 * required:g} %"
    )


def _unopposed(evidence: Evidence) -> str:
    text = f"RMSE {figure(evidence.challenger.rmse or 0.0)}"
    if evidence.champion is None or evidence.champion_error is None:
        return f"{text}, and nothing was in production"
    return (
        f"{text}; version {evidence.champion.version} is replaced, because it cannot be scored "
        f"({evidence.champion_error}) and promotion.replace_unreadable_champion is set"
    )


def _compare(evidence: Evidence, champion: Contestant, policy: Policy) -> tuple[Action, str]:
    challenger_rmse, champion_rmse = evidence.challenger.rmse or 0.0, _finite(champion, evidence)
    gain = champion_rmse - challenger_rmse
    figures = f"RMSE {figure(challenger_rmse)} against {figure(champion_rmse)}"
    if gain < 0:
        return _ARCHIVE, f"{figures}; a loss of {figure(-gain)}"
    if gain == 0 and policy.tie == "champion":
        return _ARCHIVE, f"{figures}; a tie keeps the champion"
    needed = max(policy.min_absolute_gain, policy.min_relative_gain * champion_rmse)
    if gain < needed:
        short = f"a gain of {figure(gain)} is below the required {figure(needed)}"
        return _ARCHIVE, f"{figures}; {short}"
    if gain == 0 and policy.required_confidence is None:
        return _PROMOTE, f"{figures}; a tie goes to the challenger"
    certain = evidence.gain is not None and evidence.gain.low > 0
    action = _PROMOTE if certain or policy.required_confidence is None else _ARCHIVE
    return action, f"{figures}; a gain of {figure(gain)} {_chance(evidence, certain)}"


def _finite(champion: Contestant, evidence: Evidence) -> float:
    if champion.rmse is None or not math.isfinite(champion.rmse):
        raise UserError(
            f"production version {champion.version} has RMSE {champion.rmse} on today's "
            f"{evidence.holdout_rows} holdout rows, so nothing can be compared with it"
        )
    return champion.rmse


def _chance(evidence: Evidence, certain: bool) -> str:
    rows = f"{evidence.holdout_rows} row{'' if evidence.holdout_rows == 1 else 's'}"
    if evidence.gain is None:
        say = "says" if evidence.holdout_rows == 1 else "say"
        return f"on {rows}, which {say} nothing about chance"
    is_chance = "is" if certain else "is not"
    low, high = (_signed(end) for end in (evidence.gain.low, evidence.gain.high))
    share = f"{evidence.gain.confidence * 100:g} %"
    return f"{is_chance} distinguishable from chance on {rows}, {share} interval {low} to {high}"


def figure(value: float, spec: str = ".1f") -> str:
    """Write a figure for people: one decimal, or three digits where that would say nothing."""
    return format(value, spec if abs(value) >= 1 or value == 0 else ".3g")


def _signed(value: float) -> str:
    sign = "−" if value < 0 else "+"
    return f"{sign}{figure(abs(value), '.0f')}"
