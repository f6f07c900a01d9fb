"""What is too large, or no plain file, is refused before it is read; memory stays small."""

import io
import json
import os
import resource
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from scipy.sparse import csr_matrix
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from salary_kedro.bundle import Bundle, BundleError
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.model_file import read_model
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from samples import bundle_files, seal

#: Loads a bundle, or reads an archive; says why it is refused, and how much memory that took.
LOAD = """
import resource, sys
from pathlib import Path
import skops.io, sklearn.pipeline
from salary_kedro.bundle import Bundle
from salary_kedro.errors import UserError
read = Bundle.load
if sys.argv[1].endswith(".zip"):
    from salary_kedro.upkeep.transfer import read_archive as read
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
before = peak()
try:
    read(Path(sys.argv[1]))
except UserError as error:
    print(peak() - before, error)
"""
MOST_MB = 60


def refused(path: Path) -> tuple[float, str]:
    """Megabytes that it took a process to refuse a bundle or an archive, and why it did."""
    command = [sys.executable, "-W", "ignore", "-c", LOAD, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    megabytes, _, why = done.stdout.partition(" ")
    return float(megabytes), why


@pytest.fixture
def files(contract: Contract) -> dict[str, bytes]:
    """The files of a good bundle without arrays, but its manifest."""
    _, found = pack("salaries", 1, bundle_files(contract))
    del found["manifest.json"], found["runtime.json"]
    return found


def write(parent: Path, files: dict[str, bytes]) -> Path:
    """A bundle whose manifest vouches for all its files."""
    name, sealed = seal(files)
    folder = parent / name
    folder.mkdir()
    for file, content in sealed.items():
        (folder / file).write_bytes(content)
    return folder


def reason(folder: Path) -> str:
    """Why a bundle is refused."""
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    return str(caught.value).partition(": ")[2]


def bomb(size: int, name: str = "schema.json") -> bytes:
    """A small zip that unpacks to a large one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target, target.open(name, "w") as to:
        for _ in range(size // 1_000_000):
            to.write(b" " * 1_000_000)
    return packed.getvalue()


# --- Memory -------------------------------------------------------------------


@pytest.mark.process
def test_load_when_the_model_unpacks_to_800_mb_then_is_refused_in_little_memory(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    megabytes, why = refused(write(tmp_path, {**files, "model.skops": bomb(800_000_000)}))
    assert "unpacks to 800,000,000 bytes, more than 10 times its size" in why
    assert megabytes < MOST_MB


@pytest.mark.parametrize("name", ["model.skops", "contract.json", "metrics.json"])
@pytest.mark.process
def test_load_when_a_file_has_1500_mb_then_is_refused_in_little_memory(
    files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    folder = write(tmp_path, files)
    os.truncate(folder / name, 1_500_000_000)
    megabytes, why = refused(folder)
    assert f"{name} has 1,500,000,000 bytes, more than the allowed" in why
    assert megabytes < MOST_MB


@pytest.mark.process
def test_load_when_the_manifest_is_endless_then_is_refused_in_little_memory(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    folder = write(tmp_path, files)
    os.truncate(folder / "manifest.json", 1_500_000_000)
    megabytes, why = refused(folder)
    assert "manifest.json has 1,500,000,000 bytes" in why
    assert megabytes < MOST_MB


@pytest.mark.process
def test_load_when_json_holds_millions_of_values_then_is_refused_in_little_memory(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    values = b'{"ranges":{},"more":[' + b"[]," * 5_000_000 + b"1]}"
    megabytes, why = refused(write(tmp_path, {**files, "domain.json": values}))
    assert "domain.json holds more than 1,000,000 values" in why
    assert megabytes < MOST_MB


@pytest.mark.process
def test_read_archive_when_it_unpacks_to_gigabytes_then_is_refused_in_little_memory(
    tmp_path: Path,
) -> None:
    (tmp_path / "bomb.zip").write_bytes(bomb(1_400_000_000, "model.skops"))
    megabytes, why = refused(tmp_path / "bomb.zip")
    assert "it unpacks to 1,400,000,000 bytes" in why
    assert megabytes < MOST_MB


def test_limits_when_memory_is_measured_then_the_measure_sees_what_is_read(tmp_path: Path) -> None:
    """Else the figures above would say nothing."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = b"x" * (before * 1000 + 100_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > before + 50_000
    del held


# --- Kinds of files -------------------------------------------------------------


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "model.skops"])
@pytest.mark.parametrize("kind", ["pipe", "link", "socket", "folder"])
def test_load_when_a_file_is_no_regular_one_then_is_refused_at_once(
    files: dict[str, bytes], tmp_path: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, files)
    (folder / name).rename(tmp_path / "was")
    monkeypatch.chdir(folder)  # the path of a socket may not be long
    match kind:
        case "pipe":
            os.mkfifo(name)
        case "link":
            Path(name).symlink_to(tmp_path / "was")
        case "folder":
            Path(name).mkdir()
        case _:
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(name)
    expected = {"link": "is a symbolic link", "folder": "Is a directory"}
    assert expected.get(kind, "is not a regular file") in reason(folder)


