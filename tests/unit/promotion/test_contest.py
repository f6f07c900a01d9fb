"""The contest for production, and the decisions made by hand."""

import json
import math
import threading
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.promotion.verdict import Policy
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Version
from samples import constant
from stores import (
    HOLDOUT,
    MODEL_NAME,
    Models,
    WatchedClient,
    alias,
    all_of_it,
    contest,
    log,
    own_registry,
    register,
    tags,
    told,
)

pytestmark = pytest.mark.slow  # whole decisions, in a store of MLflow


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


@pytest.fixture
def champion(registry: Registry, models: Models) -> Version:
    """Version 1, in production, with RMSE 5."""
    register(models[5])
    contest(1)
    return registry.version(1)


# --- Who wins -----------------------------------------------------------------------


def test_contest_when_nothing_is_in_production_then_promotes(
    registry: Registry, models: Models
) -> None:
    verdict = contest(register(models[5]).number)

    assert verdict.action == "promote"
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}})


def test_contest_when_the_challenger_is_better_then_promotes_it(
    champion: Version, models: Models
) -> None:
    verdict = contest(register(models[3]).number)

    assert verdict.action == "promote"
    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}})


def test_contest_when_the_challenger_is_worse_then_archives_it(
    champion: Version, models: Models
) -> None:
    verdict = contest(register(models[7]).number)

    assert verdict.action == "archive"
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "7.0"}})


def test_contest_when_there_is_a_tie_then_keeps_the_champion(
    champion: Version, contract: Contract
) -> None:
    verdict = contest(register(log(constant(95), contract, 5.0)).number)

    assert verdict.action == "archive"
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "5.0"}})


def test_contest_when_the_recorded_scores_say_otherwise_then_goes_by_todays_rows(
    registry: Registry, models: Models
) -> None:
    register(models[5], 0.001)  # recorded on other rows
    contest(1)

    verdict = contest(register(models[3], 999.0).number)

    assert verdict.reason.startswith("version 2 is promoted: RMSE 3.0 against 5.0; ")
    assert (alias(), tags()) == (2, {1: {"archived": "0.001"}, 2: {"production": "999.0"}})


def test_contest_when_the_policy_asks_for_more_then_goes_by_it(
    champion: Version, models: Models
) -> None:
    verdict = contest(register(models[3]).number, Policy(max_rmse=2))

    assert verdict.action == "archive"
    assert alias() == 1


@pytest.mark.parametrize("rmse", [math.nan, math.inf, -math.inf])
def test_contest_when_the_recorded_rmse_is_not_finite_then_does_not_promote(
    rmse: float, champion: Version, models: Models
) -> None:
    verdict = contest(register(models[1], rmse).number)

    assert verdict.action == "archive"
    assert alias() == 1
    assert list(tags()[2]) == ["archived"]


def test_contest_when_the_first_version_has_no_finite_rmse_then_nothing_is_in_production(
    registry: Registry, models: Models
) -> None:
    contest(register(models[1], math.nan).number)

    assert (alias(), list(tags()[1])) == (None, ["archived"])


# --- What is written ------------------------------------------------------------------


def test_contest_when_a_version_is_promoted_then_the_history_tells_it(
    champion: Version, models: Models
) -> None:
    verdict = contest(register(models[3]).number)

    intent, done = own_registry().state().history[-2:]
    assert (intent.state, done.state, done.intent) == ("intent", "done", intent.key)
    assert told() == [("promotion", 1, None, 1), ("promotion", 2, 1, 2)]
    assert done.why == verdict.reason
    assert done.evidence == json.loads(verdict.model_dump_json())


def test_contest_when_a_version_is_archived_then_the_history_tells_it_in_one_record(
    champion: Version, models: Models
) -> None:
    verdict = contest(register(models[7]).number)

    record = own_registry().state().history[-1]
    assert told()[1:] == [("archiving", 2, 1, 1)]
    assert (record.why, record.intent) == (verdict.reason, None)
    assert record.evidence == json.loads(verdict.model_dump_json())


