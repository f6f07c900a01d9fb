"""The room that one worker has: requests in flight, bytes of bodies, batches being computed."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from salary_kedro.serving import limits
from salary_kedro.serving.refusals import RequestError, busy, too_slow
from salary_kedro.serving.request_metrics import request_metrics

T = TypeVar("T")


class Load:
    """Counts what a worker has taken on, and refuses what is too much.

    All but `compute`'s own work happens in the thread of the event loop.

    Attributes:
        in_flight: Requests being answered.
        held: Bytes of their bodies.
        batches: Batches being computed, or waiting for it.
    """

    def __init__(self) -> None:
        self.in_flight = self.held = self.batches = 0
        self._readers: dict[_Reader, None] = {}
        self._pool = ThreadPoolExecutor(limits.MAX_BATCHES_COMPUTED, "batches")

    @contextmanager
    def request(self) -> Iterator[None]:
        """Room for one request while the context lasts.

        Raises:
            RequestError: 503 if there is none.
        """
        if self.in_flight >= limits.MAX_IN_FLIGHT:
            raise _full()
        self.in_flight += 1
        request_metrics().took_on(1)
        try:
            yield
        finally:
            self.in_flight -= 1
            request_metrics().took_on(-1)

    @contextmanager
    def reading(self, body: bytearray, deadline: asyncio.Timeout) -> Iterator[None]:
        """The time in which a body comes, whose request gives up its room meanwhile.

        When too many bodies are coming, or there is no room for their bytes, the one that has
        been coming for longest is given up.

        Args:
            body: What has come.
            deadline: Until when it must all have come.

        Raises:
            RequestError: 408 if it was given up, 503 if there is no room for the request now.
        """
        reader = _Reader(body, deadline)
        self.in_flight -= 1
        if len(self._readers) >= limits.MAX_READING:
            self._give_up(next(iter(self._readers)))
        self._readers[reader] = None
        try:
            yield
        finally:
            self.in_flight += 1
            self._readers.pop(reader, None)
            if reader.given_up:
                raise too_slow(
                    "the body arrived slowly while others needed its room; send it at once"
                )
        if self.in_flight > limits.MAX_IN_FLIGHT:
            raise _full()

    def _give_up(self, reader: "_Reader") -> None:
        del self._readers[reader]
        reader.given_up = True
        self.held -= len(reader.body)
        reader.body.clear()
        if not reader.deadline.expired():
            reader.deadline.reschedule(0)

    def hold(self, size: int, body: bytes | bytearray) -> None:
        """Take so many bytes more of a body into memory; a negative size gives them back.

        Raises:
            RequestError: 503 if there is no room for them.
        """
        if size > 0:
            self._make_room(size, body)
        self.held += size

    def _make_room(self, size: int, body: bytes | bytearray) -> None:
        while self.held + size > limits.MAX_HELD_BYTES:
            others = (each for each in self._readers if each.body and each.body is not body)
            slow = next(others, None)
            if slow is None:
                raise busy("the requests in progress are too large together")
            self._give_up(slow)

    async def compute(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do the work of a batch in a thread, at most so many at once.

        Raises:
            RequestError: 503 if too many wait already.
        """
        if self.batches >= limits.MAX_BATCHES_COMPUTED + limits.MAX_BATCHES_WAITING:
            raise busy(f"{self.batches} batches are being computed or are waiting")
        loop = asyncio.get_running_loop()

        def leave(_: Future[T]) -> None:
            loop.call_soon_threadsafe(self._leave)

        self.batches += 1
        future = self._pool.submit(work, *arguments)
        future.add_done_callback(leave)
        return await asyncio.wrap_future(future)

    def _leave(self) -> None:
        self.batches -= 1


class _Reader:
    """A request whose body is still coming."""

    def __init__(self, body: bytearray, deadline: asyncio.Timeout) -> None:
        self.body, self.deadline, self.given_up = body, deadline, False


def _full() -> RequestError:
    return busy(f"{limits.MAX_IN_FLIGHT} requests are in progress")
