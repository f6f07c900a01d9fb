"""The environment `professors`: a table of another shape, beside the default's, by configuration.

One copy of the project in which both environments run; the tests read what is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from support import ROOT, Answer, Project, copy_project, get, post, wait_until

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*[Tt]ype hint:UserWarning"),
    pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning"),
]

ENV = "professors"
MODEL = "professor_salary_regression-model"
PERSON = {"rank": "Prof", "discipline": "B", "years_since_phd": 19, "years_of_service": 18}
CONTRACT = yaml.safe_load((ROOT / "conf" / ENV / "contract.yml").read_text())["contract"]


@dataclass(frozen=True)
class Story:
    """What two runs in the environment left, after one of the default's."""

    project: Project
    before: dict[str, str]
    after: dict[str, str]

    @property
    def data(self) -> Path:
        """The environment's data folder."""
        return self.project.root / "data" / ENV


def fingerprints(project: Project) -> dict[str, str]:
    """Checksums of the default environment's files; SQLite's and the log's change when read."""
    data = project.root / "data"
    others = (data / ENV, data / "logs")
    return {
        str(path.relative_to(data)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.rglob("*"))
        if path.is_file() and not any(path.is_relative_to(other) for other in others)
    }


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Run the default environment once, then the professors' with two models."""
    project = copy_project(tmp_path_factory.mktemp("professors") / "project")
    project.kedro_run()
    before = fingerprints(project)
    project.kedro_run("--env", ENV)
    project.kedro_run("--env", ENV, "--params", "model=ridge")
    return Story(project, before, fingerprints(project))


@pytest.fixture(scope="module")
def client(story: Story) -> Iterator[MlflowClient]:
    """A client of the environment's own store."""
    uri = f"sqlite:///{story.data}/mlflow/mlflow.db"
    mlflow.set_tracking_uri(uri)
    yield MlflowClient(uri)
    mlflow.set_tracking_uri(None)


def artifact(client: MlflowClient, name: str, folder: Path) -> Path:
    """A file of the production version's run."""
    run = client.get_model_version_by_alias(MODEL, "production").run_id
    return Path(client.download_artifacts(str(run), name, str(folder)))


def test_run_when_the_environment_is_the_professors_then_the_defaults_files_stay_as_they_were(
    story: Story,
) -> None:
    assert story.after == story.before


def test_run_when_done_twice_then_registers_both_under_the_environments_own_name(
    client: MlflowClient,
) -> None:
    assert [model.name for model in client.search_registered_models()] == [MODEL]
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 2
    names = {experiment.name for experiment in client.search_experiments()}
    assert "professor_salaries" in names
    assert "salary_kedro" not in names


def test_run_when_done_then_the_bundle_in_production_is_the_environments(story: Story) -> None:
    bundle = BundleStore(story.data / "06_models" / "bundles").choose()

    assert bundle is not None
    assert bundle.bundle.model_name == MODEL
    assert bundle.bundle.contract.feature_names == list(PERSON)
    assert bundle.bundle.domain.categories == {
        "rank": ("AssocProf", "AsstProf", "Prof"),
        "discipline": ("A", "B"),
    }


def test_run_when_done_then_the_bento_bears_the_environments_name(story: Story) -> None:
    listed = story.project.run("bentoml", "list", "-o", "json").stdout

    assert "professor_salary:" in listed
    assert "salary_prediction:" in listed


def test_run_when_done_then_scores_are_reported_by_sex(story: Story) -> None:
    found = pd.read_csv(story.data / "08_reporting" / "group_metrics.csv")

    assert found[["column", "group"]].to_numpy().tolist() == [["sex", "Female"], ["sex", "Male"]]
    assert found["rows"].sum() == 397  # the holdout, and the training rows out of fold
    assert (found["rmse"] >= found["mae"]).all()


def test_run_when_done_then_its_run_holds_report_and_data_dictionary(
    client: MlflowClient, tmp_path: Path
) -> None:
    groups = pd.read_csv(artifact(client, "group_metrics.csv", tmp_path))
    columns = pd.read_csv(artifact(client, "data_dictionary.csv", tmp_path))

    assert list(groups["group"]) == ["Female", "Male"]
    assert dict(zip(columns["field"], columns["use"], strict=True)) == {
        **dict.fromkeys(PERSON, "feature"),
        "sex": "audit",
        "salary": "target",
    }


@pytest.fixture(scope="module")
def served(story: Story) -> Iterator[str]:
    """Address of the service of the environment."""
    with story.project.serve(KEDRO_ENV=ENV) as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        yield address


@pytest.fixture(scope="module")
def answer(served: str) -> Answer:
    """The answer for one person."""
    return post(f"{served}/predict", PERSON)


def test_predict_when_a_professor_is_asked_for_then_answers_the_models_salary(
    answer: Answer, story: Story
) -> None:
    choice = BundleStore(story.data / "06_models" / "bundles").choose()
    assert choice is not None
    (expected,) = choice.bundle.predict([list(PERSON.values())])

    assert answer.status == 200
    assert answer.body["salary"] == pytest.approx(expected, rel=1e-9)
    assert answer.body["model_name"] == MODEL
    assert answer.body["warnings"] == []


def test_predict_when_a_rank_is_unknown_then_says_which_are_allowed(served: str) -> None:
    refused = post(f"{served}/predict", {**PERSON, "rank": "Lecturer"})

    assert 400 <= refused.status < 500
    assert "'AsstProf', 'AssocProf', 'Prof'" in refused.body["error"]["message"]


def test_predict_when_sex_is_given_then_is_refused(served: str) -> None:
    refused = post(f"{served}/predict", {**PERSON, "sex": "Female"})

    assert 400 <= refused.status < 500


def test_model_when_asked_then_tells_the_environments_model(served: str) -> None:
    told = get(f"{served}/model")

    assert told.status == 200
    assert told.body["model_name"] == MODEL


def test_openapi_when_asked_then_enumerates_the_ranks(served: str) -> None:
    told = str(get(f"{served}/openapi.json").body)

    assert "['AsstProf', 'AssocProf', 'Prof']" in told
    assert "'sex'" not in told


def test_table_when_shipped_then_keeps_to_its_contract() -> None:
    table = pd.read_csv(ROOT / "data" / ENV / "01_raw" / "salary_data.csv")

    assert len(table) == 397
    assert list(table.columns) == [
        *(feature["column"] for feature in CONTRACT["features"]),
        CONTRACT["target"]["column"],
    ]
