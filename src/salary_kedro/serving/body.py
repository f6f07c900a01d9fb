"""Reads the body of a request: in time, not too large, checked by the model of the contract."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from salary_kedro.contract.request import explain_invalid
from salary_kedro.serving import limits
from salary_kedro.serving.load import Load
from salary_kedro.serving.predictor import Served
from salary_kedro.serving.refusals import RequestError, too_slow

BATCH_SHAPE = f'send {{"rows": [...]}} with 1 to {limits.MAX_BATCH_ROWS:,} rows'
#: More problems than that cost more memory than their explanation is worth.
MANY = 1_000
#: Of so many the message tells; the details list more.
MANY_TOLD = 5
_BEYOND = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}

Model = TypeVar("Model", bound=BaseModel)


class Body:
    """The body of a request as it comes.

    Attributes:
        is_coming: Whether a client that waits for nothing still sends it.
    """

    def __init__(self, headers: Mapping[bytes, bytes], receive: Receive) -> None:
        self._receive = receive
        declared = b"content-length" in headers or b"transfer-encoding" in headers
        self.is_coming = declared and b"expect" not in headers

    async def part(self) -> tuple[bytes, bool]:
        """What has come since, and whether more will.

        Raises:
            ClientDisconnect: if the client has gone.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.is_coming = bool(message.get("more_body"))
        return message.get("body", b""), self.is_coming

    async def drain(self) -> None:
        """Throw away what is still coming: a client whose sending breaks misses the answer."""
        size = 0
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(limits.DRAIN_SECONDS):
                while self.is_coming and size < limits.MAX_DRAINED_BYTES:
                    size += len((await self.part())[0])


@contextmanager
def held(load: Load) -> Iterator[bytearray]:
    """A buffer for a body, whose bytes count as held until the context ends."""
    body = bytearray()
    try:
        yield body
    finally:
        load.hold(-len(body), body)


async def receive(body: Body, content: bytearray, load: Load, most: int) -> None:
    """Read a body into a buffer.

    Args:
        body: The body.
        content: The buffer, see `held`.
        load: Counts the bytes.
        most: How many bytes are taken.

    Raises:
        RequestError: 413, 408 or 503.
    """
    try:
        async with asyncio.timeout(limits.BODY_SECONDS) as deadline:
            with load.reading(content, deadline):
                while await _receive_part(body, content, load, most):
                    pass
    except TimeoutError as error:
        message = f"the body did not arrive within {limits.BODY_SECONDS:g} s; send it at once"
        raise too_slow(message) from error


async def _receive_part(body: Body, content: bytearray, load: Load, most: int) -> bool:
    """Read what has come; tells whether more will."""
    part, more = await body.part()
    if len(content) + len(part) > most:
        raise too_large(most)
    load.hold(len(part), content)
    content += part
    return more


def check_header(headers: Mapping[bytes, bytes], most: int) -> None:
    """Refuse by what is declared, before anything is read.

    Args:
        headers: The request's header, by names in small letters.
        most: How many bytes of a body are taken.

    Raises:
        RequestError: 415 or 413.
    """
    if headers.get(b"content-type") != b"application/json":
        _check_type(_text(headers, b"content-type", ""))
    if b"content-encoding" in headers:
        encoding = _text(headers, b"content-encoding", "")
        if encoding.strip().lower() != "identity":
            message = f"content encoding '{_shown(encoding)}' is not supported; send plain JSON"
            raise RequestError(415, "unsupported_media_type", message)
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > most:
        raise too_large(most)


def _check_type(text: str) -> None:
    kind, *parameters = text.lower().split(";")
    if kind.strip() != "application/json":
        message = f"content type '{_shown(kind)}' is not supported; send application/json"
        raise RequestError(415, "unsupported_media_type", message)
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            message = f"charset '{_shown(value)}' is not supported; send UTF-8"
            raise RequestError(415, "unsupported_media_type", message)


def _text(headers: Mapping[bytes, bytes], name: bytes, default: str) -> str:
    return headers[name].decode("latin-1") if name in headers else default


def _shown(text: str) -> str:
    return text.strip()[:100]


def too_large(most: int) -> RequestError:
    """The body has more bytes than are taken."""
    return RequestError(
        413, "too_large", f"the body is larger than {most:,} bytes; send less at once"
    )


def check(body: bytes | bytearray, model: type[Model], served: Served) -> Model:
    """Check a JSON body by the model of a request.

    Raises:
        RequestError: 400 or 422, with the fields and what is allowed.
    """
    batch = model is served.schemas.batch
    try:
        checked = model.model_validate_json(body)
    except ValidationError as error:
        raise _explain(error, body, model, served, batch) from error
    # Each field has a colon: if there are no more of them, none is given twice.
    if body.count(b":") != _fields(checked, batch):
        # It is known by now to be nested no deeper than the standard library's reader bears.
        json.loads(body, object_pairs_hook=_refuse_twice)
    return checked


def _fields(checked: BaseModel, batch: bool) -> int:
    """How many fields were given."""
    if not batch:
        return len(checked.model_fields_set)
    rows: list[BaseModel] = checked.rows  # type: ignore[attr-defined]  # of the model of batches
    return 1 + sum(len(row.model_fields_set) for row in rows)


def _refuse_twice(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a field that is given twice: readers of JSON differ in which of the two counts."""
    if len(dict(pairs)) == len(pairs):
        return
    twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    problem = {"field": twice, "message": "given twice; send each field once"}
    message = ": ".join(problem.values())
    raise RequestError(422, "invalid_input", message, [problem])


def _explain(
    error: ValidationError, body: bytes | bytearray, model: type[Model], served: Served, batch: bool
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
    beyond = [name for name in beyond if name in names]
    shape = BATCH_SHAPE if batch else None
    details = explain_invalid(error, served.bundle.contract, shape, compared=True)
    told = [": ".join(filter(None, item.values())) for item in details[:MANY_TOLD]]
    more = [f"and {len(details) - MANY_TOLD:,} more"] if len(details) > MANY_TOLD else []
    message = "; ".join(told + more)
    return RequestError(422, "invalid_input", message, details, beyond=beyond)


def _first_problems(
    body: bytes | bytearray, model: type[Model], served: Served
) -> ValidationError | None:
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
