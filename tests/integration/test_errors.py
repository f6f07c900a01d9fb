"""What a person does wrong is told in one line, and nothing is left half done."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from salary_kedro.modelling.names import MODEL_NAMES
from support import BIN, Project, copy_project, copy_trained

RAW = Path("data", "01_raw", "salary_data.csv")
CONTRACT = Path("conf", "base", "contract.yml")


@dataclass(frozen=True)
class Left:
    """What is in the stores of a project.

    Attributes:
        versions: Registered versions.
        finished: MLflow runs that did not end as failed.
        bundles: Names of bundles and the pointer, hidden leftovers included.
        archive: Names of archive copies.
        bentos: Names of Bentos.
    """

    versions: list[int]
    finished: list[str]
    bundles: list[str]
    archive: list[str]
    bentos: list[str]


def read_left(project: Project) -> Left:
    models = project.root / "data" / "06_models"
    bentos = project.root / ".bentoml" / "bentos" / "salary_prediction"
    return Left(
        versions=query(project, "SELECT version FROM model_versions"),
        finished=query(project, "SELECT run_uuid FROM runs WHERE status <> 'FAILED'"),
        bundles=names(models / "bundles"),
        archive=names(models / "archive"),
        bentos=names(bentos),
    )


def query(project: Project, statement: str) -> list:
    database = project.root / "data" / "mlflow" / "mlflow.db"
    if not database.is_file():
        return []
    connection = sqlite3.connect(database)
    try:
        return sorted(value for (value,) in connection.execute(statement))
    finally:
        connection.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


Prepare = Callable[[Project], None]


@dataclass(frozen=True)
class Case:
    """A mistake.

    Attributes:
        arguments: Arguments of `kedro run`.
        says: What the one line must name: what is wrong, what is allowed, what to do.
        prepare: Makes the mistake, where it is not in the arguments.
        trained: Whether the project was trained before.
        environment: Variables of the environment.
    """

    arguments: tuple[str, ...]
    says: tuple[str, ...]
    prepare: Prepare = lambda project: None
    trained: bool = True
    folder: str = "project"
    environment: tuple[tuple[str, str], ...] = ()


def parameter(text: str, *says: str) -> Case:
    return Case(("--params", text), says)


def raw(change: Callable[[str], bytes], *says: str) -> Case:
    """A raw file with something wrong."""

    def prepare(project: Project) -> None:
        path = project.root / RAW
        path.write_bytes(change(path.read_text()))

    return Case((), says, prepare)


def contract(old: str, new: str, *says: str) -> Case:
    """A contract with something wrong in it."""

    def prepare(project: Project) -> None:
        path = project.root / CONTRACT
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return Case((), says, prepare)


def file_instead_of(folder: str) -> Prepare:
    """Put a file where a folder of that name is needed."""

    def prepare(project: Project) -> None:
        path = project.root / folder
        if path.is_dir():
            shutil.rmtree(path)
        path.write_text("in the way\n")

    return prepare


def is_in_the_way(folder: str) -> Case:
    return Case((), (f"/{folder}", "folder"), file_instead_of(folder), trained=False)


def with_row(*rows: str) -> Callable[[str], bytes]:
    """Rows put after the fifth line of the file."""

    def change(text: str) -> bytes:
        lines = text.splitlines()
        return "\n".join([*lines[:5], *rows, *lines[5:], ""]).encode()

    return change


PIPELINES = ("data_engineering", "data_science", "promotion", "packaging")
CLOSED = "http://127.0.0.1:9"

CASES: dict[str, Case] = {
    "a misspelt parameter": parameter("modle=x", "'modle'", "'model'"),
    "a misspelt parameter of a group": parameter(
        "data_science.modle=x", "data_science.modle", "'model'"
    ),
    "an unknown model": parameter("model=foo", "'foo'", *MODEL_NAMES),
    "two values out of bounds": parameter(
        "data_engineering.train_size=1.5,data_science.cross_validation.folds=1",
        "data_engineering.train_size",
        "1.5",
        "data_science.cross_validation.folds",
        "2",
    ),
    "a hyperparameter that the estimator does not have": parameter(
        "model=ridge,data_science.hyperparameters.ridge.depth=3",
        "data_science.hyperparameters.ridge",
        "depth",
    ),
    "an unknown pipeline": Case(("--pipelines", "data_sience"), ("data_sience", *PIPELINES)),
    "a file instead of data": is_in_the_way("data"),
    "a file instead of data/mlflow": is_in_the_way("data/mlflow"),
    "a file instead of data/06_models": is_in_the_way("data/06_models"),
    "a percent sign in the path": Case((), ("'%'", "move"), trained=False, folder="100% mine"),
    "a store that is not there": Case(
        (), (CLOSED, "MLFLOW_TRACKING_URI"), environment=(("MLFLOW_TRACKING_URI", CLOSED),)
    ),
    "a column is missing": raw(
        lambda text: text.replace("Salary", "Pay").encode(), "'Salary'", "'Pay'", "contract.yml"
    ),
    "the file is empty": raw(lambda text: b"", "salary_data.csv", "empty"),
    "the file has only a header": raw(
        lambda text: text.splitlines(keepends=True)[0].encode(), "header", "row"
    ),
    "another delimiter": raw(
        lambda text: text.replace(",", ";").encode(), "delimiter", '";"', "contract.yml"
    ),
    "another encoding": raw(
        lambda text: f"{text}caf\xe9,1\n".encode("cp1252"), "encoding", "cp1252", "contract.yml"
    ),
    "too many bad rows": raw(
        with_row("a,1", "61,2", "3,-5"), "3 of 43", "5%", "rejected_rows.csv", "line 6"
    ),
    "a row with too many fields": raw(with_row("1,2,3"), "line 6", "3 fields", "2"),
    "a misspelt key of the contract": contract(
        "      minimum: 0", "      minimun: 0", "features.experience_years.minimun", "minimum"
    ),
    "a contract's bounds crossed": contract("maximum: 60", "maximum: -60", "minimum", "maximum"),
    "a contract's bound that is a word": contract(
        "maximum: 60", "maximum: sixty", "features.experience_years.maximum", "'sixty'", "number"
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What a mistake led to.

    Attributes:
        result: Exit code and output.
        before: What was in the stores before.
        after: What is in them now.
        log: What the log says since.
    """

    result: subprocess.CompletedProcess[str]
    before: Left
    after: Left
    log: str


