"""The contest for production, as nodes."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.pipelines.promotion.nodes import bring_into_line, promote_if_better
from salary_kedro.promotion.verdict import Policy
from salary_kedro.tables.fingerprint import fingerprint
from samples import constant, default_contract
from stores import HOLDOUT, MODEL_NAME, Models, alias, contest, log, own_registry, register, tags


def promote(
    number: int, holdout: pd.DataFrame = HOLDOUT, policy: Policy | None = None
) -> dict[str, Any]:
    """Call the node as the pipeline does; its verdict."""
    return promote_and_tell(number, holdout, policy)[0]


def promote_and_tell(
    number: int,
    holdout: pd.DataFrame = HOLDOUT,
    policy: Policy | None = None,
    moves: tuple[dict[str, Any], ...] = (),
    of: pd.DataFrame | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Call the node as the pipeline does, or with keys of another table; verdict and moves."""
    before = {"version": None, "moves": list(moves)}
    keys = pd.DataFrame({"key": np.arange(len(holdout), dtype=np.uint64)})
    return promote_if_better(
        {"version": number},
        before,
        holdout,
        keys,
        b"secret",
        {
            "data_sha256": "",
            "data_method": "",
            "parameters": {"train_size": 0.7, "random_state": 234},
            "train_sha256": "",
            "holdout_sha256": fingerprint(holdout),
            "keys_sha256": fingerprint(keys if of is None else of),
        },
        own_registry(),
        policy or Policy(),
        default_contract(),
    )


# --- promote_if_better ----------------------------------------------------------------


UNKNOWN: dict[str, Any] = {
    **dict.fromkeys(("data_sha256", "data_method", "seen_rows", "unseen_rmse", "baseline_rmse")),
    "by_arrays": False,
    "arrays_reason": None,
}


def test_promote_when_the_first_version_comes_then_is_in_production(
    store: str, models: Models
) -> None:
    register(models[5])

    verdict = promote(1)

    assert verdict == {
        "action": "promote",
        "reason": "version 1 is promoted: RMSE 5.0, and nothing was in production",
        "evidence": {
            "challenger": {"version": 1, "rmse": 5.0, "stored_rmse": 5.0, **UNKNOWN},
            "champion": None,
            "holdout_rows": 2,
            "gain": None,
            "champion_error": None,
            "coverage": None,
            "largest_gap": None,
            "unseen_rows": None,
            "rests_on": "all",
            "overlap_unknown": None,
            "split": None,
            "group": None,
            "group_unknown": [],
        },
        "policy": Policy().model_dump(),
    }
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}})


def test_promote_when_the_row_keys_are_of_another_table_then_is_refused(
    store: str, models: Models
) -> None:
    register(models[5])

    with pytest.raises(UserError, match="come from different raw tables or splits"):
        promote_and_tell(1, of=pd.DataFrame({"key": [9]}))

    assert alias() is None


def test_promote_when_a_better_version_comes_then_takes_its_place(
    store: str, models: Models
) -> None:
    for number, rmse in ((1, 5), (2, 3)):
        register(models[rmse])
        verdict = promote(number)

    assert verdict["evidence"]["champion"]["version"] == 1
    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}})


def test_promote_when_a_worse_version_comes_then_is_archived(store: str, models: Models) -> None:
    for number, rmse in ((1, 3), (2, 5)):
        register(models[rmse])
        verdict = promote(number)

    assert verdict["action"] == "archive"
    assert (alias(), tags()) == (1, {1: {"production": "3.0"}, 2: {"archived": "5.0"}})


def test_promote_when_the_policy_asks_for_more_then_goes_by_it(store: str, models: Models) -> None:
    for number, rmse in ((1, 5), (2, 3)):
        register(models[rmse])
        verdict = promote(number, policy=Policy(min_absolute_gain=2.5))

    assert verdict["action"] == "archive"
    assert verdict["policy"]["min_absolute_gain"] == 2.5


def test_promote_when_a_version_above_it_was_left_undecided_then_tells_of_the_one_it_was_given(
    store: str, models: Models
) -> None:
    register(models[5])
    register(models[1])

    verdict = promote(1)

    assert (verdict["action"], verdict["evidence"]["challenger"]["version"]) == ("promote", 1)
    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "1.0"}})


