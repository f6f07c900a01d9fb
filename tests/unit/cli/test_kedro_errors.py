"""Errors of Kedro's own commands: one line, exit code 1."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.framework.cli.registry import registry
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.project import configure_project
from kedro.framework.startup import ProjectMetadata

from salary_kedro.cli import cli
from salary_kedro.cli.kedro_errors import error_hooks, tell_in_one_line
from salary_kedro.errors import UserError
from support import Project

STOCK = KedroCliError.show


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Kedro and Python as they were, after the test."""
    yield
    KedroCliError.show = STOCK  # type: ignore[method-assign]
    sys.excepthook = sys.__excepthook__


def metadata(package: str) -> ProjectMetadata:
    """What Kedro knows of a project."""
    known: dict[str, Any] = dict.fromkeys(ProjectMetadata._fields)
    return ProjectMetadata(**{**known, "package_name": package})


def describe_unknown() -> str:
    """What `kedro registry describe` says of a pipeline that there is not."""
    configure_project("salary_kedro")
    result = CliRunner().invoke(registry, ["describe", "nope"])
    assert result.exit_code == 1
    return result.output


def test_kedro_when_its_own_command_fails_then_says_why() -> None:
    error_hooks.before_command_run(metadata("salary_kedro"))

    assert describe_unknown().startswith("Error: 'nope' pipeline not found. Existing pipelines: [")


def test_kedro_when_it_is_left_as_it_is_then_loses_the_message() -> None:
    """If this fails, Kedro or click has mended it: ErrorHooks need no longer replace `show`."""
    assert describe_unknown() == "NoneType: None\nRun with --verbose to see the full exception\n"


@pytest.mark.parametrize("project", [metadata("another"), None])
def test_hooks_when_the_command_is_for_another_project_then_leave_all_as_it_is(
    project: ProjectMetadata | None,
) -> None:
    error_hooks.before_command_run(project)

    assert KedroCliError.show is STOCK
    assert sys.excepthook is sys.__excepthook__


def test_tell_when_the_error_is_meant_for_people_then_prints_it_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = RuntimeError("wrapped")
    error.__cause__ = UserError("there is no environment 'nope'")

    tell_in_one_line(RuntimeError, error, None)

    assert capsys.readouterr().err == "Error: there is no environment 'nope'\n"


def test_tell_when_the_error_is_a_fault_then_leaves_it_to_python(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_in_one_line(KeyError, KeyError("sha256"), None)

    assert capsys.readouterr().err == "KeyError: 'sha256'\n"


def test_package_when_it_is_called_then_says_why_not_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(cli, ["package"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: a wheel of this project cannot run: ")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_catalog_when_the_environment_is_unknown_then_says_so_in_one_line(project: Project) -> None:
    result = project.run("kedro", "catalog", "list-patterns", "--env", "nope")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: there is no environment 'nope'; known are base, ")
    assert result.stderr.count("\n") == 1
