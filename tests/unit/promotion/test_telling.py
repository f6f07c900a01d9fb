"""The copy of the history that lies beside the bundles."""

import logging
from pathlib import Path

import pytest
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.errors import UserError
from salary_kedro.promotion import telling
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.promotion.packaging import export_production
from salary_kedro.promotion.telling import tell_history
from salary_kedro.registry import registry as registry_module
from salary_kedro.registry.registry import Registry
from stores import MODEL_NAME, Models, own_registry, register


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


@pytest.fixture
def bundles(tmp_path: Path) -> BundleStore:
    """A folder of bundles."""
    (tmp_path / "bundles").mkdir()
    return BundleStore(tmp_path / "bundles")


def test_export_when_done_then_the_history_beside_it_tells_every_decision(
    registry: Registry, bundles: BundleStore, models: Models
) -> None:
    for rmse in (5, 3):
        number = register(models[rmse], name=MODEL_NAME).number
        promote_by_hand(registry, number, f"version {number} is wanted")
    roll_back(registry, "the second was wrong")
    export_production(registry, bundles)
    told = bundles.history()
    assert told is not None
    assert [(each.action, each.before, each.after, each.state) for each in told.records] == [
        ("rollback", 2, 1, "done"),
        ("promotion by hand", 1, 2, "done"),
        ("promotion by hand", None, 1, "done"),
    ]
    assert [(each.version, each.stage, each.rmse) for each in told.versions] == [
        (2, "archived", 3.0),
        (1, "production", 5.0),
    ]
    newest = told.versions[0]
    assert (newest.metrics, newest.git_commit) == ({"rmse": 3.0}, "abc")
    assert newest.contract is not None
    assert newest.contract["target"]["name"] == "salary"
    assert newest.run_id == models[3].run_id


def test_tell_when_only_the_runs_parameters_name_the_estimator_then_tells_it(
    registry: Registry, bundles: BundleStore, models: Models
) -> None:
    MlflowClient().log_param(models[5].run_id, "data_science.model", "ridge")
    register(models[5], name=MODEL_NAME)

    tell_history(registry, bundles)

    told = bundles.history()
    assert told is not None
    assert [each.model for each in told.versions] == ["ridge"]


def test_tell_when_versions_were_told_before_then_reads_only_the_new_one(
    registry: Registry, bundles: BundleStore, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(models[5], name=MODEL_NAME)
    tell_history(registry, bundles)
    asked, read = [], registry.run
    monkeypatch.setattr(
        registry, "run", lambda version: asked.append(version.number) or read(version)
    )
    register(models[3], name=MODEL_NAME)
    tell_history(registry, bundles)
    assert asked == [2]


def test_tell_when_a_contract_could_not_be_fetched_then_is_fetched_the_next_time(
    registry: Registry, bundles: BundleStore, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise UserError("the store does not answer")

    register(models[5], name=MODEL_NAME)
    with monkeypatch.context() as patched:
        patched.setattr(registry, "model_file", fail)
        tell_history(registry, bundles)
        assert contracts(bundles) == [None]
    tell_history(registry, bundles)
    assert contracts(bundles) != [None]


def contracts(bundles: BundleStore) -> list[object]:
    told = bundles.history()
    assert told is not None
    return [each.contract for each in told.versions]


def test_tell_when_nothing_is_new_then_leaves_the_file(
    registry: Registry, bundles: BundleStore, models: Models
) -> None:
    register(models[5], name=MODEL_NAME)
    tell_history(registry, bundles)
    before = bundles.history_state()
    tell_history(registry, bundles)
    assert bundles.history_state() == before


def test_tell_when_the_copy_is_damaged_then_writes_it_anew(
    registry: Registry, bundles: BundleStore, models: Models
) -> None:
    register(models[5], name=MODEL_NAME)
    (bundles.folder / "history.json").write_bytes(b"\xff")
    tell_history(registry, bundles)
    told = bundles.history()
    assert told is not None
    assert [each.version for each in told.versions] == [1]


def test_tell_when_more_versions_than_are_told_then_counts_the_others(
    registry: Registry, bundles: BundleStore, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MAX_VERSIONS", 1)
    for rmse in (5, 3):
        register(models[rmse], name=MODEL_NAME)
    tell_history(registry, bundles)
    told = bundles.history()
    assert told is not None
    assert ([each.version for each in told.versions], told.more_versions) == ([2], 1)


def test_tell_when_old_versions_are_at_hand_then_counts_them_once(
    registry: Registry, bundles: BundleStore, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "NEWEST", 2)
    monkeypatch.setattr(telling, "MAX_VERSIONS", 2)
    for rmse in (9, 7, 5, 3):  # of which 1 and 2 are old, and await a decision
        register(models[rmse], name=MODEL_NAME)
    tell_history(registry, bundles)
    told = bundles.history()
    assert told is not None
    assert ([each.version for each in told.versions], told.more_versions) == ([4, 3], 2)


def test_tell_when_it_cannot_be_written_then_warns_and_goes_on(
    registry: Registry, bundles: BundleStore, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    register(models[5], name=MODEL_NAME)
    (bundles.folder / "history.json").mkdir()
    with caplog.at_level(logging.WARNING):
        assert not tell_history(registry, bundles)
    assert "the history cannot be told to services" in caplog.text
