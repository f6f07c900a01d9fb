"""The environment of a team: MLflow on PostgreSQL, artifacts in an S3-compatible object store."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest

from servers import BUCKET, mlflow_server, need_postgresql, object_store, postgresql
from support import Project, copy_project, get, post, wait_until

pytestmark = pytest.mark.server
SALARY = 72861.25402208201


@dataclass(frozen=True)
class Member:
    """Somebody of the team.

    Attributes:
        project: A clone of the project.
        environment: What names the team's servers.
        objects: What opens the object store.
    """

    project: Project
    environment: dict[str, str]
    objects: dict[str, str] = field(repr=False)

    def kedro(self, *arguments: str, **environment: str) -> str:
        """Run a command in the team's environment, which must succeed; gives what it prints."""
        variables = {**self.environment, **environment}
        result = self.project.run("kedro", *arguments, "--env", "server", **variables)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def refused(self, *arguments: str, **environment: str) -> str:
        """Run one that must fail; gives its one error."""
        variables = {**self.environment, **environment}
        result = self.project.run("kedro", *arguments, "--env", "server", **variables)
        assert result.returncode == 1, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        return result.stderr.strip().splitlines()[-1]

    def stored(self) -> list[str]:
        """Names of the objects."""
        client = boto3.client(
            "s3",
            endpoint_url=self.objects["MLFLOW_S3_ENDPOINT_URL"],
            region_name=self.objects["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.objects["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.objects["AWS_SECRET_ACCESS_KEY"],
        )
        return [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET)["Contents"]]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Address of a database, and what opens an object store."""
    need_postgresql()
    with postgresql() as database, object_store(tmp_path_factory.mktemp("objects")) as objects:
        yield database, objects


@pytest.fixture(scope="module")
def member(
    servers: tuple[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Member]:
    """Somebody who has trained version 1, and knows the MLflow server alone."""
    database, objects = servers
    project = copy_project(tmp_path_factory.mktemp("member") / "project")
    with mlflow_server(database, tmp_path_factory.mktemp("mlflow"), objects=objects) as uri:
        member = Member(project, {"MLFLOW_TRACKING_URI": uri}, objects)
        member.kedro("run")
        yield member


def test_run_when_the_store_is_a_teams_then_artifacts_are_in_the_object_store_and_nowhere_else(
    member: Member,
) -> None:
    stored = member.stored()

    assert any(name.endswith("/model.skops") for name in stored)
    assert not (member.project.root / "data" / "server" / "mlflow").exists()
    assert not (member.project.root / "data" / "mlflow").exists()


def test_promote_and_rollback_when_the_store_is_a_teams_then_production_moves(
    member: Member,
) -> None:
    member.kedro("run", "--params=model=random_forest")
    assert "version 1," in member.kedro("models", "promote", "1", "--reason", "as agreed")
    assert "version 2," in member.kedro("models", "rollback", "--reason", "it drifts")
    assert "nothing is broken" in member.kedro("models", "doctor")
    assert "version 1," in member.kedro("models", "promote", "1", "--reason", "as agreed")


def test_serve_when_the_environment_is_a_teams_then_answers_by_its_production(
    member: Member,
) -> None:
    with member.project.serve(KEDRO_ENV="server", **member.environment) as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        answer = post(f"{address}/predict", {"experience_years": 5})

    assert answer.body["model_version"] == 1
    assert answer.body["salary"] == pytest.approx(SALARY)


def test_batch_scoring_when_the_environment_is_a_teams_then_scores_by_its_production(
    member: Member, tmp_path: Path
) -> None:
    rows, scored = tmp_path / "rows.csv", tmp_path / "scored.csv"
    rows.write_text("Experience Years\n5\n")

    member.kedro(
        "run", "--pipelines", "batch_scoring", f"--params=rows_to_score={rows},scored_rows={scored}"
    )

    assert "72861.25" in scored.read_text()


def test_backup_when_the_store_is_a_teams_then_says_what_to_back_up_instead(
    member: Member, tmp_path: Path
) -> None:
    told = member.refused("models", "backup", str(tmp_path / "backup.zip"))

    assert "back up its database (pg_dump for PostgreSQL) and its artifact store together" in told


@pytest.mark.parametrize("uri", ["", "sqlite:///own.db"])
@pytest.mark.parametrize("command", [("run",), ("models", "list"), ("models", "doctor")])
def test_command_when_no_server_is_named_then_says_which_variable_names_it(
    shell: Project, uri: str, command: tuple[str, ...]
) -> None:
    result = shell.run("kedro", *command, "--env", "server", MLFLOW_TRACKING_URI=uri)

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    told = f"is '{uri}'" if uri else "is not set"
    assert (
        f"MLFLOW_TRACKING_URI {told}, but the environment 'server' keeps its models on an "
        f"MLflow server: set it to the server's address, http://mlflow.example:5000 for example"
    ) in " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def direct(
    servers: tuple[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Member]:
    """Somebody whose MLflow server leaves the artifacts to its clients."""
    database, objects = servers
    project = copy_project(tmp_path_factory.mktemp("direct") / "project")
    place = tmp_path_factory.mktemp("mlflow")
    # The experiment of another server keeps its place.
    settings = "tracking:\n  experiment:\n    name: direct\n"
    (project.root / "conf" / "server" / "mlflow_experiment.yml").write_text(settings)
    names = "registry:\n  model_name: direct\n"
    (project.root / "conf" / "server" / "parameters.yml").write_text(names)
    with mlflow_server(database, place, objects=objects, proxied=False) as uri:
        yield Member(project, {"MLFLOW_TRACKING_URI": uri, **objects}, objects)


def test_run_when_clients_reach_the_object_store_themselves_then_model_is_promoted_and_packaged(
    direct: Member,
) -> None:
    direct.kedro("run")

    assert "production" in direct.kedro("models", "list")
    assert "nothing is broken" in direct.kedro("models", "doctor")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "signature"),
        ({"AWS_SECRET_ACCESS_KEY": "", "AWS_ACCESS_KEY_ID": ""}, "Unable to locate credentials"),
        ({"MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect to the endpoint"),
    ],
)
def test_run_when_the_object_store_cannot_be_used_then_says_so_before_anything_is_trained(
    direct: Member, variables: dict[str, str], told: str
) -> None:
    error = direct.refused("run", **variables)

    assert error.startswith("Error: artifacts of this store lie in s3://mlflow/")
    assert told in error
    assert "set MLFLOW_S3_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in error
