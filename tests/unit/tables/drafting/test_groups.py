"""Pay of two kinds in one column, as it is recognised."""

import numpy as np
import pytest

from salary_kedro.tables.drafting.groups import groups_remark


def test_groups_when_hourly_and_yearly_pay_share_a_column_then_asks() -> None:
    sizes = np.array([35_000, 15, 100_000, 50, 52_000.5])

    assert list(groups_remark("Pay Rate", sizes)) == [
        (
            "'Pay Rate' holds two groups of values, and nothing between them: "
            "2 rows from 15 to 50, 3 rows from 35,000 to 100,000. "
            "Are they paid by the hour and by the year? A model of both predicts neither: "
            "bring the rows of one alone, or bring a column that tells which is which."
        )
    ]


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [5],
        [0, 0, 0, 30_000],
        [100, 5_000],  # a factor of 50 and no more
        [15, *[40_000] * 20],  # one row of 21 is an oddity
        [15, 200, 9_000, 40_000],
    ],
)
def test_groups_when_values_lie_close_or_few_stand_apart_then_asks_nothing(
    sizes: list[float],
) -> None:
    assert list(groups_remark("pay", np.array(sizes, dtype="float64"))) == []
