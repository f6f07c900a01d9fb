"""`kedro contract`: from a table of one's own to an environment that runs."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from salary_kedro.cli import cli
from salary_kedro.locations import data_folder
from sessions import logs
from support import Project

__all__ = ["logs"]

TABLE = "id,level,years,Salary\n" + "".join(
    f"{row + 1},{'ab'[row % 2]},{row % 9},{30000 + row * 13 % 41 * 100}\n" for row in range(40)
)


@pytest.fixture
def shell(project: Project, logs: None, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the project, as the working directory, with a table of one's own in it."""
    for name in ("MLFLOW_TRACKING_URI", "KEDRO_ENV"):
        monkeypatch.delenv(name, raising=False)
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
        ["column", "kind", "use", "values", "missing", "remark"],
        ["id", "integer", "ignore", "0.0%", "It", "numbers", "the", "rows."],
        ["level", "category", "feature", "a,", "b", "0.0%"],
        ["years", "integer", "feature", "0", "to", "9", "0.0%"],
    ]
    assert result.stdout.splitlines()[-3:] == [
        "  1. edit conf/mine/contract.yml",
        "  2. kedro contract check --env mine",
        "  3. kedro run --env mine",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv", "--env", "x"], "none.csv"),
        (["mine.csv", "--env", "base"], "--env 'base' is the project's own: choose a new name"),
        (["mine.csv", "--env", "../x"], "'../x' is not a name for an environment"),
        (["mine.csv", "--env", "x", "--target", "Pay"], "--target 'Pay' is no column of the table"),
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
    assert "is there already" in refused.stderr
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
            f"Error: {shell.root}/conf/{env} is there already and was not drafted by `kedro "
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
    assert "data/mine/01_raw/salary_data.csv is there already: move it away\n" in result.stderr
    assert Path("data/mine/01_raw/salary_data.csv").read_text() == "collected by hand\n"
    assert not Path("conf/mine").exists()


@pytest.fixture
def interrupted(shell: Project) -> Path:
    """A drafted environment that a killed `infer --force` has moved aside."""
    contract("infer", "mine.csv", "--env", "mine")
    with Path("conf/mine/contract.yml").open("a") as file:
        file.write("# edited\n")
    Path("conf/.mine.0123.part").mkdir()
    shutil.copy("conf/mine/parameters.yml", "conf/.mine.0123.part")
    return Path("conf/mine").rename("conf/.mine.0123.old")


def test_infer_when_an_earlier_one_was_killed_between_its_steps_then_brings_the_folder_back(
    interrupted: Path,
) -> None:
    refused = contract("infer", "mine.csv", "--env", "mine")

    assert (refused.exit_code, interrupted.exists()) == (1, False)
    assert "is there already" in refused.stderr
    assert Path("conf/mine/contract.yml").read_text().endswith("# edited\n")
    assert contract("infer", "mine.csv", "--env", "mine", "--force").exit_code == 0


def test_check_when_infer_was_killed_between_its_steps_then_says_how_to_bring_it_back(
    interrupted: Path,
) -> None:
    result = contract("check", "--env", "mine")

    aside, there = interrupted.absolute(), Path("conf/mine").absolute()
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: conf/mine was being replaced when `kedro contract infer --force` was killed: "
        f"`mv {aside} {there}` brings it back\n"
    )


def test_infer_when_an_earlier_one_was_killed_after_its_steps_then_removes_what_it_left(
    interrupted: Path,
) -> None:
    shutil.copytree(interrupted, "conf/mine")

    contract("infer", "mine.csv", "--env", "mine", "--force")

    assert not interrupted.exists()


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
    assert "4 of 40 rows would be rejected (10.00%; 5% is allowed)" in result.stdout
    assert "77" not in result.stdout


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
