"""What the service answers, before it goes over the wire."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

Raw = tuple[bytes, bytes]
JSON: Sequence[Raw] = ((b"content-type", b"application/json"),)


class Answer(NamedTuple):
    """An answer, whole.

    Attributes:
        status: HTTP status.
        body: What it holds.
        headers: What its header says, by names in small letters.
        tell: Counts what it tells, in the thread of the event loop; None if nothing is counted.
    """

    status: int
    body: bytes = b""
    headers: Sequence[Raw] = ()
    tell: Callable[[], None] | None = None

    def saying(self, *more: Raw) -> "Answer":
        """The same, whose header says more."""
        return Answer(self.status, self.body, (*self.headers, *more), self.tell)


def in_json(value: Any, headers: Sequence[Raw] = ()) -> Answer:
    """Answer with a description, whose numbers are finite but may be of any size."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Answer(200, text.encode(), (*JSON, *headers))


def in_short(value: Mapping[str, Any], tell: Callable[[], None] | None = None) -> Answer:
    """Answer with numbers and texts, such as predictions, in a tenth of the time."""
    return Answer(200, orjson.dumps(value), JSON, tell)
