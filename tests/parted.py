"""Tables in parts, and runs whose workers are killed."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.workers import THREADS
from salary_kedro.partitions.cluster import Cluster, Result, Value
from salary_kedro.partitions.table import NUMBER, PartedTable, RawTable, put_together, split_keys
from salary_kedro.pipelines.data_engineering.parted_split import split_parts
from salary_kedro.pipelines.data_engineering.parts import clean_parts, validate_parts
from salary_kedro.project.parameters import DataEngineering
from support import BIN, ROOT, Project, copy_project, free_port, wait_until

#: Shares of rows that break the contract, and of cells that are missing.
BROKEN, MISSING = 0.002, 0.02
JOBS = ("Analyst", "Builder", "Cook", "Driver", "Engineer")
CONTRACT = """
contract:
  features:
    - {column: "Years", name: "years", kind: "number", unit: "years", minimum: 0, maximum: 60,
       required: true, example: 5, label: "Experience", help: "Years of work."}
    - {column: "Job", name: "job", kind: "category", required: false,
       categories: ["Analyst", "Builder", "Cook", "Driver", "Engineer"], example: "Cook",
       label: "Job", help: "What they do."}
    - {column: "Level", name: "level", kind: "integer", unit: "", minimum: 1, maximum: 9,
       required: false, missing: "indicate", example: 3, label: "Level", help: "Grade."}
    - {column: "Hired", name: "hired", kind: "date", unit: "", minimum: "1980-01-01",
       required: true, example: "2015-06-30", label: "Hired", help: "Day of hiring."}
    - {column: "Person", name: "person", kind: "integer", unit: "", minimum: 0, use: "split",
       required: true, example: 1, label: "Person", help: "Whose row it is."}
  target:
    column: "Salary"
    name: "salary"
    kind: "number"
    unit: "a year, gross"
    exclusive_minimum: 0
    example: 72861.25
    label: "Salary"
    help: "Gross pay of one year."
  table:
    max_rejected_share: 0.05
