"""`bentoml containerize`: its image of the same Bento works too, and is far larger than ours."""

import subprocess
from collections.abc import Iterator

import pytest

from containers import WAIT, Engine, ask, give_up, settings
from support import BIN, ROOT, Project, free_port, get, wait_until

pytestmark = pytest.mark.container

STOCK_BASE = "docker.io/library/python:3.11-slim"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
LARGEST_SHARE = 0.2


@pytest.fixture(scope="module")
def stock_image(engine: Engine, image: str, _trained: Project) -> Iterator[str]:
    """What `bentoml containerize` makes of the Bento that `image` holds."""
    options: list[str] = []
    if engine.run("pull", STOCK_BASE, timeout=300).returncode:
        made = subprocess.run(
            [ROOT / ".ci" / "stock-base", engine.name],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if made.returncode:
            give_up(f"no image registry is reached, and no base can be made: {made.stderr}")
        # The stock recipe fetches packages while it builds.
        mount = f"volume={CERTIFICATES}:/etc/host-ca.crt:ro"
        options = ["--opt", "network=host", "--opt", mount]
    tag = image.replace(":", "-stock:")
    built = subprocess.run(
        [BIN / "bentoml", "containerize", image, "-t", tag, "--backend", engine.name, *options],
        env={**_trained.environment, **engine.environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    yield tag
    engine("rmi", "--force", "--no-prune", tag)


def test_stock_image_when_run_then_answers_as_ours_does(engine: Engine, stock_image: str) -> None:
    container = engine("run", "--detach", "--network", "none", stock_image)
    try:
        engine("exec", container, "python3", "-c", WAIT)
        status, answer = ask(engine, container, "/predict", '{"experience_years": 5}')
    finally:
        engine("rm", "--force", container)

    assert status == 200
    assert answer["model_version"] == 1


def test_stock_image_when_run_then_others_can_reach_it(engine: Engine, stock_image: str) -> None:
    port = free_port()
    container = engine("run", "--detach", "--publish", f"127.0.0.1:{port}:3000", stock_image)
    try:
        address = f"http://127.0.0.1:{port}/readyz"
        wait_until(lambda: get(address).status == 200, "the service to be reached")
    finally:
        engine("rm", "--force", container)


def test_image_when_compared_with_the_stock_image_then_is_at_most_a_fifth_of_it(
    engine: Engine, image: str, stock_image: str
) -> None:
    ours, stock = (settings(engine, name)["Size"] for name in (image, stock_image))

    assert ours <= LARGEST_SHARE * stock, f"{ours / 1e6:.0f} MB against {stock / 1e6:.0f} MB"
