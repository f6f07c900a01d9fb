"""`kedro models`: what every command has in common, and what must be refused."""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient

from disks import read_only
from salary_kedro.cli import cli
from salary_kedro.cli.models import archives, decisions, doctor, models, versions
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project as Opened
from salary_kedro.project.project import open_project
from sites import contents, copy_site, database_of, model_file
from stores import MODEL_NAME, alias
from support import Project


def kedro(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


SUBFOLDER = "src/salary_kedro/pipelines"


def ask(*arguments: str) -> Any:
    """What `kedro models … --json` answers; stdout must hold that alone."""
    result = kedro("models", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def refused(*arguments: str) -> str:
    """The one line that a command fails with."""
    result = kedro("models", *arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("Error: ")
    return result.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.mark.parametrize("command", models.lazy_subcommands)
def test_models_when_help_is_asked_for_then_gives_an_example(command: str) -> None:
    result = kedro("models", command, "--help")

    assert result.exit_code == 0
    assert f"Example: kedro models {command}" in result.stdout
    assert ("--json" in result.stdout) == (command != "ui")  # which opens pages
    assert "--env" in result.stdout


def test_models_when_help_is_asked_for_then_names_every_command() -> None:
    result = kedro("models", "--help")

    assert "Example: kedro models list" in result.stdout
    assert sorted(models.lazy_subcommands) == [
        "backup", "compare", "doctor", "export", "follow", "history", "import", "list", "promote",
        "replay", "reproduce", "restore", "rollback", "show", "ui",
    ]  # fmt: skip
    assert all(f"\n  {name} " in result.stdout for name in models.lazy_subcommands)


@pytest.mark.parametrize("folder", [".", SUBFOLDER])
def test_models_when_asked_for_json_then_stdout_holds_one_value_and_nothing_else(
    folder: str, shell: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shell.root / folder)
    file = str(tmp_path / "one.zip")

    assert [row["version"] for row in ask("list")] == [2, 1]
    assert ask("show", "1")["version"] == 1
    assert ask("doctor")["healthy"] is True
    assert ask("export", "1", file) == {"version": 1, "file": file}
    assert ask("import", file) == {"version": 3, "file": file}
    assert ask("rollback", "--reason", "too high")["production"] == 1
    assert ask("promote", "2", "--reason", "agreed")["production"] == 2
    history = ask("history")
    assert isinstance(history, list)
    assert [row["action"] for row in history[2:]] == ["import", "rollback", "promotion by hand"]


def test_models_when_a_number_is_not_finite_then_json_has_null(shell: Project) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "1", "archived", "nan")

    result = kedro("models", "list", "--json")

    assert "NaN" not in result.stdout
    assert json.loads(result.stdout)[1]["rmse"] is None


def test_list_when_shown_to_people_then_is_an_aligned_table(shell: Project) -> None:
    lines = kedro("models", "list").stdout.splitlines()

    heads = ["version", "stage", "RMSE", "model", "trained", "(UTC)", "data", "code"]
    assert lines[0].split() == heads
    assert lines[1].startswith("      2  production   2.0  -      20")
    assert lines[2].startswith("      1  archived     1.0  -      20")
    assert len(lines) == 3


def test_history_when_shown_to_people_then_is_an_aligned_table(shell: Project) -> None:
    heading, first, why, second, other = kedro("models", "history").stdout.splitlines()

    assert heading.split() == ["when", "(UTC)", "action", "version", "production", "who"]
    assert "promotion by hand        1  none → 1    " in first
    assert "promotion by hand        2  1 → 2       " in second
    assert (why, other) == ("    first", "    better")


def test_show_when_shown_to_people_then_tells_line_by_line(shell: Project) -> None:
    lines = kedro("models", "show", "1").stdout.splitlines()

    assert lines[0] == "Version 1, archived"
    assert "  From     commit abc" in lines
    assert "  RMSE  1.0" in lines
    assert any(line.endswith("  promotion by hand") for line in lines)
    assert "      first" in lines
    assert lines[-1] == "All of it, to the last digit: kedro models show 1 --json"


def test_rollback_when_done_then_says_what_is_production(shell: Project, healthy: Opened) -> None:
    result = kedro("models", "rollback", "--reason", "too high")

    name = healthy.bundles.current()
    assert result.stdout == f"Production is version 1, bundle {name}\n"
    assert (result.exit_code, alias()) == (0, 1)


def test_transfer_when_done_then_says_where_the_version_is(shell: Project, tmp_path: Path) -> None:
    file = tmp_path / "one.zip"

    assert kedro("models", "export", "1", str(file)).stdout == f"Version 1 is in {file}\n"
    assert kedro("models", "import", str(file)).stdout == (
        f"{file} is version 3, archived, its RMSE claimed; `kedro models promote 3 "
        f"--reason TEXT` makes it production\n"
    )


def test_doctor_when_something_is_broken_then_the_exit_code_is_1_until_it_is_repaired(
    shell: Project,
) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "archived")

    found, fixed, after = (kedro("models", "doctor", *options) for options in ((), ("--fix",), ()))

    assert (found.exit_code, fixed.exit_code, after.exit_code) == (1, 0, 0)
    assert found.stdout.splitlines()[:3] == [
        "broken  version 1 has no stage tag",
        "        why it matters: nobody can tell what became of it",
        "        what to do: `kedro models doctor --fix` repairs it",
    ]
    assert fixed.stdout.splitlines()[0] == "fixed   version 1 is tagged archived; it was untagged"


def test_doctor_when_asked_for_json_and_something_is_broken_then_the_exit_code_is_1(
    shell: Project,
) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "archived")

    result = kedro("models", "doctor", "--json")

    assert (result.exit_code, result.stderr) == (1, "")
    assert json.loads(result.stdout)["healthy"] is False


