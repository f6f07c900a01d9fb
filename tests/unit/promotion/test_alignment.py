"""Aligning the record: whatever was edited by hand in a settled store."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from mlflow import MlflowClient

from salary_kedro.contract import Contract
from salary_kedro.promotion.alignment import ProductionLostError, align
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.registry.registry import Registry
from samples import constant
from stores import (
    MODEL_NAME,
    Models,
    alias,
    all_of_it,
    contest,
    forget_history,
    log,
    own_registry,
    register,
    shared_registry,
    tags,
    told,
)

IN_LINE = {1: {"archived": "5.0"}, 2: {"production": "3.0"}}
THE_STORY = [("promotion", 1, None, 1), ("promotion", 2, 1, 2)]
WAY_OUT = "choose one with `kedro models promote N --reason TEXT`"


@pytest.fixture(params=["local", "shared"])
def registry(request: pytest.FixtureRequest, settled: Registry) -> Registry:
    """The settled store's registry, with a lock and without."""
    return settled if request.param == "local" else shared_registry()


@pytest.fixture
def empty(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


def tag(number: int, stage: str, rmse: str) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, str(number), stage, rmse)


def untag(number: int, stage: str) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, str(number), stage)


def point(number: int) -> None:
    MlflowClient().set_registered_model_alias(MODEL_NAME, "production", str(number))


def drop_alias() -> None:
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")


def delete(number: int) -> None:
    """Delete a version; MLflow drops an alias that names it."""
    MlflowClient().delete_model_version(MODEL_NAME, str(number))


# --- Nothing to do -------------------------------------------------------------------


def test_align_when_all_is_in_line_then_writes_nothing(registry: Registry) -> None:
    before = all_of_it()

    state = align(registry)

    assert all_of_it() == before
    assert (state.alias, state.contested) == (2, frozenset())


def test_align_when_nothing_was_registered_then_writes_nothing(empty: Registry) -> None:
    assert align(empty).versions == {}


def test_align_when_nothing_was_promoted_yet_then_leaves_staging_as_it_is(
    empty: Registry, models: Models
) -> None:
    register(models[5])
    before = all_of_it()

    align(empty)

    assert all_of_it() == before


def test_align_when_versions_are_undecided_then_leaves_them_in_staging(
    registry: Registry, models: Models
) -> None:
    register(models[1])

    align(registry)

    assert tags() == {**IN_LINE, 3: {"staging": "1.0"}}


# --- Tags edited by hand: overwritten ---------------------------------------------------


def test_align_when_there_is_no_production_tag_then_gives_it_back(registry: Registry) -> None:
    untag(2, "production")
    tag(2, "archived", "3.0")

    align(registry)

    assert (alias(), tags(), told()) == (2, IN_LINE, THE_STORY)


def test_align_when_one_version_has_two_stage_tags_then_leaves_the_one_that_is_due(
    registry: Registry,
) -> None:
    tag(1, "staging", "5.0")
    tag(2, "archived", "3.0")

    align(registry)

    assert (alias(), tags(), told()) == (2, IN_LINE, THE_STORY)


def test_align_when_two_versions_are_tagged_production_then_the_alias_decides(
    registry: Registry,
) -> None:
    tag(1, "production", "5.0")
    untag(1, "archived")

    align(registry)

    assert (alias(), tags(), told()) == (2, IN_LINE, THE_STORY)


@pytest.mark.parametrize(("number", "stage"), [(1, "archived"), (2, "production")])
def test_align_when_a_version_has_no_tag_then_gives_it_one_with_its_runs_rmse(
    number: int, stage: str, registry: Registry
) -> None:
    untag(number, stage)

    align(registry)

    assert (alias(), tags(), told()) == (2, IN_LINE, THE_STORY)


def test_align_when_a_version_nobody_decided_on_has_no_tag_then_archives_it(
    registry: Registry, models: Models
) -> None:
    register(models[1])
    untag(3, "staging")

    align(registry)

    assert tags() == {**IN_LINE, 3: {"archived": "1.0"}}


def test_align_when_tag_and_run_are_gone_then_the_rmse_is_unknown(
    registry: Registry, store: str
) -> None:
    untag(1, "archived")
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as database, database:
        database.execute("update model_versions set run_id = 'gone' where version = 1")

    align(registry)

    assert tags() == {1: {"archived": "nan"}, 2: {"production": "3.0"}}


def test_align_when_a_decided_version_was_tagged_staging_by_hand_then_archives_it_again(
    registry: Registry,
) -> None:
    untag(1, "archived")
    tag(1, "staging", "5.0")

    align(registry)

    assert tags() == IN_LINE


def test_align_when_a_tag_holds_no_number_then_keeps_what_it_holds(registry: Registry) -> None:
    tag(2, "production", "low")
    tag(1, "staging", "lower")

    align(registry)

    assert {number: list(held) for number, held in tags().items()} == {
        1: ["archived"],
        2: ["production"],
    }


# --- The alias moved by hand: obeyed --------------------------------------------------------


def test_align_when_the_alias_was_moved_by_hand_then_obeys_and_records_it(
    registry: Registry,
) -> None:
    point(1)

    align(registry)

    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "3.0"}})
    assert told() == [*THE_STORY, ("alias by hand", 1, 2, 1)]
    assert registry.state().history[-1].why == (
        "the alias 'production' was moved by hand to version 1"
    )


