"""As how many rows those of the same persons count, against values worked out by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from salary_kedro.modelling.clusters import clusters_of, effective_rows, field_astride, kish
from salary_kedro.modelling.folding import Splitting
from samples import column, contract_of, day

ROWS = pd.DataFrame(
    {
        "age": [20, 30, 40, 50],
        "person": [7.0, 3.0, 7.0, np.nan],
        "year": [1, 1, 1, 2],
        "hired": pd.to_datetime(["2020-01-01"] * 4),
    }
)
CONTRACT = contract_of(
    column("age"),
    column("person", use="split"),
    column("year", use="split"),
    day("hired", use="split"),
)


def by(split: Any) -> Splitting:
    return Splitting.model_validate({"train_size": 0.7, "random_state": 1, "split": split})


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("random", [0, 1, 0, 2]),  # the field with the most values
        ({"time": "age"}, [0, 1, 0, 2]),
        ({"time": "person"}, [0, 0, 0, 1]),
        ({"group": "year"}, [0, 0, 0, 1]),
        ({"group": "age"}, None),
    ],
)
def test_clusters_when_the_split_is_this_then_are_those(split: Any, expected: Any) -> None:
    found = clusters_of(ROWS, CONTRACT, by(split))

    assert (found if found is None else found.tolist()) == expected


def test_clusters_when_nothing_names_a_person_then_are_none() -> None:
    assert clusters_of(ROWS, contract_of(column("age"), column("person")), by("random")) is None


@pytest.mark.parametrize(
    ("split", "holdout", "expected"),
    [
        ("stable", [2, 3], "person"),  # the first and the third are one person's
        ({"time": "year"}, [2, 3], "person"),
        ("random", [1, 3], None),  # the last is nobody's
        ({"group": "person"}, [2, 3], None),
    ],
)
def test_field_astride_when_rows_of_a_person_lie_on_both_sides_then_is_that_field(
    split: Any, holdout: list[int], expected: str | None
) -> None:
    train = ROWS.drop(index=holdout)

    assert field_astride(train, ROWS.loc[holdout], CONTRACT, by(split)) == expected


def test_field_astride_when_rows_on_both_sides_are_nobodys_then_there_is_none() -> None:
    contract = contract_of(column("age"), column("person", use="split"))
    train, holdout = (pd.DataFrame({"person": [person, np.nan]}) for person in (1.0, 2.0))

    assert field_astride(train, holdout, contract, by("random")) is None


def test_clusters_when_several_rows_are_nobodys_then_each_is_one_by_itself() -> None:
    rows = pd.concat([ROWS, ROWS.loc[[3]]], ignore_index=True)
    found = clusters_of(rows, CONTRACT, by("random"))

    assert found is not None
    assert found.tolist() == [0, 1, 0, 2, 3]


def test_effective_rows_when_rows_of_a_cluster_are_alike_then_are_the_clusters() -> None:
    residuals, clusters = np.repeat(np.arange(10.0), 4), np.repeat(np.arange(10), 4)

    assert effective_rows(residuals, np.ones(40), clusters) == pytest.approx(10)


def test_effective_rows_when_each_row_is_by_itself_then_are_the_rows() -> None:
    assert effective_rows(np.arange(40.0), np.ones(40), np.arange(40)) == pytest.approx(40)
    assert effective_rows(np.arange(40.0), np.ones(40), None) == 40


def test_effective_rows_when_clusters_are_unlike_within_then_are_the_rows() -> None:
    # Ten clusters of three: in five, two of three rows are above the median, in five one is.
    residuals = np.array([[1, 2, -1]] * 5 + [[1, -2, -1]] * 5).ravel() + np.arange(30) / 100
    clusters = np.repeat(np.arange(10), 3)

    found = effective_rows(residuals, np.ones(30), clusters)

    # 15 of 30 are above; totals are off by a half each: 1/4 over 10 / 4 / 30**2 is 90 rows, which
    # rows that differ within a person by chance cannot be.
    assert found == 30


def test_effective_rows_when_rows_are_mixed_then_are_by_totals_and_students_quantiles() -> None:
    # Twenty clusters of four: totals above the median of 4, 2 and 0.
    cells = [[1, 1, 1, 1]] * 5 + [[1, 1, -1, -1]] * 10 + [[-1, -1, -1, -1]] * 5
    residuals = np.array(cells).ravel() + np.arange(80) / 1000

    found = effective_rows(residuals, np.ones(80), np.repeat(np.arange(20), 4))

    # Variance: ten totals are off by 2: 40 / 80**2; 1/4 over it is 40, and few clusters cost.
    few = (stats.t.ppf(0.975, 79) / stats.t.ppf(0.975, 19)) ** 2
    assert found == pytest.approx(40 * few)
    assert few == pytest.approx(0.904, abs=1e-3)


def test_effective_rows_when_there_is_one_cluster_then_is_one() -> None:
    assert effective_rows(np.arange(5.0), np.ones(5), np.zeros(5, dtype=int)) == 1


def test_effective_rows_when_rows_have_weights_then_count_by_them() -> None:
    weights = np.array([1.0, 3, 1, 3])

    assert effective_rows(np.arange(4.0), weights, None) == kish(weights) == 64 / 20
    # Two persons of weight 4 whose rows are alike
    alike = np.array([1.0, 1, 2, 2])
    assert effective_rows(alike, weights, np.array([0, 0, 1, 1])) == pytest.approx(2)
