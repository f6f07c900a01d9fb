"""Who handles the parts of a table: processes of this machine, or of others. Needs Dask."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.errors import UserError
from salary_kedro.modelling.progress import tell_progress

Result = TypeVar("Result")
#: How often a part may be begun anew as its worker has died, and how many are begun ahead.
MOST_DEATHS, AHEAD = 10, 4
#: How many seconds a scheduler, and then a first worker, may take to answer.
SECONDS = 20


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

    def map(self, function: Callable[..., Result], *arguments: Iterable[Any]) -> Iterator[Result]:
        """Call a function once for each part, in any worker; give what it returns in their order.

        A worker that dies costs time alone: another one begins its parts anew. So a function may
        be called more than once for a part, and must then do the same.

        Raises:
            ClusterError: Nobody answers at the address, or workers die of one part again and again.
        """
        calls = list(zip(*arguments, strict=True))
        client = _open_client(self)
        most = AHEAD * max(1, sum(client.nthreads().values()))
        waiting: deque[Any] = deque()
        for call in tell_progress(calls, len(calls), "parts"):
            waiting.append(client.submit(function, *call, pure=False))
            if len(waiting) == most:
                yield self._result(waiting.popleft())
        while waiting:
            yield self._result(waiting.popleft())

    @property
    def _more_memory(self) -> str:
        return (
            f"raise partitions.memory_limit ({self.memory_limit}), or lower partitions.part_rows "
            f"({self.part_rows:,})"
        )

    def _result(self, future: Any) -> Any:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return future.result()
        except (CancelledError, CommClosedError) as error:
            raise ClusterError(
                f"the scheduler {self.scheduler or 'of this machine'} has ended: start it again, "
                f"then run again"
            ) from error
        except MemoryError as error:
            raise ClusterError(f"a worker lacks memory for a part: {self._more_memory}") from error
        except KilledWorker as error:
            worker = error.last_worker.address
            raise ClusterError(
                f"workers die of one part again and again, the last one {worker}: if they lack "
                f"memory, {self._more_memory}"
            ) from error


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
    logging.getLogger("distributed").setLevel(logging.ERROR)
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


def _open_local(cluster: Cluster) -> Any:
    """Workers on this machine, to which nobody else can speak."""
    import dask
    import distributed

    dask.config.set({f"distributed.{who}.http.routes": [] for who in ("scheduler", "worker")})
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
