"""The BentoML service: `bentoml serve` finds it through bentofile.yaml."""

import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.context import server_context
from starlette.types import ASGIApp, Receive, Scope, Send

from salary_kedro.errors import UserError
from salary_kedro.serving.app import create_app
from salary_kedro.serving.bentoml_schema import SERVICE
from salary_kedro.serving.draining import Drain, read_grace
from salary_kedro.serving.logs import set_up_logs
from salary_kedro.serving.outside import TRUSTED
from salary_kedro.serving.predictor import open_predictor
from salary_kedro.serving.settings import read_settings
from salary_kedro.serving.shared_folder import choose_shared_folder, hold_shared_folder
from salary_kedro.serving.token import TOKEN, TOKEN_FILE

log = logging.getLogger("salary_kedro.serving")
LOOPBACK = ("127.", "::1")
#: In a container, whose engine decides who reaches it, a loopback of its own would be of no use.
HOST = "0.0.0.0" if "BENTOML_CONTAINERIZED" in os.environ else "127.0.0.1"  # noqa: S104

T = TypeVar("T")


def _or_end(read: Callable[[], T]) -> T:
    """What a function reads; an error of the user's ends the process with its one line."""
    try:
        return read()
    except UserError as error:
        raise SystemExit(f"Error: {error}") from error


settings = _or_end(read_settings)
grace = _or_end(read_grace)
if (shared := choose_shared_folder()) is not None:
    BentoMLContainer.prometheus_multiproc_dir.set(str(shared))  # made when it serves
predictor = _or_end(open_predictor)


class OwnService(bentoml.Service[Any]):  # type: ignore[misc]  # it has no types
    """A BentoML service that answers with its own routes alone.

    What BentoML puts before its routes is left out, and not only for speed: its timer of each
    request is never cancelled, and keeps 5 kB of memory for a minute after the answer.
    """

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """BentoML's application for start and stop, ours for requests."""
        from salary_kedro.serving import http_server  # the supervisor does without

        # Whom a request comes from is needed as it is, to judge what is said to be forwarded.
        os.environ[TRUSTED] = ""
        drain = Drain()
        http_server.use(drain, grace)
        bento = super().to_asgi(is_main)
        own = drain.closing(create_app(predictor, settings, drain))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await (bento if scope["type"] == "lifespan" else own)(scope, receive, send)

        return app


@bentoml.service(
    name=SERVICE,
    service_class=OwnService,
    http={"host": HOST, "port": 3000},
)
class SalaryPrediction:
    """Predicts salaries with the production model, over HTTP."""

    def __init__(self) -> None:
        """Follow the bundles from now on, in every worker."""
        set_up_logs()
        if settings.token is None and server_context.worker_index == 1 and (host := _bound_wider()):
            message = "anyone who reaches %s may ask: set %s or %s to ask for a bearer token"
            log.warning(message, host, TOKEN, TOKEN_FILE)
        predictor.follow()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # it has no types
    @staticmethod
    def supervise() -> None:
        """Before the workers are started, in the process that will supervise them."""
        from salary_kedro.serving import supervisor  # workers do without

        supervisor.use(grace, BentoMLContainer.http.port.get())
        if shared is not None:
            hold_shared_folder(shared)


def _bound_wider() -> str | None:
    """The address that this worker listens at, if others than this machine reach it."""
    if "--fd" not in sys.argv:
        return None
    with socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1])) as listening:
        host = str(listening.getsockname()[0])
        listening.detach()
    return None if host.startswith(LOOPBACK) else host
