"""The whole loop as one story: train, register, promote, package, serve; again and again.

One copy of the project, one server that runs all the while. The fixture `story` runs
the commands in order and records what is there after each; the tests read the records.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from sklearn.base import RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeRegressor

from salary_kedro.pipeline_registry import register_pipelines
from salary_kedro.tables.fingerprint import fingerprint
from samples import raw_salaries
from support import ROOT, Answer, Project, copy_project, get, post, wait_until

pytestmark = [
    # MLflow maps its tables in a way that this SQLAlchemy finds deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    # MLflow warns of classes of its own when mlflow.pyfunc is imported.
    pytest.mark.filterwarnings("ignore:.*[Tt]ype hint:UserWarning"),
]

MODEL = "salary_prediction_regression-model"
LINE, TREE, FOREST = "6311.262456108905", "6302.016142341539", "5181.9071538939115"
STAGES = {"staging", "production", "archived"}
AT_5 = {"experience_years": 5}

# step: version in production, tags of all versions
EXPECTED: dict[str, tuple[int, dict[int, dict[str, str]]]] = {
    "line": (1, {1: {"production": LINE}}),
    "line again": (1, {1: {"production": LINE}, 2: {"archived": LINE}}),
    "tree": (3, {1: {"archived": LINE}, 2: {"archived": LINE}, 3: {"production": TREE}}),
    "forest": (
        4,
        {
            1: {"archived": LINE},
            2: {"archived": LINE},
            3: {"archived": TREE},
            4: {"production": FOREST},
        },
    ),
}
ESTIMATORS: dict[int, RegressorMixin] = {
    1: LinearRegression(),
    3: DecisionTreeRegressor(random_state=234),
    4: RandomForestRegressor(random_state=234),
}


@dataclass(frozen=True)
class State:
    """What is there after one command.

    Attributes:
        result: The command's exit code and output.
        tags: Stage tags of each version.
        alias: The version that the alias `production` names.
        answer: What the running service answers to 5 years.
        bentos: What `bentoml list` prints.
        bundle: The bundle that the pointer names.
    """

    result: subprocess.CompletedProcess[str]
    tags: Mapping[int, Mapping[str, str]]
    alias: int
    answer: Answer
    bentos: str
    bundle: str


@dataclass(frozen=True)
class Story:
    """The project, its states by step, and the answer before the first step."""

    project: Project
    before: Answer
    states: Mapping[str, State]


def read_registry(store: str) -> tuple[dict[int, dict[str, str]], int]:
    """Tags of each version, and the version that the alias names."""
    client = MlflowClient(store, store)
    versions = client.search_model_versions(f"name = '{MODEL}'")
    alias = client.get_model_version_by_alias(MODEL, "production")
    stages = {
        int(version.version): {key: value for key, value in version.tags.items() if key in STAGES}
        for version in versions
    }
    return stages, int(alias.version)


def git(project: Project, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(
        command, cwd=project.root, capture_output=True, text=True, check=True
    ).stdout.strip()


def commit_all(project: Project) -> None:
    """Make the copy a repository of its own, so that its state is known to git."""
    git(project, "init", "--quiet")
    excluded = project.root / ".git" / "info" / "exclude"
    excluded.parent.mkdir(exist_ok=True)
    excluded.write_text(".home/\n.bentoml/\nserver.log\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "All")


def step(project: Project, address: str, *arguments: str, cwd: str = ".") -> State:
    """Run `kedro run` and record what is there when the service has noticed."""
    result = project.run("kedro", "run", *arguments, cwd=cwd)
    assert result.returncode == 0, result.stderr
    tags, alias = read_registry(project.store)
    wait_until(lambda: get(f"{address}/model").body.get("model_version") == alias, f"v{alias}")
    return State(
        result=result,
        tags=tags,
        alias=alias,
        answer=post(f"{address}/predict", AT_5),
        bentos=project.run("bentoml", "list").stdout,
        bundle=(project.bundles / "current").read_text().strip(),
    )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Run the story; at its end the server still runs."""
    project = copy_project(tmp_path_factory.mktemp("loop") / "project")
    commit_all(project)
    with project.serve() as address:
        before = post(f"{address}/predict", AT_5)
        states = {
            "line": step(project, address),
            "line again": step(project, address, cwd="conf/base"),
            "tree": step(project, address, "--params", "model=decision_tree"),
            "forest": step(project, address, "--params", "model=random_forest"),
        }
        yield Story(project, before, states)


each_step = pytest.mark.parametrize("name", EXPECTED)


