"""Predicted against actual target, as the report holds it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.bundle.report import Fit
from salary_kedro.contract import Contract
from salary_kedro.modelling.fit import MAX_POINTS, learn_fit
from samples import column, contract_of


def fit_of(predicted: list[float], actual: list[float], contract: Contract, **options: Any) -> Fit:
    holdout = pd.DataFrame({"salary": actual})
    return learn_fit(np.array(predicted, float), holdout, contract, **options)


#: Ten rows: five predicted 100 to 104, each 2 too low, and five predicted 200 to 204, where
#: actual minus predicted is -2, -1, 0, 1, 2: standard deviation sqrt(10 / 4).
PREDICTED = [100.0, 101.0, 102.0, 103.0, 104.0, 200.0, 201.0, 202.0, 203.0, 204.0]
ACTUAL = [102.0, 103.0, 104.0, 105.0, 106.0, 198.0, 200.0, 202.0, 204.0, 206.0]


def test_fit_when_learnt_then_bands_hold_mean_and_spread_of_the_residuals(
    contract: Contract,
) -> None:
    found = fit_of(PREDICTED, ACTUAL, contract)

    told = [(band.rows, band.mean_residual, band.spread) for band in found.bands]
    assert told == [(5, 2.0, 0.0), (5, 0.0, 1.581)]
    assert (found.rows, found.min_rows, found.withheld, found.points) == (10, 5, 0, ())
    assert [cell.rows for cell in found.cells] == [5, 5]


def test_fit_when_rows_have_weights_then_means_are_of_people() -> None:
    contract = contract_of(
        column("experience_years"), column("people", use="weight", exclusive_minimum=0)
    )
    holdout = pd.DataFrame({"salary": [*range(5)], "people": [1.0, 1.0, 1.0, 1.0, 6.0]})

    (band,) = learn_fit(np.zeros(5), holdout, contract).bands

    # (0 + 1 + 2 + 3 + 6 * 4) / 10 = 3
    assert band.mean_residual == 3.0


def test_fit_when_more_people_are_asked_for_than_five_then_cells_hold_so_many(
    contract: Contract,
) -> None:
    found = fit_of(PREDICTED, ACTUAL, contract, min_rows=6)

    assert [cell.rows for cell in found.cells] == [10]
    assert fit_of(PREDICTED, ACTUAL, contract, min_rows=2).min_rows == 5


def test_fit_when_rows_are_of_four_people_then_all_are_withheld(contract: Contract) -> None:
    found = fit_of(PREDICTED, ACTUAL, contract, clusters=np.arange(10) % 4)

    assert (found.rows, found.withheld, found.cells, found.bands) == (10, 10, (), ())


def test_fit_when_there_is_no_row_then_is_empty(contract: Contract) -> None:
    assert fit_of([], [], contract) == Fit(rows=0, min_rows=5, withheld=0, cells=(), bands=())


@pytest.mark.parametrize(("rows", "points"), [(10, 10), (MAX_POINTS + 1, MAX_POINTS)])
def test_fit_when_the_table_is_public_then_holds_single_rows_too(
    rows: int, points: int, contract: Contract
) -> None:
    numbers = [*np.linspace(1, 2, rows)]

    found = fit_of(numbers, [2 * number for number in numbers], contract, is_public=True)

    assert len(found.points) == points
    assert all(actual == 2 * predicted for predicted, actual in found.points)
