"""The one place that knows the inside of uvicorn, which takes connections.

Uvicorn alone would wait for headers for ever, hold as many connections as come until no file can
be opened, and close what is open as soon as it is told to end.
"""

import asyncio
import functools
import logging
import signal
import socket
from types import FrameType

import uvicorn

from salary_kedro.serving import limits
from salary_kedro.serving.connections import Connections, raise_file_limit
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.lifeline import WorkerEnd
from salary_kedro.serving.protocol import AtOnce, Http
from salary_kedro.serving.request_metrics import request_metrics

log = logging.getLogger("salary_kedro.serving")

#: A worker that alone is told to end does so when a supervisor would have told it long since.
ALONE_SECONDS = 1.0
SWEEP_SECONDS = 0.5


def use(drain: Drain, grace: float, at_once: AtOnce) -> None:
    """Let the worker that BentoML starts in this process take connections as said here.

    Args:
        drain: Told when the worker is about to end.
        grace: Seconds between the order to end and its execution.
        at_once: Answers the requests that need no task.
    """
    uvicorn.Server = functools.partial(Server, drain, grace, at_once)  # type: ignore[misc, assignment]


class Server(uvicorn.Server):
    """Bounds connections; on SIGTERM goes on for the grace period, on SIGINT ends at once."""

    def __init__(
        self, drain: Drain, grace: float, at_once: AtOnce | None, config: uvicorn.Config
    ) -> None:
        """Take BentoML's settings and change what matters here."""
        files = raise_file_limit(limits.MAX_CONNECTIONS + limits.RESERVED_FILES)
        most = max(1, files - limits.RESERVED_FILES)
        self._drain, self._grace, self._lifeline = drain, grace, WorkerEnd()
        self._is_told = True
        self._register = Connections(most, asyncio_clock)
        # One protocol, and one kind of loop, whatever else is installed.
        protocol = functools.partial(Http, self._register, drain, at_once)
        config.http = protocol  # type: ignore[assignment]  # which takes what uvicorn gives
        config.ws, config.loop = "none", "asyncio"
        config.backlog = limits.ACCEPTED_AT_ONCE
        super().__init__(config)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal ends it; one may come before anything else."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        self._lifeline.follow()
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(limits.BACKLOG)  # asyncio has one number for both
        self._sweep()
        self._lifeline.tell_ready()

    def _sweep(self) -> None:
        self._loop.call_later(SWEEP_SECONDS, self._sweep)
        self._register.sweep()
        self._tell()

    def _tell(self) -> None:
        """Hand over what was counted; what that fails for, as on a full disk, is told later."""
        try:
            request_metrics().flush()
        except Exception:  # whatever it is, the service goes on
            if self._is_told:  # not twice a second
                log.exception("the metrics cannot be told; the service tries again all the time")
            self._is_told = False
        else:
            self._is_told = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, and tell of the last requests."""
        await super().shutdown(sockets)
        self._tell()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End soon or now, when a signal says so."""
        self._loop.call_soon_threadsafe(self._end, sig == signal.SIGTERM)

    def _end(self, whole_server: bool) -> None:
        self._drain.begin(whole_server)
        if whole_server:
            self._loop.call_later(self._grace + ALONE_SECONDS, self._leave)
        else:
            self._leave()

    def _leave(self) -> None:
        self.should_exit = True


def asyncio_clock() -> float:
    """The time of the loop that runs."""
    return asyncio.get_running_loop().time()
