"""Applies a policy to past decisions, from the evidence that each has stored; pure.

A decision answers only what its evidence holds. Where a changed policy would have left another
version in production, the challengers that came later met another champion than theirs: nothing
is then known of their comparison, and that is said. What people decided by hand stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from salary_kedro.errors import UserError
from salary_kedro.promotion.verdict import Action, Evidence, Policy, Verdict, decide
from salary_kedro.registry.history import BY_HAND, Record

Outcome = Literal["promote", "archive", "unknown"]
#: What a decision is called that a policy takes.
DECISIONS = frozenset({"promotion", "archiving"})


@dataclass(frozen=True)
class Answer:
    """What would have become of a challenger, and why.

    Attributes:
        outcome: Of the challenger; `unknown` if its evidence cannot answer.
        why: One sentence.
    """

    outcome: Outcome
    why: str


@dataclass(frozen=True)
class Replayed:
    """A past decision, and what it would have been.

    Attributes:
        when: Time of the decision, ISO 8601, UTC.
        version: The challenger.
        champion: The version that it met; None if nothing was in production.
        was: What became of it.
        would_be: What would have become of it.
        why: One sentence on that.
    """

    when: str
    version: int
    champion: int | None
    was: Action
    would_be: Outcome
    why: str

    @property
    def differs(self) -> bool:
        """Whether it would surely have gone otherwise."""
        return self.would_be not in (self.was, "unknown")


@dataclass(frozen=True)
class Replay:
    """All past decisions under a policy.

    Attributes:
        decisions: In their order.
        production: Versions of which one would be in production now; more than one, where that
            cannot be told, and None among them for none at all.
    """

    decisions: tuple[Replayed, ...]
    production: frozenset[int | None]


class _OfOtherRows(Evidence):
    """Evidence for other rows than its interval rests on, which is therefore left out."""

    @property
    def without_interval(self) -> str:
        return "for which no interval was recorded"


def replay(records: Iterable[Record], policy: Policy) -> Replay:
    """Decide again on every version, in order, by another policy.

    Args:
        records: What was done, the oldest first.
        policy: What a challenger would have had to achieve.
    """
    decisions: list[Replayed] = []
    actual: int | None = None
    possible: frozenset[int | None] = frozenset({None})
    for record in records:
        if record.action in DECISIONS and record.evidence is not None:
            found = _replayed(record, policy, possible)
            decisions.append(found)
            possible = _afterwards(found, possible)
        elif record.action in BY_HAND or (record.moves and record.after != actual):
            possible = frozenset({record.after})  # a repair that restores it changes nothing
        if record.moves:
            actual = record.after
    return Replay(tuple(decisions), possible)


def _afterwards(found: Replayed, possible: frozenset[int | None]) -> frozenset[int | None]:
    """What may be in production after a decision."""
    if found.would_be == "promote":
        return frozenset({found.version})
    return possible | {found.version} if found.would_be == "unknown" else possible


def _replayed(record: Record, policy: Policy, possible: frozenset[int | None]) -> Replayed:
    was: Action = "promote" if record.action == "promotion" else "archive"
    try:
        verdict = Verdict.model_validate(record.evidence)
    except ValidationError:
        champion, answer = record.before, Answer("unknown", "its evidence cannot be read")
    else:
        champion = None if verdict.evidence.champion is None else verdict.evidence.champion.version
        answer = _among(verdict, was, policy, possible)
    return Replayed(
        when=record.when.isoformat(timespec="seconds"),
        version=record.version,
        champion=champion,
        was=was,
        would_be=answer.outcome,
        why=answer.why,
    )


def _among(
    verdict: Verdict, was: Action, policy: Policy, possible: frozenset[int | None]
) -> Answer:
    """The answer that holds whichever version was in production; else that it is not known."""
    if _is_overruled(verdict, was):
        return Answer("archive", f"{verdict.reason}; no policy decides that")
    answers = [answer(verdict, policy, champion) for champion in in_order(possible)]
    if len({found.outcome for found in answers}) == 1:
        return answers[0]
    unknown = [found for found in answers if found.outcome == "unknown"]
    return [*unknown, Answer("unknown", "it depends on an earlier decision that is not known")][0]


def in_order(versions: Iterable[int | None]) -> list[int | None]:
    """Versions in their order, none at all last."""
    return sorted(versions, key=lambda number: (number is None, number or 0))


def _is_overruled(verdict: Verdict, was: Action) -> bool:
    """Whether it was set aside for a reason beyond its score: it repeats one rolled back, say."""
    if was == "promote" or verdict.evidence.challenger.rmse is None:
        return was != "promote"
    try:
        return decide(verdict.evidence, verdict.policy).action == "promote"
    except UserError:
        return False


def answer(verdict: Verdict, policy: Policy, champion: int | None) -> Answer:
    """What would have become of a challenger by a policy, as far as its evidence tells.

    Args:
        verdict: The verdict on it, with the evidence and the policy of its time.
        policy: What it would have had to achieve.
        champion: The version that would have been in production; None for none.
    """
    evidence, asked = verdict.evidence, verdict.policy
    met = None if evidence.champion is None else evidence.champion.version
    if champion is None:
        evidence = _unopposed(evidence)
    elif champion != met:
        return _against_another(evidence, policy, asked, champion)
    elif evidence.champion_error is not None and not policy.replace_unreadable_champion:
        return Answer("unknown", f"the run would have stopped: {evidence.champion_error}")
    else:
        evidence = _resting(evidence, policy)
    return _decided(evidence, policy, asked)


def _unopposed(evidence: Evidence) -> Evidence:
    """The evidence, as if nothing had been in production."""
    nothing = {"champion": None, "champion_error": None, "gain": None, "rests_on": "all"}
    return evidence.model_copy(update=nothing)


def _against_another(evidence: Evidence, policy: Policy, asked: Policy, champion: int) -> Answer:
    """Against a champion that it has not met: refused for what it is, or not known."""
    own = policy.model_copy(update={"max_rmse": None})  # on which rows depends on the champion
    alone = _decided(_unopposed(evidence), own, asked)
    if alone.outcome == "archive":
        return alone
    number = evidence.challenger.version
    return Answer(
        "unknown",
        f"version {champion} would have been in production, and version {number} was not compared "
        f"with it{_by_itself(evidence, policy, asked)}; `kedro models compare {champion} {number}` "
        f"does that on today's rows",
    )


def _by_itself(evidence: Evidence, policy: Policy, asked: Policy) -> str:
    """What would have become of it against the champion that it did meet, if that is known."""
    if evidence.champion is None or evidence.champion_error is not None:
        return ""
    found = _decided(_resting(evidence, policy), policy, asked)
    if found.outcome == "unknown":
        return ""
    outcome = "promoted" if found.outcome == "promote" else "not promoted"
    return f"; against version {evidence.champion.version}, which it met, it would be {outcome}"


def _resting(evidence: Evidence, policy: Policy) -> Evidence:
    """The evidence on the rows that a policy would have let the verdict rest on."""
    unseen = evidence.unseen_rows
    is_enough = unseen is not None and policy.enough_unseen <= unseen < evidence.holdout_rows
    rests_on = "unseen" if is_enough else "all"
    if rests_on == evidence.rests_on:
        return evidence
    plain = {**evidence.model_dump(), "rests_on": rests_on, "gain": None}
    return _OfOtherRows.model_validate(plain)


def _decided(evidence: Evidence, policy: Policy, asked: Policy) -> Answer:
    """The verdict by a policy, unless it rests on what was not recorded.

    Each demand that cannot be answered is left out first: it can only refuse, so whoever is
    refused without it is refused.
    """
    missing = _missing(evidence, policy, asked)
    lenient = policy.model_copy(update=dict.fromkeys(missing))
    try:
        verdict = decide(evidence, lenient)
    except UserError as error:
        return Answer("unknown", f"the run would have stopped: {error}")
    if verdict.action == "promote" and missing:
        return Answer("unknown", "; ".join(missing.values()))
    return Answer(verdict.action, verdict.reason)


def _missing(evidence: Evidence, policy: Policy, asked: Policy) -> dict[str, str]:
    """What a policy asks for, and the evidence does not hold: why, by the policy's key."""
    found = {}
    if policy.min_coverage is not None and asked.min_coverage is None:
        found["min_coverage"] = (
            "how many holdout rows lay within its intervals was not recorded, since "
            "promotion.min_coverage was not set"
        )
    if policy.max_group_gap is not None and asked.max_group_gap is None:
        found["max_group_gap"] = (
            "its largest gap between groups was not recorded, since promotion.max_group_gap was "
            "not set"
        )
    if policy.required_confidence is not None and not _tells_chance(
        evidence, policy.required_confidence
    ):
        found["required_confidence"] = _no_chance(evidence, policy.required_confidence)
    return found


def _tells_chance(evidence: Evidence, confidence: float) -> bool:
    """Whether it tells if the gain is beyond chance at a confidence.

    A wider interval around one that holds 0 holds it too; a narrower one within one that does
    not, does not either.
    """
    if evidence.champion is None:
        return True
    if evidence.gain is None:
        return not isinstance(evidence, _OfOtherRows)  # one row says nothing at any confidence
    recorded, certain = evidence.gain.confidence, evidence.gain.low > 0
    return recorded == confidence or certain == (confidence < recorded)


def _no_chance(evidence: Evidence, confidence: float) -> str:
    wanted = f"{100 * confidence:g} %"
    if evidence.gain is None:
        return f"its interval of {wanted} on {evidence.rows} rows was not recorded"
    recorded = f"{100 * evidence.gain.confidence:g} %"
    return f"its interval was recorded at {recorded}, which does not tell that of {wanted}"
