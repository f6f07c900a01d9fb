"""The verdict on a new version: a pure function of the evidence and the policy."""

import json
import math
import sys
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.bundle.figures import figure, signed
from salary_kedro.bundle.report import Coverage
from salary_kedro.errors import UserError

Action = Literal["promote", "archive"]
SplitName = Literal["random", "stable", "group", "time"]

#: Confidence of the interval that is shown when the policy asks for none.
SHOWN_CONFIDENCE = 0.95
#: Two RMSEs nearer than this share of the larger are equal: half of the digits of a float64 (the
#: root of its epsilon, 1.5e-8), which is more than the order of sums in fitting and scoring loses.
ROUNDING = math.sqrt(sys.float_info.epsilon)


#: What to do where rows were trained on, by split; a split by groups is drawn anew each time too,
#: so that only a person can decide.
CURES: dict[SplitName | None, str] = {
    "random": "; data_engineering.split=stable keeps rows on their side",
    "stable": "; this passes once a version of this split is in production",
    "group": "; `kedro models promote` makes it production all the same",
    "time": "; this passes once a version of this split is in production",
}


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
        min_unseen_rows: Fewest holdout rows that neither version was trained on, at least 1, for
            the verdict to rest on these alone where either has seen others; None to let it rest on
            all rows, and only say how many were seen.
        max_rmse: Largest RMSE, in the target's unit, that the first version too must
            keep to; None sets no ceiling.
        min_coverage: Smallest share of holdout rows that must lie within their intervals,
            above 0 and below 1; a version is refused if its own is lower beyond chance, or
            not known. None asks for none.
        max_group_gap: Largest unexplained gap in pay between two groups, in the target's unit,
            above 0; a version is refused if one of its own is larger beyond chance, or none is
            known. None allows any.
        tie: Who wins when both RMSEs are equal, within rounding; never the challenger where
            some gain is required.
        replace_unreadable_champion: Let a version that cannot be loaded, or cannot score
            today's rows, lose its place; else that is an error.
        require_better_than_baseline: Refuse a version, also the first, that was no better at its
            training than a prediction by nothing but means or medians.
    """

    min_absolute_gain: float = Field(default=0, ge=0, allow_inf_nan=False)
    min_relative_gain: float = Field(default=0, ge=0, le=1)
    required_confidence: float | None = Field(default=None, gt=0.5, lt=1)
    min_holdout_rows: int = Field(default=1, ge=1)
    min_unseen_rows: int | None = Field(default=20, ge=1)
    max_rmse: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    min_coverage: float | None = Field(default=None, gt=0, lt=1)
    max_group_gap: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    tie: Literal["champion", "challenger"] = "champion"
    replace_unreadable_champion: bool = False
    require_better_than_baseline: bool = False

    @property
    def enough_unseen(self) -> float:
        """Rows from which on a verdict rests on those alone that neither version has seen."""
        least = math.inf if self.min_unseen_rows is None else self.min_unseen_rows
        return max(least, self.min_holdout_rows)


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
        seen_rows: Holdout rows that it was trained on; None if that is unknown, or was not asked.
        unseen_rmse: RMSE on those that neither version was trained on; None if there are none.
        baseline_rmse: At its training, the RMSE of the better plain baseline, to compare with
            `stored_rmse`; None if it was not recorded.
        by_arrays: Whether it was scored by its arrays, because its exact form cannot predict here.
        arrays_reason: Why that cannot, and what its arrays were compared on; None otherwise.
    """

    version: int
    rmse: float | None
    stored_rmse: float | None = None
    data_sha256: str | None = None
    data_method: str | None = None
    seen_rows: int | None = None
    unseen_rmse: float | None = None
    baseline_rmse: float | None = None
    by_arrays: bool = False
    arrays_reason: str | None = None

    @property
    def beats_baseline(self) -> bool:
        """Whether it was better than the baseline at its training, as far as is known."""
        if self.stored_rmse is None or self.baseline_rmse is None:
            return True
        return self.stored_rmse < self.baseline_rmse


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


