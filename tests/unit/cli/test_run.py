"""`kedro run`: what it answers, and how it fails."""

import os
import shutil
import signal
from importlib import import_module
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient

from salary_kedro.cli import cli
from stores import start_run
from support import Project, untimed

pytestmark = pytest.mark.slow  # whole runs, in this process


def kedro(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_run_when_help_is_asked_for_then_gives_an_example() -> None:
    result = kedro("run", "--help")

    assert result.exit_code == 0
    assert "Example: kedro run --params model=random_forest" in result.stdout
    assert "--pipelines" in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_when_ended_by_a_signal_then_says_what_follows_and_mlflow_calls_its_run_killed(
    number: signal.Signals, kedro_project: Project, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, opened = import_module("salary_kedro.cli.run"), []

    def interrupted(**options: object) -> None:
        opened.append(start_run().info.run_id)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(command.kedro_run, "callback", interrupted)
    before = signal.getsignal(signal.SIGTERM)

    result = kedro("run")

    assert (result.exit_code, mlflow.active_run()) == (1, None)
    assert "a tournament goes on where it was" in result.stderr
    assert MlflowClient().get_run(opened[0]).info.status == "KILLED"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("--pipelines", "tournament,data_science"),
            (
                "the pipelines 'tournament' and 'data_science' hold nodes of the same names "
                "that do not do the same: run one after the other"
            ),
        ),
        (
            ("--nodes", "fit_modle"),
            "there is no node 'fit_modle' in __default__: did you mean 'fit_model'?",
        ),
        (
            ("--pipelines", "packaging", "--to-nodes", "fit_model"),
            "there is no node 'fit_model' in packaging: `kedro viz` shows them",
        ),
    ],
)
def test_run_when_nodes_do_not_fit_then_says_which(
    arguments: tuple[str, ...], error: str, kedro_project: Project
) -> None:
    result = kedro("run", *arguments)

    assert (result.exit_code, " ".join(result.stderr.split())) == (1, f"Error: {error}")


def test_run_when_all_is_well_then_ends_with_the_summary(kedro_project: Project) -> None:
    result = kedro("run", "--pipelines", "data_engineering")

    assert (result.exit_code, untimed(result.stdout)) == (0, "\nRows  40 read, 0 rejected\n")


def test_run_when_a_pipeline_runs_in_part_then_still_ends_well(kedro_project: Project) -> None:
    result = kedro("run", "--pipelines", "data_engineering", "--to-nodes", "clean_salaries")

    assert (result.exit_code, untimed(result.stdout)) == (0, "\nRows  40 read, 0 rejected\n")


def test_run_when_it_ends_with_the_evaluation_then_still_ends_well(
    kedro_project: Project,
) -> None:
    result = kedro(
        "run", "--pipelines", "data_engineering,data_science", "--to-nodes=evaluate_model"
    )

    assert (result.exit_code, untimed(result.stderr).splitlines()[-1]) == (
        0,
        "[ 8/8] evaluate_model",
    )


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("modle=ridge", "unknown parameter 'modle': did you mean 'model'? Known are "),
        ("model=forest", "parameters.data_science.model: must be 'linear_regression', "),
        ("data_engineering.train_size=2", "parameters.data_engineering.train_size: must "),
    ],
)
def test_run_when_a_parameter_is_wrong_then_says_so_in_one_line(
    parameter: str, message: str, kedro_project: Project
) -> None:
    result = kedro("run", "--params", parameter)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--pipeline", "--pipelines"])
def test_run_when_a_pipeline_is_unknown_then_names_those_there_are(
    option: str, kedro_project: Project
) -> None:
    result = kedro("run", option, "promotoin")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: there is no pipeline 'promotoin'; known are __default__, batch_scoring, "
        "data_engineering, data_science, monitoring, packaging, promotion, tournament\n"
    )


@pytest.mark.parametrize(
    "runner", ["FastRunner", "no.such.Runner", "os.path", "a b", ".", "pathlib.Path"]
)
def test_run_when_the_runner_is_unknown_then_says_so_in_one_line(
    runner: str, kedro_project: Project
) -> None:
    result = kedro("run", "--runner", runner)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: there is no runner '{runner}': choose SequentialRunner, ThreadRunner, or a class "
        "of your own that derives from one of them, by its full name\n"
    )


@pytest.mark.parametrize("options", [["--runner", "ThreadRunner"], ["--async"]])
def test_run_when_threads_are_used_then_ends_with_the_summary(
    options: list[str], kedro_project: Project
) -> None:
    result = kedro("run", "--pipelines", "data_engineering", *options)

    assert (result.exit_code, untimed(result.stdout)) == (0, "\nRows  40 read, 0 rejected\n")


def test_run_when_an_option_is_refused_then_no_mlflow_run_is_opened(kedro_project: Project) -> None:
    result = kedro("run", "--only-missing-outputs")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("Error: --only-missing-outputs would take ")
    client = MlflowClient(kedro_project.store)
    experiment = client.get_experiment_by_name("salary_kedro")
    assert experiment is None or client.search_runs([experiment.experiment_id]) == []


def test_run_when_the_configuration_is_elsewhere_then_makes_no_store_there(
    kedro_project: Project, tmp_path: Path
) -> None:
    conf = Path(shutil.copytree(kedro_project.root / "conf", tmp_path / "elsewhere" / "conf"))

    result = kedro("run", "--conf-source", str(conf))

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"Error: {conf} is given as the source of the configuration, ")
    assert list(conf.parent.iterdir()) == [conf]


def test_run_when_the_data_breaks_the_contract_then_says_so_in_one_line(
    kedro_project: Project,
) -> None:
    raw = kedro_project.root / "data" / "01_raw" / "salary_data.csv"
    raw.write_text("Experience Years,Salary\n1.5,40000\nmany,50000\n")

    result = kedro("run")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(
        "Error: 1 of 2 rows break the contract, more than the allowed share of 5%: "
    )


def test_run_when_the_raw_file_is_missing_then_says_so_in_one_line(kedro_project: Project) -> None:
    (kedro_project.root / "data" / "01_raw" / "salary_data.csv").unlink()

    result = kedro("run", "--pipelines", "data_engineering")

    assert result.exit_code == 1
    assert "salary_data.csv" in result.stderr.splitlines()[-1]
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_run_when_it_fails_then_the_log_has_the_traceback(kedro_project: Project) -> None:
    (kedro_project.root / "data" / "01_raw" / "salary_data.csv").unlink()

    kedro("run", "--pipelines", "data_engineering")

    log = (kedro_project.root / "data" / "logs" / "kedro.log").read_text()
    assert "Traceback (most recent call last):" in log
    assert "DatasetError: " in log


def test_run_when_the_environment_is_another_then_its_files_are_apart(
    kedro_project: Project,
) -> None:
    data = kedro_project.root / "data"
    (data / "prod" / "01_raw").mkdir(parents=True)
    (data / "prod" / "01_raw" / "salary_data.csv").write_text(
        "Experience Years,Salary\n" + "".join(f"{year},{1000 * year}\n" for year in range(1, 11))
    )
    (kedro_project.root / "conf" / "prod").mkdir()

    result = kedro("run", "--env", "prod", "--pipelines", "data_engineering")

    assert (result.exit_code, untimed(result.stdout)) == (0, "\nRows  10 read, 0 rejected\n")
    assert (data / "prod" / "03_primary" / "salaries.parquet").is_file()
    assert not (data / "03_primary").exists()
