"""With a key, nothing is served that the key did not sign, neither at the start nor later."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bundles import MODEL, add_bundle, make_files
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.signing import Signer, Verifier
from salary_kedro.contract import Contract
from salary_kedro.serving.predictor import Predictor
from support import ROOT, Project

Ask = Callable[..., httpx.Response]


@pytest.fixture
def key() -> Ed25519PrivateKey:
    """The private key of whoever packages."""
    return Ed25519PrivateKey.generate()


@pytest.fixture
def store(folder: Path, key: Ed25519PrivateKey) -> BundleStore:
    """A folder of bundles that must be signed."""
    return BundleStore(folder, verifier=Verifier([key.public_key()]))


@pytest.fixture
def public(key: Ed25519PrivateKey, tmp_path: Path) -> Path:
    """The file of the public key."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path = tmp_path / "verify.pem"
    path.write_bytes(pem)
    return path


def add_signed(store: BundleStore, contract: Contract, version: int, key: Ed25519PrivateKey) -> str:
    """Write a bundle that is signed; gives its name."""
    name, files = pack(MODEL, version, make_files(contract, version), Signer(key))
    store.write(name, files)
    return name


def test_predictor_when_the_bundle_is_signed_then_serves_it(
    store: BundleStore, contract: Contract, key: Ed25519PrivateKey, predictor: Predictor
) -> None:
    store.point_to(add_signed(store, contract, 1, key))
    predictor.refresh()
    assert predictor.served is not None


def test_predictor_when_an_unsigned_bundle_comes_then_the_old_model_stays_and_says_why(
    store: BundleStore,
    contract: Contract,
    key: Ed25519PrivateKey,
    predictor: Predictor,
    ask: Ask,
) -> None:
    store.point_to(add_signed(store, contract, 1, key))
    predictor.refresh()
    store.point_to(add_bundle(store.folder, contract, 2))
    predictor.refresh()
    answer = ask("GET", "/model").json()
    assert (answer["model_version"], answer["source"]) == (1, "kept")
    assert "manifest.json is not signed" in answer["reason"]
    assert "SALARY_SIGNING_KEY_FILE" in answer["reason"]


def test_predictor_when_it_starts_with_an_unsigned_bundle_then_the_reserve_is_a_signed_one(
    store: BundleStore, contract: Contract, key: Ed25519PrivateKey, predictor: Predictor
) -> None:
    add_signed(store, contract, 1, key)
    add_bundle(store.folder, contract, 2)
    store.point_to(add_signed(store, contract, 3, Ed25519PrivateKey.generate()))
    predictor.refresh()
    assert predictor.served is not None
    assert predictor.served.bundle.version == 1


def test_predictor_when_the_bundle_is_signed_later_then_moves_to_it(
    store: BundleStore, contract: Contract, key: Ed25519PrivateKey, predictor: Predictor
) -> None:
    name = add_bundle(store.folder, contract, 2)
    store.point_to(name)
    predictor.refresh()
    assert predictor.served is None
    manifest = (store.folder / name / "manifest.json").read_bytes()
    (store.folder / name / "manifest.sig").write_bytes(key.sign(manifest))
    predictor.refresh()
    assert predictor.served is not None


@pytest.mark.process
def test_service_when_its_key_cannot_be_read_then_does_not_start_and_says_so_in_one_line(
    project: Project,
) -> None:
    result = project.run("bentoml", "serve", SALARY_VERIFY_KEY_FILE="/nowhere/verify.pem")
    assert result.returncode != 0
    assert result.stderr == (
        "Error: SALARY_VERIFY_KEY_FILE names '/nowhere/verify.pem', which cannot be read: "
        "No such file or directory\n"
    )


@pytest.mark.process
def test_image_when_the_bundle_is_not_signed_then_is_not_built(bundles: Path, public: Path) -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "deploy" / "production_bento.py", str(bundles), ""],
        cwd=ROOT,
        env={**os.environ, "SALARY_VERIFY_KEY_FILE": str(public)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "manifest.json is not signed" in result.stderr
    assert len(result.stderr.splitlines()) == 1
