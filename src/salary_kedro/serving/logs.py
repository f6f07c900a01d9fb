"""Logs as lines of JSON on the standard error stream, without anything that a client has sent.

What an exception says may quote a row: only its type and its places are written.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

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
