"""deploy/server/compose.yaml: a team's servers, really started together, and a project on them."""

import os
import secrets
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from containers import Engine, build_images, give_up
from support import BIN, ROOT, Project, copy_project, free_port, get, wait_until

pytestmark = pytest.mark.container

COMPOSE = ROOT / "deploy" / "server" / "compose.yaml"
START_SECONDS = 240


class Team:
    """A team's servers, started by compose from a project's files."""

    def __init__(self, engine: Engine, project: Project, database_image: str) -> None:
        """Choose secrets and a port of their own."""
        port = str(free_port())
        tool = ["docker", "compose"] if engine.name == "docker" else [str(BIN / "podman-compose")]
        file = str(project.root / "deploy" / "server" / "compose.yaml")
        self.uri = f"http://127.0.0.1:{port}"
        self._command = [*tool, "-f", file, "-p", f"team{port}"]
        self._environment = {
            **os.environ,
            **engine.environment,
            "POSTGRES_IMAGE": database_image,
            "POSTGRES_PASSWORD": secrets.token_urlsafe(16),
            "AWS_ACCESS_KEY_ID": "salary:mlflow",
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
            "MLFLOW_PORT": port,
        }

    def compose(self, *arguments: str) -> str:
        """Run a compose command, which must succeed; gives what it prints."""
        result = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def start(self) -> None:
        """Start them, and wait until MLflow answers."""
        self.compose("up", "-d")
        wait_until(lambda: get(f"{self.uri}/health").status == 200, self.uri, START_SECONDS)


@pytest.fixture(scope="module")
def database_image(engine: Engine) -> str:
    """An image that takes the public PostgreSQL's place, where no image registry is reached."""
    public = str(yaml.safe_load(COMPOSE.read_text())["services"]["database"]["image"])
    name = public.removeprefix("${POSTGRES_IMAGE:-").removesuffix("}")
    if "BASE" not in engine.environment and engine.run("pull", name, timeout=300).returncode == 0:
        return name
    made = subprocess.run(
        [ROOT / ".ci" / "postgres-image", engine.name],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    if made.returncode:
        give_up(f"no image of PostgreSQL can be had or made: {made.stderr}")
    return made.stdout.strip()


@pytest.fixture(scope="module")
def team(
    engine: Engine, database_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Team, Project]]:
    """A team's servers, and a project in which nothing has run yet."""
    project = copy_project(tmp_path_factory.mktemp("team") / "project")
    build_images(engine, project, "mlflow", "store")
    team = Team(engine, project, database_image)
    try:
        team.start()
        yield team, project
    finally:
        try:
            print(team.compose("logs"))  # noqa: T201 - shown if a test fails
        finally:
            team.compose("down", "--volumes")


def test_compose_when_a_project_trains_on_it_then_records_and_artifacts_outlive_the_containers(
    team: tuple[Team, Project],
) -> None:
    servers, project = team
    environment = {"MLFLOW_TRACKING_URI": servers.uri}
    result = project.run("kedro", "run", "--env", "server", **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Production  version 1" in result.stdout

    servers.compose("down")
    servers.start()

    again = project.run("kedro", "models", "follow", "--once", "--env", "server", **environment)
    assert again.returncode == 0, again.stdout + again.stderr
    doctor = project.run("kedro", "models", "doctor", "--env", "server", **environment)
    assert "nothing is broken" in doctor.stdout, doctor.stdout + doctor.stderr


def test_compose_when_started_then_mlflow_alone_is_open_and_to_this_machine_alone() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]

    opened = {name: service.get("ports", []) for name, service in services.items()}
    assert opened == {
        "database": [],
        "store": [],
        "mlflow": ["127.0.0.1:${MLFLOW_PORT:-5000}:5000"],
    }


def test_compose_when_service_and_page_run_beside_then_are_in_no_network_with_the_servers() -> None:
    servers = yaml.safe_load(COMPOSE.read_text())["services"]
    others = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]

    assert {str(service["networks"]) for service in servers.values()} == {"['back']"}
    assert not any("networks" in service for service in others.values())  # that is the default one


def test_compose_when_an_image_is_ours_then_is_what_build_image_makes() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    settings = (ROOT / "pyproject.toml").read_text()
    version = next(
        line.split('"')[1] for line in settings.splitlines() if line.startswith("version = ")
    )

    for name in ("mlflow", "store"):
        expected = f"${{{name.upper()}_IMAGE:-salary_{name}:{version}}}"
        assert services[name]["image"] == expected
