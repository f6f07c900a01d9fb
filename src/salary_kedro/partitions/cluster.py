"""Who handles the parts of a table: processes of this machine, or of others. Needs Dask."""

import logging
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.errors import UserError
from salary_kedro.modelling.progress import tell_progress

Result = TypeVar("Result")
Value = TypeVar("Value")
#: How often a part may be begun anew as its worker has died, and how many are begun ahead.
MOST_DEATHS, AHEAD = 10, 4
#: How many seconds a scheduler, and then a first worker, may take to answer.
SECONDS = 20
#: After how many seconds of waiting for a part it is asked whether there are workers, and how often
#: there may be none.
PAUSE, PAUSES = 20, 6
#: What logs, at length, that a scheduler has ended.
LOUD = ("distributed", "distributed.client", "distributed.worker")


class ClusterError(UserError):
    """Nobody could handle the parts of a table, whatever they hold."""


class Cluster(BaseModel):
    """Who handles parts.

    Attributes:
        scheduler: Address of a Dask scheduler; None for workers on this machine, for one run.
        workers: How many these are; None for one a core that we may use.
        memory_limit: How much memory each of these may take, `2 GB` for example.
        part_rows: Most rows of a part, of row groups that hold no more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheduler: str | None = Field(default=None, min_length=1)
    workers: int | None = Field(default=None, ge=1, le=1_000)
    memory_limit: str = Field(default="2 GB", pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B$")
    part_rows: int = Field(default=250_000, ge=1)

    def share(self, value: Value) -> Value:
        """Send a value to the workers once, instead of with each part.

        Returns:
            What to give to `map` by name in its place; a worker that dies loses nothing of it.
        """
        future: Value = self._client.submit(_same, value, pure=False)
        return future

    def map(
        self, function: Callable[..., Result], *arguments: Iterable[Any], **same: Any
    ) -> Iterator[Result]:
        """Call a function once for each part, in any worker; give what it returns in their order.

        A worker that dies costs time alone: another one begins its parts anew. So a function may
        be called more than once for a part, and must then do the same. Whoever stops asking ends
        what was not begun.

        Args:
            function: What is called.
            arguments: By part, what it is called with.
            same: What all calls get; `share` it, if it is large.

        Raises:
            ClusterError: Nobody answers at the address, or workers die of one part again and again.
        """
        calls = list(zip(*arguments, strict=True))
        parts = self.each(function, calls, self._smaller_parts, **same)
        return tell_progress(parts, len(calls), "parts")

    def each(
        self,
        function: Callable[..., Result],
        calls: Iterable[tuple[Any, ...]],
        advice: str,
        **same: Any,
    ) -> Iterator[Result]:
        """Do what `map` does, without a word of how far it is.

        Args:
            function: What is called.
            calls: What it is called with.
            advice: What else than more memory helps where workers lack it.
            same: What all calls get.
        """
        client = self._client
        most = AHEAD * self.count_workers()
        waiting: deque[Any] = deque()
        try:
            for call in calls:
                waiting.append(client.submit(function, *call, **same, pure=False))
                if len(waiting) == most:
                    yield self._result(waiting[0], advice)
                    waiting.popleft()
            while waiting:
                yield self._result(waiting[0], advice)
                waiting.popleft()
        finally:
            for future in waiting:
                future.release()  # what nobody waits for is not begun any more

    def count_workers(self) -> int:
        """How many parts are handled at once; 1 where a cluster is yet to start its workers."""
        return max(1, self._threads())

    def ask_workers(self, function: Callable[[], Result]) -> list[Result]:
        """What a function gives in each worker that there is.

        Raises:
            ClusterError: The scheduler has ended.
        """
        try:
            return [*self._client.run(function).values()]
        except OSError as error:
            raise self._ended from error

    @property
    def _client(self) -> Any:
        client = _open_client(self)
        if client.status in ("closing", "closed"):  # it has given up on a scheduler that died
            raise self._ended
        return client

    def _threads(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except OSError as error:
            raise self._ended from error

    @property
    def _smaller_parts(self) -> str:
        return f"lower partitions.part_rows ({self.part_rows:,})"

    @property
    def _ended(self) -> ClusterError:
        return ClusterError(
            f"the scheduler {self.scheduler or 'of this machine'} has ended: start it again, "
            f"then run again"
        )

    def _result(self, future: Any, advice: str) -> Any:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        more = f"raise partitions.memory_limit ({self.memory_limit}), or {advice}"
        try:
            return self._wait(future)
        except (CancelledError, CommClosedError) as error:
            raise self._ended from error
        except MemoryError as error:
            raise ClusterError(f"a worker lacks memory for a part: {more}") from error
        except KilledWorker as error:
            worker = error.last_worker.address
            raise ClusterError(
                f"workers die of one part again and again, the last one {worker}: if they lack "
                f"memory, {more}"
            ) from error

    def _wait(self, future: Any) -> Any:
        """The result, however long it takes while there are workers.

        Raises:
            ClusterError: There have been none for a while.
        """
        from distributed import wait

        without = 0
        while not future.done():
            try:
                wait([future], timeout=PAUSE)  # type: ignore[no-untyped-call]
            except TimeoutError as error:
                without = 0 if self._threads() else without + 1
                if without == PAUSES:
                    raise ClusterError(
                        f"the scheduler {self.scheduler or 'of this machine'} has had no worker "
                        f"for {PAUSE * PAUSES} s: start `dask worker` for it, then run again"
                    ) from error
        return future.result()


@cache
def _open_client(cluster: Cluster) -> Any:
    """A client, which lives as long as this process."""
    try:
        import dask
        import distributed
    except ImportError as error:
        raise ClusterError(
            "tables in parts need Dask, the extra `dask`, which is not installed: "
            "`.venv/bin/uv pip install --python .venv/bin/python -c requirements-dev.lock "
            "--editable '.[dask]'` does; or name another environment with --env"
        ) from error
    dask.config.set({"distributed.scheduler.allowed-failures": MOST_DEATHS})
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"})  # what is shared
    _silence()
    if cluster.scheduler is None:
        return _open_local(cluster)
    try:
        client: Any = distributed.Client(cluster.scheduler, timeout=SECONDS)  # type: ignore[no-untyped-call]
        client.wait_for_workers(1, timeout=SECONDS)
    except (OSError, ValueError, TypeError) as error:
        is_silent = isinstance(error, OSError)
        why = "nobody answers there" if is_silent else "that is no address"
        raise ClusterError(
            f"partitions.scheduler is '{cluster.scheduler}', and {why}: start `dask scheduler` and "
            f"`dask worker` there, correct the address (tcp://HOST:8786), or make it null for "
            f"workers on this machine"
        ) from error
    return client


def _same(value: Value) -> Value:
    return value


def _open_local(cluster: Cluster) -> Any:
    """Workers on this machine, to which nobody else can speak, with one thread each.

    Dask leaves its workers' environment in ours, where later processes would inherit it; and does
    once more for a worker begun anew.
    """
    import dask
    import distributed

    from salary_kedro.modelling.workers import one_thread_each

    dask.config.set({f"distributed.{who}.http.routes": [] for who in ("scheduler", "worker")})
    preload = dask.config.get("distributed.worker.preload", [])
    dask.config.set({"distributed.worker.preload": [*preload, __name__]})
    with one_thread_each():
        local: Any = distributed.LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=cluster.workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=cluster.memory_limit,
            host="127.0.0.1",
            security=True,
            dashboard_address="127.0.0.1:0",  # it shows nothing, but is opened
            worker_dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
    return distributed.Client(local)  # type: ignore[no-untyped-call]


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the run, and do not warn of what it ends.

    Dask calls this in each worker of this machine, as it begins.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _silence()


def _silence() -> None:
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
