"""Commands killed before any of their writes: the next one brings all into line."""

from collections.abc import Callable

import pytest
from mlflow import MlflowClient

from salary_kedro.promotion.alignment import align
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.registry import registry as registry_module
from salary_kedro.registry.registry import Registry
from stores import (
    MODEL_NAME,
    Models,
    Stopped,
    WatchedClient,
    alias,
    contest,
    own_registry,
    register,
    shared_registry,
    tags,
    told,
)

pytestmark = pytest.mark.slow  # it is killed before every write there is

Open = Callable[[], Registry]


@pytest.fixture(autouse=True)
def only_the_newest_is_always_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """All other versions are old, as most are in a registry of thousands."""
    monkeypatch.setattr(registry_module, "NEWEST", 1)


STORES = pytest.mark.parametrize(
    "open_registry", [own_registry, shared_registry], ids=["local", "shared"]
)


def kill(command: Callable[[], object], writes: int, watched: type[WatchedClient]) -> None:
    """Run a command that is killed after some writes, and look at the store after each."""
    watched.allowed_writes = writes
    with pytest.raises(Stopped):
        command()
    assert len(watched.states) == writes
    watched.allowed_writes = 1000
    for _, versions in watched.states:
        assert sum("production" in held for held in versions.values()) < 2


def in_line(registry: Registry, number: int) -> None:
    """One version is in production, all others are archived, and the history agrees."""
    state = registry.state()
    stages = {version: list(held) for version, held in tags().items()}
    assert alias() == number
    assert stages == {v: ["production" if v == number else "archived"] for v in stages}
    assert state.history.unreplaced == {number}
    assert state.history.productions[0] == number


def the_next_run(registry: Registry, models: Models) -> None:
    contest(register(models[9]).number, registry=registry)


@STORES
@pytest.mark.parametrize("writes", range(9))
def test_contest_when_killed_before_any_write_then_the_next_run_completes_it(
    writes: int,
    open_registry: Open,
    settled: Registry,
    models: Models,
    watched: type[WatchedClient],
) -> None:
    register(models[1])
    kill(lambda: contest(3, registry=open_registry()), writes, watched)

    the_next_run(open_registry(), models)

    in_line(open_registry(), 3)


@pytest.mark.parametrize("writes", range(1, 5))
def test_contest_when_killed_while_it_archives_then_the_next_run_completes_it(
    writes: int,
    settled: Registry,
    models: Models,
    watched: type[WatchedClient],
) -> None:
    register(models[7])
    kill(lambda: contest(3, registry=own_registry()), writes, watched)

    the_next_run(own_registry(), models)

    in_line(own_registry(), 2)
    decided = [record.version for record in own_registry().state().history.done]
    assert decided == [1, 2, 3, 4]


@STORES
@pytest.mark.parametrize("writes", range(1, 7))
@pytest.mark.parametrize(
    "decide",
    [
        lambda registry: roll_back(registry, "bad"),
        lambda registry: promote_by_hand(registry, 1, "so"),
    ],
    ids=["roll_back", "promote_by_hand"],
)
def test_decision_when_killed_before_any_write_then_holds_if_the_alias_was_moved(
    decide: Callable[[Registry], int],
    writes: int,
    open_registry: Open,
    settled: Registry,
    models: Models,
    watched: type[WatchedClient],
) -> None:
    kill(lambda: decide(open_registry()), writes, watched)

    the_next_run(open_registry(), models)

    in_line(open_registry(), 2 if writes < 2 else 1)
    assert len(open_registry().state().history.unfinished) == (1 if writes < 2 else 0)


@pytest.mark.parametrize("writes", range(1, 6))
def test_roll_back_when_killed_before_any_write_then_the_same_command_completes_it(
    writes: int, settled: Registry, watched: type[WatchedClient]
) -> None:
    kill(lambda: roll_back(own_registry(), "bad", to=1), writes, watched)

    if alias() == 2:
        roll_back(own_registry(), "bad", to=1)
    align(own_registry())

    in_line(own_registry(), 1)
    assert own_registry().state().history.rolled_back == [2]


@STORES
@pytest.mark.parametrize("writes", range(3))
def test_align_when_killed_while_it_restores_the_alias_then_the_next_run_completes_it(
    writes: int,
    open_registry: Open,
    settled: Registry,
    models: Models,
    watched: type[WatchedClient],
) -> None:
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")
    kill(lambda: align(open_registry()), writes, watched)

    the_next_run(open_registry(), models)

    in_line(open_registry(), 2)
    history = open_registry().state().history
    assert "repair" in {record.action for record in history if record.version == 2}
    assert history.by_hand is None


@pytest.mark.parametrize("writes", range(5))
def test_align_when_killed_while_it_follows_an_alias_moved_by_hand_then_the_next_run_completes_it(
    writes: int,
    settled: Registry,
    models: Models,
    watched: type[WatchedClient],
) -> None:
    MlflowClient().set_registered_model_alias(MODEL_NAME, "production", "1")
    kill(lambda: align(own_registry()), writes, watched)

    the_next_run(own_registry(), models)

    in_line(own_registry(), 1)
    assert own_registry().state().history.done[2].action == "alias by hand"


@pytest.mark.parametrize("to", [None, 1])
def test_roll_back_when_repeated_after_it_was_killed_past_the_alias_then_completes_it(
    to: int | None, settled: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = settled.move_alias

    def killed(number: int) -> None:
        original(number)
        raise Stopped

    monkeypatch.setattr(settled, "move_alias", killed)
    with pytest.raises(Stopped):
        roll_back(settled, "2 drifts", to)
    monkeypatch.undo()

    assert roll_back(settled, "2 drifts", to) == 1

    assert alias() == 1
    assert told()[2:] == [("rollback", 1, 2, 1)]