class Gap(_Frozen):
    """How much more one group earns than another with the same inputs; see `modelling.groups`.

    Attributes:
        column: The audit column.
        group: The one group.
        reference: The other.
        gap: The unexplained gap, in the target's unit.
        low: Lower end of its interval.
        high: Upper end.
        confidence: Share of reports whose intervals hold all of their gaps.
    """

    column: str
    group: str
    reference: str
    gap: float
    low: float
    high: float
    confidence: float

    @property
    def surely(self) -> float:
        """How large it is at least, beyond chance; 0 if it may be none."""
        return max(self.low, -self.high, 0.0)


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
        largest_gap: Of the gaps between groups that the challenger's training has reported, the
            one that is largest beyond chance; None if that was not asked for, or none is known.
        champion_error: Why the champion could not be scored, where the policy lets it
            be replaced.
        unseen_rows: Holdout rows that neither was trained on, as far as is known; None if
            that was not asked.
        rests_on: Which holdout rows the verdict and the interval rest on.
        split: How the holdout rows were split from those to train on; None if that is unknown.
        overlap_unknown: Why it is unknown, of a contestant, which rows it was trained on.
        group: Field that the rows were split by, if by groups: a version was trained on a row also
            if it was on another one with the same value there.
        group_unknown: Versions of which that is not known, only whether on the row itself.
    """

    challenger: Contestant
    champion: Contestant | None
    holdout_rows: int
    gain: Interval | None = None
    coverage: Coverage | None = None
    largest_gap: Gap | None = None
    champion_error: str | None = None
    unseen_rows: int | None = None
    rests_on: Literal["all", "unseen"] = "all"
    split: SplitName | None = None
    overlap_unknown: str | None = None
    group: str | None = None
    group_unknown: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows the verdict rests on."""
        unseen = self.unseen_rows if self.rests_on == "unseen" else None
        return self.holdout_rows if unseen is None else unseen

    @property
    def knows_groups(self) -> bool:
        """Whether it is known of rows split by groups which groups either was trained on."""
        return self.group is not None and not self.group_unknown

    @property
    def without_interval(self) -> str:
        """What is told of chance where there is no interval."""
        return f"which {'says' if self.rows == 1 else 'say'} nothing about chance"

    def rmse_of(self, who: Contestant) -> float | None:
        """RMSE of a contestant on those rows, in the target's unit."""
        return who.unseen_rmse if self.rests_on == "unseen" else who.rmse


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

    By the default policy only a lower RMSE replaces the champion, beyond rounding.

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
    rmse, rows, own = evidence.challenger.rmse, evidence.holdout_rows, evidence.challenger
    if rmse is None:
        return "its RMSE is missing"
    if not math.isfinite(rmse):
        return f"its RMSE is {rmse}, not a finite number"
    if rows < policy.min_holdout_rows:
        return f"{rows} holdout rows are fewer than the {policy.min_holdout_rows} that are required"
    rmse = evidence.rmse_of(own) or rmse
    if policy.max_rmse is not None and rmse > policy.max_rmse:
        return f"RMSE {figure(rmse)} is above the ceiling of {figure(policy.max_rmse)}"
    if policy.require_better_than_baseline and not own.beats_baseline:
        text = f"RMSE {figure(own.stored_rmse or 0.0)} at its training is {_no_better(own)}"
        return f"{text}, and promotion.require_better_than_baseline is set"
    uncovered = _uncovered(evidence.coverage, policy.min_coverage)
    return uncovered or _unequal(evidence.largest_gap, policy.max_group_gap)


def _unequal(found: Gap | None, allowed: float | None) -> str | None:
    """Why a gap between groups is too large, beyond chance; None if none is, or any may be."""
    if allowed is None:
        return None
    if found is None:
        return "no gap between groups is known, and promotion.max_group_gap is set"
    if found.surely <= allowed:
        return None
    share = f"{found.confidence * 100:g} %"
    return (
        f"its unexplained gap between {found.column} '{found.group}' and '{found.reference}' is "
        f"{signed(found.gap)} ({share} interval {signed(found.low)} to {signed(found.high)}), "
        f"beyond the allowed {figure(allowed)}"
    )


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


def _no_better(who: Contestant) -> str:
    return f"no better than the {figure(who.baseline_rmse or 0.0)} of a plain mean or median"


def _unopposed(evidence: Evidence) -> str:
    own = evidence.challenger
    text = f"RMSE {figure(own.rmse or 0.0)}"
    if not own.beats_baseline:
        text = f"{text} ({_no_better(own)})"
    if evidence.champion is None or evidence.champion_error is None:
        return f"{text}, and nothing was in production"
    return (
        f"{text}; version {evidence.champion.version} is replaced, because it cannot be scored "
        f"({evidence.champion_error}) and promotion.replace_unreadable_champion is set"
    )


def _compare(evidence: Evidence, champion: Contestant, policy: Policy) -> tuple[Action, str]:
    challenger_rmse = evidence.rmse_of(evidence.challenger) or 0.0
    champion_rmse = _finite(champion, evidence)
    figures = f"RMSE {figure(challenger_rmse)} against {figure(champion_rmse)}"
    action, text = _weigh(champion_rmse, challenger_rmse, evidence, policy)
    both = _by_arrays(champion, evidence.challenger)
    return action, f"{figures}; {text}{_overlap(evidence, champion, policy)}{both}"