def bad_commands() -> Iterable[tuple[list[str], str]]:
    """Commands that must be refused, and how; `{taken}` is a file, `{no}` is none."""
    unknown = (
        "there is no version 9 of 'salaries' in this store; `kedro models list` shows those "
        "there are"
    )
    yield ["show", "9"], unknown
    yield ["export", "9", "{no}"], unknown
    none = "there is no version 9 of 'salaries'; known: 1, 2"
    yield ["promote", "9", "--reason", "agreed"], none
    yield ["rollback", "--to", "9", "--reason", "too high"], none
    yield ["promote", "2", "--reason", "agreed"], "version 2 is production already"
    yield ["rollback", "--to", "2", "--reason", "x"], "version 2 is production already"
    yield (
        ["promote", "1", "--reason", " "],
        "the reason is empty or longer than 1000 characters: say in a sentence why",
    )
    long = "the reason is empty or longer than 1000 characters: say in a sentence why"
    yield ["rollback", "--reason", "x" * 1001], long
    taken = "{taken} exists already: choose another name, or remove it"
    yield ["export", "1", "{taken}"], taken
    nowhere = (
        "{no}/one.zip cannot be written (No such file or directory): choose a file in a folder "
        "that exists and that you may write to"
    )
    yield ["export", "1", "{no}/one.zip"], nowhere
    yield ["import", "{no}"], "{no} cannot be read (No such file or directory)"
    broken = (
        "{taken} is not an archive that `kedro models export` wrote, or it was cut short or "
        "altered (File is not a zip file): export the version again"
    )
    yield ["import", "{taken}"], broken


@pytest.mark.parametrize(
    ("arguments", "message"),
    [pytest.param(*case, id=" ".join(case[0])[:50]) for case in bad_commands()],
)
def test_models_when_the_input_is_bad_then_says_so_in_one_line_and_changes_nothing(
    arguments: list[str], message: str, shell: Project, healthy: Opened, tmp_path: Path
) -> None:
    places = {"taken": tmp_path / "taken.txt", "no": tmp_path / "none"}
    places["taken"].write_text("mine")
    before = contents(healthy)

    said = refused(*(argument.format(**places) for argument in arguments))

    assert said == message.format(**places)
    assert contents(healthy) == before
    assert (places["taken"].read_text(), places["no"].exists()) == ("mine", False)


