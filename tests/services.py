"""The service's routes over a model of any contract, on loopback, in a thread of the test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import uvicorn

from kinds import bundle_of
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving import uvicorn_adapter
from salary_kedro.serving.app import create_app
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.guard import Guard
from salary_kedro.serving.predictor import Predictor
from salary_kedro.serving.settings import Settings
from support import free_port, wait_until


def predictor_of(contract: Contract, folder: Path) -> Predictor:
    """Serves a model that was trained by a contract, from a bundle in a folder."""
    store = BundleStore(folder)
    name, files = bundle_of(contract)
    store.write(name, files)
    store.point_to(name)
    predictor = Predictor(store)
    predictor.refresh()
    return predictor


@contextmanager
def real_service(
    contract: Contract, folder: Path, settings: Settings | None = None
) -> Iterator[str]:
    """Address of the service over a model that was trained by a contract."""
    with _listening(create_app(predictor_of(contract, folder), settings)) as address:
        yield address


@contextmanager
def real_service_of(store: BundleStore) -> Iterator[str]:
    """Address of the service over the current one of some bundles."""
    predictor = Predictor(store)
    predictor.refresh()
    with _listening(create_app(predictor)) as address:
        yield address


@contextmanager
def real_service_to_refresh(store: BundleStore) -> Iterator[tuple[str, Predictor]]:
    """Address of the service over some bundles, or none yet, and what looks at them again."""
    predictor = Predictor(store)
    predictor.refresh()
    with _listening(create_app(predictor)) as address:
        yield address, predictor


class Stoppable(NamedTuple):
    """A service that can be away for a while.

    Attributes:
        address: Its address.
        predictor: What looks at its bundles again.
        away: Stops it as long as its context lasts.
    """

    address: str
    predictor: Predictor
    away: Callable[[], AbstractContextManager[None]]


@contextmanager
def real_service_to_stop(store: BundleStore) -> Iterator[Stoppable]:
    """The service over the current one of some bundles."""
    predictor, port = Predictor(store), free_port()
    predictor.refresh()
    with ExitStack() as running:

        def start() -> str:
            return running.enter_context(_listening(create_app(predictor), port))

        @contextmanager
        def away() -> Iterator[None]:
            running.close()
            yield
            start()

        yield Stoppable(start(), predictor, away)


@contextmanager
def _listening(app: Guard, port: int | None = None) -> Iterator[str]:
    drain, port = Drain(), port or free_port()
    config = uvicorn.Config(app, port=port, log_level="warning", proxy_headers=False)
    server = uvicorn_adapter.Server(drain, 0, app.at_once, config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the service to start")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
