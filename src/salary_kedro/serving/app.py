"""The routes, as one ASGI application over a Predictor."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from salary_kedro.bundle.explanation import explain
from salary_kedro.contract.domain import impossible
from salary_kedro.contract.encoding import Row
from salary_kedro.contract.request import request_values
from salary_kedro.serving import limits
from salary_kedro.serving.bentoml_schema import describe_for_bentoml
from salary_kedro.serving.body import check, held, receive
from salary_kedro.serving.compression import takes_gzip
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.guard import ASSETS, PROBES, Guard
from salary_kedro.serving.load import Load
from salary_kedro.serving.openapi import describe
from salary_kedro.serving.page import FILES, asset, page
from salary_kedro.serving.predictor import Predictor, Served
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_metrics import exposition, request_metrics
from salary_kedro.serving.settings import Settings

Endpoint = Callable[[Request], Awaitable[Response]]
Handler = Callable[[Served, Request], Awaitable[Response]]


def create_app(
    predictor: Predictor, settings: Settings | None = None, drain: Drain | None = None
) -> Guard:
    """Build the application; it always answers from what the predictor serves at that moment.

    Args:
        predictor: Holds what is served.
        settings: Who may ask, and where; by default anyone may, without a proxy.
        drain: Tells when the server is about to end; None if nobody asks.
    """
    load, settings = Load(), settings or Settings()
    routes = Routes(predictor, load, settings, drain)
    return Guard(routes, load, frozenset(routes.by_path), settings)


class Routes:
    """An ASGI application that hands each request to the function of its route.

    Attributes:
        by_path: Method and function of each route.
    """

    def __init__(
        self, predictor: Predictor, load: Load, settings: Settings, drain: Drain | None = None
    ) -> None:
        self._predictor, self._load, self._settings = predictor, load, settings
        self._drain = drain or Drain()
        self.by_path: dict[str, tuple[str, Endpoint]] = {
            "/predict": ("POST", self._with_model(self._predict)),
            "/predict_batch": ("POST", self._with_model(self._predict_batch)),
            "/explain": ("POST", self._with_model(self._explain)),
            "/model": ("GET", self._with_model(self._model)),
            "/openapi.json": ("GET", self._with_model(self._openapi)),
            "/docs.json": ("GET", self._with_model(self._openapi)),
            "/schema.json": ("GET", self._with_model(self._schema)),
            "/metrics": ("GET", _metrics),
            "/": ("GET", _page),
            **dict.fromkeys(PROBES, ("GET", self._probe)),
            **{f"{ASSETS}{name}": ("GET", _asset) for name in FILES},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Raises:
            RequestError: if it cannot be answered.
        """
        method, path = scope["method"], scope["path"]
        if (found := self.by_path.get(path)) is None:
            raise _no_route(404, "not_found", f"{_cut(method)} {_cut(path)}: not found")
        allowed, endpoint = found
        if method != allowed and not (method == "HEAD" and allowed == "GET"):
            methods = {"Allow": "GET, HEAD" if allowed == "GET" else allowed}
            message = f"{_cut(method)} {path}: method not allowed; use {allowed}"
            raise _no_route(405, "method_not_allowed", message, methods)
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    def _with_model(self, handler: Handler) -> Endpoint:
        """A handler that is asked with what is served at that moment."""

        async def answer(request: Request) -> Response:
            if self._predictor.served is None:
                raise self._no_model()
            return await handler(self._predictor.served, request)

        return answer

    def _no_model(self) -> RequestError:
        again = {"Retry-After": str(limits.RETRY_SECONDS)}
        return RequestError(503, "no_model", self._predictor.problem, headers=again)

    async def _probe(self, request: Request) -> Response:
        """Tell that the process lives; of `/readyz`, that it has a model and goes on."""
        if request.scope["path"] == "/readyz":
            if self._drain.whole_server:
                raise RequestError(
                    503,
                    "ending",
                    "the service is shutting down; use another",
                )
            if self._predictor.served is None:
                raise self._no_model()
        return PlainTextResponse("\n")

    async def _predict(self, served: Served, request: Request) -> Response:
        with held(self._load) as body:
            await receive(request, body, self._load, limits.MAX_ROW_BYTES)
            row = check(body, served.schemas.request, served)
        answers = _answer_rows(served, [row], "/predict")
        return JSONResponse({**answers[0], **_version(served)})

    async def _predict_batch(self, served: Served, request: Request) -> Response:
        with held(self._load) as body:
            await receive(request, body, self._load, limits.MAX_BODY_BYTES)
            return await self._load.compute(_answer_batch, served, body)

    async def _explain(self, served: Served, request: Request) -> Response:
        with held(self._load) as body:
            await receive(request, body, self._load, limits.MAX_ROW_BYTES)
            row = check(body, served.schemas.request, served)
            return await self._load.compute(_answer_explanation, served, row)

    async def _model(self, served: Served, request: Request) -> Response:
        choice, place = served.choice, self._predictor.place
        why = {"source": choice.source, "reason": choice.reason}
        where = {"place": place.kind, "bento": place.bento}
        return JSONResponse({**served.facts, **why, **where})

    async def _openapi(self, served: Served, request: Request) -> Response:
        address, closed = self._settings.outside.url(request.scope), bool(self._settings.token)
        described = describe(served.bundle, served.schemas, address, closed)
        # Its addresses are those that this client has asked.
        return JSONResponse(described, headers={"Cache-Control": "no-store"})

    async def _schema(self, served: Served, request: Request) -> Response:
        return JSONResponse(describe_for_bentoml(served.schemas))