def test_models_when_the_model_does_not_load_then_is_not_promoted_and_nothing_changes(
    shell: Project, healthy: Opened
) -> None:
    model_file(healthy, 1).write_bytes(b"no model")
    before = contents(healthy)
    text = "the model of version 1 does not load, so it cannot serve"

    assert refused("promote", "1", "--reason", "agreed") == text
    assert refused("rollback", "--reason", "too high") == text
    assert refused("export", "1", "one.zip").startswith("the model file cannot be loaded: ")
    assert contents(healthy) == before
    assert not Path("one.zip").exists()


def test_rollback_when_nothing_was_production_before_then_says_so(
    shell: Project, healthy: Opened
) -> None:
    MlflowClient().delete_model_version(MODEL_NAME, "1")
    text = "there is no former production version to go back to from version 2"
    assert refused("rollback", "--reason", "too high") == text  # now what is served knows it too
    before = contents(healthy)

    assert refused("rollback", "--reason", "too high") == text
    assert contents(healthy) == before


@pytest.mark.parametrize("number", ["one", "1.5", ""])
def test_models_when_a_number_is_none_then_is_a_usage_error(number: str, shell: Project) -> None:
    result = kedro("models", "show", number)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"'{number}' is not a valid integer" in result.stderr


@pytest.mark.parametrize("command", [("rollback",), ("promote", "1")])
def test_models_when_the_reason_is_missing_then_is_a_usage_error(
    command: tuple[str, ...], shell: Project
) -> None:
    result = kedro("models", *command)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Missing option '--reason'" in result.stderr


def test_models_when_the_folder_is_in_no_project_then_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert refused("list") == (
        "this folder is not inside the project: change to the project's folder"
    )


