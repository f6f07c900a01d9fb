"""The Bento, away from the project: exported, and served with its own requirements alone."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import BIN, Answer, Project, free_port, get, post, running, wait_until

BODIES = [{"experience_years": 5}, {"experience_years": 0}, {"experience_years": 61}]


@pytest.fixture(scope="module")
def bento(_trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported Bento as a folder."""
    archive = tmp_path_factory.mktemp("export") / "salaries.bento"
    name = (_trained.bundles / "current").read_text().strip()
    exported = _trained.run("bentoml", "export", f"salary_prediction:{name}", str(archive))
    assert exported.returncode == 0, exported.stderr
    folder = tmp_path_factory.mktemp("bento")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def clean_bin(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a new virtual environment that holds what the Bento's lock names."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    lock = bento / "src" / "requirements-serving.lock"
    uv(["venv", "--quiet", "--python", sys.executable, str(venv)])
    python = venv / "bin" / "python"
    uv(["pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(lock)])
    return venv / "bin"


@pytest.fixture(scope="module")
def clean_url(
    bento: Path, clean_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of the Bento's service: other home, other folder, nothing of the project."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    port = free_port()
    environment = {
        "PATH": f"{clean_bin}:/usr/bin:/bin",
        "HOME": str(elsewhere),
        "BENTOML_HOME": str(elsewhere / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "true",
    }
    command = [str(clean_bin / "bentoml"), "serve", "--port", str(port), str(bento)]
    with running(command, elsewhere, environment):
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the Bento to be ready")
        yield address


def uv(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([BIN / "uv", *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result


def ask_all(address: str) -> list[Answer]:
    """The answers to some good and bad requests, and what is served."""
    return [
        *(post(f"{address}/predict", body) for body in BODIES),
        post(f"{address}/predict_batch", {"rows": BODIES[:2]}),
        get(f"{address}/model"),
        get(f"{address}/openapi.json"),
    ]


def test_bento_when_it_is_served_in_a_clean_environment_then_answers_as_the_project_does(
    clean_url: str, service_url: str
) -> None:
    assert ask_all(clean_url) == ask_all(service_url)


def test_bento_when_its_requirements_are_read_with_hashes_required_then_each_has_one(
    bento: Path, clean_bin: Path
) -> None:
    """`pip install -r` requires a hash of all as soon as one has one."""
    requirements = bento / "env" / "python" / "requirements.txt"
    options = ["--quiet", "--dry-run", "--python", str(clean_bin / "python"), "--require-hashes"]
    uv(["pip", "install", *options, "-r", str(requirements)])


def test_bento_when_exported_then_holds_one_bundle_and_the_serving_code_alone(
    bento: Path,
) -> None:
    source = bento / "src"
    package = source / "salary_kedro"
    bundles = source / "data" / "06_models" / "bundles"
    rooms = {entry.name for entry in package.iterdir() if entry.is_dir()}
    assert rooms - {"__pycache__"} == {"bundle", "contract", "serving"}
    current = (bundles / "current").read_text().strip()
    assert {entry.name for entry in bundles.iterdir()} == {"current", current}


@pytest.fixture
def project_path(_trained: Project) -> bytes:
    """Where the project is that built the Bento."""
    return str(_trained.root).encode()


def test_bento_when_exported_then_holds_no_training_data_and_no_path_of_the_machine(
    bento: Path, project_path: bytes
) -> None:
    files = [path for path in bento.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix in (".csv", ".parquet", ".db")] == []
    assert [path for path in files if project_path in path.read_bytes()] == []