@pytest.fixture
def state(story: Story, name: str) -> State:
    return story.states[name]


@pytest.fixture
def runs(story: Story) -> list[Run]:
    """The finished MLflow runs, oldest first."""
    client = MlflowClient(story.project.store)
    experiment = client.get_experiment_by_name("salary_kedro")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], order_by=["start_time ASC"]))


def lines_by_label(text: str) -> dict[str, str]:
    """The lines of a summary by their labels."""
    lines = [re.split(r" {2,}", line, maxsplit=1) for line in text.splitlines() if line[:1].strip()]
    return {label: rest for label, rest in lines}  # noqa: C416 - lists of two


@each_step
def test_kedro_run_when_it_ends_then_the_versions_bear_their_rmse_under_one_stage(
    state: State, name: str
) -> None:
    assert state.tags == EXPECTED[name][1]


@each_step
def test_kedro_run_when_it_ends_then_exactly_one_version_is_in_production(state: State) -> None:
    assert sum("production" in tags for tags in state.tags.values()) == 1
    assert all(len(STAGES & set(tags)) == 1 for tags in state.tags.values())


@each_step
def test_kedro_run_when_it_ends_then_the_alias_agrees_with_the_tags(
    state: State, name: str
) -> None:
    assert state.alias == EXPECTED[name][0]
    assert "production" in state.tags[state.alias]


def test_service_when_nothing_was_trained_yet_then_answers_no_model(story: Story) -> None:
    assert story.before.status == 503


@each_step
def test_service_when_a_run_has_ended_then_answers_with_the_production_version(
    state: State, name: str
) -> None:
    version = EXPECTED[name][0]
    rows = pd.read_csv(ROOT / "data" / "01_raw" / "salary_data.csv")
    train, _ = train_test_split(rows, train_size=0.7, random_state=234)
    model = ESTIMATORS[version].fit(train[["Experience Years"]].to_numpy(), train["Salary"])
    assert state.answer.status == 200
    assert state.answer.body["model_version"] == version
    assert state.answer.body["model_name"] == MODEL
    assert state.answer.body["salary"] == pytest.approx(model.predict([[5.0]])[0], rel=1e-9)


@each_step
def test_bentoml_list_when_a_run_has_ended_then_shows_the_bento(state: State, name: str) -> None:
    assert re.fullmatch(rf"{EXPECTED[name][0]}-[0-9a-f]{{8}}", state.bundle)
    assert f"salary_prediction:{state.bundle} " in state.bentos


def test_bentoml_list_when_the_story_has_ended_then_shows_one_bento_for_each_promotion(
    story: Story,
) -> None:
    assert story.states["forest"].bentos.count("salary_prediction:") == 3


@each_step
def test_kedro_run_when_it_ends_then_the_summary_has_its_lines_in_order(
    state: State, name: str
) -> None:
    champion = [] if name == "line" else ["Champion"]
    model = ["Model", "Baseline", "Intervals"]
    labels = ["Rows", *model, *champion, "Verdict", "Production", "Bento", "Took", "Next"]
    assert list(lines_by_label(state.result.stdout)) == labels


@pytest.mark.parametrize(
    ("name", "model", "verdict"),
    [
        ("line", "linear_regression, version 1: RMSE 6,311.3", "version 1 is promoted"),
        ("line again", "linear_regression, version 2: RMSE 6,311.3", "a tie keeps the champion"),
        ("tree", "decision_tree, version 3: RMSE 6,302.0", "version 3 is promoted"),
        ("forest", "random_forest, version 4: RMSE 5,181.9", "version 4 is promoted"),
    ],
)
def test_kedro_run_when_it_ends_then_the_summary_says_what_was_decided(
    state: State, model: str, verdict: str
) -> None:
    summary = lines_by_label(state.result.stdout)
    assert summary["Rows"] == "40 read, 0 rejected"
    assert summary["Model"].startswith(model)
    assert verdict in summary["Verdict"]
    assert summary["Production"] == f"version {state.alias}"
    assert summary["Bento"] == f"salary_prediction:{state.bundle}"
    assert summary["Next"].startswith("make serve")


@each_step
def test_kedro_run_when_it_works_then_stderr_has_its_progress_and_nothing_else(
    state: State,
) -> None:
    lines, nodes = state.result.stderr.splitlines(), len(register_pipelines()["__default__"].nodes)
    assert [
        line for line in lines if not re.fullmatch(rf"\[ ?\d+/{nodes}\] \w+  [\d.]+ s", line)
    ] == []
    assert len(lines) == nodes


