"""The room that one worker has: requests in flight, bytes of bodies, batches being computed."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from salary_kedro.serving import limits
from salary_kedro.serving.refusals import busy
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
        self._pool = ThreadPoolExecutor(limits.MAX_BATCHES_COMPUTED, "batches")

    @contextmanager
    def request(self) -> Iterator[None]:
        """Room for one request while the context lasts.

        Raises:
            RequestError: 503 if there is none.
        """
        if self.in_flight >= limits.MAX_IN_FLIGHT:
            raise busy(f"{limits.MAX_IN_FLIGHT} requests are being answered")
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, requests: int) -> None:
        self.in_flight += requests
        request_metrics().took_on(requests)

    def hold(self, size: int) -> None:
        """Take so many bytes of a body into memory; a negative size gives them back.

        Raises:
            RequestError: 503 if there is no room for them.
        """
        if size > 0 and self.held + size > limits.MAX_HELD_BYTES:
            raise busy("the requests being answered are too large together")
        self.held += size

    async def compute(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do the work of a batch in a thread, at most so many at once.

        Raises:
            RequestError: 503 if too many wait already.
        """
        if self.batches >= limits.MAX_BATCHES_COMPUTED + limits.MAX_BATCHES_WAITING:
            raise busy(f"{self.batches} batches are being computed or wait for it")
        loop = asyncio.get_running_loop()

        def leave(_: Future[T]) -> None:
            loop.call_soon_threadsafe(self._leave)

        self.batches += 1
        future = self._pool.submit(work, *arguments)
        future.add_done_callback(leave)
        return await asyncio.wrap_future(future)

    def _leave(self) -> None:
        self.batches -= 1
