"""Tournaments among the professors: one uninterrupted, one killed half-way and resumed."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from salary_kedro.bundle import BundleStore
from support import copy_project, is_running, wait_until
from tournaments import Tournament

ENV = "professors"
MODEL = "professor_salary_regression-model"
#: Few and quick: what is looked at is not how good they are.
SMALL = "tournament.trials=14,tournament.cross_validation.repeats=1,packaging.keep=1"
QUICK = """
tournament:
  candidates:
    random_forest: null
    hist_gradient_boosting:
      max_iter: {low: 5, high: 20}
"""


@dataclass(frozen=True)
class Story:
    """What two tournaments have left.

    Attributes:
        whole: The uninterrupted one.
        resumed: The one that was killed, and held again.
        said: What the uninterrupted one printed.
        kept: How many scores there were when the other was killed.
        workers: The processes that it had started then.
    """

    whole: Tournament
    resumed: Tournament
    said: str
    kept: int
    workers: list[int]


def new(folder: Path, workers: int) -> Tournament:
    project = copy_project(folder)
    (project.root / "conf" / ENV / "parameters_tournament.yml").write_text(QUICK)
    return Tournament(project, ENV, f"{SMALL},tournament.workers={workers}")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Hold both; the resumed one with another number of workers."""
    folder = tmp_path_factory.mktemp("tournaments")
    whole, resumed = new(folder / "whole", 2), new(folder / "resumed", 1)
    said = whole.run()
    workers = resumed.kill(lambda: resumed.scored() >= 6)
    kept = resumed.scored()
    resumed.run()
    return Story(whole, resumed, said, kept, workers)


@pytest.fixture(scope="module")
def client(story: Story) -> Iterator[MlflowClient]:
    """A client of the uninterrupted one's store."""
    uri = f"sqlite:///{story.whole.project.root}/data/{ENV}/mlflow/mlflow.db"
    mlflow.set_tracking_uri(uri)
    yield MlflowClient(uri)
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def run(client: MlflowClient) -> Run:
    """The run of the version that has won."""
    return client.get_run(str(client.get_model_version_by_alias(MODEL, "production").run_id))


def test_tournament_when_killed_half_way_and_resumed_then_its_leaderboard_is_the_same(
    story: Story,
) -> None:
    assert 6 <= story.kept < len(story.resumed.leaderboard.splitlines()) - 1
    assert story.resumed.leaderboard == story.whole.leaderboard


def test_tournament_when_killed_then_its_workers_end_too(story: Story) -> None:
    assert story.workers
    wait_until(lambda: not any(map(is_running, story.workers)), "the workers to end")


def test_tournament_when_done_then_each_candidate_was_tried_as_a_plain_run_first(
    story: Story,
) -> None:
    plain = [trial["model"] for trial in story.whole.trials if not trial["tuned"]]

    assert plain == [
        "linear_regression",
        "ridge",
        "spline_ridge",
        "decision_tree",
        "hist_gradient_boosting",
    ]
    assert len(story.whole.trials) == 14


def test_tournament_when_done_then_its_best_is_registered_and_served(
    story: Story, run: Run
) -> None:
    first = next(csv.DictReader(story.whole.leaderboard.decode().splitlines()))
    settings = json.loads(first["settings"])

    assert run.data.params["data_science.model"] == first["model"]
    assert {
        name: run.data.params[f"data_science.hyperparameters.{first['model']}.{name}"]
        for name in settings
    } == {name: str(value) for name, value in settings.items()}
    bundles = BundleStore(story.whole.project.root / "data" / ENV / "06_models" / "bundles")
    choice = bundles.choose()
    assert choice is not None
    assert choice.bundle.model_name == MODEL


def test_tournament_when_done_then_its_search_is_evidence_of_the_version(
    client: MlflowClient, run: Run, story: Story, tmp_path: Path
) -> None:
    def artifact(name: str) -> bytes:
        return Path(client.download_artifacts(run.info.run_id, name, str(tmp_path))).read_bytes()

    told = json.loads(artifact("tournament.json"))
    assert artifact("leaderboard.csv") == story.whole.leaderboard.replace(b"\r\n", b"\n")
    assert [trial["number"] for trial in told["trials"]] == [*range(1, 15)]
    assert told["asked"]["candidates"]["ridge"]["alpha"]["log"] is True
    assert artifact("plots/leaderboard.png").startswith(b"\x89PNG")
    assert run.data.metrics["tournament_trials"] == 14
    assert run.data.metrics["tournament_rmse"] <= run.data.metrics["tournament_untuned_rmse"]


def test_tournament_when_done_then_each_trial_is_a_run_within_the_winners(
    client: MlflowClient, run: Run
) -> None:
    nested = client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    )

    assert len(nested) == 14
    assert {each.info.status for each in nested} == {"FINISHED"}


def test_tournament_when_done_then_the_version_says_what_it_has_won(
    client: MlflowClient, run: Run
) -> None:
    version = client.get_model_version_by_alias(MODEL, "production")

    assert "best of 14 trials of a tournament" in version.description
    assert "[Leaderboard](" in version.description
    assert "| RMSE in its tournament |" in run.data.tags["mlflow.note.content"]


def test_tournament_when_done_then_the_summary_tells_what_it_has_gained(story: Story) -> None:
    assert "\nTournament  " in story.said
    assert f"data/{ENV}/07_model_output/leaderboard.csv" in story.said


def test_winner_when_trained_once_more_then_is_the_same(story: Story) -> None:
    done = story.whole.project.run("kedro", "models", "reproduce", "1", "--env", ENV)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "are identical" in done.stdout


def test_tournament_when_a_model_is_chosen_too_then_is_refused_in_a_line(story: Story) -> None:
    done = story.whole.project.run(
        "kedro", "run", "--pipelines", "tournament", "--env", ENV, "--params", "model=ridge"
    )

    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: model=ridge has no effect on a ")
