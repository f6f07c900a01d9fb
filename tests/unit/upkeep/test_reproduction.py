"""How far two trainings are apart, by hand-derived figures."""

import math

import numpy as np
import pytest

from salary_kedro.bundle.lineage import Lineage
from salary_kedro.upkeep.reproduction import (
    Deviation,
    Ingredient,
    Metric,
    as_recorded,
    compare,
    deviation,
)

LINEAGE = Lineage(
    code_sha256="c", data_sha256="d", lock_sha256="l", parameters_sha256="p", git_commit="g"
)
SAME = {"holdout": ([1.0, 2.0], [1.0, 2.0])}


@pytest.mark.parametrize(
    ("recorded", "now", "absolute", "relative"),
    [
        ([], [], 0.0, 0.0),
        ([1.0, 2.0], [1.0, 2.0], 0.0, 0.0),
        ([10.0, 200.0], [11.0, 205.0], 5.0, 0.1),
        ([-10.0], [-8.0], 2.0, 0.2),
        ([0.0], [0.5], 0.5, None),
        ([0.0], [-0.0], 0.0, 0.0),
        ([math.nan, math.inf], [math.nan, math.inf], 0.0, 0.0),
        ([math.nan], [1.0], None, None),
        ([1.0], [math.inf], None, None),
        ([1.0], [1.0, 2.0], None, None),
    ],
)
def test_deviation_when_values_are_given_then_is_the_largest(
    recorded: list[float], now: list[float], absolute: float | None, relative: float | None
) -> None:
    assert deviation(recorded, now) == Deviation(absolute=absolute, relative=relative)


def test_deviation_when_the_last_digit_differs_then_is_not_zero() -> None:
    assert deviation([1.0], [np.nextafter(1.0, 2.0)]).absolute == 2.0**-52


def test_compare_when_all_is_the_same_then_is_identical() -> None:
    found = compare(3, (LINEAGE, LINEAGE.model_copy()), ({"rmse": 1.5}, {"rmse": 1.5}), SAME)

    assert (found.version, found.identical, found.differs) == (3, True, [])
    assert found.metrics == {"rmse": Metric(recorded=1.5, now=1.5, absolute=0.0, relative=0.0)}
    assert found.predictions == {"holdout": Deviation(absolute=0.0, relative=0.0)}


@pytest.mark.parametrize("name", ["code", "data", "lock", "parameters"])
def test_compare_when_an_ingredient_differs_then_names_it_and_compares_all_the_same(
    name: str,
) -> None:
    now = LINEAGE.model_copy(update={f"{name}_sha256": "other"})

    found = compare(1, (LINEAGE, now), ({}, {}), SAME)

    assert found.differs == [name]
    assert found.ingredients[name] == Ingredient(recorded=name[0], now="other")
    assert found.identical


def test_compare_when_an_ingredient_was_never_recorded_then_it_differs() -> None:
    found = compare(1, (Lineage(), Lineage()), ({}, {}), SAME)

    assert found.differs == ["code", "data", "lock", "parameters"]


def test_compare_when_the_commit_alone_differs_then_shows_it_and_nothing_differs() -> None:
    found = compare(1, (LINEAGE, LINEAGE.model_copy(update={"git_commit": "h"})), ({}, {}), SAME)

    assert found.differs == []
    assert found.git_commit == Ingredient(recorded="g", now="h")


def test_compare_when_a_metric_is_missing_on_one_side_then_is_not_identical() -> None:
    found = compare(1, (LINEAGE, LINEAGE), ({"rmse": 1.0, "old": 2.0}, {"rmse": 1.0}), SAME)

    assert not found.identical
    assert found.metrics["old"] == Metric(recorded=2.0, now=None, absolute=None, relative=None)


def test_compare_when_calibrations_differ_then_is_not_identical() -> None:
    found = compare(1, (LINEAGE, LINEAGE), ({}, {}), SAME, ([1.0, 200.0], [1.0, 201.0]))

    assert not found.identical
    assert found.calibration is not None
    assert (found.calibration.absolute, found.calibration.relative) == (1.0, 0.005)


def test_compare_when_a_version_has_no_calibration_then_says_nothing_of_it() -> None:
    found = compare(1, (LINEAGE, LINEAGE), ({}, {}), SAME, None)

    assert (found.identical, found.calibration) == (True, None)


def test_compare_when_predictions_differ_then_is_not_identical() -> None:
    found = compare(1, (LINEAGE, LINEAGE), ({}, {}), {"examples": ([100.0], [101.0])})

    assert not found.identical
    assert found.predictions == {"examples": Deviation(absolute=1.0, relative=0.01)}


@pytest.mark.parametrize("now", [math.nan, math.inf, None])
def test_compare_when_a_metric_was_no_finite_number_and_is_none_now_then_is_identical(
    now: float | None,
) -> None:
    found = compare(1, (LINEAGE, LINEAGE), ({"r2": None}, {"r2": now}), SAME)

    assert found.identical
    assert found.metrics == {"r2": Metric(recorded=None, now=None, absolute=0.0, relative=0.0)}


@pytest.mark.parametrize("pair", [(None, 0.5), (0.5, math.nan)])
def test_compare_when_a_metric_is_a_finite_number_on_one_side_then_is_not_identical(
    pair: tuple[float | None, float],
) -> None:
    found = compare(1, (LINEAGE, LINEAGE), ({"r2": pair[0]}, {"r2": pair[1]}), SAME)

    assert not found.identical
    assert found.metrics["r2"].absolute is None


def test_compare_when_nothing_can_be_compared_then_its_json_holds_no_nan() -> None:
    predictions = {"holdout": ([1.0, math.nan], [math.inf, 1.0])}

    found = compare(1, (LINEAGE, LINEAGE), ({"r2": math.nan}, {"r2": math.inf}), predictions)

    assert "NaN" not in found.model_dump_json()
    assert "Inf" not in found.model_dump_json()
    assert not found.identical


NOW = LINEAGE.model_copy(update={"data_sha256": "t", "data_method": "table-1"})
BY_TABLE = LINEAGE.model_copy(update={"data_method": "table-1"})
SAME_TABLE = BY_TABLE.model_copy(update={"data_sha256": "t"})
BY_ANOTHER = BY_TABLE.model_copy(update={"data_method": "table-9"})


@pytest.mark.parametrize(
    ("recorded", "file_sha256", "ingredient", "differs"),
    [
        (LINEAGE, "d", Ingredient(recorded="d", now="d"), []),
        (LINEAGE, "e", Ingredient(recorded="d", now="e"), ["data"]),
        (LINEAGE, None, Ingredient(recorded="d", now=None), []),
        (BY_TABLE, "d", Ingredient(recorded="d", now="t"), ["data"]),
        (SAME_TABLE, None, Ingredient(recorded="t", now="t"), []),
        (BY_ANOTHER, "d", Ingredient(recorded="d", now=None), []),
    ],
)
def test_compare_when_fingerprints_are_taken_in_two_ways_then_only_like_is_compared_with_like(
    recorded: Lineage, file_sha256: str | None, ingredient: Ingredient, differs: list[str]
) -> None:
    now = as_recorded(recorded, NOW, file_sha256)

    found = compare(1, (recorded, now), ({}, {}), SAME)

    assert (found.ingredients["data"], found.differs) == (ingredient, differs)
