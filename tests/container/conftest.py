"""The container engine and the service's image, which several modules share."""

from collections.abc import Iterator

import pytest

from containers import Engine, build_images, find_engine
from salary_kedro.bundle import BundleStore
from support import Project


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Either docker or podman, with a base image to build upon."""
    return find_engine()


@pytest.fixture(scope="session")
def image(engine: Engine, _trained: Project) -> Iterator[str]:
    """The service's image of version 1 (linear regression)."""
    build_images(engine, _trained, "service")
    tag = f"salary_prediction:{BundleStore(_trained.bundles).current()}"
    yield tag
    engine("rmi", "--force", "--no-prune", tag)  # what the next build can use again stays
