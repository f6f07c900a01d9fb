"""Following the alias: what a look costs, and when it packages."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.errors import UserError
from salary_kedro.promotion.follow import Change, Follower
from salary_kedro.registry.registry import Registry
from stores import MODEL_NAME, Models, all_of_it, contest, own_registry, register


@pytest.fixture
def bundle_store(tmp_path: Path) -> BundleStore:
    """A bundles folder that does not exist yet."""
    return BundleStore(tmp_path / "bundles")


def move(number: int) -> None:
    """Move the alias, as another machine does."""
    MlflowClient().set_registered_model_alias(MODEL_NAME, "production", str(number))


def test_look_when_it_is_the_first_then_packages_what_is_in_production(
    settled: Registry, bundle_store: BundleStore
) -> None:
    before = all_of_it()

    change = Follower(settled, bundle_store).look()

    assert change == Change(2, str(bundle_store.current()), moved=True)
    assert bundle_store.load(change.bundle).predict([[2.0]]).tolist() == [103.0]
    assert all_of_it() == before


def test_look_when_nothing_has_changed_then_asks_for_alias_and_newest_alone(
    settled: Registry, bundle_store: BundleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(settled, bundle_store)
    follower.look()
    for name in ("state", "recent_state", "model_folder", "version"):
        monkeypatch.setattr(Registry, name, lambda *_: pytest.fail("it read more"))

    assert follower.look() is None


def test_look_when_another_machine_moved_the_alias_then_follows(
    settled: Registry, bundle_store: BundleStore
) -> None:
    follower = Follower(settled, bundle_store)
    follower.look()

    move(1)

    change = follower.look()
    assert (change.production, change.moved) == (1, True) if change else pytest.fail("it did not")
    assert str(bundle_store.current()).startswith("1-")
    assert follower.look() is None


def test_look_when_another_machine_archived_a_version_then_tells_why_and_packages_nothing(
    settled: Registry, bundle_store: BundleStore, models: Models
) -> None:
    follower = Follower(settled, bundle_store)
    follower.look()

    verdict = contest(register(models[7]).number)

    assert follower.look() is None
    told = bundle_store.history()
    assert told is not None
    assert (told.records[0].version, told.records[0].why) == (3, verdict.reason)
    assert str(bundle_store.current()).startswith("2-")


@pytest.mark.parametrize("looks", [0, 1], ids=["the first look", "a later one"])
def test_look_when_the_history_could_not_be_told_then_tells_it_the_next_time(
    looks: int, settled: Registry, bundle_store: BundleStore, models: Models
) -> None:
    follower = Follower(settled, bundle_store)
    for _ in range(looks):
        follower.look()
    contest(register(models[7]).number)
    told = bundle_store.folder / "history.json"
    told.unlink(missing_ok=True)
    told.mkdir(parents=True)  # so that it cannot be written
    follower.look()
    told.rmdir()

    assert follower.look() is None
    assert versions_told(bundle_store) == [(3, "archived"), (2, "production"), (1, "archived")]


def test_look_when_only_the_newest_versions_tags_have_changed_then_tells_it(
    settled: Registry, bundle_store: BundleStore, models: Models
) -> None:
    follower = Follower(settled, bundle_store)
    register(models[7])
    follower.look()
    assert versions_told(bundle_store)[0] == (3, "staging")

    MlflowClient().set_model_version_tag(MODEL_NAME, "3", "archived", "7.0")
    MlflowClient().delete_model_version_tag(MODEL_NAME, "3", "staging")

    assert follower.look() is None
    assert versions_told(bundle_store)[0] == (3, "archived")


def versions_told(bundles: BundleStore) -> list[tuple[int, str | None]]:
    told = bundles.history()
    assert told is not None
    return [(each.version, each.stage) for each in told.versions]


def test_look_when_another_follower_has_packaged_it_then_says_so(
    settled: Registry, bundle_store: BundleStore
) -> None:
    Follower(settled, bundle_store).look()

    assert Follower(settled, bundle_store).look() == Change(
        2, str(bundle_store.current()), moved=False
    )


@pytest.mark.parametrize("damage", ["pointer moved", "pointer gone", "bundle damaged"])
def test_look_when_the_folder_has_changed_then_repairs_it(
    damage: str, settled: Registry, bundle_store: BundleStore
) -> None:
    follower = Follower(settled, bundle_store)
    move(1)
    follower.look()
    move(2)
    follower.look()
    name = str(bundle_store.current())
    if damage == "pointer moved":
        bundle_store.point_to(bundle_store.names()[-1])
    elif damage == "pointer gone":
        (bundle_store.folder / "current").unlink()
    else:
        (bundle_store.folder / name / "model.skops").write_bytes(b"garbage")

    assert follower.look() == Change(2, name, moved=True)
    assert bundle_store.load(str(bundle_store.current())).version == 2


def test_look_when_nothing_is_in_production_then_says_so_until_something_is(
    store: str, models: Models, bundle_store: BundleStore
) -> None:
    follower = Follower(own_registry(), bundle_store)
    for _ in range(2):
        with pytest.raises(UserError, match="has no production version to package"):
            follower.look()

    contest(register(models[5]).number)

    change = follower.look()
    assert change is not None
    assert change.production == 1


def test_look_when_the_alias_is_gone_then_says_so_and_keeps_the_pointer(
    settled: Registry, bundle_store: BundleStore
) -> None:
    follower = Follower(settled, bundle_store)
    follower.look()
    name = bundle_store.current()
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")

    with pytest.raises(UserError, match="has no production version to package"):
        follower.look()

    assert bundle_store.current() == name
