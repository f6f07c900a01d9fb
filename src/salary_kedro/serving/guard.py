"""Stands before the routes: names each request, lets it pass or not, counts and logs it."""

import asyncio
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from salary_kedro.serving import limits
from salary_kedro.serving.answers import Answer
from salary_kedro.serving.body import Body
from salary_kedro.serving.compression import LEAST_FOR_THREAD, compressed
from salary_kedro.serving.load import Load
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_metrics import request_metrics
from salary_kedro.serving.routes import ASSETS, PROBES, Routes
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.traces import trace_of

log = logging.getLogger("salary_kedro.serving.requests")

#: The page holds nothing of the model; it asks for the token that the other routes want.
OPEN = PROBES | {"/"}
#: What is answered however much else is.
ALWAYS = PROBES | {"/metrics"}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: What a log calls a request whose client has gone.
GONE = 499
_SANE_ID = re.compile(rb"[\x21-\x7e]{1,%d}" % limits.MAX_REQUEST_ID)


#: Takes what a span tells of a request: method, route, headers, status, seconds.
AddSpan = Callable[[str, str, Mapping[bytes, bytes], int, float], None]


class Exchange:
    """One request and what becomes of it.

    Attributes:
        method: Its method.
        path: Its path, as a route is named.
        headers: Its header, by names in small letters.
        scope: All that ASGI tells of it; empty where it was answered at once.
        identity: The id of the request: the client's if it is sane, else one of ours.
        route: Its route, by a name of ours.
        status: The status it was answered with, 0 before.
        refusal: Why it was refused, if it was.
    """

    def __init__(
        self, method: str, path: str, headers: Mapping[bytes, bytes], scope: Scope, known: bool
    ) -> None:
        self._begun = time.perf_counter()
        self.method, self.path, self.headers, self.scope = method, path, headers, scope
        given = headers.get(b"x-request-id")
        sane = given is not None and _SANE_ID.fullmatch(given)
        #: One of ours is chance alone, from which nothing about other requests can be told.
        self.identity: bytes = given if sane and given else os.urandom(16).hex().encode()
        self.route = path if known else "other"
        self.status = 0
        self.refusal: RequestError | None = None

    def fail(self, error: Exception) -> Answer:
        """What to answer to a request that failed, which is logged if it is our fault."""
        if isinstance(error, TimeoutError):
            error = _too_long()
        elif not isinstance(error, RequestError):
            fields = {
                "request_id": self.identity.decode(),
                "route": self.route,
                **self._trace(),
            }
            log.error("a request failed", exc_info=error, extra={"fields": fields})
            error = _failed()
        self.refusal = error
        return error.answer()

    def end(self, logs_all: bool, add_span: AddSpan | None) -> None:
        """Count the request, and tell of it: by a span, and in the log if it failed, or all are."""
        seconds = time.perf_counter() - self._begun
        metrics, status = request_metrics(), self.status or GONE
        metrics.answered(self.route, status, seconds)
        if self.refusal is not None:
            metrics.refused(self.refusal.code)
            metrics.out_of_range("refused", Counter(self.refusal.beyond))
        method = self.method if self.method in METHODS else "other"
        if add_span is not None:
            add_span(method, self.route, self.headers, status, seconds)
        if status < 400 and not logs_all:
            return
        fields = {
            "method": method,
            "route": self.route,
            "status": status,
            "ms": round(1000 * seconds, 2),
            "request_id": self.identity.decode(),
            **self._trace(),
        }
        log.info("request", extra={"fields": fields})

    def _trace(self) -> dict[str, str]:
        """The ids of the trace that it is part of, if any, as a log line has them."""
        return trace_of(self.headers.get(b"traceparent", b""))