@pytest.mark.parametrize("given", ["option", "variable"])
def test_models_when_the_environment_does_not_exist_then_names_those_there_are(
    given: str, shell: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = ["--env", "prod"] if given == "option" else []
    if given == "variable":
        monkeypatch.setenv("KEDRO_ENV", "prod")

    assert refused("list", *option) == (
        f"there is no environment 'prod'; known are base, dask, local, professors, server: choose "
        f"one. For a new one, `kedro contract infer FILE --env prod` drafts it from a "
        f"table, and `mkdir {shell.root}/conf/prod` makes one with the settings of "
        f"conf/base, whose table is then data/prod/01_raw/salary_data.csv: put one there"
    )


def test_models_when_the_environment_is_misspelled_then_names_the_nearest(shell: Project) -> None:
    assert refused("list", "--env", "profesors") == (
        "there is no environment 'profesors': did you mean 'professors'? For a new one, `kedro "
        "contract infer FILE --env profesors` drafts it from a table"
    )


def test_models_when_the_environment_can_be_none_then_says_what_is_wrong_with_its_name(
    shell: Project,
) -> None:
    assert refused("list", "--env", "../prod") == (
        "'../prod' is not a name for an environment: use letters, digits, '_' and '-'"
    )


def test_restore_when_the_folder_was_made_as_the_message_says_then_fills_the_environment(
    shell: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(tmp_path / "all.zip")
    ask("backup", file)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.delenv("SALARY_BUNDLES")
    command = re.findall("`(mkdir [^`]*)`", refused("restore", file, "--env", "fresh"))

    subprocess.run(shlex.split(command[0]), check=True)
    base = shell.root / "conf" / "base" / "parameters.yml"
    base.write_text((shell.root / "conf" / "local" / "parameters.yml").read_text())

    assert ask("restore", file, "--env", "fresh")["production"] == 2
    assert [row["version"] for row in ask("list", "--env", "fresh")] == [2, 1]


@pytest.mark.parametrize("given", ["option", "variable"])
def test_models_when_nothing_was_trained_in_the_environment_then_says_so(
    given: str, shell: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shell.root / "conf" / "prod").mkdir()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.delenv("SALARY_BUNDLES")
    option = ["--env", "prod"] if given == "option" else []
    if given == "variable":
        monkeypatch.setenv("KEDRO_ENV", "prod")

    assert refused("list", *option) == (
        "no model was ever trained in this environment: `make run ENV=prod` trains one"
    )
    assert not (shell.root / "data" / "prod").exists()


@pytest.mark.parametrize("uri", ["htp://127.0.0.1", "http://127.0.0.1:port"])
def test_models_when_the_store_s_uri_is_malformed_then_says_so(
    uri: str, shell: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)

    assert refused("list").startswith(f"the tracking URI {uri} is ")


def moved(opened: Opened, healthy: Opened, folder: Path, patch: pytest.MonkeyPatch) -> Opened:
    """The project with a copied store, which still names the original's artifacts."""
    copied = copy_site(healthy, folder)
    patch.setenv("MLFLOW_TRACKING_URI", copied.uri)
    return open_project(opened.root, None)


def test_commands_when_the_store_was_copied_then_those_that_read_models_or_write_refuse(
    opened: Opened, healthy: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "two.zip"
    archives.export_to(opened, 2, file)
    copied = moved(opened, healthy, tmp_path / "copy", monkeypatch)
    before = contents(healthy)

    for command in (
        lambda: versions.show_version(copied, 1),
        lambda: decisions.go_back(copied, None, "too high", force=False),
        lambda: decisions.make_production(copied, 1, "agreed"),
        lambda: archives.export_to(copied, 1, tmp_path / "one.zip"),
        lambda: archives.import_from(copied, file),
    ):
        with pytest.raises(UserError, match="was moved or copied, and its store still points to"):
            command()
    assert len(versions.list_page(copied, None)["rows"]) == 2
    assert len(versions.list_decisions(copied)) == 2
    assert contents(healthy) == before


def test_commands_when_nothing_was_trained_then_say_so_and_create_nothing(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/new/mlflow.db")
    new = open_project(opened.root, None)

    for command in (
        lambda: versions.list_page(new, None)["rows"],
        lambda: versions.list_decisions(new),
        lambda: versions.show_version(new, 1),
        lambda: decisions.go_back(new, None, "too high", force=False),
        lambda: decisions.make_production(new, 1, "agreed"),
        lambda: archives.export_to(new, 1, tmp_path / "one.zip"),
    ):
        with pytest.raises(UserError, match=r"^no model was ever trained in this environment: "):
            command()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kept", ["in the database", "in the log beside it"])
def test_commands_when_the_store_is_read_only_then_those_that_read_work_as_ever(
    kept: str, opened: Opened, healthy: Opened, tmp_path: Path
) -> None:
    place = copy_site(healthy, tmp_path / "site")
    database = database_of(place)
    project = replace(opened, uri=place.uri, bundles=place.bundles)
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("UPDATE model_version_tags SET value = '7.5' WHERE key = 'archived'")
        writer.commit()
        if kept == "in the log beside it":  # as a process leaves it that is killed
            shutil.copytree(database.parent, tmp_path / "killed")
    if kept == "in the log beside it":
        shutil.copytree(tmp_path / "killed", database.parent, dirs_exist_ok=True)
        database.with_name(f"{database.name}-shm").unlink()

    with read_only(tmp_path / "site"):
        listed = [
            (row["version"], row["rmse"]) for row in versions.list_page(project, None)["rows"]
        ]
        decided = [row["version"] for row in versions.list_decisions(project)]
        shown = versions.show_version(project, 1)["version"]
        found = [row["what"] for row in doctor.diagnose(project, fix=False)["findings"]]
        with pytest.raises(UserError) as refused:
            decisions.go_back(project, None, "why", force=False)

    assert (listed, decided, shown) == ([(2, 2.0), (1, 7.5)], [1, 2], 1)
    assert not [what for what in found if "store" in what]
    assert str(refused.value) == (
        f"the lock {database}.lock cannot be taken: {database}.lock is read-only: make it "
        f"writable, or work on a copy"
    )
