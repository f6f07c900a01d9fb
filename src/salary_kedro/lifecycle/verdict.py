"""The verdict on a new version: a pure function of the evidence."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

from salary_kedro.errors import UserError


class Contestant(BaseModel):
    """A version and its score.

    Attributes:
        version: Version number.
        rmse: Root mean squared error on the common holdout rows, in the target's unit;
            None if the version has none on record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    rmse: float | None


class Evidence(BaseModel):
    """What a verdict rests on; both contestants were scored on the same rows.

    Attributes:
        challenger: The new version.
        champion: The production version; None if there is none yet.
        holdout_rows: Number of rows both were scored on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    challenger: Contestant
    champion: Contestant | None
    holdout_rows: int


class Verdict(BaseModel):
    """What is to become of the challenger, and why.

    Attributes:
        action: `promote` makes it production, `archive` does not.
        reason: One sentence for people.
        evidence: What the verdict rests on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["promote", "archive"]
    reason: str
    evidence: Evidence


def decide(evidence: Evidence) -> Verdict:
    """Decide by the strictly-lower rule: only a lower RMSE replaces the champion.

    Raises:
        UserError: If the champion has no finite RMSE on the holdout rows, so that
            nothing can be compared.
    """
    challenger, champion = evidence.challenger, evidence.champion
    name = f"version {challenger.version}"
    if challenger.rmse is None or not math.isfinite(challenger.rmse):
        found = "missing" if challenger.rmse is None else f"{challenger.rmse}, not a finite number"
        return _archive(evidence, f"{name} is not promoted: its RMSE is {found}")
    if champion is None:
        rmse = figure(challenger.rmse)
        reason = f"{name} is promoted: RMSE {rmse}, and nothing was in production"
        return Verdict(action="promote", reason=reason, evidence=evidence)
    if champion.rmse is None or not math.isfinite(champion.rmse):
        raise UserError(
            f"production version {champion.version} has RMSE {champion.rmse} on today's "
            f"{evidence.holdout_rows} holdout rows, so nothing can be compared with it"
        )
    gain = champion.rmse - challenger.rmse
    figures = (
        f"RMSE {figure(challenger.rmse)} against {figure(champion.rmse)} of version "
        f"{champion.version} on the same {evidence.holdout_rows} rows"
    )
    if gain > 0:
        reason = f"{name} is promoted: {figures}, a gain of {figure(gain)}"
        return Verdict(action="promote", reason=reason, evidence=evidence)
    outcome = "a tie keeps the champion" if gain == 0 else f"a loss of {figure(-gain)}"
    return _archive(evidence, f"{name} is not promoted: {figures}, {outcome}")


def figure(value: float, spec: str = ".1f") -> str:
    """Write a figure for people: one decimal, or three digits where that would say nothing."""
    return format(value, spec if abs(value) >= 1 or value == 0 else ".3g")


def _archive(evidence: Evidence, reason: str) -> Verdict:
    return Verdict(action="archive", reason=reason, evidence=evidence)
