"""The routes: which function answers what, with what it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from salary_kedro.serving import limits
from salary_kedro.serving.answers import Answer, in_json
from salary_kedro.serving.batches import answer_batch
from salary_kedro.serving.bentoml_schema import describe_for_bentoml
from salary_kedro.serving.body import Body, check_header, held, receive, too_large
from salary_kedro.serving.cards import Cards
from salary_kedro.serving.compression import takes_gzip
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.load import Load
from salary_kedro.serving.openapi import describe
from salary_kedro.serving.page import FILES, asset, page
from salary_kedro.serving.predictions import answer_explanation, answer_row
from salary_kedro.serving.predictor import Predictor, Served
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_metrics import exposition, request_metrics
from salary_kedro.serving.settings import Settings

PROBES = frozenset({"/livez", "/readyz", "/healthz"})
ASSETS = "/assets/"
#: What a client says whose rows are nobody's, so that they are neither logged nor counted.
PURPOSE, EXPLORATION = b"salary-purpose", b"exploration"
_PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)


class Request(Protocol):
    """What the routes know of a request.

    Attributes:
        method: Its method.
        path: Its path, as a route is named.
        headers: Its header, by names in small letters.
        scope: All that ASGI tells of it; empty where it is answered at once.
    """

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    scope: Scope


class Where(Enum):
    """Where a request is answered, once all of it has come."""

    AT_ONCE = "in the loop, without a pause"
    LOOP = "in the loop, in a task"
    THREAD = "in any thread"
    POOL = "in one of the threads for what takes long"


class Asked(NamedTuple):
    """What the function of a route is given.

    Attributes:
        request: The request.
        served: What was served when it came.
        body: Its body, if the route has one.
    """

    request: Request
    served: Any
    body: bytes | bytearray = b""


@dataclass(frozen=True)
class Route:
    """A route.

    Attributes:
        method: Its method.
        answer: Answers a request.
        where: Where it does so.
        needs_model: Whether there must be a model.
        most: Bytes of a body that are taken; 0 if none is read.
    """

    method: str
    answer: Callable[[Asked], Answer]
    where: Where
    needs_model: bool = True
    most: int = 0

    @property
    def at_once(self) -> bool:
        """Whether a request that is all here can be answered without a pause."""
        return self.where is Where.AT_ONCE


class Routes:
    """Hands each request to the function of its route.

    Attributes:
        by_path: The routes.
    """

    def __init__(
        self, predictor: Predictor, load: Load, settings: Settings, drain: Drain | None = None
    ) -> None:
        self._predictor, self._load, self._settings = predictor, load, settings
        self._drain, self._log = drain or Drain(), settings.request_log
        self._cards = Cards()
        probe = Route("GET", self._probe, Where.AT_ONCE, needs_model=False)
        openapi = Route("GET", self._openapi, Where.LOOP)
        self.by_path: dict[str, Route] = {
            "/predict": Route("POST", self._predict, Where.AT_ONCE, most=limits.MAX_ROW_BYTES),
            "/predict_batch": Route("POST", self._batch, Where.POOL, most=limits.MAX_BODY_BYTES),
            "/explain": Route("POST", _explain, Where.POOL, most=limits.MAX_ROW_BYTES),
            "/model": Route("GET", self._model, Where.LOOP),
            "/model/card": Route("GET", self._card, Where.THREAD),
            "/model/history": Route("GET", self._history, Where.THREAD, needs_model=False),
            "/openapi.json": openapi,
            "/docs.json": openapi,
            "/schema.json": Route("GET", _schema, Where.LOOP),
            "/metrics": Route("GET", _metrics, Where.THREAD, needs_model=False),
            "/": Route("GET", _page, Where.LOOP, needs_model=False),
            **dict.fromkeys(PROBES, probe),
            **{
                f"{ASSETS}{name}": Route("GET", _asset, Where.LOOP, needs_model=False)
                for name in FILES
            },
        }

    def answer_at_once(self, request: Request, body: bytes | bytearray) -> Answer:
        """Answer a request that is all here; its route must allow that.

        Raises:
            RequestError: if it cannot be answered.
        """
        route, served = self._find(request)
        if not route.most:
            return route.answer(Asked(request, served))
        check_header(request.headers, route.most)
        if len(body) > route.most:
            raise too_large(route.most)
        self._load.hold(len(body), body)
        try:
            answer = route.answer(Asked(request, served, body))
        finally:
            self._load.hold(-len(body), body)
        if answer.tell is not None:
            answer.tell()
        return answer

    async def answer(self, request: Request, body: Body) -> Answer:
        """Answer a request once its body has come.

        Raises:
            RequestError: if it cannot be answered.
        """
        route, served = self._find(request)
        if not route.most:
            return await self._do(route, Asked(request, served))
        check_header(request.headers, route.most)
        with held(self._load) as content:
            await receive(body, content, self._load, route.most)
            answer = await self._do(route, Asked(request, served, content))
        if answer.tell is not None:
            answer.tell()
        return answer

    async def _do(self, route: Route, asked: Asked) -> Answer:
        if route.where is Where.POOL:
            return await self._load.compute(route.answer, asked)
        if route.where is Where.THREAD:
            request_metrics().flush()  # which the loop counts, and the thread is to tell
            return await run_in_threadpool(route.answer, asked)
        return route.answer(asked)

    def _find(self, request: Request) -> tuple[Route, Served | None]:
        """The route of a request, and what is served at that moment.

        Raises:
            RequestError: 404, 405; 503 if it needs a model, and there is none.
        """
        method, path = request.method, request.path
        if (route := self.by_path.get(path)) is None:
            raise _no_route(404, "not_found", f"{_cut(method)} {_cut(path)}: not found")
        allowed = route.method
        if method != allowed and not (method == "HEAD" and allowed == "GET"):
            methods = {"Allow": "GET, HEAD" if allowed == "GET" else allowed}
            message = f"{_cut(method)} {path}: method not allowed; use {allowed}"
            raise _no_route(405, "method_not_allowed", message, methods)
        served = self._predictor.served
        if route.needs_model and served is None:
            raise self._no_model()
        return route, served

    def _no_model(self) -> RequestError:
        again = {"Retry-After": str(limits.RETRY_SECONDS)}
        return RequestError(503, "no_model", self._predictor.problem, headers=again)

    def _probe(self, asked: Asked) -> Answer:
        """Tell that the process lives; of `/readyz`, that it has a model and goes on."""
        if asked.request.path == "/readyz":
            if self._drain.whole_server:
                raise RequestError(503, "ending", "the service is shutting down; use another")
            if asked.served is None:
                raise self._no_model()
        return Answer(200, b"\n", _PLAIN)

    def _predict(self, asked: Asked) -> Answer:
        return answer_row(asked.served, asked.body, self._log)

    def _batch(self, asked: Asked) -> Answer:
        explores = asked.request.headers.get(PURPOSE, b"").lower() == EXPLORATION
        return answer_batch(asked.served, asked.body, self._log, explores)

    def _model(self, asked: Asked) -> Answer:
        choice, place = asked.served.choice, self._predictor.place
        why = {"source": choice.source, "reason": choice.reason}
        where = {"place": place.kind, "bento": place.bento}
        return in_json({**asked.served.facts, **why, **where})

    def _card(self, asked: Asked) -> Answer:
        accepted = asked.request.headers.get(b"accept", b"")
        return self._cards.answer(asked.served, self._predictor.history.brief, accepted)

    def _history(self, asked: Asked) -> Answer:
        return self._predictor.history.answer(_takes_gzip(asked))

    def _openapi(self, asked: Asked) -> Answer:
        address = self._settings.outside.url(asked.request.scope)
        closed, served = bool(self._settings.token), asked.served
        described = describe(served.bundle, served.schemas, address, closed)
        # Its addresses are those that this client has asked.
        return in_json(described, ((b"cache-control", b"no-store"),))


def _explain(asked: Asked) -> Answer:
    return answer_explanation(asked.served, asked.body)


def _schema(asked: Asked) -> Answer:
    return in_json(describe_for_bentoml(asked.served.schemas))


def _metrics(_: Asked) -> Answer:
    content, kind = exposition()
    return Answer(200, content, ((b"content-type", kind.encode()),))


def _page(_: Asked) -> Answer:
    return page()


def _asset(asked: Asked) -> Answer:
    return asset(asked.request.path.removeprefix(ASSETS), _takes_gzip(asked))


def _takes_gzip(asked: Asked) -> bool:
    return takes_gzip(asked.request.headers.get(b"accept-encoding", b""))


def _no_route(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> RequestError:
    return RequestError(status, code, f"{message}; see GET /openapi.json", headers=headers)


def _cut(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}..."
