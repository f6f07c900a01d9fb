"""The contest for production, as a node."""

import json
import math

import pandas as pd
import pytest

from salary_kedro.errors import UserError
from salary_kedro.parameters import RegistryNames
from salary_kedro.pipelines.promotion.nodes import promote_if_better
from stores import MODEL_NAME, Models, alias, register, tags

# Against salaries of 100, a model that always says 100 + r has an RMSE of r.
HOLDOUT = pd.DataFrame({"experience_years": [1.0, 2.0], "salary": [100.0, 100.0]})
REGISTRY = RegistryNames(model_name=MODEL_NAME)


def test_promote_when_the_first_version_comes_then_is_in_production(
    store: str, models: Models
) -> None:
    register(models[5])

    verdict = promote_if_better({"version": 1}, HOLDOUT, REGISTRY)

    assert verdict == {
        "action": "promote",
        "reason": "version 1 is promoted: RMSE 5.0, and nothing was in production",
        "evidence": {
            "challenger": {"version": 1, "rmse": 5.0},
            "champion": None,
            "holdout_rows": 2,
        },
    }
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}})


def test_promote_when_a_better_version_comes_then_takes_its_place(
    store: str, models: Models
) -> None:
    for number, rmse in ((1, 5), (2, 3)):
        register(models[rmse])
        verdict = promote_if_better({"version": number}, HOLDOUT, REGISTRY)

    assert verdict["evidence"]["champion"] == {"version": 1, "rmse": 5.0}
    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}})


def test_promote_when_a_worse_version_comes_then_is_archived(store: str, models: Models) -> None:
    for number, rmse in ((1, 3), (2, 5)):
        register(models[rmse])
        verdict = promote_if_better({"version": number}, HOLDOUT, REGISTRY)

    assert verdict["action"] == "archive"
    assert (alias(), tags()) == (1, {1: {"production": "3.0"}, 2: {"archived": "5.0"}})


def test_promote_when_a_version_above_it_exists_then_takes_the_one_it_was_given(
    store: str, models: Models
) -> None:
    register(models[5])
    register(models[1])

    promote_if_better({"version": 1}, HOLDOUT, REGISTRY)

    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"staging": "1.0"}})


def test_promote_when_the_version_is_of_another_store_then_says_so(
    store: str, models: Models
) -> None:
    with pytest.raises(UserError, match=r"^model 'salaries' has no version 7 in this store"):
        promote_if_better({"version": 7}, HOLDOUT, REGISTRY)


@pytest.mark.parametrize("rmse", [5.0, math.nan, math.inf])
def test_promote_when_it_is_decided_then_the_verdict_is_plain_json(
    rmse: float, store: str, models: Models
) -> None:
    register(models[5], rmse)

    verdict = promote_if_better({"version": 1}, HOLDOUT, REGISTRY)

    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict


def test_promote_when_called_then_leaves_the_rows_as_they_were(store: str, models: Models) -> None:
    register(models[5])
    holdout = HOLDOUT.copy(deep=True)

    promote_if_better({"version": 1}, holdout, REGISTRY)

    pd.testing.assert_frame_equal(holdout, HOLDOUT)
