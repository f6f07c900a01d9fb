"""Stands before the routes: names each request, lets it pass or not, counts and logs it."""

import asyncio
import logging
import os
import re
import time
from collections.abc import Sequence
from contextlib import nullcontext

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salary_kedro.serving import limits
from salary_kedro.serving.compression import Compressing
from salary_kedro.serving.load import Load
from salary_kedro.serving.origins import Origins, Raw
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_metrics import request_metrics
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.traces import trace_of

log = logging.getLogger("salary_kedro.serving.requests")

PROBES = frozenset({"/livez", "/readyz", "/healthz"})
#: The page holds nothing of the model; it asks for the token that the other routes want.
OPEN = PROBES | {"/"}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ASSETS = "/assets/"
#: What a log calls a request whose client has gone.
GONE = 499
_SANE_ID = re.compile(rb"[\x21-\x7e]{1,%d}" % limits.MAX_REQUEST_ID)


class Exchange:
    """One request and what becomes of it.

    Attributes:
        headers: The header of the request, by names in small letters.
        identity: The id of the request: the client's if it is sane, else one of ours.
        trace: The ids of the trace that it is part of, if any, as a log line has them.
        route: Its route, by a name of ours.
        status: The status it was answered with, 0 before.
        code: The code of its error, if any.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        routes: frozenset[str],
        origins: Origins,
    ) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self._begun = time.perf_counter()
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        headers = self.headers
        given = headers.get(b"x-request-id", b"")
        self.identity: bytes = given if _SANE_ID.fullmatch(given) else os.urandom(16).hex().encode()
        self._own = ((b"x-request-id", self.identity), *origins.headers(headers.get(b"origin")))
        self.trace = trace_of(headers[b"traceparent"]) if b"traceparent" in headers else {}
        path = scope["path"]
        self.route: str = path if path in routes else "other"
        self.status, self.code = 0, ""
        has_body = b"content-length" in headers or b"transfer-encoding" in headers
        self._unread = has_body and b"expect" not in headers

    async def receive(self) -> Message:
        """Receive a part of the body."""
        message = await self._receive()
        self._unread = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the id of the request and what browsers want to know."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._own]}
        await self._send(message)

    def compressing(self) -> Compressing:
        """Sends an answer as `send` does, compressed where that is worth it."""
        return Compressing(self.send, self.headers.get(b"accept-encoding", b""))

    async def allow(self, headers: Sequence[Raw]) -> None:
        """Tell a browser what pages of its origin may ask."""
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body"})

    async def refuse(self, refusal: RequestError) -> None:
        """Answer with an error, unless an answer has begun already."""
        if self.status:
            return
        self.code = refusal.code
        response, send = refusal.response(), self.compressing()
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": response.raw_headers,
            }
        )
        part = {"type": "http.response.body", "body": response.body}
        if self._unread:
            await send({**part, "more_body": True})
            await self._drain()
            part = {"type": "http.response.body"}
        await send(part)

    async def _drain(self) -> None:
        """Throw away what is still coming: a client whose sending breaks misses the answer."""
        size = 0
        try:
            async with asyncio.timeout(limits.DRAIN_SECONDS):
                while self._unread and size < limits.MAX_DRAINED_BYTES:
                    size += len((await self.receive()).get("body", b""))
        except TimeoutError:
            pass

    def end(self) -> None:
        """Count and log the request."""
        seconds = time.perf_counter() - self._begun
        metrics, status = request_metrics(), self.status or GONE
        metrics.answered(self.route, status, seconds)
        if self.code:
            metrics.refused(self.code)
        method = self.scope["method"]
        fields = {
            "method": method if method in METHODS else "other",
            "route": self.route,
            "status": status,
            "ms": round(1000 * seconds, 2),
            "request_id": self.identity.decode(),
            **self.trace,
        }
        log.info("request", extra={"fields": fields})


class Guard:
    """An ASGI application around another.

    Attributes:
        load: What the worker has taken on.
    """

    def __init__(
        self, app: ASGIApp, load: Load, routes: frozenset[str], settings: Settings
    ) -> None:
        """Guard an application.

        Args:
            app: Answers what is let through.
            load: What the worker has taken on.
            routes: The routes there are; all others go by one name in logs and metrics.
            settings: Who may ask, and where.
        """
        self._app, self.load, self._routes, self._settings = app, load, routes, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens; nothing else is spoken here."""
        if scope["type"] == "http":
            if self._settings.outside.root_path:
                scope = {**scope, "path": self._settings.outside.inside(scope["path"])}
            origins = self._settings.origins
            await self._answer(Exchange(scope, receive, send, self._routes, origins))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._admit(exchange)
        except RequestError as refusal:
            await exchange.refuse(refusal)
        except ClientDisconnect:
            pass
        except TimeoutError:
            await exchange.refuse(_too_long())
        except Exception:  # a request must get an answer, and an error a line
            fields = {
                "request_id": exchange.identity.decode(),
                "route": exchange.route,
                **exchange.trace,
            }
            log.exception("a request failed", extra={"fields": fields})
            await exchange.refuse(_failed())
        finally:
            exchange.end()

    async def _admit(self, exchange: Exchange) -> None:
        path, scope, settings = exchange.scope["path"], exchange.scope, self._settings
        allowed = settings.origins.preflight(scope["method"], exchange.headers)
        if allowed is not None:
            await exchange.allow(allowed)
            return
        if settings.token and path not in OPEN and not path.startswith(ASSETS):
            settings.token.check(exchange.headers.get(b"authorization"))
        room = nullcontext() if path in PROBES or path == "/metrics" else self.load.request()
        with room:
            async with asyncio.timeout(limits.ANSWER_SECONDS):
                await self._app(scope, exchange.receive, exchange.compressing())


def _too_long() -> RequestError:
    message = f"no answer within {limits.ANSWER_SECONDS:g} s; try again, or send fewer rows"
    return RequestError(503, "timeout", message, headers={"Retry-After": str(limits.RETRY_SECONDS)})


def _failed() -> RequestError:
    message = "the service failed to answer; its log says why, by the answer's X-Request-ID"
    return RequestError(500, "internal", message)
