"""Signatures: what is signed loads, what is not does not, and keys that are none are named."""

import shutil
import subprocess
from pathlib import Path

import pytest

from containers import give_up
from salary_kedro.bundle import Bundle, BundleError, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.signing import read_signer, read_verifier
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from samples import bundle_files


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """A private key and its public half, made as the documentation says."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Two pairs of keys, by name."""
    if not shutil.which("openssl"):
        give_up("openssl is not installed")
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_keys(folder, name) for name in ("ours", "theirs")}


@pytest.fixture
def given(contract: Contract) -> dict[str, bytes]:
    """What the bundle is packed from."""
    return bundle_files(contract)


@pytest.fixture
def signed(keys: dict[str, tuple[Path, Path]], given: dict[str, bytes], tmp_path: Path) -> Path:
    """A bundle that is signed with our key."""
    signer = read_signer({"SALARY_SIGNING_KEY_FILE": str(keys["ours"][0])})
    name, files = pack("salaries", 1, given, signer)
    BundleStore(tmp_path).write(name, files)
    return tmp_path / name


def verifying(*public: Path) -> dict[str, str]:
    return {"SALARY_VERIFY_KEY": "".join(path.read_text() for path in public)}


def test_load_when_it_is_signed_by_one_of_the_keys_then_is_loaded(
    signed: Path, keys: dict[str, tuple[Path, Path]]
) -> None:
    both = read_verifier(verifying(keys["theirs"][1], keys["ours"][1]))
    assert Bundle.load(signed, both).version == 1


def test_load_when_no_key_is_given_then_signed_or_not_is_the_same(signed: Path) -> None:
    assert read_verifier({}) is None
    assert Bundle.load(signed).version == 1


def test_pack_when_it_signs_then_the_name_and_the_other_files_are_the_same(
    signed: Path, given: dict[str, bytes]
) -> None:
    name, files = pack("salaries", 1, given)
    assert signed.name == name
    assert {path.name for path in signed.iterdir()} - set(files) == {"manifest.sig"}


def test_load_when_another_key_signed_it_then_is_refused_and_says_what_to_do(
    signed: Path, keys: dict[str, tuple[Path, Path]]
) -> None:
    with pytest.raises(BundleError, match=r"signed by no key .*, or was altered .* add their"):
        Bundle.load(signed, read_verifier(verifying(keys["theirs"][1])))


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"short"])
def test_load_when_the_signature_is_garbage_then_is_refused(
    signed: Path, keys: dict[str, tuple[Path, Path]], signature: bytes
) -> None:
    (signed / "manifest.sig").write_bytes(signature)
    with pytest.raises(BundleError, match="signed by no key"):
        Bundle.load(signed, read_verifier(verifying(keys["ours"][1])))


def test_load_when_it_is_not_signed_then_is_refused_and_says_what_to_do(
    signed: Path, keys: dict[str, tuple[Path, Path]]
) -> None:
    (signed / "manifest.sig").unlink()
    with pytest.raises(BundleError, match=r"not signed, .*SALARY_SIGNING_KEY_FILE set"):
        Bundle.load(signed, read_verifier(verifying(keys["ours"][1])))


def test_load_when_openssl_signed_it_then_is_loaded(
    signed: Path, keys: dict[str, tuple[Path, Path]]
) -> None:
    private, public = keys["theirs"]
    signature, manifest = signed / "manifest.sig", signed / "manifest.json"
    command = ("pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", manifest)
    openssl(*command, "-out", signature)
    assert Bundle.load(signed, read_verifier(verifying(public))).version == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must hold public Ed25519 keys"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds a damaged key"),
        ("secret", "must hold public Ed25519 keys"),
    ],
)
def test_read_verifier_when_there_is_no_key_in_it_then_says_so_and_shows_nothing(
    content: str, message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_verifier({"SALARY_VERIFY_KEY": content})
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("keys")  # for openssl
def test_read_keys_when_they_are_of_another_kind_then_says_so(tmp_path: Path) -> None:
    private, public = tmp_path / "rsa.pem", tmp_path / "rsa.pub.pem"
    openssl("genpkey", "-algorithm", "rsa", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    with pytest.raises(UserError, match="is not an Ed25519 key"):
        read_signer({"SALARY_SIGNING_KEY_FILE": str(private)})
    with pytest.raises(UserError, match="must hold public Ed25519 keys"):
        read_verifier({"SALARY_VERIFY_KEY_FILE": str(public)})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SALARY_VERIFY_KEY_FILE": "keys.pem"}, "it must be an absolute path"),
        ({"SALARY_VERIFY_KEY_FILE": ""}, "it must be an absolute path"),
        ({"SALARY_VERIFY_KEY_FILE": "/nowhere.pem"}, "cannot be read: No such file"),
        ({"SALARY_VERIFY_KEY_FILE": "/dev/zero"}, "is not a regular file"),
        ({"SALARY_VERIFY_KEY_FILE": "/x", "SALARY_VERIFY_KEY": "x"}, "both SALARY_VERIFY_KEY and"),
    ],
)
def test_read_verifier_when_the_file_is_none_then_is_an_error_not_a_service_without_a_key(
    environment: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_verifier(environment)
