"""The contest for production: same rows, strictly lower, and nothing done when in doubt."""

import math
import shutil
import threading

import pandas as pd
import pytest
import skops.io
from mlflow import MlflowClient

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.promotion import contest, read_contract
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.stages import Version
from salary_kedro.lifecycle.verdict import Contestant, Evidence
from samples import column, constant, contract_of, default_contract, straight_line
from stores import MODEL_NAME, Models, Stopped, WatchedClient, alias, log, register, tags

# Against salaries of 100, a model that always says 100 + r has an RMSE of r.
HOLDOUT = pd.DataFrame({"experience_years": [1.0, 2.0], "salary": [100.0, 100.0]})


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return Registry(MODEL_NAME)


@pytest.fixture
def champion(registry: Registry, models: Models) -> Version:
    """Version 1, in production, with RMSE 5."""
    version = register(models[5])
    registry.promote(version)
    return registry.version(version.number)


@pytest.fixture
def fragile(registry: Registry, contract: Contract) -> Version:
    """Version 1, in production, with RMSE 5 and files of its own."""
    version = register(log(constant(105), contract, 5.0))
    registry.promote(version)
    return registry.version(version.number)


def refused(registry: Registry, challenger: Version, holdout: pd.DataFrame = HOLDOUT) -> str:
    """What is said when nothing is decided; neither alias nor tags may change."""
    before = (alias(), tags())
    with pytest.raises(UserError) as caught:
        contest(registry, challenger, holdout)
    assert (alias(), tags()) == before
    return str(caught.value)


# --- Who wins -----------------------------------------------------------------------


def test_contest_when_nothing_is_in_production_then_promotes(
    registry: Registry, models: Models
) -> None:
    verdict = contest(registry, register(models[5]), HOLDOUT)

    assert verdict.action == "promote"
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}})


def test_contest_when_the_challenger_is_better_then_promotes_it(
    registry: Registry, champion: Version, models: Models
) -> None:
    verdict = contest(registry, register(models[3]), HOLDOUT)

    assert verdict.action == "promote"
    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}})


def test_contest_when_the_challenger_is_worse_then_archives_it(
    registry: Registry, champion: Version, models: Models
) -> None:
    verdict = contest(registry, register(models[7]), HOLDOUT)

    assert verdict.action == "archive"
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "7.0"}})


def test_contest_when_there_is_a_tie_then_keeps_the_champion(
    registry: Registry, champion: Version, contract: Contract
) -> None:
    verdict = contest(registry, register(log(constant(95), contract, 5.0)), HOLDOUT)

    assert verdict.action == "archive"
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "5.0"}})


def test_contest_when_it_is_decided_then_the_evidence_is_of_the_same_rows(
    registry: Registry, champion: Version, models: Models
) -> None:
    verdict = contest(registry, register(models[3]), HOLDOUT)

    assert verdict.evidence == Evidence(
        challenger=Contestant(version=2, rmse=3.0),
        champion=Contestant(version=1, rmse=5.0),
        holdout_rows=2,
    )


def test_contest_when_the_recorded_scores_say_otherwise_then_goes_by_todays_rows(
    registry: Registry, models: Models
) -> None:
    registry.promote(register(models[5], 0.001))  # recorded on other rows

    verdict = contest(registry, register(models[3], 999.0), HOLDOUT)

    assert verdict.action == "promote"
    assert verdict.evidence.champion == Contestant(version=1, rmse=5.0)


def test_contest_when_the_champion_lost_its_tag_then_still_has_to_be_beaten(
    registry: Registry, champion: Version, models: Models
) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "production")

    verdict = contest(registry, register(models[7]), HOLDOUT)

    assert verdict.action == "archive"
    assert alias() == 1


# --- No number, no promotion ---------------------------------------------------------


@pytest.mark.parametrize("rmse", [math.nan, math.inf, -math.inf])
def test_contest_when_the_recorded_rmse_is_not_finite_then_does_not_promote(
    rmse: float, registry: Registry, champion: Version, models: Models
) -> None:
    verdict = contest(registry, register(models[1], rmse), HOLDOUT)

    assert verdict.action == "archive"
    assert alias() == 1
    assert list(tags()[2]) == ["archived"]


