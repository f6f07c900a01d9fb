"""deploy/compose.yaml: service and page, really started together."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bundles import add_bundle
from containers import Engine, build_images
from salary_kedro.bundle import BundleStore
from support import BIN, Project, copy_trained, free_port, get, post, wait_until

pytestmark = pytest.mark.container

ASK_AS_THE_PAGE = """
import sys
sys.path.insert(0, "app")
from service_client import ServiceClient
print(ServiceClient().model().version)
"""
SHOW_FILE = """
import os, pathlib
print(pathlib.Path(os.environ["SALARY_TOKEN_FILE"]).read_text())
"""
SHOW_ASKED = """
import sys
sys.path.insert(0, "app")
from entrance import password_to_ask
print(password_to_ask("0.0.0.0").text)
"""


@dataclass(frozen=True)
class Together:
    """Service and page, running.

    Attributes:
        service: Address of the service, as seen from here.
        page: Address of the page.
    """

    service: str
    page: str
    command: list[str]
    environment: dict[str, str]

    def compose(self, *arguments: str) -> str:
        """Run a compose command, which must succeed; gives what it prints."""
        result = subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()


@contextmanager
def started(
    engine: Engine, project: Project, *files: str, **environment: str
) -> Iterator[Together]:
    """A project's compose files, started on ports of their own for a while."""
    tool = ["docker", "compose"] if engine.name == "docker" else [str(BIN / "podman-compose")]
    options = [text for file in files for text in ("-f", str(project.root / "deploy" / file))]
    ports = {"SERVICE_PORT": str(free_port()), "PAGE_PORT": str(free_port())}
    running = Together(
        service=f"http://127.0.0.1:{ports['SERVICE_PORT']}",
        page=f"http://127.0.0.1:{ports['PAGE_PORT']}",
        command=[*tool, *options, "-p", f"t{ports['SERVICE_PORT']}"],
        environment={**os.environ, **engine.environment, **ports, **environment},
    )
    try:
        running.compose("up", "-d")
        for address in (f"{running.service}/readyz", f"{running.page}/_stcore/health"):
            wait_until(lambda url=address: get(url).status == 200, address)
        yield running
    finally:
        running.compose("down")


@pytest.fixture(scope="module")
def built(
    engine: Engine,
    image: str,
    _trained: Project,
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """A project after `make image`, whose production has moved on to version 2 since."""
    project = copy_trained(_trained, tmp_path_factory.mktemp("compose") / "my #1 $project")
    build_images(engine, project)
    bundles = BundleStore(project.bundles)
    first = bundles.choose()
    assert first is not None
    bundles.point_to(add_bundle(project.bundles, first.bundle.contract, 2))
    return project


@pytest.fixture(scope="module")
def together(engine: Engine, built: Project) -> Iterator[Together]:
    """Service and page as compose.yaml starts them; do not disturb them."""
    with started(engine, built, "compose.yaml") as running:
        yield running


def test_compose_when_started_then_the_service_follows_the_projects_bundles(
    together: Together,
) -> None:
    answer = post(f"{together.service}/predict", {"experience_years": 5})

    assert answer.status == 200
    assert answer.body["model_version"] == 2


def test_compose_when_started_then_the_page_is_there(together: Together) -> None:
    assert get(together.page).status == 200


def test_compose_when_started_then_the_page_reaches_the_service(together: Together) -> None:
    assert together.compose("exec", "-T", "page", "python3", "-c", ASK_AS_THE_PAGE) == "2"


def outside_of(service: str, **headers: str) -> str:
    """The address under which the service says that it is reached."""
    sent = {"Host": "example.org", **headers}
    described = httpx.get(f"{service}/openapi.json", headers=sent, timeout=30).json()
    address: str = described["servers"][0]["url"]
    return address


def test_compose_when_nothing_is_set_then_the_service_takes_its_defaults(
    together: Together,
) -> None:
    answer = httpx.get(
        f"{together.service}/model", headers={"Origin": "https://a.example"}, timeout=30
    )
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    forwarded = {"X-Forwarded-Prefix": "/proxied"}  # from no proxy that it knows
    assert outside_of(together.service, **forwarded) == "http://example.org"


def test_compose_when_proxy_and_origins_are_set_then_the_service_knows_them(
    engine: Engine, built: Project
) -> None:
    settings = {
        "FORWARDED_ALLOW_IPS": "*",
        "SALARY_ROOT_PATH": "/salaries",
        "SALARY_CORS_ORIGINS": "https://a.example",
        "SALARY_MAX_MODEL_MB": "7",
    }
    with started(engine, built, "compose.yaml", **settings) as running:
        answer = httpx.get(
            f"{running.service}/salaries/model", headers={"Origin": "https://a.example"}, timeout=30
        )
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        assert outside_of(running.service) == "http://example.org/salaries"
        forwarded = {"X-Forwarded-Prefix": "/proxied"}
        assert outside_of(running.service, **forwarded) == "http://example.org/proxied"
        limit = "import os; print(os.environ['SALARY_MAX_MODEL_MB'])"
        assert running.compose("exec", "-T", "service", "python3", "-c", limit) == "7"


def test_compose_with_a_token_then_both_can_read_it_and_the_page_asks_for_its_password(
    engine: Engine, built: Project, tmp_path: Path
) -> None:
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text("dG9rZW4tb2YtYS10ZXN0")
    password.write_text("correct horse battery")
    secrets = {"SALARY_TOKEN_FILE": str(token), "SALARY_PAGE_PASSWORD_FILE": str(password)}

    with started(engine, built, "compose.yaml", "compose.token.yaml", **secrets) as running:
        for container in ("service", "page"):
            read = running.compose("exec", "-T", container, "python3", "-c", SHOW_FILE)
            assert read == "dG9rZW4tb2YtYS10ZXN0"
        asked = running.compose("exec", "-T", "page", "python3", "-c", SHOW_ASKED)
        assert asked == "correct horse battery"
        assert running.compose("exec", "-T", "page", "python3", "-c", ASK_AS_THE_PAGE) == "2"
        assert get(f"{running.service}/model").status == 401
