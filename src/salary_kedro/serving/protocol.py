"""One connection of a client: when which of its requests is answered, and how that is written.

A request that is all here is answered at once, without a task, where the application can do that;
any other by a task, as ASGI has it. Both write the same bytes.
"""

import asyncio
import http
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from salary_kedro.serving import limits
from salary_kedro.serving.answers import Answer, Raw
from salary_kedro.serving.connections import Connections
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.reading import Incoming, NotHttpError, Reader
from salary_kedro.serving.request_metrics import request_metrics

log = logging.getLogger("salary_kedro.serving")

#: Method, path, header and body of a request to its answer; None if that takes a task.
AtOnce = Callable[[str, str, Mapping[bytes, bytes], bytes | bytearray], Answer | None]

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}
_NOT_HTTP = b"Invalid HTTP request received."
_REFUSED = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_NOT_HTTP)),
]


class Http(asyncio.Protocol):
    """One connection, which tells the register what it waits for.

    Attributes:
        head_bytes: How much of an unfinished header has come.
        patience: Seconds within which its next request must begin.
        rest: Seconds for which it is kept without any.
    """

    def __init__(
        self,
        register: Connections,
        drain: Drain,
        at_once: AtOnce | None,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Prepare for a client; uvicorn gives all but the first three by name.

        Args:
            register: Knows all connections.
            drain: Knows whether the worker is about to end.
            at_once: Answers what needs no task; None if nothing does.
            config: Has the application, and how long a connection is kept without a request.
            server_state: Has the connections and tasks to be waited for at the end, and what all
                headers say.
            app_state: Handed to the application.
        """
        self._register, self._drain, self._at_once = register, drain, at_once
        self._app: ASGIApp = config.loaded_app
        self._state, self._app_state = server_state, app_state
        self._loop = _loop or asyncio.get_running_loop()
        self.head_bytes, self.patience = 0, limits.HEAD_SECONDS
        self.rest: float = config.timeout_keep_alive
        self._reader = Reader()
        self._waiting: deque[Incoming] = deque()
        self._cycle: Cycle | None = None
        self._is_broken = self._is_ending = self._has_heard_all = False
        self._reads_no_more = self._writes_no_more = False
        self._common: tuple[Any, bytes] = (None, b"")
        self.transport: asyncio.Transport

    # --- What asyncio tells ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request; not for long while the worker ends."""
        self.transport = transport  # type: ignore[assignment]  # of a stream, it is one
        self._state.connections.add(self)
        if self._drain.begun and not self._drain.whole_server:
            self.patience = limits.LINGER_SECONDS
        self._register.open(self)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if self._is_broken:
            return
        reader = self._reader
        try:
            reader.feed(data)
        except NotHttpError:
            self._is_broken = True
        if reader.requests:
            self._waiting += reader.requests
            reader.requests = []
        self._go_on()
        if reader.in_header:
            self._register.heard(self, len(data))

    def eof_received(self) -> bool:
        """Go on while whole requests wait for answers: who sends no more may still read."""
        self._has_heard_all = True
        is_owed = self._reader.is_between and (self._cycle is not None or bool(self._waiting))
        return is_owed and self.transport.get_extra_info("sslcontext") is None  # TLS just ends

    def pause_writing(self) -> None:
        """Note that much of an answer waits to be taken."""
        self._writes_no_more = True
        self._register.slow(self)

    def resume_writing(self) -> None:
        """Note that it no longer does."""
        self._writes_no_more = False
        self._register.taken(self)
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._state.connections.discard(self)
        self._register.close(self)
        self._waiting.clear()
        if self._cycle is not None:
            self._cycle.break_off()

    # --- What becomes of the requests ------------------------------------------------------

    def _go_on(self) -> None:
        """Answer what can be answered now, in the order in which it came."""
        if (cycle := self._cycle) is not None:
            cycle.look()
        while self._waiting and self._cycle is None and not self._writes_no_more:
            if self.transport.is_closing():
                return
            self._answer(self._waiting.popleft())
        if self._is_broken and (self._cycle is None or not self._cycle.request.is_whole):
            self._refuse()
        self._note()

    def _answer(self, request: Incoming) -> None:
        headers = dict(request.fields)
        answer = None
        if request.is_whole and self._at_once is not None:
            answer = self._at_once(request.method, request.path, headers, request.body)
        if answer is None:
            self._cycle = Cycle(self, request, headers)
            task = self._loop.create_task(self._cycle.run(self._app))
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)
            return
        ends = self.write(request, answer.status, answer.headers, answer.body)
        self.finish(request, ends)

    def _refuse(self) -> None:
        """End the connection, telling why if nothing else was begun to be told."""
        cycle, self._cycle = self._cycle, None
        if self._waiting or self.transport.is_closing():
            return
        if cycle is None or not cycle.begun:
            request_metrics().refused("not_http")
            self.write(Incoming(), 400, _REFUSED, _NOT_HTTP)
        self.transport.close()
        if cycle is not None:
            cycle.break_off()

    def write(self, request: Incoming, status: int, headers: Iterable[Raw], body: bytes) -> bool:
        """Write an answer, or its first part; tells whether the connection ends with it."""
        parts = [STATUS_LINES[status], self._common_header()]
        ends = not request.keeps_alive or self._is_ending or self._drain.begun
        for name, value in headers:
            if name == b"connection":
                ends = True
            else:
                parts += (name, b": ", value, b"\r\n")
        parts.append(b"connection: close\r\n\r\n" if ends else b"\r\n")
        if request.method != "HEAD":
            parts.append(body)
        self.transport.write(b"".join(parts))
        return ends

    def _common_header(self) -> bytes:
        """What all headers say: uvicorn writes it anew every second."""
        fields = self._state.default_headers
        if fields is not self._common[0]:
            self._common = (fields, b"".join(b"%s: %s\r\n" % field for field in fields))
        return self._common[1]

    def finish(self, request: Incoming, ends: bool) -> None:
        """Note that a request was answered, with which the connection may end."""
        request.is_over, self._cycle = True, None
        request.body.clear()
        self._state.total_requests += 1
        self.patience = self.rest + limits.HEAD_SECONDS
        if ends or (self._has_heard_all and not self._waiting):
            self.transport.close()
        self._register.answered(self)

    def answered(self, request: Incoming, ends: bool) -> None:
        """Go on after a request that a task has answered."""
        self.finish(request, ends)
        self._go_on()

    def _note(self) -> None:
        """Tell the register what is waited for, and read on if there is room for it."""
        cycle, register, full = self._cycle, self._register, bool(self._waiting)
        if cycle is not None:
            state = register.answering if cycle.request.is_whole else register.reading
            register.move(self, state)
            full = full or len(cycle.request.body) > limits.MAX_UNREAD_BYTES
        elif full:  # until the client has taken an answer
            register.move(self, register.answering)
        if full != self._reads_no_more and not self.transport.is_closing():
            self._reads_no_more = full
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    def took(self) -> None:
        """Read on, if there is room now that the task has taken what came of the body."""
        self._note()

    def scope(self, request: Incoming) -> Scope:
        """A request as ASGI has it."""
        tell = self.transport.get_extra_info
        path, _, query = request.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": request.version,
            "server": _address(tell("sockname")),
            "client": _address(tell("peername")),
            "scheme": "https" if tell("sslcontext") else "http",
            "method": request.method,
            "root_path": "",
            "path": request.path,
            "raw_path": path,
            "query_string": query,
            "headers": request.fields,
            "state": self._app_state.copy(),
        }

    # --- What the register and the server want ---------------------------------------------

    def unsent(self) -> int:
        """Bytes of answers that the client has yet to take."""
        return self.transport.get_write_buffer_size()

    def drop(self) -> None:
        """End it at once."""
        self.transport.abort()

    def retire(self) -> None:
        """End it once the client has taken its answer, unless another request has begun."""
        if self._reader.is_between and not (self._waiting or self.transport.is_closing()):
            self.transport.close()

    def shutdown(self) -> None:
        """Let a request in flight end it; else wait a little for one that may be under way."""
        self._is_ending = True
        if self._cycle is None:
            self._loop.call_later(limits.LINGER_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self._cycle is None:
            self.transport.close()


class Cycle:
    """A request that a task answers, as ASGI has it.

    Attributes:
        request: The request.
        begun: Whether its answer was begun.
    """

    def __init__(self, connection: Http, request: Incoming, headers: Mapping[bytes, bytes]) -> None:
        self.request, self.begun = request, False
        self._connection, self._news = connection, asyncio.Event()
        self._start: Message = {}
        self._ends = self._is_done = self._is_gone = False
        expected = headers.get(b"expect", b"").lower()
        #: Whether the client waits to be asked for the body; HTTP/1.0 does not know of that.
        self._waits = expected == b"100-continue" and request.version == "1.1"

    async def run(self, app: ASGIApp) -> None:
        """Let an application answer."""
        try:
            await app(self._connection.scope(self.request), self._receive, self._send)
        except Exception:  # whatever it was, the other connections go on
            log.exception("a request failed outside of its route")
        if not (self._is_done or self._is_gone):
            self._connection.drop()

    async def _receive(self) -> Message:
        """What has come of the body, once something has."""
        request = self.request
        if self._waits and not (request.body or request.is_whole or self._is_gone):
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waits = False
        while not (request.body or request.is_whole or self._is_gone or self._is_done):
            self._news.clear()
            await self._news.wait()
        if self._is_gone or self._is_done:
            return {"type": "http.disconnect"}
        body = bytes(request.body)
        request.body.clear()
        self._connection.took()
        return {"type": "http.request", "body": body, "more_body": not request.is_whole}

    async def _send(self, message: Message) -> None:
        """Write a part of the answer; its header goes with the first one."""
        if self._is_gone or self._is_done:
            return
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, start, connection = message.get("body", b""), self._start, self._connection
        if not self.begun:
            self.begun = True
            if self._waits and not (self.request.body or self.request.is_whole):
                self.request.keeps_alive = False  # the body may still come, or the next request
            fields = start.get("headers", ())
            self._ends = connection.write(self.request, start["status"], fields, body)
        elif body and self.request.method != "HEAD":
            connection.transport.write(body)
        if not message.get("more_body", False):
            self._is_done = True
            connection.answered(self.request, self._ends)

    def look(self) -> None:
        """Note that more may have come."""
        self._news.set()

    def break_off(self) -> None:
        """Note that the client has gone."""
        self._is_gone = True
        self._news.set()


def _address(name: Any) -> tuple[str, int] | None:
    """An address of the internet; None of another kind of socket."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
