"""A container engine, its containers, and how a test asks what runs in one."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

from support import BIN, ROOT, Project

PUBLIC_BASE = "docker.io/library/python:{}.{}-slim-bookworm".format(*sys.version_info)
#: Nobody's, neither here nor in the image.
UID = str(10_000 + secrets.randbelow(50_000))
HARDLY_ANY_RIGHTS = [
    *("--read-only", "--tmpfs", "/tmp"),  # noqa: S108 - the container's
    *("--network", "none", "--user", f"{UID}:{UID}"),
    *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--memory", "192m", "--memory-swap", "192m"),
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


def find_engine() -> Engine:
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


@contextmanager
def running(engine: Engine, image: str, *options: str) -> Iterator[str]:
    """Run a container with hardly any rights for a while; gives its id once it is ready."""
    container = engine("run", "--detach", *HARDLY_ANY_RIGHTS, *options, image)
    try:
        engine("exec", container, "python3", "-c", WAIT)
        yield container
    finally:
        subprocess.run([engine.name, "logs", container], check=False)  # shown if a test fails
        engine("rm", "--force", container)


def ask(engine: Engine, container: str, path: str, *body: str) -> tuple[int, Any]:
    """Send a request from inside the container's network: GET, or POST a body; JSON is read."""
    printed = engine("exec", container, "python3", "-c", ASK, path, *body)
    status, _, text = printed.partition(" ")
    return int(status), json.loads(text) if text.startswith("{") else text


def settings(engine: Engine, image: str) -> dict[str, Any]:
    """What an image says about itself: labels, health check, user."""
    found: list[dict[str, Any]] = json.loads(engine("image", "inspect", image))
    return {**found[0], **found[0]["Config"]}


def build_images(
    engine: Engine, project: Project, *images: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run deploy/build-image in a project, which must succeed."""
    built = subprocess.run(
        [project.root / "deploy" / "build-image", BIN, *images],
        env={
            **project.environment,
            **engine.environment,
            "ENGINE": engine.name,
            "HOME": str(Path.home()),  # where downloaded packages and images are kept
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return built