def test_promote_when_the_version_is_of_another_store_then_says_so(
    store: str, models: Models
) -> None:
    with pytest.raises(UserError, match=r"^there is no version 7 of 'salaries' in this store"):
        promote(7)


@pytest.mark.parametrize("rmse", [5.0, math.nan, math.inf])
def test_promote_when_it_is_decided_then_the_verdict_is_plain_json(
    rmse: float, store: str, models: Models
) -> None:
    register(models[5], rmse)

    verdict = promote(1)

    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict


def test_promote_when_called_then_leaves_the_rows_as_they_were(store: str, models: Models) -> None:
    register(models[5])
    holdout = HOLDOUT.copy(deep=True)

    promote(1, holdout)

    pd.testing.assert_frame_equal(holdout, HOLDOUT)


# --- The moves of the alias -----------------------------------------------------------


def test_promote_when_a_leftover_won_too_then_tells_both_moves(store: str, models: Models) -> None:
    for rmse in (9, 5, 3):
        register(models[rmse])
    contest(1)  # which decides on all

    for rmse in (1, 7):
        register(models[rmse])
    verdict, moves = promote_and_tell(5)

    assert verdict["action"] == "archive"
    assert [(move["from"], move["to"]) for move in moves] == [(3, 4)]
    assert moves[0]["why"].startswith("version 4 is promoted: RMSE 1.0 against 3.0; ")


def test_promote_when_production_was_restored_before_then_tells_those_moves_first(
    store: str, models: Models
) -> None:
    register(models[5])
    earlier = {"from": None, "to": 7, "why": "it was lost"}

    _, moves = promote_and_tell(1, moves=(earlier,))

    assert [move["to"] for move in moves] == [7, 1]


def test_promote_when_it_fails_after_a_move_then_the_error_tells_the_move(
    store: str, models: Models, contract: Contract
) -> None:
    register(models[5])
    contest(1)
    register(models[3])
    register(log(constant(101), contract, 1.0))
    (own_registry().model_folder(3) / "model.skops").write_bytes(b"garbage")

    with pytest.raises(UserError) as caught:
        promote(3)

    assert alias() == 2
    assert "version 3 cannot score today's holdout rows: " in str(caught.value)
    assert "; this run made version 2 production: version 2 is promoted: " in str(caught.value)


# --- bring_into_line ------------------------------------------------------------------


def test_bring_into_line_when_nothing_is_in_production_then_says_none_and_packs_nothing(
    store: str, models: Models, tmp_path: Path
) -> None:
    register(models[5])

    found = bring_into_line({"version": 1}, BundleStore(tmp_path / "bundles"), own_registry())

    assert found == {"version": None, "moves": []}
    assert not (tmp_path / "bundles").exists()


def test_bring_into_line_when_alias_tags_and_pointer_disagree_then_follow_the_alias(
    store: str, models: Models, tmp_path: Path
) -> None:
    for rmse in (5, 3):
        contest(register(models[rmse]).number)
    bundles = BundleStore(tmp_path / "bundles")
    bring_into_line({"version": 2}, bundles, own_registry())
    MlflowClient().set_registered_model_alias(MODEL_NAME, "production", "1")

    found = bring_into_line({"version": 2}, bundles, own_registry())

    current = bundles.current()
    assert current is not None
    assert (found, bundles.load(current).version) == ({"version": 1, "moves": []}, 1)
    assert tags() == {1: {"production": "5.0"}, 2: {"archived": "3.0"}}


def test_bring_into_line_when_the_alias_was_lost_then_tells_that_it_was_restored(
    store: str, models: Models, tmp_path: Path
) -> None:
    register(models[5])
    contest(1)
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")

    found = bring_into_line({"version": 1}, BundleStore(tmp_path / "bundles"), own_registry())

    why = "the alias 'production' was gone; version 1 was production last"
    assert found == {"version": 1, "moves": [{"from": None, "to": 1, "why": why}]}
