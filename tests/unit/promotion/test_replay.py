"""Past decisions by another policy: what their evidence answers, and what it does not."""

from typing import Any

import pytest

from salary_kedro.bundle.report import Coverage
from salary_kedro.promotion.replay import Outcome, replay
from salary_kedro.promotion.verdict import (
    Contestant,
    Evidence,
    Gap,
    Interval,
    Policy,
    decide,
    plain_verdict,
)
from salary_kedro.registry.history import Action, Record

NO_DEMANDS = Policy()


def evidence(version: int, rmse: float, against: int | None, **changes: Any) -> Evidence:
    """A challenger against a champion of RMSE 100, on 50 rows; its gain is beyond chance."""
    met = None if against is None else Contestant(version=against, rmse=100.0, stored_rmse=100.0)
    gain = None if against is None else Interval(low=1, high=20, confidence=0.95)
    own = Contestant(version=version, rmse=rmse, stored_rmse=rmse, baseline_rmse=98.0)
    known = {"challenger": own, "champion": met, "holdout_rows": 50, "gain": gain}
    return Evidence.model_validate({**known, **changes})


class Past:
    """A history in the making."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.production: int | None = None

    def decide(self, found: Evidence, policy: Policy = NO_DEMANDS, **changes: Any) -> "Past":
        """A decision by a policy of that time."""
        verdict = decide(found, policy)
        version = found.challenger.version
        is_promoted = changes.pop("action", verdict.action) == "promote"
        after = version if is_promoted else self.production
        action: Action = "promotion" if is_promoted else "archiving"
        return self.record(action, version, after, evidence={**plain_verdict(verdict), **changes})

    def record(
        self, action: Action, version: int, after: int | None, evidence: Any = None
    ) -> "Past":
        """Whatever was done."""
        self.records.append(
            Record(
                key=f"history.{len(self.records) + 1:09d}-0a",
                action=action,
                state="done",
                version=version,
                before=self.production,
                after=after,
                why="because",
                evidence=evidence,
            )
        )
        self.production = after
        return self

    def outcomes(self, **demands: Any) -> list[Outcome]:
        return [one.would_be for one in replay(self.records, Policy(**demands)).decisions]

    def why(self, **demands: Any) -> str:
        return replay(self.records, Policy(**demands)).decisions[-1].why


def first(rmse: float = 100.0, **changes: Any) -> Past:
    """Version 1, which met nobody."""
    return Past().decide(evidence(1, rmse, None, **changes))


def second(rmse: float = 90.0, **changes: Any) -> Past:
    """Version 2, which gains 10 on version 1."""
    return first().decide(evidence(2, rmse, 1, **changes))


def test_replay_when_the_policy_is_the_same_then_so_is_every_decision() -> None:
    found = replay(second().decide(evidence(3, 101.0, 2)).records, NO_DEMANDS)

    assert [(one.version, one.was, one.would_be, one.differs) for one in found.decisions] == [
        (1, "promote", "promote", False),
        (2, "promote", "promote", False),
        (3, "archive", "archive", False),
    ]
    assert found.production == {2}


@pytest.mark.parametrize(
    ("demands", "outcomes"),
    [
        ({"min_relative_gain": 0.1}, ["promote", "promote"]),  # 10 of 100
        ({"min_relative_gain": 0.11}, ["promote", "archive"]),
        ({"min_absolute_gain": 10.5}, ["promote", "archive"]),
        ({"min_holdout_rows": 51}, ["archive", "archive"]),
        ({"max_rmse": 95}, ["archive", "promote"]),  # the second would have met nobody
        ({"require_better_than_baseline": True}, ["archive", "promote"]),  # 98 by the mean
        ({"required_confidence": 0.95}, ["promote", "promote"]),
    ],
)
def test_replay_when_a_demand_is_answered_by_the_evidence_then_decides_by_it(
    demands: dict[str, Any], outcomes: list[Outcome]
) -> None:
    assert second().outcomes(**demands) == outcomes


@pytest.mark.parametrize(
    ("low", "confidence", "outcome"),
    [
        (1.0, 0.9, "promote"),  # a narrower interval lies above 0 too
        (1.0, 0.99, "unknown"),
        (-1.0, 0.99, "archive"),  # a wider one holds 0 too
        (-1.0, 0.9, "unknown"),
    ],
)
def test_replay_when_another_confidence_is_asked_for_then_answers_what_the_interval_implies(
    low: float, confidence: float, outcome: Outcome
) -> None:
    past = second(gain=Interval(low=low, high=20, confidence=0.95))

    assert past.outcomes(required_confidence=confidence)[1] == outcome


@pytest.mark.parametrize("demand", [{"min_coverage": 0.8}, {"max_group_gap": 500.0}])
def test_replay_when_the_evidence_was_not_asked_for_then_it_is_not_known(
    demand: dict[str, Any],
) -> None:
    past = second()

    assert past.outcomes(**demand) == ["unknown", "unknown"]
    assert "was not recorded, since promotion." in first().why(**demand)
    assert past.outcomes(**demand, min_holdout_rows=51) == ["archive", "archive"]


def test_replay_when_evidence_was_asked_for_then_another_limit_is_answered() -> None:
    coverage = Coverage(rows=50, share=0.7, low=0.6, high=0.8)
    gap = Gap(
        column="sex", group="f", reference="m", gap=-900, low=-1200, high=-600, confidence=0.95
    )
    asked = Policy(min_coverage=0.75, max_group_gap=700)
    past = Past().decide(evidence(1, 100.0, None, coverage=coverage, largest_gap=gap), asked)

    assert past.outcomes(min_coverage=0.75) == ["promote"]
    assert past.outcomes(min_coverage=0.85) == ["archive"]  # at most 0.8 beyond chance
    assert past.outcomes(max_group_gap=500) == ["archive"]  # 600 at least


def test_replay_when_another_version_would_be_in_production_then_the_later_ones_are_not_known() -> (
    None
):
    past = second().decide(evidence(3, 80.0, 2))

    found = replay(past.records, Policy(min_relative_gain=0.11))

    assert [one.would_be for one in found.decisions] == ["promote", "archive", "unknown"]
    assert found.decisions[-1].why == (
        "version 1 would have been in production, and version 3 was not compared with it; against "
        "version 2, which it met, it would be promoted; `kedro models compare 1 3` does that on "
        "today's rows"
    )
    assert found.production == {1, 3}


def test_replay_when_a_version_is_refused_for_what_it_is_then_any_champion_will_do() -> None:
    own = Contestant(version=3, rmse=80.0, stored_rmse=99.0, baseline_rmse=98.0)
    past = second().decide(evidence(3, 80.0, 2, challenger=own))

    demands = {"min_relative_gain": 0.11, "require_better_than_baseline": True}

    assert past.outcomes(**demands) == ["archive", "promote", "archive"]


def test_replay_when_a_person_has_decided_then_that_stands() -> None:
    past = second().record("rollback", 1, 1).decide(evidence(3, 95.0, 1))

    found = replay(past.records, Policy(min_absolute_gain=6))

    assert [one.would_be for one in found.decisions] == ["promote", "promote", "archive"]
    assert found.production == {1}


def test_replay_when_a_version_was_set_aside_beyond_its_score_then_no_policy_changes_that() -> None:
    past = first().decide(evidence(2, 90.0, 1), action="archive", reason="it repeats version 9")

    assert past.outcomes() == ["promote", "archive"]
    assert past.why() == "it repeats version 9; no policy decides that"


@pytest.mark.parametrize(
    ("demands", "outcome"),
    [
        ({"min_unseen_rows": 20}, "promote"),  # 90 against 100 on all rows
        ({"min_unseen_rows": 10}, "archive"),  # 99 against 97 on the 15 unseen
        ({"min_unseen_rows": 10, "required_confidence": 0.95}, "archive"),
        ({"min_unseen_rows": None}, "promote"),
    ],
)
def test_replay_when_other_rows_would_count_then_takes_their_rmse(
    demands: dict[str, Any], outcome: Outcome
) -> None:
    own = Contestant(version=2, rmse=90.0, stored_rmse=90.0, seen_rows=35, unseen_rmse=99.0)
    other = Contestant(version=1, rmse=100.0, stored_rmse=100.0, seen_rows=0, unseen_rmse=97.0)
    past = first().decide(evidence(2, 90.0, 1, challenger=own, champion=other, unseen_rows=15))

    assert past.outcomes(**demands)[1] == outcome


def test_replay_when_the_interval_is_of_other_rows_then_is_not_told_and_decides_nothing() -> None:
    own = Contestant(version=2, rmse=90.0, stored_rmse=90.0, seen_rows=35, unseen_rmse=90.0)
    other = Contestant(version=1, rmse=100.0, stored_rmse=100.0, seen_rows=0, unseen_rmse=97.0)
    past = first().decide(evidence(2, 90.0, 1, challenger=own, champion=other, unseen_rows=15))

    assert past.outcomes(min_unseen_rows=10, required_confidence=0.95)[1] == "unknown"
    assert "for which no interval was recorded" in past.why(min_unseen_rows=10)


def test_replay_when_the_champion_could_not_be_scored_then_a_strict_policy_would_have_stopped() -> (
    None
):
    broken = Contestant(version=1, rmse=None, stored_rmse=100.0)
    lenient = Policy(replace_unreadable_champion=True)
    found = evidence(2, 90.0, 1, champion=broken, champion_error="it does not load", gain=None)
    past = first().decide(found, lenient)

    assert past.outcomes(replace_unreadable_champion=True) == ["promote", "promote"]
    assert past.outcomes() == ["promote", "unknown"]
    assert past.why() == "the run would have stopped: it does not load"


def test_replay_when_evidence_cannot_be_read_then_says_so() -> None:
    past = first().record("promotion", 2, 2, evidence={"reason": "of another release"})

    assert past.outcomes() == ["promote", "unknown"]
    assert past.why() == "its evidence cannot be read"