def test_contest_when_the_rmse_is_missing_then_does_not_promote(
    registry: Registry, champion: Version, models: Models
) -> None:
    register(models[1])
    MlflowClient().delete_model_version_tag(MODEL_NAME, "2", "staging")

    verdict = contest(registry, registry.version(2), HOLDOUT)

    assert verdict.action == "archive"
    assert alias() == 1
    assert list(tags()[2]) == ["archived"]


def test_contest_when_the_first_version_has_no_finite_rmse_then_nothing_is_in_production(
    registry: Registry, models: Models
) -> None:
    contest(registry, register(models[1], math.nan), HOLDOUT)

    assert (alias(), list(tags()[1])) == (None, ["archived"])


def test_contest_when_the_tag_holds_no_number_then_is_an_error(
    registry: Registry, champion: Version, models: Models
) -> None:
    register(models[1])
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "staging", "low")

    message = refused(registry, registry.version(2))

    assert message.startswith("version 2: its stage tag holds 'low', not an RMSE; ")


# --- A champion that cannot be looked up -----------------------------------------------


def test_contest_when_the_champions_model_file_is_gone_then_is_an_error(
    registry: Registry, fragile: Version, models: Models
) -> None:
    challenger = register(models[3])
    (registry.model_folder(1) / "model.skops").unlink()

    assert refused(registry, challenger).startswith(
        "version 1 cannot score today's holdout rows, so nothing is promoted or archived: "
        "the model file cannot be loaded: [Errno 2] No such file or directory: "
    )


def test_contest_when_the_champions_model_file_is_damaged_then_is_an_error(
    registry: Registry, fragile: Version, models: Models
) -> None:
    challenger = register(models[3])
    path = registry.model_folder(1) / "model.skops"
    path.write_bytes(path.read_bytes()[:100])

    assert refused(registry, challenger) == (
        "version 1 cannot score today's holdout rows, so nothing is promoted or archived: "
        "the model file cannot be loaded: File is not a zip file"
    )


def test_contest_when_the_champions_folder_is_gone_then_is_an_error(
    registry: Registry, fragile: Version, models: Models
) -> None:
    challenger = register(models[3])
    shutil.rmtree(registry.model_folder(1))

    assert refused(registry, challenger).startswith(
        "version 1 cannot score today's holdout rows, so nothing is promoted or archived: "
    )


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_contest_when_the_champions_contract_is_gone_or_damaged_then_is_an_error(
    content: str | None, registry: Registry, fragile: Version, models: Models
) -> None:
    challenger = register(models[3])
    path = registry.model_folder(1) / "extra_files" / "contract.json"
    path.unlink()
    if content is not None:
        path.write_text(content)

    assert refused(registry, challenger).startswith("version 1 cannot score today's holdout rows")


def test_contest_when_the_champion_wants_columns_that_todays_rows_lack_then_is_an_error(
    registry: Registry, models: Models
) -> None:
    registry.promote(register(log(constant(105), contract_of(column("age")), 5.0)))

    message = refused(registry, register(models[3]))

    assert message.startswith("version 1 cannot score today's holdout rows")
    assert "age" in message


def test_contest_when_the_champion_is_of_a_version_that_cannot_predict_then_is_an_error(
    registry: Registry, models: Models, contract: Contract
) -> None:
    model = straight_line(contract)
    registry.promote(register(log(model, contract, 5.0)))
    del model.named_steps["model"].intercept_  # as if another scikit-learn had written it
    (registry.model_folder(1) / "model.skops").write_bytes(skops.io.dumps(model))

    assert refused(registry, register(models[3])).startswith(
        "version 1 cannot score today's holdout rows, so nothing is promoted or archived: "
    )


def test_contest_when_the_challengers_model_file_is_damaged_then_is_an_error(
    registry: Registry, champion: Version, contract: Contract
) -> None:
    challenger = register(log(constant(103), contract, 3.0))
    (registry.model_folder(2) / "model.skops").write_bytes(b"garbage")

    assert refused(registry, challenger).startswith("version 2 cannot score today's holdout rows")


def test_contest_when_there_are_no_holdout_rows_then_is_an_error(
    registry: Registry, champion: Version, models: Models
) -> None:
    message = refused(registry, register(models[3]), HOLDOUT[:0])

    assert "cannot score today's holdout rows" in message


