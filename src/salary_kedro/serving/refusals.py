"""Why a request is not answered, in the one shape of all errors."""

import json
from collections.abc import Mapping, Sequence

from salary_kedro.serving.answers import JSON, Answer
from salary_kedro.serving.limits import (
    MAX_MESSAGE,
    MAX_PROBLEM_TEXT,
    MAX_PROBLEMS,
    RETRY_SECONDS,
)


class RequestError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: HTTP status.
        code: What went wrong, for programs.
        message: What went wrong, for people.
        details: One `{"field", "message"}` a problem.
        headers: What the answer's header says beside.
        beyond: The contract's fields whose values were out of range, as often as they were.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        beyond: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.beyond = beyond
        self.status, self.code, self.details = status, code, details
        self.message, self.headers = _cut(message, MAX_MESSAGE), dict(headers or {})

    def answer(self) -> Answer:
        """The answer, which stays short whatever was sent."""
        details = [
            {name: _cut(text, MAX_PROBLEM_TEXT) for name, text in problem.items()}
            for problem in self.details[:MAX_PROBLEMS]
        ]
        error = {"code": self.code, "message": self.message, "details": details}
        # Escaped, for a text may hold half a surrogate pair, which UTF-8 cannot.
        body = json.dumps({"error": error}, separators=(",", ":"))
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        return Answer(self.status, body.encode(), (*JSON, *headers))


def busy(what: str) -> RequestError:
    """There is no room for the request now; there will be soon."""
    again = {"Retry-After": str(RETRY_SECONDS)}
    return RequestError(503, "busy", f"{what}; try again in {RETRY_SECONDS} s", headers=again)


def too_slow(message: str) -> RequestError:
    """The body of the request came too slowly."""
    return RequestError(408, "too_slow", message, headers={"Connection": "close"})


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
