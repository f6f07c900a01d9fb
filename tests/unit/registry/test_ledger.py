"""The ledger: one tag of an experiment a record, and what earlier releases kept elsewhere."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException

from salary_kedro.errors import UserError
from salary_kedro.promotion.alignment import align
from salary_kedro.registry.history import Record
from salary_kedro.registry.ledger import FENCE, GATHERED, HISTORY_OF, Ledger
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.store import store_lock
from stores import (
    MODEL_NAME,
    Models,
    Stopped,
    WatchedClient,
    age_history,
    contest,
    ledger_experiments,
    own_registry,
    register,
    told,
)

LED_TO = "to the tags of experiment"
KEY, OTHER = "history.000000001-aaaa", "history.000000002-bbbb"


def model_tags() -> dict[str, str]:
    return dict(MlflowClient().get_registered_model(MODEL_NAME).tags)


def set_model_tag(key: str, text: str) -> None:
    MlflowClient().set_registered_model_tag(MODEL_NAME, key, text)


def content(registry: Registry) -> tuple[int | None, list[Record], object]:
    """Alias, history and versions."""
    state = registry.state()
    return state.alias, list(state.history), state.versions


@pytest.fixture
def ledger(store: str, models: Models) -> Ledger:
    """The ledger of a model with one version, and no record."""
    register(models[5])
    return own_registry().ledger


# --- Writing and reading -------------------------------------------------------------------


def test_write_when_it_is_the_first_then_makes_an_experiment_with_one_tag_a_record(
    ledger: Ledger,
) -> None:
    ledger.write(KEY, "first")
    ledger.write(OTHER, "second")

    (home,) = ledger_experiments()
    assert home.name == "salaries history"
    assert {key: text for key, text in home.tags.items() if "0000" in key} == {
        f"mlflow.salary_kedro.{KEY}": "first",
        f"mlflow.salary_kedro.{OTHER}": "second",
    }
    assert ledger.read() == {KEY: "first", OTHER: "second"}
    assert model_tags() == {FENCE: f"{LED_TO} {home.experiment_id}: `kedro models history`"}


def test_write_when_the_store_is_local_then_the_experiment_lies_within_its_artifacts(
    ledger: Ledger, store: str
) -> None:
    ledger.write(KEY, "first")

    place = ledger_experiments()[0].artifact_location
    folder = store.removeprefix("sqlite:///").rpartition("/")[0]
    assert place == f"file://{folder}/artifacts/history"


def test_read_when_nothing_was_written_then_is_empty_and_makes_no_experiment(
    ledger: Ledger,
) -> None:
    assert ledger.read() == {}
    assert ledger_experiments() == []


def test_read_when_another_model_has_a_history_then_holds_none_of_it(
    ledger: Ledger, models: Models
) -> None:
    register(models[5], name="others")
    own_registry("others").ledger.write(KEY, "theirs")

    assert ledger.read() == {}


def test_read_when_the_experiment_was_renamed_then_is_found_all_the_same(ledger: Ledger) -> None:
    ledger.write(KEY, "first")
    MlflowClient().rename_experiment(ledger_experiments()[0].experiment_id, "what we decided")

    again = own_registry().ledger
    again.write(OTHER, "second")

    assert again.read() == {KEY: "first", OTHER: "second"}
    assert [home.name for home in ledger_experiments()] == ["what we decided"]


def test_write_when_the_experiment_was_deleted_then_is_restored_with_all_records(
    ledger: Ledger,
) -> None:
    ledger.write(KEY, "first")
    MlflowClient().delete_experiment(ledger_experiments()[0].experiment_id)
    assert own_registry().ledger.read() == {KEY: "first"}

    own_registry().ledger.write(OTHER, "second")

    assert ledger.read() == {KEY: "first", OTHER: "second"}
    assert ledger_experiments()[0].lifecycle_stage == LifecycleStage.ACTIVE


def test_write_when_the_experiments_tag_was_removed_then_is_recognised_by_its_name(
    ledger: Ledger,
) -> None:
    ledger.write(KEY, "first")
    number = ledger_experiments()[0].experiment_id
    MlflowClient().delete_experiment_tag(number, HISTORY_OF)

    again = own_registry().ledger
    again.write(OTHER, "second")

    assert again.read() == {KEY: "first", OTHER: "second"}
    assert [home.experiment_id for home in ledger_experiments()] == [number]


def test_write_when_the_store_refuses_for_another_reason_then_says_so(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise OSError("the server is overloaded")

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", fail)

    with pytest.raises(OSError, match="overloaded"):
        ledger.write(KEY, "first")


def test_write_when_another_process_inserts_the_same_record_first_then_both_have_written_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write(OTHER, "second")
    write, calls = MlflowClient.set_experiment_tag, []

    def write_late(client: MlflowClient, home: str, key: str, text: str) -> None:
        calls.append(key)
        write(client, home, key, text)
        if len(calls) == 1:
            raise MlflowException("(UniqueViolation) duplicate key value: experiment_tag_pk")

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", write_late)
    ledger.write(KEY, "first")

    assert len(calls) == 2
    assert own_registry().ledger.read() == {KEY: "first", OTHER: "second"}


# --- What earlier releases kept as tags of the registered model ------------------------------


def test_read_when_records_lie_in_both_places_then_holds_all(ledger: Ledger) -> None:
    ledger.write(KEY, "first")
    set_model_tag(OTHER, "second")

    assert ledger.read() == {KEY: "first", OTHER: "second"}


def test_gather_when_an_earlier_release_kept_the_history_then_it_is_moved_whole(
    settled: Registry,
) -> None:
    before = content(settled)
    age_history()
    assert len(model_tags()) == 4
    assert content(own_registry()) == before  # whoever only reads sees it where it is

    assert own_registry().ledger.gather() == 4

    assert content(own_registry()) == before
    assert list(model_tags()) == [FENCE]
    assert own_registry().ledger.gather() == 0


def test_gather_when_nothing_was_decided_then_writes_nothing(ledger: Ledger) -> None:
    assert ledger.gather() == 0

    assert (model_tags(), ledger_experiments()) == ({}, [])


def test_gather_when_no_model_was_registered_then_writes_nothing(store: str) -> None:
    assert own_registry().ledger.gather() == 0
    assert ledger_experiments() == []


@pytest.mark.slow
@pytest.mark.parametrize("writes", range(11))
def test_gather_when_killed_before_any_write_then_no_record_is_lost_and_the_next_completes_it(
    writes: int, settled: Registry, watched: type[WatchedClient]
) -> None:
    before = content(settled)
    age_history()
    watched.allowed_writes = writes

    with pytest.raises(Stopped):
        own_registry().ledger.gather()

    watched.allowed_writes = 1000
    assert content(own_registry()) == before
    align(own_registry())
    assert content(own_registry()) == before
    assert list(model_tags()) == [FENCE]
    assert GATHERED in ledger_experiments()[0].tags


def test_align_when_an_earlier_release_wrote_as_its_records_were_moved_then_finds_the_reason(
    settled: Registry,
) -> None:
    settled.ledger.gather()
    late = settled.state().history
    intent = late[-2].model_copy(
        update={"key": late.next_key(), "version": 1, "before": 2, "after": 1, "why": "late"}
    )
    set_model_tag(intent.key, intent.model_dump_json(by_alias=True))
    settled.move_alias(1)

    align(settled)

    assert told()[-1] == ("promotion", 1, 2, 1)
    assert list(model_tags()) == [FENCE]


def test_fence_when_an_earlier_release_reads_it_then_is_no_record_it_could_read(
    settled: Registry,
) -> None:
    (key,) = [key for key in model_tags() if key.startswith("history.")]

    assert key == FENCE
    with pytest.raises(json.JSONDecodeError):
        json.loads(model_tags()[key])


# --- A registered model that was renamed ------------------------------------------------------


def test_state_when_the_model_was_renamed_then_its_history_goes_along(settled: Registry) -> None:
    before = content(settled)
    MlflowClient().rename_registered_model(MODEL_NAME, "wages")

    assert content(own_registry("wages")) == before


def test_write_when_the_model_was_renamed_then_goes_on_with_its_history(
    settled: Registry,
) -> None:
    (home,) = ledger_experiments()
    records = settled.ledger.read()
    MlflowClient().rename_registered_model(MODEL_NAME, "wages")
    MlflowClient().delete_experiment(home.experiment_id)

    own_registry("wages").ledger.write(KEY, "later")

    (kept,) = ledger_experiments("wages")
    assert (kept.experiment_id, kept.name) == (
        home.experiment_id,
        f"wages history, {home.experiment_id}",
    )
    assert own_registry("wages").ledger.read() == {**records, KEY: "later"}
    assert ledger_experiments() == []


def test_register_when_the_model_of_the_name_was_renamed_then_each_has_its_own_history(
    settled: Registry, models: Models
) -> None:
    before = content(settled)
    MlflowClient().rename_registered_model(MODEL_NAME, "wages")

    contest(register(models[7]).number)

    assert told() == [("promotion", 1, None, 1)]
    assert content(own_registry("wages")) == before
    own_registry("wages").ledger.write(KEY, "later")
    assert told() == [("promotion", 1, None, 1)]


def test_read_when_the_model_leads_to_the_history_of_another_then_is_empty(
    settled: Registry, models: Models
) -> None:
    register(models[5], name="others")
    MlflowClient().set_registered_model_tag("others", FENCE, model_tags()[FENCE])

    assert own_registry("others").ledger.read() == {}


@pytest.mark.parametrize("told", [f"{LED_TO} 999: gone", "elsewhere"])
def test_read_when_the_model_leads_nowhere_then_is_empty(ledger: Ledger, told: str) -> None:
    set_model_tag(FENCE, told)

    assert ledger.read() == {}


# --- A registered model that was deleted ------------------------------------------------------


def test_register_when_a_model_of_the_name_was_deleted_then_its_history_is_set_aside(
    settled: Registry, models: Models
) -> None:
    (former,) = ledger_experiments()
    MlflowClient().delete_registered_model(MODEL_NAME)
    assert list(own_registry().state().history) == []

    verdict = contest(register(models[7]).number)

    assert verdict.action == "promote"
    assert told() == [("promotion", 1, None, 1)]
    kept = MlflowClient().get_experiment(former.experiment_id)
    assert kept.name == f"salaries history of a deleted model, {former.experiment_id}"
    assert (
        kept.tags.items()
        >= {key: text for key, text in former.tags.items() if key != HISTORY_OF}.items()
    )


def test_state_when_a_record_was_altered_then_names_it(settled: Registry) -> None:
    settled.ledger.write(KEY, "{}")

    with pytest.raises(UserError, match=rf"^the record {KEY} of the history was altered"):
        settled.state()


# --- While a lock is held ------------------------------------------------------------


def test_read_when_the_lock_is_held_then_asks_once_and_knows_what_it_wrote(
    ledger: Ledger, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write(KEY, "first")
    asked, original = list[str](), MlflowClient.search_experiments
    monkeypatch.setattr(
        MlflowClient,
        "search_experiments",
        lambda client, *arguments, **options: (
            asked.append("search") or original(client, *arguments, **options)
        ),
    )

    with store_lock(store):
        before = ledger.read()
        ledger.write(OTHER, "second")
        after = ledger.read()

    assert (before, after) == ({KEY: "first"}, {KEY: "first", OTHER: "second"})
    assert own_registry().ledger.read() == after
    assert len(asked) == 4  # while nothing is gathered a reading takes two


def test_read_when_another_has_written_between_two_locks_then_knows_of_it(
    ledger: Ledger, store: str
) -> None:
    ledger.write(KEY, "first")
    with store_lock(store):
        ledger.read()
    own_registry().ledger.write(OTHER, "second")

    with store_lock(store):
        found = ledger.read()

    assert found == {KEY: "first", OTHER: "second"}


def test_write_when_the_experiment_is_gone_for_good_then_makes_a_new_one(
    ledger: Ledger, store: str
) -> None:
    ledger.write(KEY, "first")
    ledger.read()
    (home,) = ledger_experiments()
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as database, database:
        number = [int(home.experiment_id)]
        database.execute("delete from experiment_tags where experiment_id = ?", number)
        database.execute("delete from experiments where experiment_id = ?", number)

    ledger.write(OTHER, "second")

    assert own_registry().ledger.read() == {OTHER: "second"}
