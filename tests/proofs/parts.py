"""A table larger than memory, in parts: two workers, each killed with -9 on its way.

Every process, those of scheduler, workers and run, may take 2 GB of memory by `RLIMIT_DATA`.
"""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from parted import EXTRA, Site, make_part, make_site, workers_of
from proofs.tally import Tally
from support import BIN, Project, free_port, wait_until

LIMIT = 2 << 30
#: Allocators that take no more address space than they use: the limit counts it.
FRUGAL = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
#: Rows of a file, of which each is two parts; and of one of a table so small that it has few.
ROWS, FEW_ROWS, WORKERS, SECONDS = 400_000, 80_000, 2, 4 * 3600
PARAMETERS = "data_engineering: {split: stable, sample: 200000}\n"
#: Steps that no worker takes part in, for the run itself fits the model.
IDLE = ("fit_model",)
LOOP, SCORING = ("--pipelines", "__default__"), ("--pipelines", "batch_scoring")


def prove_parts(
    folder: Path, gigabytes: float, tell: Callable[[str], None] = print
) -> Iterator[Tally]:
    """Take a table through the whole loop and batch scoring, once with kills and once without.

    Args:
        folder: Where the copy of the project and the table go; some three times its size.
        gigabytes: Size of its Parquet files.
        tell: Told of the progress.
    """
    site = make_site(folder / "parts", 0, 0, PARAMETERS)
    rows = _write(site.data("dask") / "01_raw/salaries", gigabytes, tell)
    what = f"{gigabytes:g} GB of Parquet, {rows:,} rows, through the loop and batch scoring"
    with _cluster(site.project) as cluster:
        killed = _go_through(site, cluster, kills=True, tell=tell)
        told = f"{killed.seconds:.0f} s, at most {killed.peak / 1e9:.2f} GB a process"
        died = f"{len(killed.kills)} workers killed, the one during {', '.join(IDLE)} idle"
        yield Tally(f"{what}, {died}: {told}", 1, killed.violations)
        whole = _go_through(site, cluster, kills=False, tell=tell)
        told = f"{whole.seconds:.0f} s, at most {whole.peak / 1e9:.2f} GB a process"
        yield Tally(f"the same, none killed, with the same results: {told}", 1, [
            *whole.violations, *(_compare(killed.results, whole.results) if killed.results else ())
        ])  # fmt: skip


def _write(folder: Path, gigabytes: float, tell: Callable[[str], None]) -> int:
    """Write files until there are so many bytes; gives the number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    written = number = 0
    rows = ROWS if gigabytes >= 1 else FEW_ROWS
    while written < gigabytes * 1e9:
        path = folder / f"{number:05}.parquet"
        table = make_part(rows, number, EXTRA)
        pq.write_table(table, path, row_group_size=rows // 2, compression="none")
        written, number = written + path.stat().st_size, number + 1
        tell(f"{written / 1e9:.2f} of {gigabytes:g} GB written")
    return number * rows


@dataclass
class Cluster:
    """A scheduler and its workers, as processes.

    Attributes:
        address: Where the scheduler answers.
        scheduler: Its process.
        workers: The processes that mind the workers, and start them again.
    """

    address: str
    scheduler: int
    workers: list[int] = field(default_factory=list)

    def kill(self, number: int) -> None:
        """Kill a worker with -9; who minds it starts another one."""
        os.kill(next(workers_of(self.workers[number])), signal.SIGKILL)


def limited() -> None:
    """Limit the memory of this process, and of each that it starts."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))


@contextmanager
def _cluster(project: Project) -> Iterator[Cluster]:
    port, limit = free_port(), "2GiB"
    address = f"tcp://127.0.0.1:{port}"
    start = partial(_started, project)
    with ExitStack() as stack:
        scheduler = stack.enter_context(
            start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        )
        cluster = Cluster(address, scheduler)
        for _ in range(WORKERS):
            options = ("--nthreads", "1", "--memory-limit", limit, "--no-dashboard")
            worker = stack.enter_context(start("worker", address, *options))
            cluster.workers.append(worker)
        for worker in cluster.workers:
            wait_until(partial(_has_worker, worker), "the workers")
        yield cluster


def _has_worker(pid: int) -> bool:
    return next(workers_of(pid), None) is not None


@contextmanager
def _started(project: Project, *arguments: str) -> Iterator[int]:
    log = project.root / f"dask-{arguments[0]}-{free_port()}.log"
    environment = {
        **project.environment,
        **FRUGAL,
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "10",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [BIN / "dask", *arguments],
            cwd=project.root,
            env=environment,
            stdout=output,
            stderr=output,
            preexec_fn=limited,  # noqa: PLW1509 - this process has one thread
            start_new_session=True,
        )
        try:
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass
class Journey:
    """What a run in parts and its scoring have left.

    Attributes:
        results: Digests and figures, by what they are of.
        kills: In which steps a worker was killed.
        violations: What went wrong.
        peak: The most memory that a process had, in bytes.
        seconds: How long it took.
    """

    results: dict[str, object] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    peak: int = 0
    seconds: float = 0


