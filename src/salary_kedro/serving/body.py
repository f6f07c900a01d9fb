"""Reads the body of a request: in time, not too large, checked by the model of the contract."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect, Request

from salary_kedro.contract.request import explain_invalid
from salary_kedro.serving import limits
from salary_kedro.serving.load import Load
from salary_kedro.serving.predictor import Served
from salary_kedro.serving.refusals import RequestError, too_slow
from salary_kedro.serving.request_metrics import request_metrics

BATCH_SHAPE = f'send {{"rows": [...]}} with 1 to {limits.MAX_BATCH_ROWS:,} rows'
#: More problems than that cost more memory than their explanation is worth.
MANY = 1_000
#: Of so many the message tells; the details list more.
MANY_TOLD = 5
_BEYOND = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}

Body = TypeVar("Body", bound=BaseModel)


@contextmanager
def held(load: Load) -> Iterator[bytearray]:
    """A buffer for a body, whose bytes count as held until the context ends."""
    body = bytearray()
    try:
        yield body
    finally:
        load.hold(-len(body), body)


async def receive(request: Request, body: bytearray, load: Load, most: int) -> None:
    """Read a JSON body into a buffer.

    Args:
        request: Whose body is read.
        body: The buffer, see `held`.
        load: Counts the bytes.
        most: How many bytes are taken.

    Raises:
        RequestError: 415, 413, 408 or 503.
    """
    _check_header(request, most)
    try:
        async with asyncio.timeout(limits.BODY_SECONDS) as deadline:
            with load.reading(body, deadline):
                while await _receive_part(request, body, load, most):
                    pass
    except TimeoutError as error:
        message = f"the body did not arrive within {limits.BODY_SECONDS:g} s; send it at once"
        raise too_slow(message) from error


async def _receive_part(request: Request, body: bytearray, load: Load, most: int) -> bool:
    """Read what has come; tells whether more will."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    part = message.get("body", b"")
    if len(body) + len(part) > most:
        raise _too_large(most)
    load.hold(len(part), body)
    body += part
    return bool(message.get("more_body"))


def _check_header(request: Request, most: int) -> None:
    """Refuse by what is declared, before anything is read."""
    headers = dict(request.scope["headers"])
    kind, *parameters = _text(headers, b"content-type", "").lower().split(";")
    if kind.strip() != "application/json":
        message = f"content type '{_shown(kind)}' is not supported; send application/json"
        raise RequestError(415, "unsupported_media_type", message)
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            message = f"charset '{_shown(value)}' is not supported; send UTF-8"
            raise RequestError(415, "unsupported_media_type", message)
    encoding = _text(headers, b"content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        message = f"content encoding '{_shown(encoding)}' is not supported; send plain JSON"
        raise RequestError(415, "unsupported_media_type", message)
    declared = _text(headers, b"content-length", "0")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)


def _text(headers: Mapping[bytes, bytes], name: bytes, default: str) -> str:
    return headers[name].decode("latin-1") if name in headers else default


def _shown(text: str) -> str:
    return text.strip()[:100]


def _too_large(most: int) -> RequestError:
    return RequestError(
        413, "too_large", f"the body is larger than {most:,} bytes; send less at once"
    )


def check(body: bytearray, model: type[Body], served: Served) -> Body:
    """Check a JSON body by the model of a request.

    Raises:
        RequestError: 400 or 422, with the fields and what is allowed.
    """
    batch = model is served.schemas.batch
    try:
        checked = model.model_validate_json(body)
    except ValidationError as error:
        raise _explain(error, body, model, served, batch) from error
    # Only now is the body known to be nested no deeper than the standard library's reader bears.
    json.loads(body, object_pairs_hook=_refuse_twice)
    return checked


def _refuse_twice(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a field that is given twice: readers of JSON differ in which of the two counts."""
    if len(dict(pairs)) == len(pairs):
        return
    twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    problem = {"field": twice, "message": "given twice; send each field once"}
    message = ": ".join(problem.values())
    raise RequestError(422, "invalid_input", message, [problem])


def _explain(
    error: ValidationError, body: bytearray, model: type[Body], served: Served, batch: bool
) -> RequestError:
    if error.error_count() > MANY:
        error = _first_problems(body, model, served) or error
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        reason = problems[0]["msg"].removeprefix("Invalid JSON: ")
        if not body:
            reason = "it is empty"
        message = f"the body is not valid JSON: {reason}; send an object, in UTF-8"
        return RequestError(400, "invalid_json", message)
    names = set(served.bundle.contract.feature_names)
    beyond = [str(each["loc"][-1]) for each in problems if each["type"] in _BEYOND]
    request_metrics().out_of_range("refused", (name for name in beyond if name in names))
    shape = BATCH_SHAPE if batch else None
    details = explain_invalid(error, served.bundle.contract, shape, compared=True)
    told = [": ".join(filter(None, item.values())) for item in details[:MANY_TOLD]]
    more = [f"and {len(details) - MANY_TOLD:,} more"] if len(details) > MANY_TOLD else []
    message = "; ".join(told + more)
    return RequestError(422, "invalid_input", message, details)


def _first_problems(body: bytearray, model: type[Body], served: Served) -> ValidationError | None:
    """What is wrong with the first rows and fields: to tell of all takes a kilobyte for each."""
    contract = served.bundle.contract
    names = {"rows", *contract.feature_names, contract.target.name}
    few = _first_fields(from_json(body), names)
    if isinstance(few, dict) and isinstance(few.get("rows"), list):
        rows = few["rows"][: limits.MAX_PROBLEMS]
        few["rows"] = [_first_fields(row, names) for row in rows]
    try:
        model.model_validate_json(to_json(few, inf_nan_mode="constants"))
    except ValidationError as error:
        return error
    return None


def _first_fields(row: Any, names: set[str]) -> Any:
    """A row with the fields of the contract, and some of the unknown ones."""
    if not isinstance(row, dict):
        return row
    unknown = islice((name for name in row if name not in names), limits.MAX_PROBLEMS)
    kept = names.union(unknown)
    return {name: value for name, value in row.items() if name in kept}
