"""What decisions ask of MLflow, and what it answers, does not grow with the registry."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.promotion.alignment import align, new_record
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.promotion.packaging import align_and_package
from salary_kedro.registry import registry as registry_module
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Stage
from salary_kedro.upkeep.retention import retire
from stores import (
    MODEL_NAME,
    Models,
    StoreTemplate,
    alias,
    contest,
    copy_database,
    own_registry,
    register,
    tags,
)

#: What a model was made of, so that the one after a rollback is compared with it.
MADE_OF = {"data_sha256": "d", "parameters_sha256": "p", "code_sha256": "c"}


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count what is asked of MLflow's client, not what it asks of itself, and what lists hold."""
    calls: Counter[str] = Counter()
    inside: list[str] = []

    def counting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls[name] += not inside
            inside.append(name)
            try:
                answer = method(*arguments, **options)
            finally:
                inside.pop()
            calls[f"items of {name}"] += len(answer) if isinstance(answer, list) else 0
            return answer

        return call

    with patch.context() as context:
        for name in dir(MlflowClient):
            method = getattr(MlflowClient, name)
            if not name.startswith("_") and callable(method):
                context.setattr(MlflowClient, name, counting(name, method))
        yield calls


def fill(registry: Registry, models: Models, versions: int) -> None:
    """Let a registry of two versions have so many, each but those two archived, with a record."""
    logged = models[9]
    for number in range(3, versions + 1):
        registry.register(logged.model_uri, logged.run_id, logged.rmse, Stage.ARCHIVED)
        state = registry.recent_state()
        registry.record(new_record(state, "archiving", number, "worse", after=state.alias))


def make_decisions(
    registry: Registry, models: Models, bundles: BundleStore, patch: pytest.MonkeyPatch
) -> dict[str, Counter[str]]:
    """Decide in each way that there is; what each has asked of MLflow."""
    newest = max(tags())
    archived = register(models[7]).number
    promoted = register(models[1]).number
    for run in (models[7], models[1]):
        for name, value in MADE_OF.items():
            MlflowClient().set_tag(run.run_id, name, f"{value} of {run.rmse}")
    deeds: dict[str, Callable[[], Any]] = {
        "rollback": lambda: roll_back(registry, "too high"),
        "contest": lambda: contest(promoted, registry=registry),
        "by hand": lambda: promote_by_hand(registry, newest, "as agreed"),
        "packaging": lambda: align_and_package(registry, bundles),
        "retirement": lambda: retire(registry, bundles, 1, str),
    }
    found = {}
    align_and_package(registry, bundles)  # which tells services of versions that it never told of
    for name, deed in deeds.items():
        with counted(patch) as found[name]:
            deed()
    assert (alias(), list(tags()[archived])) == (newest, ["archived"])
    return found


@pytest.mark.slow
def test_decisions_when_there_are_ten_times_as_many_versions_then_ask_no_more_of_mlflow(
    settled: Registry,
    store_template: StoreTemplate,
    models: Models,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A version that is not at hand is looked up; there are some among six, too.
    monkeypatch.setattr(registry_module, "NEWEST", 2)
    monkeypatch.setattr(registry_module, "LAST_RECORDS", 2)
    asked = []
    for versions in (6, 60):
        copy_database(store_template.settled, store_template.database)
        (bundles := tmp_path / str(versions)).mkdir()
        fill(settled, models, versions)
        asked.append(make_decisions(settled, models, BundleStore(bundles), monkeypatch))

    assert asked[0] == asked[1]
    assert asked[0]["contest"]["set_registered_model_alias"] == 1


# --- Versions that are older than those which are always read ----------------------------------


@pytest.fixture
def old(settled: Registry, models: Models, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Versions 1 and 2, of which 2 is production, with two newer ones: all that is read."""
    monkeypatch.setattr(registry_module, "NEWEST", 2)
    monkeypatch.setattr(registry_module, "LAST_RECORDS", 1)
    fill(settled, models, 4)
    return settled


@pytest.mark.parametrize("stage", [Stage.STAGING, Stage.PRODUCTION])
def test_align_when_an_old_version_has_a_second_tag_then_takes_it_away(
    stage: Stage, old: Registry
) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "1", stage, "5.0")

    align(old)

    assert tags()[1] == {"archived": "5.0"}


def test_align_when_the_alias_names_an_old_version_then_its_tags_follow(old: Registry) -> None:
    MlflowClient().set_registered_model_alias(MODEL_NAME, "production", "1")

    align(old)

    assert {number: list(found) for number, found in tags().items()} == {
        1: ["production"],
        2: ["archived"],
        3: ["archived"],
        4: ["archived"],
    }


def test_contest_when_an_old_version_awaits_a_decision_then_it_is_decided_too(
    old: Registry, models: Models
) -> None:
    waiting = register(models[1]).number
    for _ in range(3):
        old.register(models[9].model_uri, models[9].run_id, 9.0, Stage.ARCHIVED)

    verdict = contest(register(models[7]).number, registry=old)

    assert (verdict.action, alias()) == ("archive", waiting)


def test_roll_back_when_the_former_production_is_old_then_finds_it(old: Registry) -> None:
    assert roll_back(old, "too high") == 1
    assert (alias(), list(tags()[1]), list(tags()[2])) == (1, ["production"], ["archived"])


def test_align_when_an_old_version_has_no_tag_then_only_looking_at_all_versions_finds_it(
    old: Registry,
) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "archived")

    align(old)
    assert tags()[1] == {}
    align(old, all_versions=True)

    assert list(tags()[1]) == ["archived"]


def test_recent_state_when_a_version_is_not_at_hand_then_is_looked_up(old: Registry) -> None:
    state = own_registry().recent_state()

    assert (list(state.versions), state.older) == ([2, 3, 4], 2)  # 2 is in production
    assert state.versions[1].stages == {Stage.ARCHIVED: "5.0"}
    assert 5 not in state.versions
    assert state.versions.get(2**63) is None


def test_promote_when_there_is_no_such_version_then_names_the_newest_and_where_others_end(
    old: Registry,
) -> None:
    with pytest.raises(Exception, match="known: 2, 3, 4, and older ones up to 2"):
        promote_by_hand(old, 9, "as agreed")