@pytest.mark.parametrize(("rmse", "action"), [(3, "promote"), (7, "archive")])
def test_contest_when_done_then_the_version_tells_the_verdict(
    rmse: int, action: str, champion: Version, models: Models
) -> None:
    verdict = contest(register(models[rmse]).number)

    found = MlflowClient().get_model_version(MODEL_NAME, "2")
    assert found.tags["verdict"] == action
    assert str(found.description).startswith(f"V{verdict.reason[1:]}.")


def test_contest_when_done_then_the_run_holds_verdict_and_errors(
    champion: Version, contract: Contract, tmp_path: Path
) -> None:
    verdict = contest(register(log(constant(103), contract, 3.0)).number)

    (told,) = (tmp_path / "artifacts").rglob("verdict.json")
    (errors,) = (tmp_path / "artifacts").rglob("holdout_errors.csv")
    assert json.loads(told.read_text()) == json.loads(verdict.model_dump_json())
    assert errors.read_text() == ("row,error_version_1,error_version_2\n0,-5.0,-3.0\n1,-5.0,-3.0\n")


def test_contest_when_it_promotes_then_writes_in_the_order_that_a_crash_cannot_break(
    champion: Version, models: Models, watched: type[WatchedClient]
) -> None:
    register(models[3])
    contest(2)

    both = {1: {"production": "5.0"}, 2: {"staging": "3.0"}}
    assert watched.states == [
        (1, both),  # intent recorded
        (2, both),  # alias
        (2, {1: {"production": "5.0", "archived": "5.0"}, 2: {"staging": "3.0"}}),
        (2, {1: {"archived": "5.0"}, 2: {"staging": "3.0"}}),
        (2, {1: {"archived": "5.0"}, 2: {"staging": "3.0", "production": "3.0"}}),
        (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}}),
        (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}}),  # outcome recorded
        (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}}),  # verdict
        (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}}),  # description
    ]


def test_contest_when_it_is_done_then_leaves_the_rows_as_they_were(
    registry: Registry, models: Models
) -> None:
    holdout = HOLDOUT.copy(deep=True)

    contest(register(models[5]).number, holdout=holdout)

    pd.testing.assert_frame_equal(holdout, HOLDOUT)


# --- Again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rmse", [3, 7])
def test_contest_when_held_twice_then_changes_nothing_and_says_the_same(
    rmse: int, champion: Version, models: Models
) -> None:
    first = contest(register(models[rmse]).number)
    before = all_of_it()

    second = contest(2)

    assert all_of_it() == before
    assert second == first


def test_contest_when_the_version_is_production_without_a_contest_then_says_so(
    registry: Registry, models: Models
) -> None:
    register(models[5])
    promote_by_hand(registry, 1, "trust me")
    before = all_of_it()

    verdict = contest(1)

    assert verdict.reason == "version 1 is promoted: it is production already"
    assert all_of_it() == before


def test_contest_when_the_version_was_archived_without_a_contest_then_stays_archived(
    champion: Version, models: Models
) -> None:
    register(models[3])
    client = MlflowClient()
    client.set_model_version_tag(MODEL_NAME, "2", "archived", "3.0")
    client.delete_model_version_tag(MODEL_NAME, "2", "staging")
    before = all_of_it()

    verdict = contest(2)

    assert verdict.action == "archive"
    assert all_of_it() == before


# --- Rivals that others left undecided -----------------------------------------------------


def test_contest_when_a_better_version_was_left_in_staging_then_that_one_wins(
    champion: Version, models: Models
) -> None:
    register(models[1])

    verdict = contest(register(models[3]).number)

    assert verdict.reason.startswith("version 3 is not promoted: RMSE 3.0 against 1.0; ")
    assert tags() == {1: {"archived": "5.0"}, 2: {"production": "1.0"}, 3: {"archived": "3.0"}}


