"""A copied project whose original is still there: what its commands open, as the kernel sees it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient

from salary_kedro.registry.relocation import relocate
from support import BIN, Project

STRACE = shutil.which("strace")

pytestmark = pytest.mark.skipif(
    STRACE is None and "CI" not in os.environ, reason="strace is not installed"
)


@dataclass(frozen=True)
class Outcome:
    """What a traced command did.

    Attributes:
        code: Exit code.
        error: Standard error.
        touched: Every system call that names a file, a line each.
    """

    code: int
    error: str
    touched: list[str]


@pytest.fixture(scope="module")
def original(_trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A trained project that was copied from another, and told so."""
    root = tmp_path_factory.mktemp("original") / "project-1"
    project = Project(Path(shutil.copytree(_trained.root, root, symlinks=True)))
    relocate(project.store, artifacts(project))
    return project


@pytest.fixture
def copied(original: Project, tmp_path: Path) -> Project:
    """A copy of it, whose store was told nothing yet."""
    return Project(Path(shutil.copytree(original.root, tmp_path / "cöpy #2", symlinks=True)))


def artifacts(project: Project) -> str:
    return (project.root / "data" / "mlflow" / "artifacts").as_uri()


def traced(project: Project, *command: str) -> Outcome:
    """Run a command of the virtual environment, and all it starts, and note the files it names."""
    trace = project.root.parent / "trace"
    options = ["-f", "--seccomp-bpf", "-qq", "-xx", "-s4096", "-etrace=%file", f"-o{trace}"]
    result = project.run(str(STRACE), *options, str(BIN / "kedro"), *command)
    return Outcome(result.returncode, result.stderr, trace.read_text().splitlines())


def naming(project: Project, touched: list[str]) -> list[str]:
    """The calls that name a file of a project; strace writes each byte in hexadecimal."""
    folder = "".join(f"\\x{byte:02x}" for byte in str(project.root).encode())
    return [line for line in touched if folder in line]


def state(project: Project) -> dict[str, tuple[int, int]]:
    """Every file and folder, and when and how it was last changed."""
    stats = {str(path): path.stat() for path in [project.root, *project.root.rglob("*")]}
    return {path: (stat.st_mtime_ns, stat.st_ctime_ns) for path, stat in stats.items()}


def test_rollback_when_copied_then_is_refused_and_touches_nothing_of_the_original(
    original: Project, copied: Project
) -> None:
    before = state(original)

    rollback = traced(copied, "models", "rollback", "--reason", "to see")

    assert rollback.code == 1
    assert rollback.error.splitlines()[-1] == (
        f"Error: this project was moved or copied, and its store still points to "
        f"{original.root}/data/mlflow/artifacts: run `kedro models doctor --fix`"
    )
    assert naming(original, rollback.touched) == []
    assert naming(copied, rollback.touched) != []
    assert state(original) == before


def test_run_when_copied_then_relocates_trains_and_touches_nothing_of_the_original(
    original: Project, copied: Project
) -> None:
    before = state(original)

    run = traced(copied, "run", "--params", "model=random_forest")

    assert run.code == 0, run.error
    assert "The project was moved or copied: " in run.error
    assert naming(original, run.touched) == []
    assert state(original) == before
    version = MlflowClient(copied.store).get_model_version_by_alias(
        "salary_prediction_regression-model", "production"
    )
    assert version.version == 2
