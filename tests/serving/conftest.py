"""A folder of bundles, and the routes over it in this process."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from salary_kedro.bundle import BundleStore
from salary_kedro.serving.app import create_app
from salary_kedro.serving.predictor import Predictor

Ask = Callable[..., httpx.Response]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of bundles, empty yet."""
    path = tmp_path / "bundles"
    path.mkdir()
    return path


@pytest.fixture
def store(folder: Path) -> BundleStore:
    return BundleStore(folder)


@pytest.fixture
def predictor(store: BundleStore) -> Predictor:
    return Predictor(store)


@pytest.fixture
def ask(predictor: Predictor) -> Ask:
    """Ask the routes over that predictor, in this process: method, path, JSON body if any."""
    transport = httpx.ASGITransport(create_app(predictor), raise_app_exceptions=False)

    async def send(method: str, path: str, body: object) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://in.process") as client:
            return await client.request(method, path, json=body)

    return lambda method, path, body=None: asyncio.run(send(method, path, body))
