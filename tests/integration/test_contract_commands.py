"""`kedro contract`: from a table of one's own to an environment that runs."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from salary_kedro.bundle.places import data_folder
from salary_kedro.cli import cli
from salary_kedro.project.exchange import interrupted as find_interrupted
from salary_kedro.project.new_environment import writing_alone
from salary_kedro.project.project import open_project
from sessions import logs
from support import Project

__all__ = ["logs"]

TABLE = "id,level,years,Salary\n" + "".join(
    f"{row + 1},{'ab'[row % 2]},{row % 9},{30000 + row * 13 % 41 * 100}\n" for row in range(40)
)


@pytest.fixture
def shell(project: Project, logs: None, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the project, as the working directory, with a table of one's own in it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(project.root)
    Path("mine.csv").write_text(TABLE)
    return project


def contract(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["contract", *arguments])


def files(*folders: str) -> dict[str, bytes]:
    paths = (path for folder in folders for path in Path(folder).rglob("*"))
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


# --- infer -----------------------------------------------------------------------------


def test_infer_when_the_environment_is_new_then_writes_all_that_a_run_needs(
    shell: Project,
) -> None:
    before = files("conf", "data")

    result = contract("infer", "mine.csv", "--env", "mine")

    assert result.exit_code == 0, result.output
    added = files("conf", "data").keys() - before.keys()
    assert added == {
        "conf/mine/contract.yml",
        "conf/mine/parameters.yml",
        "conf/mine/mlflow.yml",
        "data/mine/01_raw/salary_data.csv",
    }
    assert Path("data/mine/01_raw/salary_data.csv").read_text() == TABLE


def test_infer_when_it_is_done_then_says_what_it_decided_and_what_comes_next(
    shell: Project,
) -> None:
    result = contract("infer", "mine.csv", "--env", "mine")

    assert [line.split() for line in result.stdout.splitlines()[:6]] == [
        ["Drafted", "from", "40", "rows:"],
        [],
        ["column", "kind", "use", "values", "missing"],
        ["id", "category", "ignore", "0.0", "%"],
        ["It", "numbers", "people", "or", "rows."],
        ["level", "category", "feature", "a,", "b", "0.0", "%"],
    ]
    assert result.stdout.splitlines()[-3:] == [
        "  1. edit conf/mine/contract.yml",
        "  2. kedro contract check --env mine",
        "  3. kedro run --env mine",
    ]


def test_infer_when_people_stand_in_several_rows_then_the_environment_splits_by_them(
    shell: Project,
) -> None:
    rows = [f"{1000 + 7 * (row // 3)},{row % 11},{900 + row * row % 97}" for row in range(90)]
    Path("panel.csv").write_text("\n".join(["personid,years,salary", *rows]) + "\n")

    result = contract("infer", "panel.csv", "--env", "panel")

    assert result.exit_code == 0, result.output
    assert "'personid' has 30 values in 90 rows, so people" in result.stdout
    parameters = open_project(shell.root, "panel").parameters
    assert parameters.data_engineering.field == "personid"
    assert parameters.batch_scoring.prediction_column == "predicted_salary"
    assert not re.search(r"10(07|14|21)", Path("conf/panel/contract.yml").read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv", "--env", "x"], "none.csv"),
        (["mine.csv", "--env", "base"], "--env 'base' is the project's own: choose a new name"),
        (["mine.csv", "--env", "../x"], "'../x' is not a name for an environment"),
        (
            ["mine.csv", "--env", "x", "--target", "Pay"],
            "--target 'Pay' is not a column of the table",
        ),
    ],
)
def test_infer_when_it_is_refused_then_says_why_in_one_line_and_writes_nothing(
    arguments: list[str], message: str, shell: Project
) -> None:
    before = files("conf", "data")

    result = contract("infer", *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert files("conf", "data") == before


def test_infer_when_the_environment_is_there_then_replaces_it_only_by_force(
    shell: Project,
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    Path("conf/mine/contract.yml").write_text("edited")

    refused = contract("infer", "mine.csv", "--env", "mine")
    kept = Path("conf/mine/contract.yml").read_text()
    forced = contract("infer", "mine.csv", "--env", "mine", "--force")

    assert (refused.exit_code, kept) == (1, "edited")
    assert "already exists" in refused.stderr
    assert forced.exit_code == 0
    assert "Drafted by" in Path("conf/mine/contract.yml").read_text()
    assert not [path for path in Path("conf").iterdir() if path.name.startswith(".")]


def test_infer_when_the_folder_is_not_its_own_draft_then_never_replaces_it(shell: Project) -> None:
    Path("conf/theirs").mkdir()
    for name in ("contract.yml", "parameters.yml", "mlflow.yml"):
        Path("conf/theirs", name).write_text("# By hand.\n")
    Path("conf/linked").symlink_to(Path("conf/base").absolute())
    before = files("conf", "data")

    for env in ("professors", "theirs", "linked"):
        result = contract("infer", "mine.csv", "--env", env, "--force")

        assert result.exit_code == 1
        assert result.stderr == (
            f"Error: {shell.root}/conf/{env} already exists and was not drafted by `kedro "
            f"contract infer`, which replaces nothing else, not even with --force: choose another "
            f"name\n"
        )
    assert files("conf", "data") == before


def test_infer_when_a_table_is_there_without_a_draft_then_never_replaces_it(
    shell: Project,
) -> None:
    Path("data/mine/01_raw").mkdir(parents=True)
    Path("data/mine/01_raw/salary_data.csv").write_text("collected by hand\n")

    result = contract("infer", "mine.csv", "--env", "mine", "--force")

    assert result.exit_code == 1
    assert "data/mine/01_raw/salary_data.csv already exists: move it away\n" in result.stderr
    assert Path("data/mine/01_raw/salary_data.csv").read_text() == "collected by hand\n"
    assert not Path("conf/mine").exists()


DIGITS = "0123456789abcdef" * 2
OTHER = TABLE.replace("id,level", "nr,level")
RAW = Path("data/mine/01_raw/salary_data.csv")


@pytest.fixture
def interrupted(shell: Project) -> Path:
    """A drafted environment that a killed `infer --force` has moved aside, with its table."""
    contract("infer", "mine.csv", "--env", "mine")
    with Path("conf/mine/contract.yml").open("a") as file:
        file.write("# edited\n")
    Path(f"conf/.mine.{DIGITS}.part").mkdir()
    shutil.copy("conf/mine/parameters.yml", f"conf/.mine.{DIGITS}.part")
    RAW.rename(RAW.with_name(f".{RAW.name}.{DIGITS}.old"))
    RAW.write_text("the new table\n")
    RAW.with_name(f".{RAW.name}.{DIGITS}.part").write_text("half of it")
    return Path("conf/mine").rename(f"conf/.mine.{DIGITS}.old")


def hidden() -> list[str]:
    """What is left beside an environment."""
    places = [*Path("conf").iterdir(), *RAW.parent.iterdir()]
    return [path.name for path in places if path.name.startswith(".")]


def test_infer_when_an_earlier_one_was_killed_between_its_steps_then_force_replaces_the_whole(
    interrupted: Path,
) -> None:
    before = files("conf", "data")

    refused = contract("infer", "mine.csv", "--env", "mine")

    assert (refused.exit_code, files("conf", "data")) == (1, before)
    assert "already exists" in refused.stderr
    assert contract("infer", "mine.csv", "--env", "mine", "--force").exit_code == 0
    assert (hidden(), RAW.read_text()) == ([], TABLE)


def test_check_when_infer_was_killed_between_its_steps_then_says_how_to_bring_it_back(
    interrupted: Path,
) -> None:
    result = contract("check", "--env", "mine")

    aside, there = interrupted.absolute(), Path("conf/mine").absolute()
    table = RAW.absolute().with_name(f".{RAW.name}.{DIGITS}.old")
    command = f"mv {table} {RAW.absolute()} && mv {aside} {there}"
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: conf/mine was being replaced when `kedro contract infer --force` was killed: "
        f"`{command}` brings it back\n"
    )
    subprocess.run(["sh", "-c", command], check=True)
    assert Path("conf/mine/contract.yml").read_text().endswith("# edited\n")
    assert RAW.read_text() == TABLE


def test_infer_when_an_earlier_one_was_killed_after_its_steps_then_removes_what_it_left(
    interrupted: Path,
) -> None:
    shutil.copytree(interrupted, "conf/mine")
    Path("conf/.mine.kept.old").mkdir()

    contract("infer", "mine.csv", "--env", "mine", "--force")

    assert hidden() == [".mine.kept.old"]


@pytest.mark.parametrize("step", range(4))
def test_infer_when_it_fails_half_way_then_the_old_environment_is_whole(
    step: int, shell: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    Path("other.csv").write_text(OTHER)
    before, steps, real = files("conf", "data"), iter(range(100)), Path.rename

    def fail(path: Path, target: Path) -> Path:
        if next(steps) == step:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    failed = contract("infer", "other.csv", "--env", "mine", "--force")

    assert (failed.exit_code, files("conf", "data"), hidden()) == (1, before, [])
    assert "the environment cannot be written: [Errno 5] Input/output error" in failed.stderr


@pytest.mark.parametrize("step", range(5))
def test_infer_when_it_is_killed_half_way_then_the_old_environment_can_be_brought_back(
    step: int, shell: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    Path("other.csv").write_text(OTHER)
    before, steps, real = files("conf", "data"), iter(range(100)), Path.rename

    def kill(path: Path, target: Path) -> Path:
        if next(steps) == step:
            os._exit(9)
        return real(path, target)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(Path, "rename", kill)
        contract("infer", "other.csv", "--env", "mine", "--force")
        os._exit(0)
    os.waitpid(child, 0)
    for aside, place in find_interrupted("mine", shell.root).items():
        aside.replace(place)

    now = {name: text for name, text in files("conf", "data").items() if "/." not in name}
    is_new = step == 4
    assert (now == before) is not is_new
    assert (RAW.read_text() == OTHER) is is_new


def test_infer_when_it_is_forced_then_leaves_the_other_files_of_the_environment(
    shell: Project,
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    Path("conf/mine/credentials.yml").write_text("store: {token: x}\n")

    result = contract("infer", "mine.csv", "--env", "mine", "--force")

    assert result.exit_code == 0, result.output
    assert Path("conf/mine/credentials.yml").read_text() == "store: {token: x}\n"


@pytest.mark.parametrize(
    ("env", "name", "owner"),
    [
        ("prediction", "salary_prediction", "base"),
        ("professor_salary", "professor_salary_regression-model", "professors"),
    ],
)
def test_infer_when_another_environment_has_its_names_then_asks_for_another(
    shell: Project, env: str, name: str, owner: str
) -> None:
    result = contract("infer", "mine.csv", "--env", env)

    assert result.stderr == (
        f"Error: --env '{env}' would take the name '{name}', which the environment '{owner}' "
        f"uses: choose another name\n"
    )
    assert not Path("conf", env).exists()


def test_infer_when_the_table_is_in_its_place_already_then_leaves_it_there(
    shell: Project,
) -> None:
    place = Path(data_folder("mine"), "01_raw", "salary_data.csv")
    place.parent.mkdir(parents=True)
    Path("mine.csv").rename(place)

    result = contract("infer", str(place), "--env", "mine")

    assert result.exit_code == 0, result.output
    assert place.read_text() == TABLE


def test_infer_when_another_one_writes_the_environment_then_refuses_and_leaves_it(
    shell: Project,
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    before = files("conf", "data")

    with writing_alone("mine", shell.root):
        result = contract("infer", "mine.csv", "--env", "mine", "--force")
        other = contract("infer", "mine.csv", "--env", "other")
    after = contract("infer", "mine.csv", "--env", "mine", "--force")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: another `kedro contract infer` is writing the environment 'mine': wait until it "
        "has ended\n"
    )
    assert (other.exit_code, after.exit_code) == (0, 0)
    assert before.items() <= files("conf", "data").items()


def test_infer_when_two_are_forced_at_once_then_the_environment_is_one_of_theirs(
    shell: Project,
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    tables = [TABLE, TABLE.replace("level", "grade")]
    for number, table in enumerate(tables):
        Path(f"{number}.csv").write_text(table)
    command = [sys.executable, "-m", "kedro", "contract", "infer", "--env", "mine", "--force"]

    started = [
        subprocess.Popen([*command, f"{number}.csv"], stderr=subprocess.PIPE) for number in (0, 1)
    ]
    ended = [(process.communicate()[1], process.returncode) for process in started]

    assert 0 in {code for _, code in ended}
    assert all(code == 0 or b"another `kedro contract infer`" in error for error, code in ended)
    written = Path("data/mine/01_raw/salary_data.csv").read_text()
    assert written in tables
    column = "level" if written == TABLE else "grade"
    assert f'column: "{column}"' in Path("conf/mine/contract.yml").read_text()
    assert not [path for path in Path("conf").iterdir() if path.name.startswith(".")]


def test_infer_when_options_say_how_a_file_is_written_then_reads_it_so(shell: Project) -> None:
    lines = TABLE.replace("a,", "Ł,").replace("b,", "Ą,")
    Path("mine.csv").write_text(f"a,b,c\nd,e,f\n{lines}", encoding="cp852")

    result = contract("infer", "mine.csv", "-e", "mine", "--encoding", "cp852", "--skip-rows", "2")

    assert result.exit_code == 0, result.output
    text = Path("conf/mine/contract.yml").read_text()
    assert 'encoding: "cp852"' in text
    assert "skip_rows: 2" in text
    assert 'categories: ["Ą", "Ł"]' in text


# --- check -----------------------------------------------------------------------------


def test_check_when_the_draft_is_fresh_then_accepts_its_table(shell: Project) -> None:
    contract("infer", "mine.csv", "--env", "mine")

    result = contract("check", "--env", "mine", "--json")

    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["rows"], report["rejected"], report["ignored"]) == (40, 0, ["id"])


def test_check_when_the_environments_table_is_parquet_then_reads_another_as_csv(
    shell: Project,
) -> None:
    pd.read_csv("mine.csv").to_parquet("mine.parquet")
    contract("infer", "mine.parquet", "--env", "mine")

    results = [contract("check", "--env", "mine", *more) for more in ([], ["mine.csv"])]

    assert [result.exit_code for result in results] == [0, 0]


def test_check_when_too_many_rows_break_the_contract_then_fails_and_shows_no_value(
    shell: Project,
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    broken = TABLE.replace(",8,", ",77,")
    Path("later.csv").write_text(broken)

    result = contract("check", "later.csv", "--env", "mine")

    assert result.exit_code == 1
    assert "years: must be a whole number from 0 to 9 (years) (lines 10, 19, 28, 37)" in (
        result.stdout
    )
    assert "4 of 40 rows would be rejected (10.00 %; 5 % is allowed)" in result.stdout
    assert "77" not in result.stdout


def test_check_when_all_rows_have_the_same_target_then_says_why_a_run_would_stop(
    shell: Project,
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    header, *rows = TABLE.splitlines()
    place = header.split(",").index("Salary")
    cells = [row.split(",") for row in rows]
    same = [",".join([*row[:place], "50000", *row[place + 1 :]]) for row in cells]
    Path("same.csv").write_text("\n".join([header, *same]) + "\n")

    result = contract("check", "same.csv", "--env", "mine")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith(
        "0 of 40 rows would be rejected (0.00 %; 5 % is allowed): a run would stop, because all 28 "
        "training rows have the same 'Salary', so there is nothing to learn"
    )


def test_check_when_there_are_too_few_rows_for_the_folds_then_says_why_a_run_would_stop(
    shell: Project,
) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    Path("few.csv").write_text("\n".join(TABLE.splitlines()[:6]) + "\n")

    report = json.loads(contract("check", "few.csv", "--env", "mine", "--json").stdout)

    assert (report["accepted"], report["rejected"]) == (False, 0)
    assert report["stops"].startswith("data_science.cross_validation.folds: 5 folds need at least")


def test_check_when_the_header_does_not_fit_then_says_so_in_one_line(shell: Project) -> None:
    contract("infer", "mine.csv", "--env", "mine")
    Path("other.csv").write_text("a,b\n1,2\n")

    result = contract("check", "other.csv", "--env", "mine")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: the table has no column 'level', 'years', 'Salary'")


# --- diff ------------------------------------------------------------------------------


def test_diff_when_a_bound_is_narrowed_then_fails_and_says_which(shell: Project) -> None:
    base = Path("conf/base/contract.yml")
    Path("next.yml").write_text(base.read_text().replace("maximum: 60", "maximum: 50"))

    result = contract("diff", str(base), "next.yml", "--json")

    assert result.exit_code == 1, result.output
    (change,) = json.loads(result.stdout)["changes"]
    assert (change["field"], change["what"], change["breaks"]) == (
        "experience_years",
        "bounds are narrower",
        True,
    )


def test_diff_when_the_contracts_are_the_same_then_says_so(shell: Project) -> None:
    result = contract("diff", "conf/base/contract.yml", "conf/base/contract.yml")

    assert (result.exit_code, result.stdout) == (0, "The contracts are the same\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file next.yml: name a contract file"),
        ("contract: [", "next.yml is not YAML: line 1, column 12: "),
        ("contract: {features: []}", "next.yml: contract."),
    ],
)
def test_diff_when_a_file_is_no_contract_then_says_so_in_one_line(
    content: str | None, message: str, shell: Project
) -> None:
    if content is not None:
        Path("next.yml").write_text(content)

    result = contract("diff", "conf/base/contract.yml", "next.yml")

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["infer", "check", "diff"])
def test_help_when_it_is_asked_for_then_gives_an_example(command: str) -> None:
    assert f"Example: kedro contract {command} " in contract(command, "--help").stdout