def _go_through(
    site: Site, cluster: Cluster, *, kills: bool, tell: Callable[[str], None]
) -> Journey:
    journey, begun = Journey(), time.monotonic()
    table, scored = site.data("dask") / "01_raw/salaries", site.project.root / "scored"
    shutil.rmtree(scored, ignore_errors=True)
    where = f"partitions.scheduler={cluster.address}"
    _run(site, cluster, journey, (*LOOP, "--params", where), _loop_steps(site, kills), tell)
    if journey.violations:
        return journey
    files = f"{where},rows_to_score={table},scored_rows={scored}"
    steps = {"score_rows": partial(_parts, site.project.root, ".scored.*.part/scored/0*.parquet")}
    _run(site, cluster, journey, (*SCORING, "--params", files), steps if kills else {}, tell)
    journey.seconds = time.monotonic() - begun
    if not journey.violations:
        journey.results = _results(site, scored)
    return journey


def _loop_steps(site: Site, kills: bool) -> dict[str, Callable[[], bool]]:
    """When to kill a worker, by what it is killed in."""
    if not kills:
        return {}
    parts, log = site.data("dask") / "02_intermediate/parts", site.project.root / "run.log"
    return {
        "validate_salaries": partial(_parts, parts, "*/valid/0*.parquet"),
        "split_salaries": partial(_parts, parts, "*/holdout-*/0*.parquet"),
        "fit_model": partial(_ended, log, "split_salaries"),
        "promote_if_better": partial(_ended, log, "bring_into_line"),
    }


def _parts(folder: Path, pattern: str) -> bool:
    return next(folder.glob(pattern), None) is not None


def _ended(log: Path, step: str) -> bool:
    return log.exists() and f"] {step}" in log.read_text()


def _run(
    site: Site,
    cluster: Cluster,
    journey: Journey,
    arguments: tuple[str, ...],
    steps: dict[str, Callable[[], bool]],
    tell: Callable[[str], None],
) -> None:
    """Run pipelines to their end, and kill workers in turn at the moments that are named."""
    log, waiting = site.project.root / "run.log", dict(steps)
    with log.open("w") as output:
        process = subprocess.Popen(
            site.command("dask", *arguments),
            cwd=site.project.root,
            env={**site.project.environment, **FRUGAL},
            stdout=output,
            stderr=output,
            preexec_fn=limited,  # noqa: PLW1509 - this process has one thread
        )
        while process.poll() is None:
            journey.peak = max(journey.peak, _most(process.pid, cluster))
            if waiting and next(iter(waiting.values()))():
                name = next(iter(waiting))
                waiting.pop(name)
                cluster.kill(len(journey.kills) % WORKERS)
                journey.kills.append(name)
                tell(f"a worker killed in {name}{', idle as the run itself fits' * (name in IDLE)}")
            time.sleep(0.1)
    if journey.peak > LIMIT:
        journey.violations.append(f"a process took {journey.peak / 1e9:.2f} GB")
    if process.returncode:
        journey.violations.append(log.read_text()[-2000:])
    journey.violations += [f"no worker was killed in {name}" for name in waiting]


def _most(run: int, cluster: Cluster) -> int:
    """The most memory that one of the processes has now."""
    sizes = [0]
    for pid in (run, cluster.scheduler, *cluster.workers):
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            sizes += [member.memory_info().rss for member in family]
        except psutil.NoSuchProcess:
            continue
    return max(sizes)


def _results(site: Site, scored: Path) -> dict[str, object]:
    """What must be the same, whoever was killed."""
    data = site.data("dask")
    metrics = json.loads((data / "08_reporting/metrics.json").read_text())
    evidence = json.loads((data / "08_reporting/verdict.json").read_text())["evidence"]
    holdout = json.loads((data / "05_model_input/holdout.json").read_text())
    return {
        "split": (data / "05_model_input/split.json").read_text(),
        "rejected rows": _digest((data / "02_intermediate/rejected_rows.csv").read_bytes()),
        "holdout rows": holdout["sha256"],
        "metrics": metrics,
        "judged": (evidence["challenger"]["rmse"], evidence["holdout_rows"]),
        "scored rows": [_scored_digest(path) for path in sorted(scored.glob("0*.parquet"))],
        "rows rejected in scoring": [
            _scored_digest(path)
            for path in sorted(scored.with_name("scored_rejected").glob("0*.parquet"))
        ],
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _scored_digest(path: Path) -> str:
    """Digest of scored rows, but for when, and by which version of the same model."""
    table = pq.read_table(path)
    told = [name for name in ("scored_at", "model_version") if name in table.column_names]
    rows = table.drop_columns(told).combine_chunks().to_batches()
    return _digest(b"".join(batch.serialize().to_pybytes() for batch in rows))


def _compare(killed: dict[str, object], whole: dict[str, object]) -> Iterator[str]:
    for name, found in whole.items():
        if killed.get(name) != found:
            yield f"{name} differ where workers were killed"