def test_align_when_the_alias_was_moved_to_a_version_in_staging_then_obeys_it_uncontested(
    registry: Registry, models: Models
) -> None:
    register(models[9])
    point(3)

    align(registry)

    assert tags() == {1: {"archived": "5.0"}, 2: {"archived": "3.0"}, 3: {"production": "9.0"}}


def test_align_when_the_alias_was_moved_there_and_back_then_there_is_nothing_to_record(
    registry: Registry,
) -> None:
    before = all_of_it()
    point(1)
    point(2)

    align(registry)

    assert all_of_it() == before


# --- The alias gone: restored ------------------------------------------------------------------


def test_align_when_the_alias_was_deleted_then_restores_and_records_it(registry: Registry) -> None:
    drop_alias()

    align(registry)

    assert (alias(), tags()) == (2, IN_LINE)
    assert told() == [*THE_STORY, ("repair", 2, None, 2)]
    assert registry.state().history[-1].why == (
        "the alias 'production' was gone; version 2 was production last"
    )
    assert registry.state().history.unfinished == []


def test_align_when_the_champion_was_deleted_then_restores_the_one_before(
    registry: Registry,
) -> None:
    delete(2)

    align(registry)

    assert (alias(), tags()) == (1, {1: {"production": "5.0"}})
    assert told() == [*THE_STORY, ("repair", 1, None, 1)]


def test_align_when_the_alias_names_no_version_then_restores_what_was_production_last(
    registry: Registry, store: str
) -> None:
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as database, database:
        database.execute("update registered_model_aliases set version = 99")

    align(registry)

    assert (alias(), tags()) == (2, IN_LINE)
    assert told() == [*THE_STORY, ("repair", 2, None, 2)]


def test_align_when_the_last_production_does_not_load_then_restores_the_one_before(
    registry: Registry, contract: Contract
) -> None:
    contest(register(log(constant(101), contract, 1.0)).number)
    (registry.model_folder(3) / "model.skops").write_bytes(b"garbage")
    drop_alias()

    align(registry)

    assert alias() == 2


def test_align_when_a_former_production_was_rolled_back_then_restores_another_first(
    registry: Registry, models: Models
) -> None:
    contest(register(models[1]).number)
    roll_back(registry, "3 is bad", to=1)
    delete(1)

    align(registry)

    assert alias() == 2  # 3 was production later, but a person had taken it out


def test_align_when_only_a_rolled_back_version_is_left_then_restores_that(
    registry: Registry,
) -> None:
    roll_back(registry, "2 is bad")
    delete(1)

    align(registry)

    assert alias() == 2


def test_align_when_no_former_production_loads_then_is_an_error_with_a_way_out(
    empty: Registry, contract: Contract, models: Models
) -> None:
    contest(register(log(constant(105), contract, 5.0)).number)
    register(models[9])
    shutil.rmtree(empty.model_folder(1))
    drop_alias()
    before = all_of_it()

    with pytest.raises(ProductionLostError) as caught:
        align(empty)

    assert str(caught.value) == (
        f"the alias 'production' is gone, and none of the former production versions (1) still "
        f"loads: {WAY_OUT}"
    )
    assert all_of_it() == before
    promote_by_hand(empty, 2, "the only one left")
    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "9.0"}})


# --- No history ---------------------------------------------------------------------------------


def test_align_when_the_store_is_of_an_earlier_release_then_takes_the_alias_as_it_is(
    registry: Registry,
) -> None:
    forget_history()

    align(registry)

    assert (alias(), tags()) == (2, IN_LINE)
    assert told() == [("repair", 2, None, 2)]
    assert registry.state().history[-1].why == "version 2 was production before this history began"


def test_align_when_one_version_is_tagged_production_and_nothing_else_says_so_then_adopts_it(
    registry: Registry,
) -> None:
    forget_history()
    drop_alias()

    align(registry)

    assert (alias(), tags()) == (2, IN_LINE)
    assert told() == [("repair", 2, None, 2)]
    assert registry.state().history[-1].why == (
        "version 2 was tagged production, and no alias named it"
    )


def test_align_when_two_are_tagged_production_and_nothing_else_says_so_then_a_person_must_choose(
    registry: Registry,
) -> None:
    forget_history()
    drop_alias()
    tag(1, "production", "5.0")
    before = all_of_it()

    with pytest.raises(ProductionLostError) as caught:
        align(registry)

    assert str(caught.value) == (
        f"versions 1, 2 are all tagged production, and neither alias nor history says which it "
        f"is: {WAY_OUT}"
    )
    assert all_of_it() == before
    promote_by_hand(registry, 1, "it is the right one")
    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "3.0"}})


def test_align_when_a_store_of_an_earlier_release_was_aligned_then_contests_go_on(
    registry: Registry, models: Models
) -> None:
    forget_history()

    contest(register(models[1]).number, registry=registry)

    assert told() == [("repair", 2, None, 2), ("promotion", 3, 2, 3)]
    assert tags() == {1: {"archived": "5.0"}, 2: {"archived": "3.0"}, 3: {"production": "1.0"}}