def _by_arrays(*both: Contestant) -> str:
    """Which version was scored by its arrays, and why; often nothing."""
    return "".join(
        f"; version {who.version} was scored by its arrays, because its model cannot predict here: "
        f"{who.arrays_reason or 'it does not load'}"
        for who in both
        if who.by_arrays
    )


def _weigh(
    champion_rmse: float, challenger_rmse: float, evidence: Evidence, policy: Policy
) -> tuple[Action, str]:
    """What becomes of the challenger by both RMSEs."""
    gain = champion_rmse - challenger_rmse
    is_tie = abs(gain) <= ROUNDING * max(abs(champion_rmse), abs(challenger_rmse))
    tie, gain = ("a tie within rounding" if gain else "a tie"), 0.0 if is_tie else gain
    if is_tie and policy.tie == "champion":
        return _ARCHIVE, f"{tie} keeps the champion"
    if gain < 0:
        return _ARCHIVE, f"a loss of {figure(-gain)} {_chance(evidence)}"
    needed = max(policy.min_absolute_gain, policy.min_relative_gain * champion_rmse)
    if gain < needed:
        return _ARCHIVE, f"a gain of {figure(gain)} is below the required {figure(needed)}"
    if is_tie and policy.required_confidence is None:
        return _PROMOTE, f"{tie} goes to the challenger"
    certain = evidence.gain is not None and evidence.gain.low > 0
    action = _PROMOTE if certain or policy.required_confidence is None else _ARCHIVE
    return action, f"a gain of {figure(gain)} {_chance(evidence)}"


def _finite(champion: Contestant, evidence: Evidence) -> float:
    rmse = evidence.rmse_of(champion)
    if rmse is None or not math.isfinite(rmse):
        raise UserError(
            f"production version {champion.version} has RMSE {rmse} on today's "
            f"{evidence.rows} holdout rows, so nothing can be compared with it"
        )
    return rmse


def _chance(evidence: Evidence) -> str:
    """Whether a gain or a loss may be chance, and on which rows."""
    rows = f"{evidence.rows} row{'' if evidence.rows == 1 else 's'}"
    if evidence.rests_on == "unseen":
        whose = f"whose '{evidence.group}'" if evidence.knows_groups else "that"
        rows += f" {whose} neither was trained on"
    if evidence.gain is None:
        return f"on {rows}, {evidence.without_interval}"
    is_chance = "is" if evidence.gain.low > 0 or evidence.gain.high < 0 else "is not"
    low, high = (signed(end) for end in (evidence.gain.low, evidence.gain.high))
    share = f"{evidence.gain.confidence * 100:g} %"
    return f"{is_chance} distinguishable from chance on {rows}, {share} interval {low} to {high}"


def _overlap(evidence: Evidence, champion: Contestant, policy: Policy) -> str:
    """Which version was trained on some of the rows, and what follows from it; often nothing."""
    unknown = evidence.overlap_unknown
    text = f"; how many of the rows were trained on is not known ({unknown})" if unknown else ""
    if evidence.group_unknown:
        who = " and ".join(f"version {number}" for number in evidence.group_unknown)
        text += (
            f"; whether {who} was trained on other rows with the same '{evidence.group}' is not "
            f"known, for its fingerprints do not tell"
        )
    seen = [who for who in (champion, evidence.challenger) if who.seen_rows]
    if not seen:
        return text
    total = f" of the {evidence.holdout_rows}"
    what = f"the '{evidence.group}' of " if evidence.knows_groups else ""
    told = " and ".join(
        f"version {who.version} was trained on {what}{who.seen_rows}" for who in seen
    )
    if evidence.rests_on == "unseen":
        return f"; {told}{total}{text}"
    why = f"are fewer than the {policy.enough_unseen} needed{CURES.get(evidence.split, '')}"
    if policy.min_unseen_rows is None:
        why = "do not decide alone, since promotion.min_unseen_rows is null"
    return (
        f"; {_unfair(champion, evidence.challenger)}: {told}{total} rows, and the "
        f"{evidence.unseen_rows or 0} that neither has seen {why}{text}"
    )


def _unfair(*both: Contestant) -> str:
    """To whom it is unfair that the others know more of the rows, if that is known."""
    counts = [who.seen_rows for who in both]
    if None in counts or len({*counts}) == 1:
        return "the comparison says little"
    victim = min(both, key=lambda who: who.seen_rows or 0)
    return f"unfair to version {victim.version}"