class Guard:
    """Answers every request, whatever happens; an ASGI application, which can answer at once too.

    Attributes:
        load: What the worker has taken on.
    """

    def __init__(
        self, routes: Routes, load: Load, settings: Settings, add_span: AddSpan | None = None
    ) -> None:
        """Guard routes.

        Args:
            routes: Answer what is let through; all other paths go by one name in logs and metrics.
            load: What the worker has taken on.
            settings: Who may ask, and where.
            add_span: Told of each request; None if nobody wants spans.
        """
        self._add_span = add_span
        self._routes, self.load, self._settings = routes, load, settings

    def at_once(
        self, method: str, path: str, headers: Mapping[bytes, bytes], body: bytes | bytearray
    ) -> Answer | None:
        """Answer a request that is all here, without a pause; None if its route may need one.

        Args:
            method: Its method.
            path: Its path, without what follows a question mark.
            headers: Its header, by names in small letters; of several of a name the last.
            body: Its body.
        """
        path = self._settings.outside.inside(path)
        route = self._routes.by_path.get(path)
        if route is not None and not route.at_once:
            return None
        exchange = Exchange(method, path, headers, {}, route is not None)
        try:
            answer = self._admit(exchange)
            if answer is None:
                with self._room(path):
                    answer = self._routes.answer_at_once(exchange, body)
        except Exception as error:  # noqa: BLE001 - a request must get an answer
            answer = exchange.fail(error)
        answer = self._complete(exchange, answer)
        exchange.end(self._settings.logs_all, self._add_span)
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as ASGI has it; nothing but HTTP is spoken here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return
        path, headers = self._settings.outside.inside(scope["path"]), dict(scope["headers"])
        known = path in self._routes.by_path
        exchange = Exchange(scope["method"], path, headers, scope, known)
        try:
            await self._answer(exchange, Body(headers, receive), send)
        except ClientDisconnect:
            pass
        finally:
            exchange.end(self._settings.logs_all, self._add_span)

    async def _answer(self, exchange: Exchange, body: Body, send: Send) -> None:
        try:
            answer = self._admit(exchange)
            if answer is None:
                with self._room(exchange.path):
                    async with asyncio.timeout(limits.ANSWER_SECONDS):
                        answer = await self._routes.answer(exchange, body)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - a request must get an answer
            answer = exchange.fail(error)
        if len(answer.body) < LEAST_FOR_THREAD:
            answer = self._complete(exchange, answer)
        else:
            answer = await run_in_threadpool(self._complete, exchange, answer)
        start = {"status": answer.status, "headers": answer.headers}
        part = {"type": "http.response.body", "body": answer.body}
        await send({"type": "http.response.start", **start})
        if exchange.refusal is not None and body.is_coming:
            await send({**part, "more_body": True})
            await body.drain()
            part = {"type": "http.response.body"}
        await send(part)

    def _admit(self, exchange: Exchange) -> Answer | None:
        """Let a request pass; or answer a browser that asks what pages of its origin may ask.

        Raises:
            RequestError: 401.
        """
        settings, path = self._settings, exchange.path
        if (allowed := settings.origins.preflight(exchange.method, exchange.headers)) is not None:
            return Answer(204, headers=allowed)
        if settings.token and path not in OPEN and not path.startswith(ASSETS):
            settings.token.check(exchange.headers.get(b"authorization"))
        return None

    def _room(self, path: str) -> AbstractContextManager[None]:
        return nullcontext() if path in ALWAYS else self.load.request()

    def _complete(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer as it is sent: with its length, its id, and what browsers want to know."""
        asked = exchange.headers
        answer = compressed(answer, asked.get(b"accept-encoding", b""))
        exchange.status = answer.status
        answer = answer.saying(
            (b"x-request-id", exchange.identity),
            *self._settings.origins.headers(asked.get(b"origin")),
        )
        if answer.status == 204:
            return answer
        return answer.saying((b"content-length", b"%d" % len(answer.body)))


def _too_long() -> RequestError:
    message = f"no answer within {limits.ANSWER_SECONDS:g} s; try again, or send fewer rows"
    return RequestError(503, "timeout", message, headers={"Retry-After": str(limits.RETRY_SECONDS)})


def _failed() -> RequestError:
    message = "the service failed to answer; its log says why, by the answer's X-Request-ID"
    return RequestError(500, "internal", message)
