"""Logs as lines of JSON on the standard error stream, without anything that a client has sent.

What an exception says may quote a row: only its type and its places are written.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType

from salary_kedro.errors import UserError

#: Which requests are logged: those that `failed`, or `all`.
REQUESTS = "SALARY_LOG_REQUESTS"

#: Loggers whose lines become ours; the others reach the root, which is among them.
NAMES = ("", "bentoml", "uvicorn.error", "salary_kedro")
#: How many of the innermost places of an exception are told.
PLACES = 8


class JsonFormatter(logging.Formatter):
    """Makes a line of a record; its attribute `fields`, if any, holds more of them."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the time (UTC), the level, the logger and the message, then the fields."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["places"] = _places(record.exc_info[2])
        return json.dumps(line)


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-PLACES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def set_up_logs() -> None:
    """Send all logs of this process to the standard error stream, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in NAMES:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
    logging.getLogger("salary_kedro").setLevel(logging.INFO)


def read_logs_all(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether each request is logged; by default only those that fail.

    Raises:
        UserError: if `SALARY_LOG_REQUESTS` is something else.
    """
    text = environment.get(REQUESTS) or "failed"
    if text not in ("failed", "all"):
        raise UserError(f"{REQUESTS} is '{text[:40]}'; it must be 'failed', the default, or 'all'")
    return text == "all"
