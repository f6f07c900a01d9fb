"""Exporting the production version: what the bundle holds, and when it is made anew."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mlflow import MlflowClient

from salary_kedro.bundle import BundleError, BundleStore, limits
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.signing import Verifier
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.promotion.logged import read_contract
from salary_kedro.promotion.packaging import export_production
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.tracking import LoggedModel
from samples import constant, default_contract
from stores import MODEL_NAME, Models, contest, log, own_registry, register


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


@pytest.fixture
def bundle_store(tmp_path: Path) -> BundleStore:
    """A bundles folder that does not exist yet."""
    return BundleStore(tmp_path / "models" / "bundles")


def produce(registry: Registry, logged: LoggedModel) -> int:
    """Register a version and make it production."""
    version = register(logged, name=registry.model_name)
    return promote_by_hand(registry, version.number, "to package it")


def written_at(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_export_when_a_version_is_in_production_then_its_bundle_holds_all_about_it(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])

    name = export_production(registry, bundle_store)

    bundle = bundle_store.load(name)
    assert (bundle.name, bundle.model_name, bundle.version) == (name, MODEL_NAME, 1)
    assert bundle.contract == default_contract()
    assert (bundle.metrics, bundle.lineage) == ({"rmse": 5}, Lineage(git_commit="abc"))
    assert bundle.predict([[2.0]]).tolist() == [105.0]


def test_export_when_done_then_the_pointer_names_the_bundle(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])

    assert bundle_store.current() is None
    assert export_production(registry, bundle_store) == bundle_store.current()


def test_export_when_another_version_came_into_production_then_points_to_that(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    first = export_production(registry, bundle_store)
    produce(registry, models[3])

    second = export_production(registry, bundle_store)

    assert bundle_store.current() == second
    assert bundle_store.load(second).version == 2
    assert bundle_store.names() == [second, first]


def test_export_when_a_newer_version_is_not_in_production_then_exports_what_the_alias_names(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[3])
    contest(register(models[5]).number)

    assert bundle_store.load(export_production(registry, bundle_store)).version == 1


def test_export_when_nothing_is_in_production_then_says_what_to_do(
    registry: Registry, bundle_store: BundleStore
) -> None:
    with pytest.raises(UserError) as caught:
        export_production(registry, bundle_store)

    assert str(caught.value) == (
        "model 'salaries' has no production version to package: `make run` trains and promotes one"
    )
    assert not bundle_store.folder.exists()


def test_export_when_done_twice_then_writes_nothing_the_second_time(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    name = export_production(registry, bundle_store)
    before = written_at(bundle_store.folder), written_at(bundle_store.folder / name)

    assert export_production(registry, bundle_store) == name

    assert (written_at(bundle_store.folder), written_at(bundle_store.folder / name)) == before


@pytest.mark.parametrize("content", ["latest", ""])
def test_export_when_the_pointer_is_garbage_then_writes_it_anew(
    content: str, registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    name = export_production(registry, bundle_store)
    (bundle_store.folder / "current").write_text(content)

    export_production(registry, bundle_store)

    assert bundle_store.current() == name


def test_export_when_the_bundle_was_damaged_then_repairs_it(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    name = export_production(registry, bundle_store)
    (bundle_store.folder / name / "model.skops").write_bytes(b"garbage")

    assert export_production(registry, bundle_store) == name

    assert bundle_store.load(name).predict([[2.0]]).tolist() == [105.0]


def test_export_when_production_went_back_then_points_to_the_earlier_bundle(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    first = export_production(registry, bundle_store)
    produce(registry, models[3])
    export_production(registry, bundle_store)
    roll_back(registry, "it was better")

    assert export_production(registry, bundle_store) == first
    assert bundle_store.current() == first


def test_export_when_a_version_of_another_model_has_the_same_number_then_exports_its_own(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    export_production(registry, bundle_store)
    other = own_registry("other salaries")
    produce(other, models[3])

    bundle = bundle_store.load(export_production(other, bundle_store))

    assert (bundle.model_name, bundle.version) == ("other salaries", 1)
    assert bundle.predict([[2.0]]).tolist() == [103.0]


def test_export_when_an_earlier_store_had_a_version_of_that_number_then_exports_todays(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    export_production(registry, bundle_store)
    MlflowClient().delete_registered_model(MODEL_NAME)  # as with a new store: numbers start again
    produce(registry, models[3])

    bundle = bundle_store.load(export_production(registry, bundle_store))

    assert (bundle.version, bundle.metrics) == (1, {"rmse": 3})
    assert bundle.predict([[2.0]]).tolist() == [103.0]


def test_export_when_the_versions_files_are_gone_then_says_of_which_version(
    registry: Registry, bundle_store: BundleStore, contract: Contract
) -> None:
    produce(registry, log(constant(105), contract))
    shutil.rmtree(registry.model_folder(1))

    with pytest.raises(UserError, match="version 1"):
        export_production(registry, bundle_store)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Verifier:
    """The public half of the key that whoever packages signs with."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv("SALARY_SIGNING_KEY", pem.decode())
    return Verifier([key.public_key()])


def test_export_when_there_is_a_key_then_the_bundle_is_signed(
    registry: Registry, bundle_store: BundleStore, models: Models, public: Verifier
) -> None:
    produce(registry, models[5])
    name = export_production(registry, bundle_store)
    assert BundleStore(bundle_store.folder, verifier=public).load(name).version == 1


def test_export_when_the_bundle_was_packaged_without_a_key_then_is_signed_under_its_name(
    registry: Registry,
    bundle_store: BundleStore,
    models: Models,
    public: Verifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    produce(registry, models[5])
    with monkeypatch.context() as before:
        before.delenv("SALARY_SIGNING_KEY")
        name = export_production(registry, bundle_store)
    with pytest.raises(BundleError, match="is not signed"):
        BundleStore(bundle_store.folder, verifier=public).load(name)

    assert export_production(registry, bundle_store) == name

    assert BundleStore(bundle_store.folder, verifier=public).load(name).version == 1


def test_export_when_done_then_the_folder_says_whose_bundles_it_holds(
    registry: Registry, bundle_store: BundleStore, models: Models
) -> None:
    produce(registry, models[5])
    export_production(registry, bundle_store)
    assert bundle_store.owner() == MODEL_NAME


def test_logged_files_when_they_are_too_large_then_are_not_read(
    registry: Registry, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    produce(registry, models[5])
    for name in ("lineage.json", "contract.json"):
        monkeypatch.setitem(limits.SIZES, name, 1)
    with pytest.raises(UserError, match=r"version 1 cannot be read: lineage\.json has .* bytes"):
        registry.lineage(1)
    with pytest.raises(UserError, match=r"contract\.json has .* bytes, more than the allowed 1"):
        read_contract(registry.model_folder(1))