def _answer_batch(served: Served, body: bytearray) -> Response:
    """All the work of a batch, from its bytes to those of the answer."""
    batch: Any = check(body, served.schemas.batch, served)
    answers = _answer_rows(served, batch.rows, "/predict_batch")
    return JSONResponse({"predictions": answers, **_version(served)})


def _answer_explanation(served: Served, request: BaseModel) -> Response:
    """What a prediction is made of; null where the bundle has nothing to explain it against."""
    *row, _ = request_values(request)
    (salary,) = _predict_rows(served, [row])
    found = explain(served.bundle, row)
    if found and not all(map(math.isfinite, (found.average, *found.contributions.values()))):
        raise _no_prediction()
    parts = {
        "average_prediction": None if found is None else found.average,
        "contributions": None if found is None else found.contributions,
    }
    target = served.bundle.contract.target.name
    return JSONResponse({target: salary, **parts, **_version(served)})


def _answer_rows(served: Served, requests: Sequence[BaseModel], route: str) -> list[dict[str, Any]]:
    values = [request_values(request) for request in requests]
    given = [row.pop() for row in values]  # the target, which the model must not see
    salaries, target = _predict_rows(served, values), served.bundle.contract.target
    warnings = [served.check.warn_by_field(row) for row in values]
    metrics = request_metrics()
    metrics.predicted(route, salaries)
    metrics.out_of_range("warned", (field for warned in warnings for field in warned))
    for salary, warned in zip(salaries, warnings, strict=True):
        if text := impossible(salary, target):
            warned[target.name] = text
            metrics.out_of_range("predicted", [target.name])
    return [
        {
            target.name: salary,
            **_interval(served, salary),
            **({} if actual is None else _standing(served, salary, actual)),
            "warnings": list(warned.values()),
        }
        for salary, actual, warned in zip(salaries, given, warnings, strict=True)
    ]


def _interval(served: Served, salary: float) -> dict[str, float | None]:
    """The interval of a prediction; null where there is none."""
    calibration = served.bundle.calibration
    found = calibration.interval(salary)
    if found is None:
        return {"low": None, "high": None, "confidence": None}
    return {"low": found[0], "high": found[1], "confidence": calibration.confidence}


def _standing(served: Served, salary: float, actual: Any) -> dict[str, float | None]:
    """Where the target that was sent lies among those predicted alike; null if that is not known.

    It goes nowhere but into this answer.
    """
    found = served.bundle.calibration.standing(salary, float(actual))
    return {
        "percentile": None if found is None else found.percentile,
        "percentile_margin": None if found is None else found.margin,
    }


def _predict_rows(served: Served, rows: Sequence[Row]) -> list[float]:
    salaries = [float(salary) for salary in served.bundle.predict(rows)]
    if not all(map(math.isfinite, salaries)):
        raise _no_prediction()
    return salaries


def _no_prediction() -> RequestError:
    message = "the model has no finite answer for these values; send values like its training data"
    return RequestError(422, "no_prediction", message)


def _version(served: Served) -> dict[str, Any]:
    return {"model_name": served.bundle.model_name, "model_version": served.bundle.version}


async def _metrics(request: Request) -> Response:
    content, kind = await run_in_threadpool(exposition)
    return Response(content, headers={"Content-Type": kind})


async def _page(request: Request) -> Response:
    return page()


async def _asset(request: Request) -> Response:
    accepted = request.headers.get("accept-encoding", "").encode("latin-1")
    return asset(request.scope["path"].removeprefix(ASSETS), takes_gzip(accepted))


def _no_route(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> RequestError:
    return RequestError(status, code, f"{message}; see GET /openapi.json", headers=headers)


def _cut(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}..."
