"""The verdict, as a pure function of the evidence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salary_kedro.errors import UserError
from salary_kedro.lifecycle.verdict import Contestant, Evidence, Verdict, decide


def evidence(challenger: float | None, champion: float | str | None = "none") -> Evidence:
    """Version 2, with an RMSE, against version 1, or against nobody."""
    return Evidence(
        challenger=Contestant(version=2, rmse=challenger),
        champion=None if isinstance(champion, str) else Contestant(version=1, rmse=champion),
        holdout_rows=12,
    )


def test_decide_when_nothing_is_in_production_then_promotes() -> None:
    case = evidence(6311.2624)

    assert decide(case) == Verdict(
        action="promote",
        reason="version 2 is promoted: RMSE 6311.3, and nothing was in production",
        evidence=case,
    )


def test_decide_when_the_rmse_is_lower_then_promotes_and_tells_the_gain() -> None:
    case = evidence(5181.9071538939115, 6302.016142341539)

    assert decide(case) == Verdict(
        action="promote",
        reason=(
            "version 2 is promoted: RMSE 5181.9 against 6302.0 of version 1 on the same 12 rows, "
            "a gain of 1120.1"
        ),
        evidence=case,
    )


def test_decide_when_the_rmse_is_higher_then_archives_and_tells_the_loss() -> None:
    case = evidence(6302.016142341539, 5181.9071538939115)

    assert decide(case) == Verdict(
        action="archive",
        reason=(
            "version 2 is not promoted: RMSE 6302.0 against 5181.9 of version 1 on the same "
            "12 rows, a loss of 1120.1"
        ),
        evidence=case,
    )


def test_decide_when_both_are_equal_then_keeps_the_champion() -> None:
    case = evidence(6311.25, 6311.25)

    assert decide(case) == Verdict(
        action="archive",
        reason=(
            "version 2 is not promoted: RMSE 6311.2 against 6311.2 of version 1 on the same "
            "12 rows, a tie keeps the champion"
        ),
        evidence=case,
    )


@pytest.mark.parametrize("champion", ["none", 6311.25])
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
    rmse: float | None, found: str, champion: float | str
) -> None:
    verdict = decide(evidence(rmse, champion))

    assert verdict.action == "archive"
    assert verdict.reason == f"version 2 is not promoted: its RMSE is {found}"


@pytest.mark.parametrize("rmse", [None, math.nan, math.inf])
def test_decide_when_the_champions_rmse_is_no_number_then_refuses_to_compare(
    rmse: float | None,
) -> None:
    with pytest.raises(UserError) as caught:
        decide(evidence(6311.25, rmse))

    assert str(caught.value) == (
        f"production version 1 has RMSE {rmse} on today's 12 holdout rows, so nothing can be "
        f"compared with it"
    )


@pytest.mark.parametrize(("challenger", "champion"), [(0.0123, 0.0456), (0.0456, 0.0123)])
def test_decide_when_the_targets_unit_is_large_then_still_tells_the_scores_apart(
    challenger: float, champion: float
) -> None:
    reason = decide(evidence(challenger, champion)).reason

    assert "0.0123" in reason
    assert "0.0456" in reason
    assert "0.033" in reason  # the gain or loss


scores = st.none() | st.floats()


@given(scores, scores | st.just("none"))
def test_decide_when_given_any_scores_then_promotes_only_a_strictly_lower_finite_one(
    challenger: float | None, champion: float | str | None
) -> None:
    finite = challenger is not None and math.isfinite(challenger)
    comparable = champion is not None and (champion == "none" or math.isfinite(float(champion)))
    if finite and not comparable:
        with pytest.raises(UserError):
            decide(evidence(challenger, champion))
        return
    lower = champion == "none" or (finite and comparable and challenger < champion)  # type: ignore[operator]

    assert (decide(evidence(challenger, champion)).action == "promote") is (finite and lower)
