"""Which bundles are removed, and which never."""

import shutil
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.limits import MANIFEST, SIGNATURE
from salary_kedro.bundle.signing import Verifier
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.promotion.packaging import export_production, pack_version
from salary_kedro.registry.registry import Registry
from salary_kedro.upkeep.retention import outdated, retire
from stores import (
    MODEL_NAME,
    Models,
    StoreTemplate,
    copy_database,
    forget_store,
    own_registry,
    register,
)


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


@pytest.fixture
def bundle_store(tmp_path: Path) -> BundleStore:
    """A bundles folder that does not exist yet."""
    return BundleStore(tmp_path / "bundles")


@pytest.fixture(scope="module")
def eight_template(store_template: StoreTemplate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store and the bundles from which `eight` makes each test's own."""
    folder = tmp_path_factory.mktemp("eight")
    copy_database(store_template.beginning, store_template.database)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow.set_tracking_uri(f"sqlite:///{store_template.database}")
        registry, bundles = own_registry(), BundleStore(folder / "bundles")
        for number in range(1, 9):
            register(store_template.models[5])
            promote_by_hand(registry, number, "the next")
            export_production(registry, bundles)
        copy_database(store_template.database, folder / "mlflow.db")
        forget_store()
    return folder


@pytest.fixture
def eight(
    eight_template: Path,
    registry: Registry,
    bundle_store: BundleStore,
    store_template: StoreTemplate,
) -> Registry:
    """Eight versions, each of which was production and has a bundle; 8 is production."""
    copy_database(eight_template / "mlflow.db", store_template.database)
    shutil.copytree(eight_template / "bundles", bundle_store.folder)
    return registry


def kept(bundles: BundleStore) -> list[int]:
    """Versions of the bundles that are there."""
    return [int(name.partition("-")[0]) for name in bundles.names()]


def retired(registry: Registry, bundles: BundleStore, keep: int | None) -> list[str]:
    """Remove what is outdated; what was built of each is forgotten while it is there."""
    forgotten: list[str] = []

    def forget(name: str) -> None:
        assert (bundles.folder / name).is_dir()
        forgotten.append(name)

    removed = retire(registry, bundles, keep, forget)
    assert forgotten == removed
    return removed


def test_retire_when_keep_is_none_then_removes_nothing(
    eight: Registry, bundle_store: BundleStore
) -> None:
    assert retired(eight, bundle_store, None) == []
    assert kept(bundle_store) == [8, 7, 6, 5, 4, 3, 2, 1]


def test_retire_when_there_are_more_then_keeps_the_newest(
    eight: Registry, bundle_store: BundleStore
) -> None:
    removed = retired(eight, bundle_store, 5)

    assert [name.partition("-")[0] for name in removed] == ["3", "2", "1"]
    assert kept(bundle_store) == [8, 7, 6, 5, 4]
    hidden = [path.name for path in bundle_store.folder.iterdir() if path.name.startswith(".")]
    assert hidden == [".lock"]


def test_retire_when_keep_is_one_then_keeps_what_is_served_and_what_a_rollback_would_serve(
    eight: Registry, bundle_store: BundleStore
) -> None:
    retired(eight, bundle_store, 1)

    assert kept(bundle_store) == [8, 7, 6]


def test_retire_when_production_is_an_old_version_then_keeps_it_its_reserve_and_predecessors(
    eight: Registry, bundle_store: BundleStore
) -> None:
    roll_back(eight, "all were worse", to=4)
    export_production(eight, bundle_store)

    retired(eight, bundle_store, 1)

    # 8 is the newest, and what 4 replaced; 3 is the reserve, and what 4 replaced before;
    # 7 and 6 are the next to roll back to.
    assert kept(bundle_store) == [8, 7, 6, 4, 3]


def test_retire_when_the_reserve_is_damaged_then_keeps_the_good_one_below_it(
    eight: Registry, bundle_store: BundleStore
) -> None:
    for name in bundle_store.names():
        if name[0] in "765":
            (bundle_store.folder / name / "model.skops").write_bytes(b"garbage")

    retired(eight, bundle_store, 1)

    assert 4 in kept(bundle_store)
    (bundle_store.folder / str(bundle_store.current()) / "model.skops").write_bytes(b"garbage")
    choice = bundle_store.choose()
    assert choice is not None
    assert (choice.source, choice.bundle.version) == ("reserve", 4)


@pytest.mark.parametrize("given", ["SALARY_SIGNING_KEY", "SALARY_VERIFY_KEY"])
def test_retire_when_bundles_are_signed_then_keeps_the_reserve_of_services_that_verify(
    given: str, eight: Registry, bundle_store: BundleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate()
    for name in bundle_store.names():
        if name[0] in "832":
            folder = bundle_store.folder / name
            (folder / SIGNATURE).write_bytes(key.sign((folder / MANIFEST).read_bytes()))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pems = {"SALARY_SIGNING_KEY": private, "SALARY_VERIFY_KEY": public}
    monkeypatch.setenv(given, pems[given].decode())

    retired(eight, bundle_store, 1)

    assert kept(bundle_store) == [8, 7, 6, 3]
    (bundle_store.folder / str(bundle_store.current()) / "model.skops").write_bytes(b"garbage")
    choice = replace(bundle_store, verifier=Verifier([key.public_key()])).choose()
    assert choice is not None
    assert (choice.source, choice.bundle.version) == ("reserve", 3)


def test_retire_when_a_bundle_is_of_another_model_or_says_nothing_then_keeps_it(
    eight: Registry, bundle_store: BundleStore, models: Models
) -> None:
    other = own_registry("other salaries")
    register(models[3], name="other salaries")
    bundle_store.write(*pack_version(other, 1))
    odd = bundle_store.folder / "1-00000000"
    odd.mkdir()

    retired(eight, bundle_store, 1)

    assert kept(bundle_store) == [8, 7, 6, 1, 1]


@pytest.mark.parametrize("trouble", ["no alias", "no pointer", "odd pointer"])
def test_retire_when_nothing_says_what_is_served_then_removes_nothing(
    trouble: str, eight: Registry, bundle_store: BundleStore
) -> None:
    if trouble == "no alias":
        MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")
    elif trouble == "no pointer":
        (bundle_store.folder / "current").unlink()
    else:
        (bundle_store.folder / "current").write_text("latest")

    assert retired(eight, bundle_store, 1) == []


def test_retire_when_the_pointer_lags_behind_the_alias_then_keeps_both(
    eight: Registry, bundle_store: BundleStore
) -> None:
    promote_by_hand(eight, 2, "no bundle was pointed to yet")

    retired(eight, bundle_store, 1)

    assert {8, 2} <= set(kept(bundle_store))
    assert str(bundle_store.current()).startswith("8-")


def test_retire_when_what_was_built_of_it_cannot_be_removed_then_keeps_the_bundle(
    eight: Registry, bundle_store: BundleStore
) -> None:
    def refuse(_: str) -> None:
        raise PermissionError

    assert retire(eight, bundle_store, 1, refuse) == []
    assert len(kept(bundle_store)) == 8


def test_rollback_when_the_bundle_was_removed_then_makes_it_anew(
    eight: Registry, bundle_store: BundleStore
) -> None:
    before = bundle_store.names()[-1]
    retired(eight, bundle_store, 1)

    roll_back(eight, "back to the first", to=1)

    assert export_production(eight, bundle_store) == before
    assert bundle_store.load(before).version == 1


def test_export_when_its_bundle_is_removed_before_the_pointer_moves_then_makes_it_again(
    eight: Registry, bundle_store: BundleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote_by_hand(eight, 1, "back")
    name = bundle_store.names()[-1]
    lock, looks = BundleStore.lock, []

    def remove_first(self: BundleStore) -> object:
        if not looks:
            shutil.rmtree(bundle_store.folder / name)
        looks.append(1)
        return lock(self)

    monkeypatch.setattr(BundleStore, "lock", remove_first)

    assert export_production(eight, bundle_store) == name
    assert bundle_store.load(str(bundle_store.current())).version == 1


def test_outdated_when_fewer_are_there_then_reads_no_registry(
    eight: Registry, bundle_store: BundleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "recent_state", lambda _: pytest.fail("it read"))

    assert outdated(eight, bundle_store, 8) == []