"""


#: Columns beside those of the contract, of a table that is to be large.
EXTRA = 24


def make_part(rows: int, seed: int, extra: int = 0) -> pa.Table:
    """A part of a table that keeps to the contract, but for a few rows.

    Args:
        rows: How many rows.
        seed: Decides on all of them.
        extra: How many columns of numbers stand beside those of the contract.
    """
    chance = np.random.default_rng(seed)
    years = chance.uniform(0, 45, rows).round(2)
    jobs = chance.integers(0, len(JOBS), rows)
    level = chance.integers(1, 10, rows)
    salary = 20_000 + 1_500 * years + 4_000 * jobs + 3_000 * level + chance.normal(0, 8_000, rows)
    hired = np.datetime64("1985-01-01") + chance.integers(0, 14_000, rows)
    return pa.table(
        {
            "Years": np.where(chance.random(rows) < BROKEN, -1.0, years),
            "Job": pa.DictionaryArray.from_arrays(
                pa.array(jobs, mask=chance.random(rows) < MISSING), pa.array(JOBS)
            ).cast(pa.string()),
            "Level": pa.array(level, mask=chance.random(rows) < MISSING),
            "Hired": pa.array(hired),
            "Person": chance.integers(0, max(2, rows // 3), rows),
            "Salary": salary.clip(1).round(2),
            **{f"Other {number}": chance.random(rows) for number in range(extra)},
        }
    )


def write_parts(folder: Path, parts: int, rows: int, seed: int = 0) -> None:
    """Write a folder of Parquet files, of two row groups each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(parts):
        table = make_part(rows, seed + number)
        pq.write_table(table, folder / f"{number:04}.parquet", row_group_size=-(-rows // 2))


class OwnProcess(Cluster):
    """Handles each part in this process: what a part becomes does not depend on who handles it."""

    def share(self, value: Value) -> Value:
        """Nothing is sent."""
        return value

    def each(
        self,
        function: Callable[..., Result],
        calls: Iterable[tuple[Any, ...]],
        advice: str,
        **same: Any,
    ) -> Iterator[Result]:
        """Call a function as often, once it is asked for."""
        return (function(*call, **same) for call in calls)


#: How tables are split here.
STABLE = DataEngineering(split="stable", train_size=0.8, random_state=0, sample=1000)


def split_here(raw: RawTable, contract: Contract) -> PartedTable:
    """The holdout rows of a raw table, which is checked and split in this process."""
    valid, rejected, keys, prints, _ = validate_parts(raw, contract)
    clean = clean_parts(valid, rejected, contract)
    return split_parts(clean, keys, prints, contract, STABLE)[1]


@dataclass(frozen=True)
class Site:
    """A copy of the project whose environment `dask` has a table; `whole` reads it at once.

    Attributes:
        project: The copy.
    """

    project: Project

    def data(self, env: str) -> Path:
        """The data folder of an environment."""
        return self.project.root / "data" / env

    def holdout(self, env: str) -> pd.DataFrame:
        """The holdout rows, by their numbers among the clean rows."""
        if env == "whole":
            return pd.read_parquet(self.data(env) / "05_model_input/holdout.parquet")
        (folder,) = (self.data(env) / "02_intermediate/parts").glob("*/holdout-*")
        parts = [pd.read_parquet(path) for path in sorted(folder.glob("0*.parquet"))]
        return split_keys(put_together(parts).set_index(NUMBER).rename_axis(None))[0]

    def command(self, env: str, *arguments: str) -> list[str]:
        """What runs pipelines of an environment."""
        return [str(BIN / "kedro"), "run", "--env", env, *arguments]

    def checked(self) -> Callable[[], int]:
        """What counts the parts that a run to come has checked."""
        parts = self.data("dask") / "02_intermediate/parts"
        earlier = {path.name for path in parts.iterdir()}

        def count() -> int:
            return sum(
                len([*path.glob("valid/0*.parquet")])
                for path in parts.iterdir()
                if path.name not in earlier
            )

        return count

    def start_checking(self, parameters: str) -> subprocess.Popen[str]:
        """Start a run in parts, in a session of its own; gives it once a first part is checked."""
        checked = self.checked()
        arguments = ("--pipelines", "data_engineering", "--params", parameters)
        process = subprocess.Popen(
            self.command("dask", *arguments),
            cwd=self.project.root,
            env=self.project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        wait_until(lambda: checked() > 0 or process.poll() is not None, "a first part")
        return process

    def kill_worker(
        self, count: Callable[[], int], parts: int, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        """Run pipelines in parts, and kill a worker with -9 once some, but not all are done."""
        process = subprocess.Popen(
            self.command("dask", *arguments),
            cwd=self.project.root,
            env=self.project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def goes_on() -> bool:
            assert process.poll() is None, process.communicate()
            return True

        wait_until(lambda: goes_on() and any(workers_of(process.pid)), "a worker")
        victim = next(workers_of(process.pid))  # now, as parts are short
        wait_until(lambda: goes_on() and count() > 0, "a first part")
        os.kill(victim, signal.SIGKILL)
        assert count() < parts, "all parts were done before the worker could be killed"
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class Noted:
    """A value that notes in a file each time that a process unpacks it."""

    def __init__(self, file: Path) -> None:
        """Take the file."""
        self.file = file

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be unpacked."""
        self.__dict__.update(state)
        with self.file.open("a") as file:
            file.write(f"{os.getpid()}\n")


def take(number: int, *, value: Noted) -> tuple[int, Path]:
    """Use a value."""
    time.sleep(0.05)
    return number, value.file


def tell_threads() -> dict[str, str | None]:
    """What tells libraries how many threads to use, where this is called."""
    return {name: os.environ.get(name) for name in THREADS}


def fail_at_first(number: int, *, folder: Path) -> None:
    """Leave a file, and fail of the first part at once; others take a while."""
    (folder / f"{number}").touch()
    if number == 0:
        raise UserError("the first part is bad")
    time.sleep(4)


@dataclass(frozen=True)
class Servers:
    """A scheduler and a worker in processes of their own.

    Attributes:
        address: Where the scheduler answers.
        scheduler: Its process.
        worker: The process that minds the worker.
    """

    address: str
    scheduler: int
    worker: int


@contextmanager
def serve_parts(folder: Path) -> Iterator[Servers]:
    """Start them, and end them."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("scheduler", "--host", "127.0.0.1", "--port", str(port))
    worker = ("worker", address, "--nthreads", "1", "--memory-limit", "1GiB")
    found: list[subprocess.Popen[bytes]] = []
    try:
        for arguments in (scheduler, worker):
            with (folder / f"dask-{arguments[0]}.log").open("wb") as log:
                command = [BIN / "dask", *arguments, "--no-dashboard"]
                environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
                found.append(
                    subprocess.Popen(
                        command, env=environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
        log = folder / "dask-worker.log"
        wait_until(lambda: "Registered to" in log.read_text(), "the worker")
        yield Servers(address, *(process.pid for process in found))
    finally:
        for process in found:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def workers_of(pid: int) -> Iterator[int]:
    """The workers that a run has started on this machine."""
    import psutil

    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):  # it ends just then
            if any("spawn_main" in word for word in child.cmdline()):
                yield child.pid


def make_site(folder: Path, parts: int, rows: int, parameters: str) -> Site:
    """Copy the project, write its table, and configure both environments alike."""
    site = Site(copy_project(folder))
    table = site.data("dask") / "01_raw" / "salaries"
    write_parts(table, parts, rows)
    conf = site.project.root / "conf"
    shutil.copytree(conf / "professors", conf / "whole")
    (conf / "whole" / "mlflow.yml").write_text("tracking: {experiment: {name: whole}}\n")
    (conf / "whole" / "catalog.yml").write_text(
        "raw_salaries:\n  type: salary_kedro.datasets.TableDataset\n"
        f"  filepath: {table}\n  contract: ${{contract:}}\n"
    )
    (conf / "whole" / "parameters.yml").write_text(
        "registry: {model_name: whole}\npackaging: {bento_name: whole}\n" + parameters
    )
    for env in ("dask", "whole"):
        (conf / env / "contract.yml").write_text(CONTRACT)
    own = conf / "dask" / "parameters.yml"
    own.write_text(re.sub(r"data_engineering:\n(  .*\n)+", parameters, own.read_text()))
    return site
