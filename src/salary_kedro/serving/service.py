"""The BentoML service: `bentoml serve` finds it through bentofile.yaml."""

import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import bentoml
from bentoml._internal.context import server_context
from starlette.types import ASGIApp, Receive, Scope, Send

from salary_kedro.errors import UserError
from salary_kedro.serving.app import create_app
from salary_kedro.serving.bentoml_schema import SERVICE
from salary_kedro.serving.logs import set_up_logs
from salary_kedro.serving.metrics import keep_in_memory
from salary_kedro.serving.outside import TRUSTED
from salary_kedro.serving.predictor import open_predictor
from salary_kedro.serving.settings import read_settings
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
keep_in_memory()
predictor = _or_end(open_predictor)


class OwnService(bentoml.Service[Any]):  # type: ignore[misc]  # it has no types
    """A BentoML service that answers with its own routes alone.

    What BentoML puts before its routes is left out, and not only for speed: its timer of each
    request is never cancelled, and keeps 5 kB of memory for a minute after the answer.
    """

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """BentoML's application for start and stop, ours for requests."""
        from uvicorn.config import HTTP_PROTOCOLS  # the supervisor does without

        # uvicorn would prefer httptools where that is installed, which keeps headers without end.
        HTTP_PROTOCOLS["auto"] = HTTP_PROTOCOLS["h11"]
        # Whom a request comes from is needed as it is, to judge what is said to be forwarded.
        os.environ[TRUSTED] = ""
        bento, own = super().to_asgi(is_main), create_app(predictor, settings)

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


def _bound_wider() -> str | None:
    """The address that this worker listens at, if others than this machine reach it."""
    if "--fd" not in sys.argv:
        return None
    with socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1])) as listening:
        host = str(listening.getsockname()[0])
        listening.detach()
    return None if host.startswith(LOOPBACK) else host
