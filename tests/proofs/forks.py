"""Forked processes that may be killed. Their parent must not have opened a store.

What a store needs is imported here, once, since it takes seconds.
"""

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import boto3  # noqa: F401 - so that no child imports it
import mlflow.sklearn
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - likewise
import scipy.stats  # noqa: F401 - likewise
import skops.io  # noqa: F401 - likewise
from mlflow.tracking.request_header.registry import resolve_request_headers
from sqlalchemy.orm import configure_mappers

configure_mappers()
resolve_request_headers()  # looks for notebooks, and so imports what they are made of
FORK = multiprocessing.get_context("fork")
KILLED = -9
Send = Callable[[Any], None]
Task = TypeVar("Task")


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        sent: What it sent.
        exit_code: 0, 1 after an exception, -9 if it was killed; None if it missed its deadline.
        error: The exception, and where it arose.
    """

    sent: Sequence[Any]
    exit_code: int | None
    error: str = ""

    @property
    def value(self) -> Any:
        """What it sent last.

        Raises:
            RuntimeError: If it did not end well.
        """
        if self.exit_code != 0:
            raise RuntimeError(f"a process ended with {self.exit_code}: {self.error}")
        return self.sent[-1] if self.sent else None


@dataclass(frozen=True)
class _Error:
    text: str


class Forked:
    """A process that runs `action(send, *arguments)`."""

    def __init__(self, action: Callable[..., None], *arguments: Any) -> None:
        """Start it."""
        self._receiver, sender = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=_run, args=(sender, action, arguments))
        self._process.start()
        sender.close()

    @property
    def sentinel(self) -> Any:
        """What `multiprocessing.connection.wait` waits for."""
        return self._receiver

    def end(self, seconds: float = 120) -> Ended:
        """Wait for its end; at the deadline it is killed."""
        sent, deadline = [], time.monotonic() + seconds
        try:
            while self._receiver.poll(max(0, deadline - time.monotonic())):
                sent.append(self._receiver.recv())
            self._process.kill()
            self._process.join()
            return Ended(sent, None, f"it did not end within {seconds} s")
        except EOFError:
            self._process.join()
        errors = [message.text for message in sent if isinstance(message, _Error)]
        plain = [message for message in sent if not isinstance(message, _Error)]
        return Ended(plain, self._process.exitcode, "".join(errors))


def _run(sender: Connection, action: Callable[..., None], arguments: Sequence[Any]) -> None:
    try:
        action(sender.send, *arguments)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent tells of it
        sender.send(_Error(_describe(error)))
        raise SystemExit(1) from None


def _describe(error: BaseException) -> str:
    """An error in one line, and where in the project it arose."""
    text = " ".join("".join(traceback.format_exception_only(error)).split())[:2000]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    return f"{text} in {' > '.join(f'{frame.name}:{frame.lineno}' for frame in ours)}"


def run(action: Callable[..., None], *arguments: Any) -> Ended:
    """Run an action in a process of its own, to its end."""
    return Forked(action, *arguments).end()


def run_each(action: Callable[..., None], tasks: Sequence[Task]) -> Iterator[tuple[Task, Ended]]:
    """Run an action for each task in a process of its own, as many at once as there are cores."""
    waiting, active = list(reversed(tasks)), {}
    while waiting or active:
        while waiting and len(active) < (os.cpu_count() or 1):
            task = waiting.pop()
            forked = Forked(action, task)
            active[forked.sentinel] = (task, forked)
        for ready in wait(list(active)):
            task, forked = active.pop(ready)
            yield task, forked.end()
