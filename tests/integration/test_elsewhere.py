"""The model outside this service, by the commands of docs/elsewhere.md."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from salary_kedro.bundle import BundleStore
from support import BIN, ROOT, Project, copy_project, free_port, get, post, running, wait_until

PAGE = (ROOT / "docs" / "elsewhere.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SALARY = 72861.25402208201
MODEL = "salary_prediction_regression-model"
LINE, TREE = "6311.262456108905", "6302.016142341539"


def command(words: str) -> str:
    """The page's command that has these words."""
    lines = [line for language, code in CODE if not language for line in code.splitlines()]
    return next(line for line in lines if words in line)


def python(word: str) -> str:
    """The page's Python code that has this word."""
    (found,) = [code for language, code in CODE if language == "python" and word in code]
    return str(found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project in which version 1 is production."""
    copied = copy_project(tmp_path_factory.mktemp("elsewhere") / "project")
    copied.kedro_run()
    return copied


def expected_of(project: Project) -> dict[str, Any]:
    """What the service answers at 5 years, but for the model's name."""
    found = BundleStore(project.bundles).load_current().bundle.calibration.interval(SALARY)
    assert found is not None
    return {
        "salary": pytest.approx(SALARY, rel=1e-9),
        "low": pytest.approx(found[0], rel=1e-9),
        "high": pytest.approx(found[1], rel=1e-9),
        "confidence": 0.9,
        "warnings": [],
    }


def test_python_on_the_page_when_run_then_answers_as_the_service_does(project: Project) -> None:
    code = python("mlflow")
    more = "print(model.predict({'experience_years': 5}).to_json(orient='records'))"

    result = project.run("python", "-c", f"{code}{more}")

    assert result.returncode == 0, result.stderr
    assert "[Professional experience is outside" in result.stdout  # of 20 years
    (answer,) = json.loads(result.stdout.splitlines()[-1])
    assert answer == expected_of(project)


@pytest.fixture(scope="module")
def invocations(project: Project) -> Iterator[str]:
    """Address of the model, served by MLflow as the page says."""
    variable, *words = shlex.split(command("mlflow models serve"))
    port = words[words.index("--port") + 1] = str(free_port())
    environment = project.environment | dict([variable.split("=", 1)])
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # as where the environment is active
    with running(words, project.root, {**environment, "PATH": path}):
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: get(f"{address}/ping").status == 200, "MLflow to serve", 120)
        yield f"{address}/invocations"


def test_mlflow_serve_when_asked_as_the_page_says_then_answers_as_the_service_does(
    project: Project, invocations: str
) -> None:
    asked = command("curl").replace("http://127.0.0.1:5001/invocations", invocations)

    result = subprocess.run(shlex.split(asked), capture_output=True, text=True, check=True)

    (answer,) = json.loads(result.stdout)["predictions"]
    assert answer == expected_of(project)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [{"experience_years": 5}, {"experience_years": -5}]},
        {"dataframe_split": {"columns": ["experience_years"], "data": [[5.0], [-5]]}},
        {"inputs": {"experience_years": [5, -5]}},
    ],
    ids=lambda body: next(iter(body)),
)
def test_mlflow_serve_when_a_row_breaks_the_contract_then_refuses_it(
    invocations: str, body: Any
) -> None:
    answer = post(invocations, body)

    assert answer.status == 400
    assert re.search(
        r"row 1: experience_years: -5(\.0)? is not allowed; it must be a number from 0 to 60",
        answer.body["message"],
    )


def test_bundle_when_read_as_the_page_says_then_predicts_as_the_service_does(
    project: Project,
) -> None:
    result = project.run("python", "-c", python("BundleStore") + "print(bundle.predict([[5]])[0])")

    assert result.returncode == 0, result.stderr
    assert float(result.stdout.splitlines()[-1]) == pytest.approx(SALARY, rel=1e-9)


# --- Nodes in processes of their own ---------------------------------------------------


def test_nodes_when_run_by_name_as_the_page_says_then_share_one_mlflow_run(
    project: Project,
) -> None:
    lines = [line for _, code in CODE for line in code.splitlines() if "SALARY_RUN=" in line]
    before = len(runs_of(project))

    for line in lines:
        variable, program, *words = shlex.split(line)
        result = project.run(program, *words, **dict([variable.split("=", 1)]))
        assert result.returncode == 0, result.stderr

    assert len(lines) == 2
    assert len(runs_of(project)) == before + 1
    assert (project.root / "data" / "runs" / "monday" / "03_primary" / "salaries.parquet").is_file()


def runs_of(project: Project) -> list[Run]:
    """All MLflow runs of a project."""
    client = MlflowClient(project.store)
    return list(client.search_runs([one.experiment_id for one in client.search_experiments()]))
