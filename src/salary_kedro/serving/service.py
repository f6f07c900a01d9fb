"""The BentoML service: `bentoml serve` finds it through bentofile.yaml."""

import logging
import os
from collections.abc import Callable
from typing import TypeVar

import bentoml
from starlette.types import ASGIApp

from salary_kedro.errors import UserError
from salary_kedro.serving.app import create_app
from salary_kedro.serving.bentoml_adapter import (
    answering_by,
    asks_for_spans,
    bound_host,
    configured_port,
    keep_metrics_in,
    span_provider,
)
from salary_kedro.serving.bentoml_schema import SERVICE
from salary_kedro.serving.draining import Drain, read_grace
from salary_kedro.serving.guard import AddSpan
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
tells_spans = _or_end(asks_for_spans)
if (shared := choose_shared_folder()) is not None:
    keep_metrics_in(shared)
predictor = _or_end(open_predictor)


def _make_app() -> ASGIApp:
    """What answers requests, in a worker."""
    from salary_kedro.serving import uvicorn_adapter  # the supervisor does without

    # Whom a request comes from is needed as it is, to judge what is said to be forwarded.
    os.environ[TRUSTED] = ""
    drain = Drain()
    app = create_app(predictor, settings, drain, _open_spans() if tells_spans else None)
    uvicorn_adapter.use(drain, grace, app.at_once)
    return app


def _open_spans() -> AddSpan:
    from salary_kedro.serving.spans import Spans  # nobody else needs OpenTelemetry

    return Spans(span_provider()).add


@bentoml.service(
    name=SERVICE,
    service_class=answering_by(_make_app),
    http={"host": HOST, "port": 3000},
)
class SalaryPrediction:
    """Predicts salaries with the production model, over HTTP."""

    def __init__(self) -> None:
        """Follow the bundles from now on, in every worker."""
        set_up_logs()
        is_first = bentoml.server_context.worker_index == 1
        if settings.token is None and is_first and (host := _bound_wider()):
            message = "anyone who reaches %s may use it: set %s or %s to require a bearer token"
            log.warning(message, host, TOKEN, TOKEN_FILE)
        if settings.request_log is not None:
            settings.request_log.start()
        predictor.follow()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # it has no types
    @staticmethod
    def supervise() -> None:
        """Before the workers are started, in the process that will supervise them."""
        from salary_kedro.serving import circus_adapter  # workers do without

        circus_adapter.use(grace, configured_port())
        if shared is not None:
            hold_shared_folder(shared)


def _bound_wider() -> str | None:
    """The address that this worker listens at, if others than this machine reach it."""
    host = bound_host()
    return None if host is None or host.startswith(LOOPBACK) else host