def test_read_contract_when_a_model_was_logged_then_is_the_one_it_was_trained_by(
    registry: Registry, models: Models
) -> None:
    register(models[5])

    assert read_contract(registry.model_folder(1)) == default_contract()


# --- Again, and after being stopped ---------------------------------------------------------


def test_contest_when_held_twice_then_changes_nothing(
    registry: Registry, champion: Version, models: Models
) -> None:
    register(models[3])
    contest(registry, registry.version(2), HOLDOUT)
    before = (alias(), tags())

    contest(registry, registry.version(2), HOLDOUT)

    assert (alias(), tags()) == before


def test_contest_when_the_challenger_is_in_production_already_then_does_not_say_nothing_was(
    registry: Registry, champion: Version
) -> None:
    verdict = contest(registry, champion, HOLDOUT)

    assert "nothing was in production" not in verdict.reason


def test_contest_when_the_version_was_archived_before_then_stays_archived(
    registry: Registry, champion: Version, models: Models
) -> None:
    registry.archive(register(models[3]))
    before = (alias(), tags())

    verdict = contest(registry, registry.version(2), HOLDOUT)

    assert verdict.action == "archive"
    assert (alias(), tags()) == before


def test_contest_when_the_alias_was_lost_then_is_an_error(
    registry: Registry, champion: Version, models: Models
) -> None:
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")

    message = refused(registry, register(models[3]))

    assert message.startswith("version 1 is tagged production, but the alias 'production' ")


def test_contest_when_production_has_no_finite_rmse_itself_then_its_tag_stays(
    registry: Registry, models: Models
) -> None:
    registry.promote(register(models[5], math.nan))
    before = (alias(), tags())

    contest(registry, registry.version(1), HOLDOUT)

    assert (alias(), tags()) == before


def stop_after(writes: int, challenger: Version, watched: type[WatchedClient]) -> None:
    """Let a better version win, and be killed after some writes, if there are so many."""
    watched.allowed_writes = writes
    try:
        contest(Registry(MODEL_NAME), challenger, HOLDOUT)
    except Stopped:
        assert len(watched.states) == writes
    watched.allowed_writes = 1000


@pytest.mark.parametrize("writes", range(6))
def test_contest_when_it_was_stopped_after_any_write_then_a_second_one_completes_it(
    writes: int, champion: Version, models: Models, watched: type[WatchedClient]
) -> None:
    stop_after(writes, register(models[3]), watched)

    registry = Registry(MODEL_NAME)
    contest(registry, registry.version(2), HOLDOUT)

    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}})


@pytest.mark.parametrize("writes", range(1, 6))
def test_contest_when_the_one_before_was_stopped_and_this_is_lost_then_mends_the_tags(
    writes: int, champion: Version, models: Models, watched: type[WatchedClient]
) -> None:
    stop_after(writes, register(models[3]), watched)
    third = register(models[9])

    contest(Registry(MODEL_NAME), third, HOLDOUT)

    assert (alias(), tags()) == (
        2,
        {1: {"archived": "5.0"}, 2: {"production": "3.0"}, 3: {"archived": "9.0"}},
    )


@pytest.mark.parametrize("writes", range(1, 6))
def test_contest_when_the_one_before_was_stopped_and_this_is_won_then_archives_that_version(
    writes: int, champion: Version, models: Models, watched: type[WatchedClient]
) -> None:
    stop_after(writes, register(models[3]), watched)
    third = register(models[1])

    contest(Registry(MODEL_NAME), third, HOLDOUT)

    assert (alias(), tags()) == (
        3,
        {1: {"archived": "5.0"}, 2: {"archived": "3.0"}, 3: {"production": "1.0"}},
    )


def test_contest_when_four_are_held_at_once_then_the_best_is_alone_in_production(
    registry: Registry, champion: Version, models: Models
) -> None:
    challengers = [register(models[r]) for r in (7, 3, 1, 9)]
    together = threading.Barrier(4, timeout=30)

    def hold(challenger: Version) -> None:
        together.wait()
        contest(Registry(MODEL_NAME), challenger, HOLDOUT)

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


def test_contest_when_it_is_done_then_leaves_the_rows_as_they_were(
    registry: Registry, models: Models
) -> None:
    holdout = HOLDOUT.copy(deep=True)

    contest(registry, register(models[5]), holdout)

    pd.testing.assert_frame_equal(holdout, HOLDOUT)
