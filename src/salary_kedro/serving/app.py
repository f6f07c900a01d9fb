"""The routes, as one ASGI application over a Predictor."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from salary_kedro.contract.encoding import Row
from salary_kedro.contract.request import explain_invalid, request_values
from salary_kedro.serving.openapi import describe
from salary_kedro.serving.predictor import Predictor, Served
from salary_kedro.serving.schemas import MAX_BATCH_ROWS, Covered, ModelInfo

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
MAX_BODY_BYTES = 2_000_000
#: A refused body is read so far before the answer, or the client would miss the answer.
MAX_DRAINED_BYTES = 64_000_000
BATCH_SHAPE = f'send {{"rows": [...]}} with 1 to {MAX_BATCH_ROWS:,} rows'
CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}

Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[[Served, Request], Awaitable[Response]]


class RequestError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: HTTP status.
        code: What went wrong, for programs.
        message: What went wrong, for people.
        details: One `{"field", "message"}` a problem.
    """

    def __init__(
        self, status: int, code: str, message: str, details: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details


def create_app(predictor: Predictor) -> Starlette:
    """Build the application; it always answers from what the predictor serves at that moment."""

    def route(path: str, handler: Handler, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            if predictor.served is None:
                raise RequestError(503, "no_model", predictor.problem)
            return await handler(predictor.served, request)

        return Route(path, endpoint, methods=[method])

    return Starlette(
        routes=[
            *(route(path, handler, method) for path, (method, handler) in _ROUTES.items()),
            Route("/{path:path}", _not_found, methods=METHODS),
        ],
        exception_handlers={RequestError: _refuse, HTTPException: _refuse_http, Exception: _fail},
    )


async def _predict(served: Served, request: Request) -> Response:
    row = await _read(request, served.schemas.request, served)
    answers = _answer_rows(served, [request_values(row)])
    return JSONResponse({**answers[0], **_version(served)})


async def _predict_batch(served: Served, request: Request) -> Response:
    batch: Any = await _read(request, served.schemas.batch, served)
    rows = [request_values(row) for row in batch.rows]
    answers = await run_in_threadpool(_answer_rows, served, rows)
    return JSONResponse({"predictions": answers, **_version(served)})


def _answer_rows(served: Served, rows: Sequence[Row]) -> list[dict[str, Any]]:
    salaries = _predict_rows(served, rows)
    return [
        {
            served.bundle.contract.target.name: salary,
            "low": None,
            "high": None,
            "confidence": None,
            "warnings": served.check.warn(row),
        }
        for row, salary in zip(rows, salaries, strict=True)
    ]


def _predict_rows(served: Served, rows: Sequence[Row]) -> list[float]:
    salaries = [float(salary) for salary in served.bundle.predict(rows)]
    if not all(map(math.isfinite, salaries)):
        message = "the model has no finite answer for these values; send values it can have seen"
        raise RequestError(422, "no_prediction", message)
    return salaries


async def _model(served: Served, request: Request) -> Response:
    bundle, choice = served.bundle, served.choice
    info = ModelInfo(
        model_name=bundle.model_name,
        model_version=bundle.version,
        bundle=bundle.name,
        source=choice.source,
        reason=choice.reason,
        metrics=dict(bundle.metrics),
        lineage=dict(bundle.lineage),
        contract=bundle.contract,
        domain=Covered.of(bundle.domain, bundle.contract),
    )
    return JSONResponse(info.model_dump(mode="json"))


async def _openapi(served: Served, request: Request) -> Response:
    return JSONResponse(describe(served.bundle, served.schemas))


_ROUTES: dict[str, tuple[str, Handler]] = {
    "/predict": ("POST", _predict),
    "/predict_batch": ("POST", _predict_batch),
    "/model": ("GET", _model),
    "/openapi.json": ("GET", _openapi),
}


async def _not_found(request: Request) -> Response:
    if known := _ROUTES.get(request.url.path):
        allowed = "GET, HEAD" if known[0] == "GET" else known[0]
        raise HTTPException(405, headers={"Allow": allowed})
    raise HTTPException(404)


def _version(served: Served) -> dict[str, Any]:
    return {"model_name": served.bundle.model_name, "model_version": served.bundle.version}


async def _read(request: Request, model: type[Body], served: Served) -> Body:
    """Read and check a JSON body.

    Raises:
        RequestError: 415, 413, 400 or 422, with the fields and what is allowed.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        message = f"content type '{kind}' is not supported; send application/json"
        raise RequestError(415, "unsupported_media_type", message)
    body = await _read_bytes(request)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            reason = error.errors()[0]["msg"].removeprefix("Invalid JSON: ")
            message = f"the body is not valid JSON: {reason}"
            raise RequestError(400, "invalid_json", message) from error
        batch = BATCH_SHAPE if model is served.schemas.batch else None
        details = explain_invalid(error, served.bundle.contract, batch)
        message = "; ".join(": ".join(filter(None, item.values())) for item in details[:5])
        raise RequestError(422, "invalid_input", message, details[:100]) from error


async def _read_bytes(request: Request) -> bytes:
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            body += chunk
        elif size > MAX_DRAINED_BYTES:
            break
    if size > MAX_BODY_BYTES:
        message = f"the body is larger than {MAX_BODY_BYTES:,} bytes; send fewer rows at once"
        raise RequestError(413, "too_large", message)
    return bytes(body)


async def _refuse(request: Request, error: Any) -> Response:
    return _error(error.status, error.code, error.message, error.details)


async def _refuse_http(request: Request, error: Any) -> Response:
    message = f"{request.method} {request.url.path}: {error.detail.lower()}; see GET /openapi.json"
    answer = _error(error.status_code, CODES.get(error.status_code, "refused"), message)
    answer.headers.update(error.headers or {})
    return answer


async def _fail(request: Request, error: Exception) -> Response:
    return _error(500, "internal", "the service failed to answer; its log says why")


def _error(
    status: int, code: str, message: str, details: Sequence[Mapping[str, str]] = ()
) -> Response:
    content = {"error": {"code": code, "message": message, "details": list(details)}}
    return JSONResponse(content, status_code=status)