def test_archive_when_the_story_has_ended_then_has_a_copy_of_each_model(story: Story) -> None:
    archive = story.project.root / "data" / "06_models" / "archive"
    names = {re.sub(r"_\d{4}-\d\d-\d\d", "", file.name) for file in archive.iterdir()}
    assert names == {
        "6311.2625_linear_regression.skops",
        "6302.0161_decision_tree.skops",
        "5181.9072_random_forest.skops",
    }


def test_kedro_run_when_it_was_started_in_a_subfolder_then_nothing_stray_is_left(
    story: Story,
) -> None:
    assert git(story.project, "status", "--porcelain") == ""
    assert not (story.project.root / "conf" / "base" / "data").exists()


def test_mlflow_when_the_story_has_ended_then_has_one_finished_run_for_each_training(
    runs: list[Run],
) -> None:
    assert [run.info.status for run in runs] == ["FINISHED"] * 4


def test_mlflow_run_when_logged_then_its_parameters_are_flat(runs: list[Run]) -> None:
    models = ["linear_regression", "linear_regression", "decision_tree", "random_forest"]
    assert [run.data.params.get("data_science.model") for run in runs] == models
    for run in runs:
        assert run.data.params == {
            "data_engineering.train_size": "0.7",
            "data_engineering.random_state": "234",
            "data_engineering.repeats": "together",
            "data_engineering.split": "random",
            "data_engineering.strata": "None",
            "data_science.model": run.data.params["data_science.model"],
            "data_science.random_state": "234",
            "data_science.cross_validation.folds": "5",
            "data_science.cross_validation.repeats": "auto",
            "data_science.intervals.confidence": "0.9",
            "data_science.groups.min_rows": "5",
            "promotion.min_absolute_gain": "0.0",
            "promotion.min_relative_gain": "0.0",
            "promotion.required_confidence": "None",
            "promotion.min_holdout_rows": "1",
            "promotion.min_unseen_rows": "20",
            "promotion.max_rmse": "None",
            "promotion.min_coverage": "None",
            "promotion.max_group_gap": "None",
            "promotion.tie": "champion",
            "promotion.replace_unreadable_champion": "False",
            "promotion.require_better_than_baseline": "False",
            "packaging.bento_name": "salary_prediction",
            "packaging.keep": "20",
        }


def test_mlflow_run_when_logged_then_has_the_holdout_metrics(runs: list[Run]) -> None:
    rmses = [run.data.metrics["rmse"] for run in runs]
    assert rmses == pytest.approx([float(text) for text in (LINE, LINE, TREE, FOREST)], rel=1e-12)
    for run in runs:
        metrics = run.data.metrics
        assert set(metrics) >= {"mae", "median_absolute_error", "r2", "mape", "cv_rmse_mean"}
        assert 0 < metrics["mae"] <= metrics["rmse"]
        assert metrics["cv_rmse_sd"] > 0
        assert (metrics["rows_train"], metrics["rows_holdout"]) == (28, 12)


def test_mlflow_run_when_logged_then_has_plots_rejected_rows_and_lineage(
    story: Story, runs: list[Run]
) -> None:
    client = MlflowClient(story.project.store)
    for run in runs:
        top = {item.path for item in client.list_artifacts(run.info.run_id)}
        assert top >= {
            "data_dictionary.csv",
            "group_metrics.csv",
            "importances.csv",
            "lineage.json",
            "plots",
            "rejected_rows.csv",
            "trained_rows.bin",
        }
        assert {item.path for item in client.list_artifacts(run.info.run_id, "plots")} == {
            "plots/coverage.png",
            "plots/fitted_curve.png",
            "plots/importance.png",
            "plots/pay_gaps.png",
            "plots/predicted_vs_actual.png",
            "plots/residuals.png",
        }


def test_mlflow_run_when_logged_then_its_tags_are_the_lineage(
    story: Story, runs: list[Run]
) -> None:
    root = story.project.root
    for run in runs:
        assert {key: run.data.tags.get(key) for key in LINEAGE} == {
            "git_commit": git(story.project, "rev-parse", "HEAD"),
            "git_dirty": "false",
            "data_sha256": fingerprint(raw_salaries()),
            "data_method": "table-1",
            "lock_sha256": sha256_of(root / "requirements.lock"),
        }
        assert len(run.data.tags["code_sha256"]) == len(run.data.tags["parameters_sha256"]) == 64