def test_load_when_the_bundle_is_a_link_then_is_refused(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    folder = write(tmp_path, files)
    target = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(target)
    assert reason(folder) == "it is a symbolic link; copy what it points to"


@pytest.mark.parametrize("name", ["../../secret.json", "/dev/zero", "more.json", "manifest.sig"])
def test_load_when_the_manifest_names_another_file_then_it_is_not_read(
    files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    manifest_name, sealed = seal({**files, name: b"x"})
    folder = tmp_path / manifest_name
    folder.mkdir()
    (folder / "manifest.json").write_bytes(sealed["manifest.json"])
    assert reason(folder) == f"manifest.json names {name!r}, which is no file of a bundle"


# --- What the files hold -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("metrics.json", b"[]", "metrics.json is not what an export writes"),
        ("metrics.json", b'{"rmse": "low"}', "metrics.json.rmse is not"),
        ("metrics.json", b'{"rmse": true}', "metrics.json.rmse is not"),
        ("metrics.json", b'{"rmse": NaN}', "metrics.json.rmse is not"),
        ("metrics.json", b'{"rmse": 1e999}', "metrics.json.rmse is not"),
        ("metrics.json", b'{"rmse": ' + b"[" * 100_000, "metrics.json is not"),
        ("metrics.json", b'{"a": {"b": 1}}', "metrics.json.a is not"),
        ("lineage.json", b'{"git_commit": 5}', "lineage.json.git_commit is not"),
        ("lineage.json", b'{"git_commit": null}', "lineage.json.git_commit is not"),
        ("examples.json", b'{"rows": [], "predictions": []}', "examples.json.rows is not"),
        ("examples.json", b'{"rows": [[5.0]], "predictions": [NaN]}', "predictions.0 is not"),
        ("examples.json", b'{"rows": [[5.0], [5.0]], "predictions": [5000]}', "one prediction for"),
        ("domain.json", b'{"ranges": {"nobody": [1, 2]}}', "'nobody', which is not an input"),
        ("domain.json", b'{"categories": {"nobody": []}}', "'nobody', which is not an input"),
        ("domain.json", b'{"ranges": {"experience_years": [1, 1e999]}}', "is not a range of"),
        ("domain.json", b'{"ranges": {"experience_years": [NaN, 1]}}', "is not a range of"),
        ("domain.json", b'{"ranges": {"experience_years": [2, 1]}}', "is not a range of"),
    ],
)  # fmt: skip
def test_load_when_a_vouched_file_is_not_what_it_should_be_then_says_where(
    files: dict[str, bytes], tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    assert expected in reason(write(tmp_path, {**files, name: content}))


@pytest.mark.parametrize(
    ("name", "content"),
    [("metrics.json", b'{"rmse": NaN}'), ("lineage.json", b"[]"), ("domain.json", b"[]")],
)
def test_pack_when_a_file_would_be_refused_later_then_is_refused_now(
    contract: Contract, name: str, content: bytes
) -> None:
    with pytest.raises(UserError, match="is not what an export writes"):
        pack("salaries", 1, {**bundle_files(contract), name: content})


def test_pack_when_the_model_is_larger_than_allowed_then_says_how_much_and_what_allows_more(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_MAX_MODEL_MB", "1")
    large = {**bundle_files(contract), "model.skops": b"x" * 1_000_001}
    with pytest.raises(UserError) as caught:
        pack("salaries", 1, large)
    assert str(caught.value) == (
        "model.skops has 1,000,001 bytes, more than the allowed 1,000,000; SALARY_MAX_MODEL_MB "
        "allows more"
    )


@pytest.mark.parametrize("value", ["many", "0", "-5", "1e3", "9999999"])
def test_limits_when_the_setting_is_no_number_of_megabytes_then_says_so(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SALARY_MAX_MODEL_MB", value)
    with pytest.raises(UserError, match=f"SALARY_MAX_MODEL_MB is '{value}'; it must be"):
        read_model(b"")


# --- Inside the model file ----------------------------------------------------------


def changed(**schema: Any) -> bytes:
    """A model file whose description was changed; its arrays are read as often as that says."""
    array = np.zeros(100_000)
    content = skops.io.dumps(Pipeline([("model", FunctionTransformer(kw_args={"a": array}))]))
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    description = json.loads(members["schema.json"])
    (file,) = set(members) - {"schema.json"}
    node = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode"}
    description["more"] = [{**node, "type": "numpy", "file": file} for _ in range(2_000)]
    members["schema.json"] = json.dumps({**description, **schema}).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, member in members.items():
            target.writestr(name, member)
    return packed.getvalue()


def test_read_model_when_one_array_is_named_thousands_of_times_then_all_are_counted() -> None:
    with pytest.raises(UserError, match=r"unpacks to 1,6\d\d,\d{3},\d{3} bytes"):
        read_model(changed())


def test_read_model_when_a_zip_lies_in_the_zip_then_is_refused() -> None:
    sparse = Pipeline([("model", FunctionTransformer(kw_args={"a": csr_matrix((3, 3))}))])
    with pytest.raises(UserError, match="holds a SparseMatrixNode, a zip in the zip"):
        read_model(skops.io.dumps(sparse))


def test_read_model_when_the_directory_of_the_zip_is_huge_then_it_is_not_read() -> None:
    content = bytearray(skops.io.dumps(Pipeline([("model", FunctionTransformer())])))
    content[-10:-6] = (50_000_000).to_bytes(4, "little")
    with pytest.raises(UserError, match="holds more files than"):
        read_model(bytes(content))
