"""Scores tasks in processes of their own, one a core, each of which computes with one thread.

With more threads a worker, those of OpenMP and BLAS would take the cores from other workers; and a
sum over threads may end in other digits than one over fewer.
"""

import multiprocessing
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait

from joblib import cpu_count
from threadpoolctl import threadpool_limits

from salary_kedro.errors import UserError
from salary_kedro.modelling.examination import Examination, FoldScore, Map, Task, score_fold

#: What tells the libraries that compute how many threads to use; read as they are loaded.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
#: What this process, as a worker, was given.
_given: list[Examination] = []


def count_workers(asked: int | None) -> int:
    """How many workers there will be: as many as asked for, else one for each core we may use.

    A limit of the process or of its container counts.
    """
    return asked or int(cpu_count())


@contextmanager
def worker_processes(examination: Examination, count: int) -> Iterator[Map]:
    """Give what scores tasks in worker processes; none is started before there is a task.

    Args:
        examination: What entries are examined on; each worker gets it once.
        count: How many workers there are, at least 1. If whoever has them fails or is
            interrupted, they are ended at once.
    """
    context = multiprocessing.get_context("spawn")  # a fork would inherit locks and threads
    others = {*multiprocessing.active_children()}
    less = "lower tournament.workers" if count > 1 else "narrow tournament.candidates"
    with (
        one_thread_each(),
        ProcessPoolExecutor(count, context, initializer=_begin, initargs=(examination,)) as pool,
    ):

        def score_all(tasks: Sequence[Task]) -> Iterator[FoldScore]:
            try:  # not `pool.map`: it cancels what is left, of which a pool without workers fails
                waiting = deque([pool.submit(_score, task) for task in tasks])
                while waiting:
                    yield waiting.popleft().result()
            except BrokenProcessPool as error:
                raise UserError(
                    f"a worker process of the tournament was ended, perhaps for want of memory: "
                    f"{less} and run again, which goes on from the scores so far"
                ) from error

        try:
            yield score_all
        except BaseException:  # Ctrl-C, say: fits may take minutes more
            for worker in {*multiprocessing.active_children()} - others:
                worker.kill()
            raise


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that are started meanwhile compute with one thread."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def score_on_cluster(task: Task, *, examination: Examination) -> FoldScore:
    """Score a task in a worker of a cluster, with one thread, as a worker process does."""
    threadpool_limits(1)  # and for good: another thread of the worker may compute beside this one
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score_fold(examination, task)


def _begin(examination: Examination) -> None:
    """Prepare a worker: it ends with its parent, however that ends, and leaves Ctrl-C to it."""
    _given[:] = [examination]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # of a thousand fits, each would warn
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _score(task: Task) -> FoldScore:
    return score_fold(_given[0], task)