LINEAGE = ("git_commit", "git_dirty", "data_sha256", "data_method", "lock_sha256")


def sha256_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def loaded(story: Story) -> Iterator[Any]:
    """The production model, loaded as anybody would with MLflow."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(story.project.store)
    yield mlflow.pyfunc.load_model(f"models:/{MODEL}@production")
    mlflow.set_tracking_uri(before)


def test_pyfunc_when_loaded_by_the_alias_then_predicts_as_the_service_does(
    story: Story, loaded: Any
) -> None:
    answered = loaded.predict(pd.DataFrame({"experience_years": [5]}))
    salary = story.states["forest"].answer.body["salary"]
    assert answered["salary"].tolist() == pytest.approx([salary], rel=1e-9)


def test_pyfunc_when_loaded_then_its_signature_is_the_contract(loaded: Any) -> None:
    signature = loaded.metadata.signature
    assert signature.inputs.input_names() == ["experience_years"]
    answers = ["salary", "low", "high", "confidence", "warnings"]
    assert signature.outputs.input_names() == answers


@dataclass(frozen=True)
class OtherStory:
    """What each pipeline alone did in the environment `other`, and what it serves."""

    project: Project
    results: Mapping[str, subprocess.CompletedProcess[str]]
    model: Answer


PIPELINES = ("data_engineering", "data_science", "promotion", "packaging")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> OtherStory:
    """Run the four pipelines one by one in an environment `other`, then serve it."""
    project = copy_project(tmp_path_factory.mktemp("other") / "project")
    (project.root / "conf" / "other").mkdir()
    raw = project.root / "data" / "other" / "01_raw"
    raw.mkdir(parents=True)
    (project.root / "data" / "01_raw" / "salary_data.csv").rename(raw / "salary_data.csv")
    results = {
        name: project.run("kedro", "run", "--env", "other", "--pipelines", name)
        for name in PIPELINES
    }
    with project.serve(KEDRO_ENV="other") as address:
        wait_until(lambda: get(f"{address}/readyz").status in (200, 503), "the service")
        return OtherStory(project, results, get(f"{address}/model"))


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_kedro_run_when_one_pipeline_is_named_then_it_works_alone(
    other: OtherStory, pipeline: str
) -> None:
    result = other.results[pipeline]
    assert result.returncode == 0, result.stderr
    assert re.sub(r"\[ ?\d+/\d+\] \w+  [\d.]+ (s|min.*)\n", "", result.stderr) == ""


@pytest.mark.parametrize(
    ("pipeline", "labels"),
    [
        ("data_engineering", ["Rows", "Took"]),
        ("data_science", ["Model", "Baseline", "Intervals", "Staged", "Took"]),
        ("promotion", ["Verdict", "Took"]),
        ("packaging", ["Production", "Bento", "Took", "Next"]),
    ],
)
def test_kedro_run_when_one_pipeline_is_named_then_the_summary_tells_its_part(
    other: OtherStory, pipeline: str, labels: list[str]
) -> None:
    assert list(lines_by_label(other.results[pipeline].stdout)) == labels


def test_kedro_run_when_an_environment_is_named_then_its_files_lie_in_its_own_data(
    other: OtherStory,
) -> None:
    data = other.project.root / "data"
    shipped = {"01_raw", "README.md", "professors"}
    assert {entry.name for entry in data.iterdir()} <= {*shipped, "logs", "other"}
    assert [entry.name for entry in (data / "professors").iterdir()] == ["01_raw"]
    assert (data / "other" / "06_models" / "bundles" / "current").is_file()
    assert read_registry(f"sqlite:///{data}/other/mlflow/mlflow.db") == (
        {1: {"production": LINE}},
        1,
    )


def test_mlflow_when_pipelines_ran_alone_then_only_the_training_left_a_run(
    other: OtherStory,
) -> None:
    store = f"sqlite:///{other.project.root}/data/other/mlflow/mlflow.db"
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("salary_kedro")
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id])) == 1


def test_service_when_kedro_env_names_the_environment_then_serves_its_model(
    other: OtherStory,
) -> None:
    assert other.model.status == 200
    assert other.model.body["model_version"] == 1


def test_service_when_no_environment_is_named_then_the_other_ones_model_is_not_served(
    other: OtherStory,
) -> None:
    assert not other.project.bundles.exists()


def test_kedro_when_the_summary_suggests_commands_then_they_name_the_environment(
    other: OtherStory,
) -> None:
    assert "make serve ENV=other" in other.results["packaging"].stdout