def test_contest_when_a_worse_version_was_left_in_staging_then_is_archived_by_contest(
    champion: Version, models: Models
) -> None:
    register(models[7])

    contest(register(models[3]).number)

    assert told()[1:] == [("archiving", 2, 1, 1), ("promotion", 3, 1, 3)]
    assert tags() == {1: {"archived": "5.0"}, 2: {"archived": "7.0"}, 3: {"production": "3.0"}}


@pytest.mark.parametrize("rmse", [1, 9])
def test_contest_when_another_run_has_settled_the_version_then_reports_that_decision(
    rmse: int, champion: Version, models: Models
) -> None:
    register(models[3])
    contest(register(models[rmse]).number)
    decided = own_registry().state().history.done[1].evidence
    before = all_of_it()

    verdict = contest(2)

    assert decided is not None
    assert verdict.reason == decided["reason"]
    assert verdict.reason.startswith("version 2 is promoted: RMSE 3.0 against 5.0; ")
    assert all_of_it() == before


def test_contest_when_a_leftover_cannot_be_scored_then_archives_it_with_the_reason(
    champion: Version, models: Models, contract: Contract
) -> None:
    register(log(constant(101), contract, 1.0))
    (own_registry().model_folder(2) / "model.skops").write_bytes(b"garbage")

    contest(register(models[3]).number)

    assert tags() == {1: {"archived": "5.0"}, 2: {"archived": "1.0"}, 3: {"production": "3.0"}}
    assert own_registry().state().history.done[1].why == (
        "version 2 is not promoted: version 2 cannot score today's holdout rows: the model file "
        "cannot be loaded: File is not a zip file"
    )


def test_contest_when_a_leftovers_tag_holds_no_number_then_archives_it_with_the_reason(
    champion: Version, models: Models
) -> None:
    register(models[1])
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "staging", "low")

    contest(register(models[3]).number)

    assert tags() == {1: {"archived": "5.0"}, 2: {"archived": "low"}, 3: {"production": "3.0"}}
    assert (
        own_registry()
        .state()
        .history.done[1]
        .why.startswith(
            "version 2 is not promoted: version 2: its stage tag holds 'low', not an RMSE; "
        )
    )


@pytest.mark.slow
def test_contest_when_more_than_fifty_were_left_in_staging_then_settles_all(
    champion: Version, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "annotate", lambda *_: None)  # half of the time, and no matter
    for _ in range(51):
        number = register(models[5], math.nan).number

    contest(register(models[3]).number)

    found = [list(held) for held in tags().values()]
    assert (alias(), number) == (53, 52)
    assert sorted(found) == [["archived"]] * 52 + [["production"]]


def test_contest_when_its_own_version_cannot_be_scored_then_is_an_error_and_the_next_archives_it(
    champion: Version, contract: Contract, models: Models
) -> None:
    register(log(constant(101), contract, 1.0))
    (own_registry().model_folder(2) / "model.skops").write_bytes(b"garbage")
    before = all_of_it()

    with pytest.raises(UserError, match=r"^version 2 cannot score today's holdout rows: "):
        contest(2)
    assert all_of_it() == before

    contest(register(models[7]).number)
    assert tags() == {1: {"production": "5.0"}, 2: {"archived": "1.0"}, 3: {"archived": "7.0"}}


def test_contest_when_four_are_held_at_once_then_the_best_is_alone_in_production(
    champion: Version, models: Models
) -> None:
    challengers = [register(models[r]) for r in (7, 3, 1, 9)]
    together = threading.Barrier(4, timeout=30)

    def hold(challenger: Version) -> None:
        together.wait()
        contest(challenger.number)

    threads = [threading.Thread(target=hold, args=(version,)) for version in challengers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (alias(), tags()) == (
        4,
        {
            1: {"archived": "5.0"},
            2: {"archived": "7.0"},
            3: {"archived": "3.0"},
            4: {"production": "1.0"},
            5: {"archived": "9.0"},
        },
    )