def make_mistake(case: Case, root: Path, trained: Project) -> Outcome:
    if case.trained:
        project = copy_trained(trained, root / case.folder)
    else:
        project = copy_project(root / case.folder)
    case.prepare(project)
    log = project.root / "data" / "logs" / "kedro.log"
    if log.is_file():
        log.unlink()
    before = read_left(project)
    result = project.run("kedro", "run", *case.arguments, **dict(case.environment))
    return Outcome(result, before, read_left(project), log.read_text() if log.is_file() else "")


@pytest.fixture(scope="module")
def outcomes(
    _trained: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """Make all the mistakes, two at a time, each in a copy of its own."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {
            name: pool.submit(make_mistake, case, tmp_path_factory.mktemp("error"), _trained)
            for name, case in CASES.items()
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def outcome(outcomes: dict[str, Future[Outcome]], name: str) -> Outcome:
    return outcomes[name].result()


each_case = pytest.mark.parametrize("name", CASES)


def error_line(stderr: str) -> str:
    """The one line on stderr beside the progress of a run."""
    lines = [line for line in stderr.splitlines() if not line.startswith("[")]
    assert len(lines) == 1, stderr
    return lines[0]


@each_case
def test_kedro_run_when_something_is_wrong_then_ends_with_one_line_that_helps(
    outcome: Outcome, name: str
) -> None:
    line = error_line(outcome.result.stderr)
    assert line.startswith("Error: ")
    assert outcome.result.returncode != 0
    assert [part for part in CASES[name].says if part not in line] == []


@each_case
def test_kedro_run_when_something_is_wrong_then_the_line_is_short_and_free_of_internals(
    outcome: Outcome,
) -> None:
    line = error_line(outcome.result.stderr)
    assert len(line) <= 500
    internals = ("Traceback", "Tuple", "Extra inputs", "versioned dataset", "register_pipelines")
    assert [part for part in internals if part in line] == []


@each_case
def test_kedro_run_when_something_is_wrong_then_stdout_says_nothing(outcome: Outcome) -> None:
    assert outcome.result.stdout == ""


@each_case
def test_kedro_run_when_something_is_wrong_then_leaves_nothing_half_done(
    outcome: Outcome,
) -> None:
    assert outcome.after == outcome.before


@pytest.mark.parametrize("name", ["a hyperparameter that the estimator does not have"])
def test_kedro_run_when_something_is_wrong_then_the_log_has_the_whole_story(
    outcome: Outcome,
) -> None:
    assert "Traceback" in outcome.log
    assert "TypeError" in outcome.log


@pytest.fixture(scope="module")
def few_bad_rows(
    _trained: Project, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A run over 38 good rows and, at 5 %, two bad ones."""
    root = tmp_path_factory.mktemp("few") / "project"
    project = copy_trained(_trained, root)
    path = project.root / RAW
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], "61,-1", *lines[5:39], "2.5,much", ""]))
    return project, project.kedro_run("--pipelines", "data_engineering")


BOTH_BAD = (
    "Experience Years: must be a number from 0 to 60 (years); "
    "Salary: must be a number above 0 (a year, gross)"
)
Run = tuple[Project, subprocess.CompletedProcess[str]]


