"""The verdict, as a pure function of evidence and policy."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from salary_kedro.bundle.report import Coverage
from salary_kedro.errors import UserError
from salary_kedro.promotion.verdict import (
    ROUNDING,
    Contestant,
    Evidence,
    Gap,
    Interval,
    Policy,
    Verdict,
    conclude,
    decide,
)

LINE, TREE, FOREST = 6311.262456108905, 6302.016142341539, 5181.9071538939115
DEFAULT = Policy()
SURE = Policy(required_confidence=0.95)


def evidence(
    challenger: float | None,
    champion: float | str | None = "none",
    gain: tuple[float, float] | None = None,
    **others: Any,
) -> Evidence:
    """Version 2, with an RMSE, against version 1, or against nobody."""
    details: dict[str, Any] = {"holdout_rows": 12, **others}
    return Evidence(
        challenger=Contestant(version=2, rmse=challenger),
        champion=None if isinstance(champion, str) else Contestant(version=1, rmse=champion),
        gain=None if gain is None else Interval(low=gain[0], high=gain[1], confidence=0.95),
        **details,
    )


# --- Gaps between groups --------------------------------------------------------------

EQUAL = Policy(max_group_gap=1000)


def gap(low: float, high: float) -> Gap:
    return Gap(
        column="sex",
        group="Female",
        reference="Male",
        gap=(low + high) / 2,
        low=low,
        high=high,
        confidence=0.95,
    )


def test_decide_when_a_gap_is_too_large_beyond_chance_then_archives_and_says_so() -> None:
    found = decide(evidence(FOREST, largest_gap=gap(-3000, -1500)), EQUAL)

    assert found.action == "archive"
    assert found.reason == (
        "version 2 is not promoted: its unexplained gap between sex 'Female' and 'Male' is −2,250 "
        "(95 % interval −3,000 to −1,500), beyond the allowed 1,000.0"
    )


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (gap(1001, 5000), "archive"),
        (gap(1000, 5000), "promote"),
        (gap(-5000, -1000), "promote"),
        (gap(-90_000, 90_000), "promote"),  # chance may do that
        (None, "archive"),  # nobody knows
    ],
)
def test_decide_when_gaps_are_limited_then_goes_by_the_interval(
    found: Gap | None, action: str
) -> None:
    assert decide(evidence(FOREST, largest_gap=found), EQUAL).action == action


def test_decide_when_gaps_are_not_limited_then_none_is_needed() -> None:
    assert decide(evidence(FOREST, largest_gap=None), Policy()).action == "promote"


# --- Coverage of the intervals -------------------------------------------------------

COVERED = Policy(min_coverage=0.85)


def covered(share: float, high: float) -> Coverage:
    return Coverage(rows=100, share=share, low=0.6, high=high)


def test_decide_when_intervals_hold_too_few_rows_beyond_chance_then_archives_and_says_so() -> None:
    found = decide(evidence(FOREST, LINE, coverage=covered(0.7, 0.788)), COVERED)

    assert found.action == "archive"
    assert found.reason == (
        "version 2 is not promoted: 70.0 % of 100 holdout rows lie within their intervals "
        "(95 % interval 60.0 to 78.8 %), below the required 85 %"
    )


def test_decide_when_too_few_rows_may_be_chance_then_promotes() -> None:
    assert decide(evidence(FOREST, LINE, coverage=covered(0.8, 0.85)), COVERED).action == "promote"


def test_decide_when_the_coverage_is_not_known_but_required_then_archives() -> None:
    found = decide(evidence(FOREST, LINE), COVERED)

    assert (found.action, found.reason) == (
        "archive",
        "version 2 is not promoted: how many holdout rows lie within its intervals is not known",
    )


def test_decide_when_no_coverage_is_required_then_any_will_do() -> None:
    assert decide(evidence(FOREST, LINE, coverage=covered(0, 0.04)), DEFAULT).action == "promote"


# --- By the default policy -----------------------------------------------------------


def test_decide_when_nothing_is_in_production_then_promotes() -> None:
    case = evidence(LINE)

    assert decide(case, DEFAULT) == Verdict(
        action="promote",
        reason="version 2 is promoted: RMSE 6,311.3, and nothing was in production",
        evidence=case,
        policy=DEFAULT,
    )


def test_decide_when_the_gain_is_inside_chance_then_promotes_and_says_so() -> None:
    case = evidence(TREE, LINE, (-1750.2, 2015.4))

    assert decide(case, DEFAULT) == Verdict(
        action="promote",
        reason=(
            "version 2 is promoted: RMSE 6,302.0 against 6,311.3; a gain of 9.2 is not "
            "distinguishable from chance on 12 rows, 95 % interval −1,750 to +2,015"
        ),
        evidence=case,
        policy=DEFAULT,
    )


def test_decide_when_the_gain_is_beyond_chance_then_promotes_and_says_so() -> None:
    assert decide(evidence(FOREST, TREE, (266.0, 2296.0)), DEFAULT).reason == (
        "version 2 is promoted: RMSE 5,181.9 against 6,302.0; a gain of 1,120.1 is "
        "distinguishable from chance on 12 rows, 95 % interval +266 to +2,296"
    )


@pytest.mark.parametrize(("rows", "text"), [(1, "1 row, which says"), (12, "12 rows, which say")])
def test_decide_when_chance_is_unknown_then_promotes_and_says_so(rows: int, text: str) -> None:
    assert decide(evidence(3.0, 5.0, holdout_rows=rows), DEFAULT).reason == (
        f"version 2 is promoted: RMSE 3.0 against 5.0; a gain of 2.0 on {text} nothing about chance"
    )


def test_decide_when_the_rmse_is_higher_then_archives_and_tells_the_loss() -> None:
    case = evidence(TREE, FOREST, (-2296.0, 266.0))

    assert decide(case, DEFAULT) == Verdict(
        action="archive",
        reason=(
            "version 2 is not promoted: RMSE 6,302.0 against 5,181.9; a loss of 1,120.1 is not "
            "distinguishable from chance on 12 rows, 95 % interval −2,296 to +266"
        ),
        evidence=case,
        policy=DEFAULT,
    )


def test_decide_when_both_are_equal_then_keeps_the_champion() -> None:
    verdict = decide(evidence(6311.25, 6311.25, (0.0, 0.0)), DEFAULT)

    assert (verdict.action, verdict.reason) == (
        "archive",
        "version 2 is not promoted: RMSE 6,311.2 against 6,311.2; a tie keeps the champion",
    )


@pytest.mark.parametrize(
    ("tie", "action", "text"),
    [
        ("champion", "archive", "a tie within rounding keeps the champion"),
        ("challenger", "promote", "a tie within rounding goes to the challenger"),
    ],
)
@pytest.mark.parametrize("gain", [3e-6, -3e-6])
def test_decide_when_the_gain_is_within_rounding_then_calls_it_a_tie(
    gain: float, tie: str, action: str, text: str
) -> None:
    policy = Policy(tie=tie)  # type: ignore[arg-type]

    verdict = decide(evidence(6311.25 - gain, 6311.25, (1e-6, 5e-6)), policy)

    assert verdict.action == action
    assert verdict.reason.endswith(f"against 6,311.2; {text}")


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((-0.0555, 1.234), "−0.0555 to +1.23"),
        ((-12.345, 99.96), "−12.3 to +100"),
        ((0.0, 1234.5), "+0 to +1,234"),
    ],
)
def test_decide_when_ends_of_the_interval_are_small_then_keeps_three_digits(
    ends: tuple[float, float], text: str
) -> None:
    assert decide(evidence(3.0, 5.0, ends), DEFAULT).reason.endswith(f"95 % interval {text}")


def test_decide_when_a_loss_is_beyond_chance_then_says_so() -> None:
    assert decide(evidence(5.0, 3.0, (-3.0, -1.0)), DEFAULT).reason == (
        "version 2 is not promoted: RMSE 5.0 against 3.0; a loss of 2.0 is distinguishable from "
        "chance on 12 rows, 95 % interval −3.00 to −1.00"
    )


# --- When a version has seen the exam -------------------------------------------------


def seen(
    champion: int | None,
    challenger: int,
    unseen: int,
    rests_on: str,
    unknown: str | None = None,
    split: str = "random",
) -> Evidence:
    """On all 109 rows version 1 is better, 14 against 16; on those that neither saw, 2 is."""
    return Evidence(
        champion=Contestant(version=1, rmse=14.0, seen_rows=champion, unseen_rmse=22.0),
        challenger=Contestant(version=2, rmse=16.0, seen_rows=challenger, unseen_rmse=15.5),
        holdout_rows=109,
        gain=Interval(low=1.0, high=12.0, confidence=0.95),
        unseen_rows=unseen,
        rests_on=rests_on,  # type: ignore[arg-type]
        split=split,  # type: ignore[arg-type]
        overlap_unknown=unknown,
    )


def test_decide_when_enough_rows_are_unseen_then_rests_on_those_and_says_so() -> None:
    verdict = decide(seen(46, 0, 63, "unseen"), DEFAULT)

    assert (verdict.action, verdict.reason) == (
        "promote",
        (
            "version 2 is promoted: RMSE 15.5 against 22.0; a gain of 6.5 is distinguishable from "
            "chance on 63 rows that neither was trained on, 95 % interval +1.00 to +12.0; version "
            "1 was trained on 46 of the 109"
        ),
    )


def test_decide_when_too_few_rows_are_unseen_then_says_to_whom_that_is_unfair_and_the_cure() -> (
    None
):
    verdict = decide(seen(100, 0, 9, "all"), DEFAULT)

    assert (verdict.action, verdict.reason) == (
        "archive",
        (
            "version 2 is not promoted: RMSE 16.0 against 14.0; a loss of 2.0 is distinguishable "
            "from chance on 109 rows, 95 % interval +1.00 to +12.0; unfair to version 2: version 1 "
            "was trained on 100 of the 109 rows, and the 9 that neither has seen are fewer than "
            "the 20 needed; data_engineering.split=stable keeps rows on their side"
        ),
    )


@pytest.mark.parametrize(
    ("split", "cure"),
    [
        ("stable", "; this passes once a version of this split is in production"),
        ("time", "; this passes once a version of this split is in production"),
        ("group", "; `kedro models promote` makes it production all the same"),
    ],
)
def test_decide_when_too_few_rows_are_unseen_then_the_cure_is_that_of_the_split(
    split: str, cure: str
) -> None:
    reason = decide(seen(100, 0, 9, "all", split=split), DEFAULT).reason

    assert reason.endswith(f"fewer than the 20 needed{cure}")


@pytest.mark.parametrize(
    ("champion", "unknown"), [(100, None), (None, "version 1 has no fingerprints")]
)
def test_decide_when_no_version_is_known_to_have_seen_less_then_names_no_victim(
    champion: int | None, unknown: str | None
) -> None:
    reason = decide(seen(champion, 100, 9, "all", unknown), DEFAULT).reason

    assert "; the comparison says little: version " in reason
    assert "unfair" not in reason


def test_decide_when_both_have_seen_rows_then_names_both() -> None:
    reason = decide(seen(46, 9, 60, "unseen"), DEFAULT).reason

    assert reason.endswith(
        "; version 1 was trained on 46 and version 2 was trained on 9 of the 109"
    )


def test_decide_when_unseen_rows_are_not_to_decide_alone_then_all_do_and_it_says_so() -> None:
    policy = Policy(min_unseen_rows=None)

    reason = decide(seen(46, 0, 63, "all"), policy).reason

    assert policy.enough_unseen == math.inf
    assert reason.endswith(
        "unfair to version 2: version 1 was trained on 46 of the 109 rows, and the 63 that neither "
        "has seen do not decide alone, since promotion.min_unseen_rows is null"
    )


def test_decide_when_rows_are_split_by_person_then_tells_of_persons() -> None:
    by_person = seen(46, 0, 63, "unseen").model_copy(update={"group": "person"})

    reason = decide(by_person, DEFAULT).reason

    assert " on 63 rows whose 'person' neither was trained on" in reason
    assert reason.endswith("; version 1 was trained on the 'person' of 46 of the 109")


def test_decide_when_a_champion_does_not_tell_of_persons_then_says_that_it_is_unknown() -> None:
    update = {"group": "person", "group_unknown": (1,)}

    reason = decide(seen(46, 0, 63, "unseen").model_copy(update=update), DEFAULT).reason

    assert " on 63 rows that neither was trained on" in reason
    assert reason.endswith(
        "; version 1 was trained on 46 of the 109; whether version 1 was trained on other rows "
        "with the same 'person' is not known, for its fingerprints do not tell"
    )


def test_decide_when_what_was_seen_is_unknown_then_says_why_and_decides() -> None:
    case = evidence(3.0, 5.0, (1.0, 3.0), overlap_unknown="version 1 has no fingerprints")

    assert decide(case, DEFAULT).reason.endswith(
        "interval +1.00 to +3.00; how many of the rows were trained on is not known "
        "(version 1 has no fingerprints)"
    )


def test_decide_when_nobody_has_seen_a_row_then_says_nothing_of_it() -> None:
    told = {"unseen_rows": 12, "rests_on": "all"}

    assert (
        decide(evidence(TREE, LINE, (-1750.2, 2015.4), **told), DEFAULT).reason
        == decide(evidence(TREE, LINE, (-1750.2, 2015.4)), DEFAULT).reason
    )


def test_policy_when_a_verdict_needs_more_rows_then_as_many_must_be_unseen() -> None:
    assert Policy().enough_unseen == 20
    assert Policy(min_holdout_rows=100, min_unseen_rows=5).enough_unseen == 100


def test_verdict_when_it_was_recorded_by_an_earlier_release_then_is_read() -> None:
    old = {
        "action": "promote",
        "reason": "version 2 is promoted",
        "evidence": {
            "challenger": {"version": 2, "rmse": 3.0},
            "champion": {"version": 1, "rmse": 5.0, "stored_rmse": 5.0},
            "holdout_rows": 12,
            "gain": {"low": 1.0, "high": 3.0, "confidence": 0.95},
        },
        "policy": {"min_holdout_rows": 1},
    }

    found = Verdict.model_validate(old)

    assert (found.evidence.unseen_rows, found.evidence.rests_on) == (None, "all")


# --- Against plain means and medians --------------------------------------------------


def plain(stored: float, baseline: float | None, policy: Policy = DEFAULT) -> Verdict:
    """A first version."""
    own = Contestant(version=1, rmse=stored, stored_rmse=stored, baseline_rmse=baseline)
    return decide(Evidence(challenger=own, champion=None, holdout_rows=12), policy)


def test_decide_when_the_first_is_no_better_than_a_plain_mean_then_promotes_and_says_so() -> None:
    verdict = plain(6.0, 5.0)

    assert (verdict.action, verdict.reason) == (
        "promote",
        (
            "version 1 is promoted: RMSE 6.0 (no better than the 5.0 of a plain mean or median), "
            "and nothing was in production"
        ),
    )


def test_decide_when_better_than_a_plain_mean_is_demanded_then_refuses_what_is_not() -> None:
    verdict = plain(6.0, 5.0, Policy(require_better_than_baseline=True))

    assert (verdict.action, verdict.reason) == (
        "archive",
        (
            "version 1 is not promoted: RMSE 6.0 at its training is no better than the 5.0 of a "
            "plain mean or median, and promotion.require_better_than_baseline is set"
        ),
    )


@pytest.mark.parametrize("baseline", [None, 6.5])
def test_decide_when_it_is_better_or_no_baseline_was_recorded_then_promotes(
    baseline: float | None,
) -> None:
    verdict = plain(6.0, baseline, Policy(require_better_than_baseline=True))

    assert verdict.reason == "version 1 is promoted: RMSE 6.0, and nothing was in production"


@pytest.mark.parametrize("champion", ["none", 6311.25, None, math.nan])
@pytest.mark.parametrize(
    ("rmse", "found"),
    [
        (None, "missing"),
        (math.nan, "nan, not a finite number"),
        (math.inf, "inf, not a finite number"),
        (-math.inf, "-inf, not a finite number"),
    ],
)
def test_decide_when_the_challengers_rmse_is_no_number_then_archives(
    rmse: float | None, found: str, champion: float | str | None
) -> None:
    verdict = decide(evidence(rmse, champion), DEFAULT)

    assert verdict.action == "archive"
    assert verdict.reason == f"version 2 is not promoted: its RMSE is {found}"


@pytest.mark.parametrize("rmse", [None, math.nan, math.inf])
def test_decide_when_the_champions_rmse_is_no_number_then_refuses_to_compare(
    rmse: float | None,
) -> None:
    with pytest.raises(UserError) as caught:
        decide(evidence(6311.25, rmse), DEFAULT)

    assert str(caught.value) == (
        f"production version 1 has RMSE {rmse} on today's 12 holdout rows, so nothing can be "
        f"compared with it"
    )


# --- By each field of the policy --------------------------------------------------------


@pytest.mark.parametrize(("challenger", "action"), [(4.0, "promote"), (4.001, "archive")])
@pytest.mark.parametrize(
    "policy",
    [Policy(min_absolute_gain=1), Policy(min_relative_gain=0.2)],
    ids=["absolute", "relative"],
)
def test_decide_when_a_gain_is_required_then_that_much_is_enough(
    policy: Policy, challenger: float, action: str
) -> None:
    assert decide(evidence(challenger, 5.0), policy).action == action


def test_decide_when_the_gain_is_below_the_required_then_tells_both() -> None:
    verdict = decide(evidence(TREE, LINE, (-1750.2, 2015.4)), Policy(min_absolute_gain=100))

    assert verdict.reason == (
        "version 2 is not promoted: RMSE 6,302.0 against 6,311.3; a gain of 9.2 is below the "
        "required 100.0"
    )


@pytest.mark.parametrize(("absolute", "relative"), [(1, 0.5), (2.5, 0.1)])
def test_decide_when_both_gains_are_required_then_the_larger_counts(
    absolute: float, relative: float
) -> None:
    policy = Policy(min_absolute_gain=absolute, min_relative_gain=relative)

    verdict = decide(evidence(3.0, 5.0), policy)

    assert verdict.reason.endswith("a gain of 2.0 is below the required 2.5")


@pytest.mark.parametrize(
    ("low", "action", "place"),
    [(-0.001, "archive", "is not"), (0.0, "archive", "is not"), (0.001, "promote", "is")],
)
def test_decide_when_confidence_is_required_then_the_interval_must_lie_above_zero(
    low: float, action: str, place: str
) -> None:
    verdict = decide(evidence(3.0, 5.0, (low, 4.0)), SURE)

    assert verdict.action == action
    assert f"a gain of 2.0 {place} distinguishable from chance on 12 rows" in verdict.reason


def test_decide_when_confidence_is_required_then_the_tree_does_not_replace_the_line() -> None:
    verdict = decide(evidence(TREE, LINE, (-1750.2, 2015.4)), SURE)

    assert (verdict.action, verdict.reason) == (
        "archive",
        (
            "version 2 is not promoted: RMSE 6,302.0 against 6,311.3; a gain of 9.2 is not "
            "distinguishable from chance on 12 rows, 95 % interval −1,750 to +2,015"
        ),
    )


def test_decide_when_confidence_is_required_and_chance_is_unknown_then_archives() -> None:
    verdict = decide(evidence(3.0, 5.0, holdout_rows=1), SURE)

    assert (verdict.action, verdict.reason) == (
        "archive",
        (
            "version 2 is not promoted: RMSE 3.0 against 5.0; a gain of 2.0 on 1 row, which says "
            "nothing about chance"
        ),
    )


def test_decide_when_confidence_is_required_and_nothing_is_in_production_then_promotes() -> None:
    assert decide(evidence(LINE), SURE).action == "promote"


@pytest.mark.parametrize("champion", ["none", 5.0])
@pytest.mark.parametrize(("required", "action"), [(12, "promote"), (13, "archive")])
def test_decide_when_rows_are_required_then_that_many_are_enough(
    required: int, action: str, champion: float | str
) -> None:
    verdict = decide(evidence(3.0, champion), Policy(min_holdout_rows=required))

    assert verdict.action == action


def test_decide_when_there_are_too_few_rows_then_tells_both() -> None:
    assert decide(evidence(3.0), Policy(min_holdout_rows=13)).reason == (
        "version 2 is not promoted: 12 holdout rows are fewer than the 13 that are required"
    )


@pytest.mark.parametrize("champion", ["none", 5.0])
@pytest.mark.parametrize(("rmse", "action"), [(3.0, "promote"), (3.001, "archive")])
def test_decide_when_there_is_a_ceiling_then_the_first_version_too_must_keep_to_it(
    rmse: float, action: str, champion: float | str
) -> None:
    assert decide(evidence(rmse, champion), Policy(max_rmse=3)).action == action


def test_decide_when_the_rmse_is_above_the_ceiling_then_tells_both() -> None:
    assert decide(evidence(LINE), Policy(max_rmse=6000)).reason == (
        "version 2 is not promoted: RMSE 6,311.3 is above the ceiling of 6,000.0"
    )


def test_decide_when_a_tie_goes_to_the_challenger_then_promotes_it() -> None:
    verdict = decide(evidence(5.0, 5.0, (0.0, 0.0)), Policy(tie="challenger"))

    assert (verdict.action, verdict.reason) == (
        "promote",
        "version 2 is promoted: RMSE 5.0 against 5.0; a tie goes to the challenger",
    )


@pytest.mark.parametrize(
    "required", [{"min_absolute_gain": 1}, {"min_relative_gain": 0.1}, {"required_confidence": 0.9}]
)
def test_decide_when_a_tie_goes_to_the_challenger_and_a_gain_is_required_then_archives(
    required: dict[str, float],
) -> None:
    policy = Policy.model_validate({"tie": "challenger", **required})

    assert decide(evidence(5.0, 5.0, (0.0, 0.0)), policy).action == "archive"


def test_decide_when_a_tie_goes_to_the_challenger_then_a_loss_still_does_not() -> None:
    assert decide(evidence(5.001, 5.0), Policy(tie="challenger")).action == "archive"


def test_decide_when_the_champion_may_be_replaced_and_cannot_be_scored_then_tells_why() -> None:
    case = evidence(3.0, None, champion_error="its file is gone")
    policy = Policy(replace_unreadable_champion=True)

    verdict = decide(case, policy)

    assert (verdict.action, verdict.reason) == (
        "promote",
        (
            "version 2 is promoted: RMSE 3.0; version 1 is replaced, because it cannot be scored "
            "(its file is gone) and promotion.replace_unreadable_champion is set"
        ),
    )


@pytest.mark.parametrize("policy", [Policy(max_rmse=2), Policy(min_holdout_rows=13)])
def test_decide_when_the_champion_cannot_be_scored_then_the_challenger_must_be_fit_all_the_same(
    policy: Policy,
) -> None:
    assert decide(evidence(3.0, None, champion_error="gone"), policy).action == "archive"


@pytest.mark.parametrize(
    ("field", "bad", "good"),
    [
        ("min_absolute_gain", -0.1, 0),
        ("min_absolute_gain", math.inf, 1e9),
        ("min_absolute_gain", math.nan, 0),
        ("min_relative_gain", -0.1, 0),
        ("min_relative_gain", 1.1, 1),
        ("required_confidence", 0.5, 0.51),
        ("required_confidence", 1, 0.99),
        ("min_holdout_rows", 0, 1),
        ("max_rmse", 0, 0.1),
        ("max_rmse", math.inf, None),
        ("tie", "nobody", "champion"),
        ("replace_unreadable_champion", "perhaps", True),
    ],
)
def test_policy_when_a_value_is_out_of_bounds_then_names_its_field(
    field: str, bad: Any, good: Any
) -> None:
    assert getattr(Policy.model_validate({field: good}), field) == good
    with pytest.raises(ValidationError, match=field):
        Policy.model_validate({field: bad})


# --- Stored scores ------------------------------------------------------------------------


@given(st.floats(0.1, 100), st.floats(0.1, 100), st.floats(0.1, 100), st.floats(0.1, 100))
def test_decide_when_scores_were_stored_then_they_change_nothing(
    challenger: float, champion: float, stored: float, champions_stored: float
) -> None:
    bare = evidence(challenger, champion)
    told = Evidence(
        challenger=Contestant(version=2, rmse=challenger, stored_rmse=stored),
        champion=Contestant(version=1, rmse=champion, stored_rmse=champions_stored),
        holdout_rows=12,
    )

    first, second = decide(bare, DEFAULT), decide(told, DEFAULT)

    assert (first.action, first.reason) == (second.action, second.reason)


# --- Words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "text"),
    [("promote", "version 2 is promoted: so"), ("archive", "version 2 is not promoted: so")],
)
def test_conclude_when_given_a_reason_then_words_the_verdict(action: Any, text: str) -> None:
    case = evidence(3.0)

    assert conclude(action, "so", case, DEFAULT) == Verdict(
        action=action, reason=text, evidence=case, policy=DEFAULT
    )


@pytest.mark.parametrize(("challenger", "champion"), [(0.0123, 0.0456), (0.0456, 0.0123)])
def test_decide_when_the_targets_unit_is_large_then_still_tells_the_scores_apart(
    challenger: float, champion: float
) -> None:
    reason = decide(evidence(challenger, champion), DEFAULT).reason

    assert "0.0123" in reason
    assert "0.0456" in reason
    assert "0.033" in reason  # the gain or loss


# --- Any evidence, any policy ------------------------------------------------------------------

scores = st.none() | st.floats()
policies = st.builds(
    Policy,
    min_absolute_gain=st.floats(0, 10),
    min_relative_gain=st.floats(0, 1),
    required_confidence=st.none() | st.just(0.95),
    min_holdout_rows=st.integers(1, 24),
    max_rmse=st.none() | st.floats(0.1, 100),
    tie=st.sampled_from(["champion", "challenger"]),
)


@given(scores, scores | st.just("none"))
def test_decide_when_given_any_scores_then_promotes_only_a_strictly_lower_finite_one(
    challenger: float | None, champion: float | str | None
) -> None:
    finite = challenger is not None and math.isfinite(challenger)
    comparable = champion is not None and (champion == "none" or math.isfinite(float(champion)))
    if finite and not comparable:
        with pytest.raises(UserError):
            decide(evidence(challenger, champion), DEFAULT)
        return
    lower = champion == "none" or (
        finite
        and comparable
        and challenger < champion  # type: ignore[operator]
        and not math.isclose(challenger, champion, rel_tol=ROUNDING, abs_tol=0)  # type: ignore[arg-type]
    )

    verdict = decide(evidence(challenger, champion), DEFAULT)

    assert (verdict.action == "promote") is (finite and lower)


@given(policies, st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_decide_when_a_version_is_promoted_then_any_better_one_would_be_too(
    policy: Policy, better: float, worse: float, champion: float
) -> None:
    better, worse = sorted((better, worse))
    gains = [(champion - rmse, champion) for rmse in (better, worse)]
    first, second = (
        decide(evidence(rmse, champion, gain), policy).action
        for rmse, gain in zip((better, worse), gains, strict=True)
    )

    assert first == "promote" or second == "archive"


@given(policies, scores)
def test_decide_when_asked_twice_then_says_the_same(policy: Policy, rmse: float | None) -> None:
    case = evidence(rmse, 5.0)

    assert decide(case, policy).reason == decide(case, policy).reason
