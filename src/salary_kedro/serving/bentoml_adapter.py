"""The one place that knows the inside of BentoML, its supervisor aside: see `circus_adapter`."""

import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from starlette.types import ASGIApp, Receive, Scope, Send

from salary_kedro.errors import UserError

#: What sends spans, by the protocol that BentoML's settings name.
EXPORTERS = {
    protocol: f"opentelemetry.exporter.otlp.proto.{protocol}" for protocol in ("http", "grpc")
}


def answering_by(make_app: Callable[[], ASGIApp]) -> type[bentoml.Service[Any]]:
    """The class of a BentoML service that answers with its own routes alone.

    What BentoML puts before its routes is left out. Its timer of each request is never cancelled:
    100,000 requests over 16 connections left 160 MB by its own timeout of 60 s, 74 MB by 30 s, 9 MB
    by 5 s, 1 MB here. So short a one would cut answers off that may take 30 s; and whatever
    its settings, a request costs 1.4 to 1.7 ms of a processor, here less than a tenth. Nor is its
    application imported, which takes 13 MB and a fifth of the time until a worker is ready.

    Args:
        make_app: Makes the application with these routes, once in a worker.
    """

    class OwnService(bentoml.Service[Any]):  # type: ignore[misc]  # it has no types
        def to_asgi(self, is_main: bool = True) -> ASGIApp:
            """Our application, before whose first request the service is made."""
            own = make_app()

            async def app(scope: Scope, receive: Receive, send: Send) -> None:
                await (
                    _live(self, receive, send)
                    if scope["type"] == "lifespan"
                    else own(scope, receive, send)
                )

            return app

    return OwnService


async def _live(make_service: Callable[[], object], receive: Receive, send: Send) -> None:
    """Make the service when the server starts; what fails then ends the server."""
    await receive()
    try:
        make_service()
    except Exception as error:
        await send({"type": "lifespan.startup.failed", "message": f"{error}"})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def keep_metrics_in(folder: Path) -> None:
    """Let the workers of this server share their numbers in a folder, made when it serves."""
    BentoMLContainer.prometheus_multiproc_dir.set(str(folder))


def configured_port() -> int:
    """The port to listen at if the command names none."""
    port: int = BentoMLContainer.http.port.get()
    return port


def bound_host() -> str | None:
    """The address that this worker listens at; None in a process that is no worker.

    The socket is handed to workers by its number, in an option.
    """
    if "--fd" not in sys.argv:
        return None
    with socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1])) as listening:
        host = str(listening.getsockname()[0])
        listening.detach()
    return host


def asks_for_spans() -> bool:
    """Whether BentoML's settings want requests to be told of to an OpenTelemetry collector.

    Raises:
        UserError: What sends them is not installed, or nobody is named to send them to.
    """
    tracing = BentoMLContainer.tracing
    kind, rate = tracing.exporter_type.get(), tracing.sample_rate.get()
    if not kind or not rate:
        return False
    exporter = EXPORTERS.get(tracing.otlp.protocol.get() or "") if kind == "otlp" else None
    if exporter is None:
        raise UserError(
            f"BentoML's tracing.exporter_type is '{kind}': set it to otlp, and "
            f"tracing.otlp.protocol to http or grpc"
        )
    if not _is_installed(exporter):
        package = exporter.replace(".", "-")
        raise UserError(
            f"BentoML's settings ask for spans, which {package} sends: install it, or set "
            f"tracing.sample_rate to 0"
        )
    return True


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def span_provider() -> Any:
    """OpenTelemetry's provider, which samples and sends spans as BentoML's settings say."""
    return BentoMLContainer.tracer_provider.get()