def test_kedro_run_when_few_rows_are_bad_then_each_is_kept_with_its_line_and_reasons(
    few_bad_rows: Run,
) -> None:
    rejected = pd.read_csv(few_bad_rows[0].root / "data" / "02_intermediate" / "rejected_rows.csv")
    expected = pd.DataFrame(
        {
            "line": [6, 41],
            "reasons": [BOTH_BAD, "Salary: not a number"],
            "Experience Years": [61.0, 2.5],
            "Salary": ["-1", "much"],
        }
    )
    pd.testing.assert_frame_equal(rejected, expected)


def test_kedro_run_when_few_rows_are_bad_then_the_summary_counts_them(few_bad_rows: Run) -> None:
    summary = few_bad_rows[1].stdout
    assert "40 read, 2 rejected" in summary
    assert "data/02_intermediate/rejected_rows.csv" in summary


def test_kedro_run_when_few_rows_are_bad_then_goes_on_with_the_others(few_bad_rows: Run) -> None:
    data = few_bad_rows[0].root / "data"
    salaries = pd.read_parquet(data / "03_primary" / "salaries.parquet")
    assert len(salaries) == 38
    assert salaries["experience_years"].max() <= 60


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])


def run_make(project: Project, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run make in the copy, as if from a terminal and not from another make."""
    environment = {
        key: value
        for key, value in project.environment.items()
        if key
        not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PORT", "APP_PORT", "UI_PORT", "PYTHON", "ENV")
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=project.root,
        env={**environment, "PATH": f"{path}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def own_line(stderr: str) -> str:
    """The one line on stderr that is not make's own."""
    lines = [line for line in stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1, stderr
    return lines[0]


@pytest.fixture
def installed(project: Project) -> Project:
    """A copy whose .venv counts as up to date; it has no pip and no uv, so none can change it."""
    venv = project.root / ".venv"
    (venv / "bin").mkdir(parents=True)
    for name in ("bin/python", "bin/kedro", "bin/bentoml", "bin/streamlit", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(BIN.parent / name)
    checksum = subprocess.run(
        ["cksum"], input=str(project.root), capture_output=True, text=True, check=True
    ).stdout.split()[0]
    for stamp in (".venv", ".run"):
        (venv / f"{stamp}-{checksum}").touch()
    return project


@pytest.mark.parametrize(
    ("target", "variable"), [("serve", "PORT"), ("app", "APP_PORT"), ("ui", "UI_PORT")]
)
@pytest.mark.parametrize("env", ["", "professors"])
def test_make_when_the_port_is_busy_then_says_so_in_one_line_with_another_one(
    installed: Project, busy_port: int, target: str, variable: str, env: str
) -> None:
    given = [f"ENV={env}"] if env else []
    named = f" ENV={env}" if env and target != "app" else ""
    result = run_make(installed, target, f"{variable}={busy_port}", *given, "PYTHON=false")
    assert result.returncode != 0
    assert result.stdout == ""
    page = f", and `SALARY_SERVICE_URL=http://127.0.0.1:{busy_port + 1} make app`"
    assert own_line(result.stderr) == (
        f"Error: port {busy_port} is in use; stop the program that uses it, or run "
        f"`make {target}{named} {variable}={busy_port + 1}`{page if target == 'serve' else ''}"
    )


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_make_serve_when_the_port_is_no_port_then_says_what_one_is(
    installed: Project, port: str
) -> None:
    result = run_make(installed, "serve", f"PORT={port}", "PYTHON=false")
    assert result.returncode != 0
    assert own_line(result.stderr) == f"Error: port '{port}' is not a number from 1 to 65535"


def fake_python(folder: Path, script: str) -> str:
    """Put a `python3` of one's own first on the search path; gives that part of the path."""
    folder.mkdir()
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}:"


def test_make_when_python_has_no_venv_module_then_says_so_in_one_line(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "ensurepip.py").write_text("raise ImportError('not installed')\n")
    script = f'PYTHONPATH="{tmp_path}/without" exec "{sys.executable}" "$@"'
    result = run_make(project, "run", path=fake_python(tmp_path / "bin", script))
    assert result.returncode != 0
    line = own_line(result.stderr)
    assert line.startswith("Error: ")
    assert "'python3' has no venv module" in line
    assert "apt install python3-venv" in line
    assert not (project.root / ".venv").exists()


def test_make_when_python_is_too_old_then_says_so_in_one_line(
    project: Project, tmp_path: Path
) -> None:
    result = run_make(project, "run", path=fake_python(tmp_path / "bin", "exit 1"))
    assert result.returncode != 0
    assert own_line(result.stderr).startswith("Error: 'python3' is not Python 3.11 or later.")
    assert not (project.root / ".venv").exists()


def test_kedro_run_when_the_environment_does_not_exist_then_names_those_that_do(
    _trained: Project,  # noqa: PT019 - its value is used
) -> None:
    result = _trained.run("kedro", "run", "--env", "nope")

    assert result.returncode == 1
    assert result.stderr.startswith("Error: there is no environment 'nope'; known are base, dask, ")
    assert len(result.stderr.splitlines()) == 1
