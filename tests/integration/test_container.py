"""The image: built for real, run with hardly any rights, asked from inside its own network."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

from salary_kedro.bundle import BundleStore
from support import BIN, ROOT, Project

pytestmark = pytest.mark.container

PUBLIC_BASE = "docker.io/library/python:{}.{}-slim-bookworm".format(*sys.version_info)
UID = "43210"  # nobody's, neither here nor in the image
HARDLY_ANY_RIGHTS = [
    *("--read-only", "--tmpfs", "/tmp"),  # noqa: S108 - the container's
    *("--network", "none", "--user", f"{UID}:{UID}"),
    *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
]
WAIT = """
import time, urllib.request
for _ in range(500):
    try:
        urllib.request.urlopen("http://127.0.0.1:3000/readyz", timeout=10)
        break
    except OSError:
        time.sleep(0.1)
else:
    raise SystemExit("never ready")
"""
ASK = """
import sys, urllib.request
path, *body = sys.argv[1:]
headers = {"Content-Type": "application/json"}
url = "http://127.0.0.1:3000" + path
request = urllib.request.Request(url, *[text.encode() for text in body], headers=headers)
answer = urllib.request.urlopen(request, timeout=10)
print(answer.status, answer.read().decode())
"""


@dataclass(frozen=True)
class Engine:
    """A container engine, and the environment it needs on this machine."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, timeout: int = 180) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine."""
        return subprocess.run(
            [self.name, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        """Run a command of the engine that must succeed; gives what it prints."""
        result = self.run(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()

    def works(self) -> bool:
        """Whether it is installed and, for a client, its engine answers."""
        try:
            return self.run("info").returncode == 0
        except OSError:
            return False

    def reaches_base(self) -> bool:
        """Whether the public base image is here, or can be had."""
        inspected = self.run("image", "inspect", PUBLIC_BASE)
        return not inspected.returncode or not self.run("pull", PUBLIC_BASE, timeout=300).returncode


def give_up(reason: str) -> NoReturn:
    """Skip; but fail in CI, where nothing may go untested."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Either docker or podman, with a base image to build upon."""
    working = [engine for engine in (Engine("docker"), Engine("podman")) if engine.works()]
    if not working:
        give_up("neither docker nor podman works here")
    if "BASE" in os.environ or working[0].reaches_base():
        return working[0]
    made = subprocess.run(
        [ROOT / ".ci" / "base-image", working[0].name],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if made.returncode:
        give_up(f"no image registry is reached, and no base image can be made: {made.stderr}")
    environment = {
        "BASE": made.stdout.strip(),
        "CONTAINERS_CONF": str(ROOT / ".ci" / "containers.conf"),
    }
    return Engine(working[0].name, environment)


@pytest.fixture(scope="module")
def image(engine: Engine, _trained: Project) -> Iterator[str]:
    """The image of version 1 (linear regression)."""
    environment = {
        **_trained.environment,
        **engine.environment,
        "ENGINE": engine.name,
        "HOME": str(Path.home()),  # where downloaded packages and images are kept
    }
    built = subprocess.run(
        [_trained.root / "deploy" / "build-image", BIN],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    tag = f"salary_prediction:{BundleStore(_trained.bundles).current()}"
    yield tag
    engine("rmi", "--no-prune", tag)  # what the next build can use again stays


@contextmanager
def running(engine: Engine, image: str) -> Iterator[str]:
    """Run a container for a while; gives its id once it is ready."""
    container = engine("run", "--detach", *HARDLY_ANY_RIGHTS, image)
    try:
        engine("exec", container, "python3", "-c", WAIT)
        yield container
    finally:
        subprocess.run([engine.name, "logs", container], check=False)  # shown if a test fails
        engine("rm", "--force", container)


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[str]:
    """A running container; do not disturb it."""
    with running(engine, image) as identity:
        yield identity


def ask(engine: Engine, container: str, path: str, *body: str) -> tuple[int, str]:
    """Send a request from inside the container's network: GET, or POST a body."""
    printed = engine("exec", container, "python3", "-c", ASK, path, *body)
    status, _, text = printed.partition(" ")
    return int(status), text


def test_container_with_any_uid_and_read_only_root_is_ready(engine: Engine, container: str) -> None:
    status, _ = ask(engine, container, "/readyz")

    assert status == 200


def test_container_when_asked_to_predict_answers_what_its_bundle_predicts(
    engine: Engine, container: str, bundles: Path
) -> None:
    status, text = ask(engine, container, "/predict", '{"experience_years": 5}')

    choice = BundleStore(bundles).choose()
    assert choice is not None
    answer: dict[str, Any] = json.loads(text)
    assert status == 200
    assert answer["salary"] == choice.bundle.predict([[5.0]])[0]
    assert answer["model_version"] == 1


def test_container_when_searched_for_what_trains_holds_none_of_it(
    engine: Engine, container: str
) -> None:
    search = """
from importlib.util import find_spec
print([name for name in ("kedro", "mlflow", "pandas", "salary_kedro.pipelines") if find_spec(name)])
"""

    assert engine("exec", container, "python3", "-c", search) == "[]"


def test_container_when_terminated_exits_with_0(engine: Engine, image: str) -> None:
    with running(engine, image) as container:
        engine("kill", "--signal", "TERM", container)

        assert engine("wait", container) == "0"
