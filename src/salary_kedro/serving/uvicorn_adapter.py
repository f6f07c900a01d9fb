"""The one place that knows the inside of uvicorn, which takes connections and speaks HTTP.

Uvicorn alone would wait for headers for ever, hold as many connections as come until no file can
be opened, and close what is open as soon as it is told to end.
"""

import asyncio
import functools
import signal
import socket
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from salary_kedro.serving import limits
from salary_kedro.serving.connections import Connections, raise_file_limit
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.lifeline import WorkerEnd

#: A worker that alone is told to end does so when a supervisor would have told it long since.
ALONE_SECONDS = 1.0
SWEEP_SECONDS = 0.5


def use(drain: Drain, grace: float) -> None:
    """Let the worker that BentoML starts in this process take connections as said here.

    Args:
        drain: Told when the worker is about to end.
        grace: Seconds between the order to end and its execution.
    """
    uvicorn.Server = functools.partial(Server, drain, grace)  # type: ignore[misc, assignment]


class Server(uvicorn.Server):
    """Bounds connections; on SIGTERM goes on for the grace period, on SIGINT ends at once."""

    def __init__(self, drain: Drain, grace: float, config: uvicorn.Config) -> None:
        """Take BentoML's settings and change what matters here."""
        files = raise_file_limit(limits.MAX_CONNECTIONS + limits.RESERVED_FILES)
        most = max(1, files - limits.RESERVED_FILES)
        self._drain, self._grace, self._lifeline = drain, grace, WorkerEnd()
        self._register = Connections(most, asyncio_clock)
        # h11 bounds headers, the others do not; one kind of loop, whatever else is installed.
        config.http = functools.partial(Http, self._register, drain)  # type: ignore[assignment]
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
        self._register.sweep()
        self._loop.call_later(SWEEP_SECONDS, self._sweep)

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


class Http(H11Protocol):
    """One connection, which tells the register what it waits for."""

    def __init__(self, register: Connections, drain: Drain, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._register, self._drain = register, drain
        self.head_bytes, self.patience = 0, limits.HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; not for long while the worker ends."""
        super().connection_made(transport)
        if self._drain.begun and not self._drain.whole_server:
            self.patience = limits.LINGER_SECONDS
        self._register.open(self)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        super().data_received(data)
        self._note()
        self._register.heard(self, len(data))

    def on_response_complete(self) -> None:
        """Wait for the next request, if there may be one."""
        super().on_response_complete()
        self.patience = self.timeout_keep_alive + limits.HEAD_SECONDS
        self._note()

    def _note(self) -> None:
        if self.cycle is None:
            state = self._register.new
        elif self.cycle.response_complete:
            state = self._register.idle
        elif self.cycle.more_body:
            state = self._register.reading
        else:
            state = self._register.answering
        self._register.move(self, state)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._register.close(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note that much of the answer waits to be taken."""
        super().pause_writing()
        self._register.slow(self)

    def resume_writing(self) -> None:
        """Note that it no longer does."""
        super().resume_writing()
        self._register.taken(self)

    def unsent(self) -> int:
        """Bytes of answers that the client has yet to take."""
        return self.transport.get_write_buffer_size()

    def drop(self) -> None:
        """End it at once."""
        self.transport.abort()

    def shutdown(self) -> None:
        """Let a request in flight end it; else wait a little for one that may be under way."""
        if self.cycle is not None and not self.cycle.response_complete:
            super().shutdown()
        else:
            self.loop.call_later(limits.LINGER_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()
