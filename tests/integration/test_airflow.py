"""The pipelines as DAGs of a real Airflow, by the commands of docs/elsewhere.md."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import ANY

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from airflow_home import AirflowHome
from salary_kedro.pipeline_registry import register_pipelines
from support import BIN, ROOT, Project, copy_project, free_port

PAGE = (ROOT / "docs" / "elsewhere.md").read_text(encoding="utf-8")
DAG = "salary_kedro_base"
MODEL = "salary_prediction_regression-model"
LINE, TREE = "6311.262456108905", "6302.016142341539"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> AirflowHome:
    """An Airflow with the DAGs of a copy of the project, made as the page says."""
    folder = tmp_path_factory.mktemp("airflow")
    project = copy_project(folder / "project")
    (project.root / ".venv").symlink_to(BIN.parent)
    create_dags(project, "--pipelines", "__default__,batch_scoring")
    home = AirflowHome(folder, project, free_port())
    home.do("-m", "airflow", "db", "migrate")
    home.do("-m", "airflow", "dags", "reserialize")
    return home


def create_dags(project: Project, *more: str) -> None:
    (words,) = re.findall(r"^kedro (airflow create .+)$", PAGE, re.MULTILINE)
    made = project.run("kedro", *shlex.split(words), *more)
    assert made.returncode == 0, made.stderr


@dataclass(frozen=True)
class Orchestrated:
    """Two runs of the DAG side by side, a line and a tree, then one of batch scoring.

    Attributes:
        project: The project they ran in.
        runs: Of each of the two, by its tasks, how the task ended.
        scoring: How the tasks of batch scoring ended.
    """

    project: Project
    runs: Mapping[str, Mapping[str, str]]
    scoring: Mapping[str, str]


@pytest.fixture(scope="module")
def orchestrated(airflow: AirflowHome) -> Orchestrated:
    """Run the DAGs."""
    (airflow.project.root / "rows.csv").write_text("Experience Years\n5\n")
    files = "rows_to_score=rows.csv,scored_rows=scored.csv"
    with airflow.scheduler():
        runs = airflow.run_dag(DAG, {"line": "", "tree": "model=decision_tree"})
        scoring = airflow.run_dag(f"{DAG}_batch_scoring", {"scoring": files})
    return Orchestrated(airflow.project, runs, scoring["scoring"])


def test_dags_when_airflow_imports_them_then_tasks_are_nodes_and_wait_for_what_they_read(
    airflow: AirflowHome,
) -> None:
    pipelines = register_pipelines()
    needs = {
        name: {
            node.name: sorted(parent.name for parent in parents)
            for node, parents in pipelines[pipeline].node_dependencies.items()
        }
        for name, pipeline in {DAG: "__default__", f"{DAG}_batch_scoring": "batch_scoring"}.items()
    }
    when_and_where = {"schedule": None, "folders": [str(airflow.project.root)]}

    assert airflow.read_dags() == {
        "problems": {},
        "dags": {name: {**when_and_where, "needs": tasks} for name, tasks in needs.items()},
    }


def test_dag_when_made_for_a_schedule_and_another_folder_then_has_both(
    airflow: AirflowHome,
) -> None:
    given = "schedule=0 3 * * *,project=/srv/salary_kedro"
    create_dags(
        airflow.project, "--pipelines", "packaging", "--params", given, "--target-dir", "scheduled"
    )

    read = airflow.read_dags("scheduled")
    dag = read["dags"][f"{DAG}_packaging"]
    assert read["problems"] == {}
    assert (dag["schedule"], dag["folders"]) == ("0 3 * * *", ["/srv/salary_kedro"])


def test_dags_when_run_then_each_node_is_a_task_that_succeeds(orchestrated: Orchestrated) -> None:
    pipelines = register_pipelines()
    nodes = {node.name: "success" for node in pipelines["__default__"].nodes}
    scoring = {node.name: "success" for node in pipelines["batch_scoring"].nodes}

    assert orchestrated.runs == {"line": nodes, "tree": nodes}
    assert orchestrated.scoring == scoring
    (header, row) = (orchestrated.project.root / "scored.csv").read_text().splitlines()
    assert "salary" in header.split(",")
    assert row.startswith("5,")


def test_dags_when_run_side_by_side_then_end_as_runs_one_after_the_other(
    orchestrated: Orchestrated,
) -> None:
    client = MlflowClient(orchestrated.project.store)
    versions = {version.version: version for version in client.search_model_versions()}
    by_model = {
        client.get_run(version.run_id).data.params["data_science.model"]: version
        for version in versions.values()
    }

    assert {name: version.tags for name, version in by_model.items()} == {
        "linear_regression": {"archived": LINE, "verdict": ANY},
        "decision_tree": {"production": TREE, "verdict": "promote"},
    }
    production = client.get_model_version_by_alias(MODEL, "production").version
    assert production == by_model["decision_tree"].version
    pointer = (orchestrated.project.bundles / "current").read_text()
    assert pointer.startswith(f"{production}-")


def test_dags_when_run_side_by_side_then_no_run_read_what_the_other_handed_on(
    orchestrated: Orchestrated,
) -> None:
    runs = (orchestrated.project.root / "data" / "runs").iterdir()
    metrics = [path / "08_reporting" / "metrics.json" for path in runs]

    handed_on = [json.loads(path.read_text())["rmse"] for path in metrics if path.exists()]
    assert sorted(handed_on) == [float(TREE), float(LINE)]
    assert not (orchestrated.project.root / "data" / "03_primary").exists()


def test_dag_when_run_then_it_is_one_mlflow_run_with_all_that_kedro_run_logs(
    orchestrated: Orchestrated, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    project.kedro_run()
    (whole,) = runs_of(project)
    line = next(
        run
        for run in runs_of(orchestrated.project)
        if run.data.params["data_science.model"] == "linear_regression"
    )

    assert len(runs_of(orchestrated.project)) == 2
    assert (line.data.params, line.data.metrics) == (whole.data.params, whole.data.metrics)
    assert line.info.status == "FINISHED"
    assert artifacts(orchestrated.project, line) >= artifacts(project, whole)


def runs_of(project: Project) -> list[Run]:
    """All MLflow runs of a project."""
    client = MlflowClient(project.store)
    return list(client.search_runs([one.experiment_id for one in client.search_experiments()]))


def artifacts(project: Project, run: Run) -> set[str]:
    """The files and folders that a run holds."""
    return {item.path for item in MlflowClient(project.store).list_artifacts(run.info.run_id)}
