"""deploy/compose.yaml: service and page, really started together."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from containers import Engine, build_images
from support import BIN, Project, free_port, get, post, wait_until

pytestmark = pytest.mark.container

ASK_AS_THE_PAGE = """
import sys
sys.path.insert(0, "app")
from service_client import ServiceClient
print(ServiceClient().model().version)
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


@pytest.fixture(scope="module")
def together(engine: Engine, image: str, _trained: Project) -> Iterator[Together]:
    """The project's compose file, started after `make image`, on ports of its own."""
    build_images(engine, _trained)
    tool = ["docker", "compose"] if engine.name == "docker" else [str(BIN / "podman-compose")]
    ports = {"SERVICE_PORT": str(free_port()), "PAGE_PORT": str(free_port())}
    started = Together(
        service=f"http://127.0.0.1:{ports['SERVICE_PORT']}",
        page=f"http://127.0.0.1:{ports['PAGE_PORT']}",
        command=[
            *tool,
            "-f",
            str(_trained.root / "deploy" / "compose.yaml"),
            "-p",
            f"t{os.getpid()}",
        ],
        environment={**os.environ, **engine.environment, **ports},
    )
    try:
        started.compose("up", "-d")
        for address in (f"{started.service}/readyz", f"{started.page}/_stcore/health"):
            wait_until(lambda url=address: get(url).status == 200, address)
        yield started
    finally:
        started.compose("down")


def test_compose_when_started_then_the_service_follows_the_projects_bundles(
    together: Together,
) -> None:
    answer = post(f"{together.service}/predict", {"experience_years": 5})

    assert answer.status == 200
    assert answer.body["model_version"] == 1


def test_compose_when_started_then_the_page_is_there(together: Together) -> None:
    assert get(together.page).status == 200


def test_compose_when_started_then_the_page_reaches_the_service(together: Together) -> None:
    assert together.compose("exec", "-T", "page", "python3", "-c", ASK_AS_THE_PAGE) == "1"
