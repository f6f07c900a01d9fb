"""An optional, sampled log of requests, for the pipeline `monitoring` to read; off by default.

A row is logged by chance, and without anything that says whose it is: neither address nor request
is told, of the time only the hour, and rows that were written together lie in any order. Parts are
written by the clock, so that when a file was made does not tell when its first row came. What may
be logged, and how often, the contract says. See docs/monitoring.md.
"""

import atexit
import importlib
import importlib.util
import io
import logging
import math
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from salary_kedro.contract import Boolean, Category, Contract, Date, Feature, Integer, Number
from salary_kedro.contract.encoding import Row, Value
from salary_kedro.contract.logged import (
    ACTUAL,
    BUNDLE,
    FORMAT,
    HIGH,
    HOUR,
    HOUR_NAME,
    INPUT,
    LOW,
    MARK,
    MODEL,
    PATTERN,
    PREDICTED,
    VERSION,
    WARNED,
    hour_of,
)
from salary_kedro.errors import UserError
from salary_kedro.files import write_whole
from salary_kedro.serving.place import is_bento

if TYPE_CHECKING:
    from salary_kedro.bundle import Bundle
    from salary_kedro.serving.predictor import Served

log = logging.getLogger("salary_kedro.serving")

FOLDER = "SALARY_REQUEST_LOG"
DAYS, MEGABYTES = "SALARY_REQUEST_LOG_DAYS", "SALARY_REQUEST_LOG_MB"
#: What is kept at most by default.
DEFAULT_DAYS, DEFAULT_MEGABYTES = 30, 1_000
#: What may be asked for.
MOST_DAYS, MOST_MEGABYTES = 36_500, 99_999_999

#: Parts are written whenever the clock has gone on by so much, which divides an hour, or when they
#: have so many rows; a crash loses no more.
PART_SECONDS = 300.0
PART_ROWS = 50_000
#: How often the thread looks; rows that come beyond so many until then are dropped.
LOOK_SECONDS = 1.0
MOST_ROWS = 2 * PART_ROWS
#: How long the end of the process waits for the last part.
END_SECONDS = 5.0
#: How often the folder is looked through where nothing is written, and how old a file is that a
#: worker must have left half written when it was killed.
CLEAN_SECONDS = 3600.0

Interval = tuple[float, float]
Columns = Sequence[Sequence[Value]]


@dataclass(frozen=True)
class Bounds:
    """What is kept, of all workers together.

    Attributes:
        days: Parts that are older are deleted.
        most_bytes: The oldest parts are deleted until the rest has no more; the newest stays.
    """

    days: int = DEFAULT_DAYS
    most_bytes: int = DEFAULT_MEGABYTES * 1_000_000


class _Part:
    """Rows that one bundle has answered in one hour, and that were not written yet.

    Their values follow each other in one list, which grows by whole rows: it needs no lock, and
    no object for each row that the garbage collector would have to look at.
    """

    def __init__(self, served: "Served") -> None:
        self.served, self.share = served, served.bundle.contract.request_log.share
        self.values: list[Any] = []
        self.most = MOST_ROWS * self.width
        self.dropped = 0
        self.since = time.time()

    @property
    def width(self) -> int:
        """Values of a row: its inputs, prediction, both ends, the target that was sent."""
        return len(self.served.bundle.contract.inputs) + 4

    @property
    def rows(self) -> int:
        return len(self.values) // self.width

    @property
    def hour(self) -> datetime:
        moment = datetime.fromtimestamp(self.since, UTC)
        return moment.replace(minute=0, second=0, microsecond=0)

    def add(self, row: Row, salary: float, interval: Interval | None, actual: float | None) -> None:
        if len(self.values) >= self.most:
            self.dropped += 1
            return
        self.values.extend((*row, salary, *(interval or (None, None)), actual))

    def is_due(self, seconds: float) -> bool:
        return time.time() // seconds != self.since // seconds or self.rows >= PART_ROWS


class RequestLogMetrics:
    """How many rows were logged, and how many could not be."""

    def __init__(self) -> None:
        """Declare the metric; once in a process."""
        from prometheus_client import Counter

        self._rows = Counter(
            "salary_request_log_rows",
            "Sampled rows written to the request log, or dropped because they could not be",
            ["outcome"],
        )
        for outcome in ("written", "dropped"):
            self._rows.labels(outcome)

    def count(self, outcome: str, rows: int) -> None:
        """Count rows as `written` or `dropped`."""
        self._rows.labels(outcome).inc(rows)


@cache
def request_log_metrics() -> RequestLogMetrics:
    """The metrics of this process."""
    return RequestLogMetrics()


class RequestLog:
    """Takes rows from the path of a request, and writes them in a thread of its own.

    Each worker has one, and writes files of its own.
    """

    def __init__(
        self, folder: Path, bounds: Bounds | None = None, seconds: float = PART_SECONDS
    ) -> None:
        """Take a folder.

        Args:
            folder: Where the parts go, which exists.
            bounds: What is kept.
            seconds: Parts are written whenever the clock has gone on by so much.
        """
        self.folder = folder
        self._bounds, self._seconds = bounds or Bounds(), seconds
        #: By the identity of what has answered, which a part keeps in memory.
        self._parts: dict[int, _Part] = {}
        #: Complete ones, to which a request that has just begun may still add its row.
        self._closed: list[_Part] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed = False
        self._cleaned = -math.inf  # on the monotonic clock

    def start(self) -> None:
        """Begin to write; once in each worker, before its first request."""
        importlib.import_module("pyarrow.parquet")  # which would hold up the requests later
        request_log_metrics()
        self._thread = threading.Thread(target=self._run, name="request log", daemon=True)
        self._thread.start()
        atexit.register(self.close)
        log.info("a share of the requests is logged in %s", self.folder.absolute())

    def close(self) -> None:
        """Write what is left, if that does not take long."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def note(
        self,
        served: "Served",
        row: Row,
        salary: float,
        interval: Interval | None,
        actual: float | None,
    ) -> None:
        """Log one row that was answered, or not, as chance decides; never waits.

        Args:
            served: What has answered.
            row: Its checked values in the contract's order, without the target.
            salary: What was predicted, in the target's unit.
            interval: The ends of its interval; None if there is none.
            actual: The target that the client sent, None if it did not.
        """
        part = self._parts.get(id(served)) or self._begin(served)
        if random.random() < part.share:  # noqa: S311 - nobody need be unable to predict it
            part.add(row, salary, interval, actual)

    def note_columns(
        self,
        served: "Served",
        columns: Columns,
        salaries: NDArray[np.float64],
        intervals: Sequence[Interval] | None,
        actuals: Sequence[float | None],
    ) -> None:
        """Log a share of many rows, likewise.

        Args:
            served: What has answered.
            columns: Checked values of each input, in the contract's order.
            salaries: What was predicted, shape (rows,), in the target's unit.
            intervals: The ends of the intervals; None if there are none.
            actuals: The targets that the client sent, None where it did not.
        """
        part = self._parts.get(id(served)) or self._begin(served)
        for place in sample(len(salaries), part.share):
            row = [values[place] for values in columns]
            interval = None if intervals is None else intervals[place]
            part.add(row, float(salaries[place]), interval, actuals[place])

    def _begin(self, served: "Served") -> _Part:
        with self._lock:
            return self._parts.setdefault(id(served), _Part(served))

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(LOOK_SECONDS)
            try:
                self._write_due(everything=ended)
                self._clean()
            except Exception as error:  # noqa: BLE001 - the service must go on, and the log too
                self._tell("cannot be kept within its bounds in", "older rows stay", error)

    def _write_due(self, *, everything: bool) -> None:
        """Write the parts that were complete at the last look; set those aside that are now."""
        due, self._closed = self._closed, []
        with self._lock:
            for key, part in list(self._parts.items()):
                if everything or part.is_due(self._seconds):
                    self._closed.append(self._parts.pop(key))
        if everything:
            due, self._closed = [*due, *self._closed], []
        for part in due:
            if part.dropped:
                request_log_metrics().count("dropped", part.dropped)
            if part.rows:
                self._write(part)

    def _write(self, part: _Part) -> None:
        """Write a part, or count what is lost; that it fails is told once, until it succeeds."""
        name = f"{part.hour:{HOUR_NAME}}-{part.served.bundle.name}-{uuid4().hex[:12]}.parquet"
        try:
            content = _content(part)
            self._remove_old(len(content))  # first: a full disk may have room then
            write_whole(self.folder / name, content, mode=0o600)
            with suppress(FileNotFoundError):  # another worker found that it is too much
                os.utime(self.folder / name, (part.hour.timestamp(), part.hour.timestamp()))
        except Exception as error:  # noqa: BLE001 - whatever it was, the other parts go on
            request_log_metrics().count("dropped", part.rows)
            self._tell("cannot be written to", "rows are lost until it can", error)
            return
        if self._failed:
            log.info("the request log is written to %s again", self.folder.absolute())
        self._failed = False
        request_log_metrics().count("written", part.rows)

    def _clean(self) -> None:
        """Remove what is too old where nothing is written, from the start on."""
        if time.monotonic() - self._cleaned < CLEAN_SECONDS:
            return
        self._cleaned = time.monotonic()
        self._remove_old()

    def _remove_old(self, coming: int = 0) -> None:
        """Delete what is too old, then the oldest parts until the others are small enough.

        Args:
            coming: Size of the part that is about to be written, in bytes; if there is none, the
                newest part stays however large it is.
        """
        oldest = datetime.fromtimestamp(time.time(), UTC) - timedelta(days=self._bounds.days)
        size, most = coming, self._bounds.most_bytes
        for path in sorted(self.folder.glob(PATTERN), reverse=True):
            if (hour := hour_of(path.name)) is None:
                continue
            with suppress(FileNotFoundError):  # another worker was faster
                is_first, size = size == 0, size + path.stat().st_size
                if hour < oldest or (size > most and not is_first):
                    path.unlink()
        for path in self.folder.glob(f".{PATTERN}.*.part"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > CLEAN_SECONDS:
                    path.unlink()

    def _tell(self, what: str, until: str, error: Exception) -> None:
        """Say what fails, once; of an error that may quote a value, its name alone."""
        if not self._failed:
            why = isinstance(error, OSError) and error.strerror
            log.error(
                "the request log %s %s (%s): %s",
                what,
                self.folder.absolute(),
                why or type(error).__name__,
                until,
            )
        self._failed = True


def _content(part: _Part) -> bytes:
    """The rows of a part as a file, in any order: theirs would tell who comes next elsewhere."""
    width = part.width
    values = part.values[: part.rows * width]
    columns = [values[place::width] for place in range(width)]
    *inputs, salaries, lows, highs, actuals = columns
    warned = part.served.check.warn_columns(inputs)
    bounds = part.served.bundle.contract.target.bounds
    possible = min(salaries) in bounds and max(salaries) in bounds
    is_warned = [
        place in warned or not (possible or salary in bounds)
        for place, salary in enumerate(salaries)
    ]
    hours = [part.hour] * len(salaries)
    order = np.random.default_rng().permutation(len(salaries))
    return as_parquet(
        part.served.bundle, [hours, *inputs, salaries, lows, highs, is_warned, actuals], order
    )


def sample(count: int, share: float) -> Iterator[int]:
    """Choose places of rows by chance, each with the same probability and by itself.

    The gaps between those that are chosen follow the geometric distribution, so that a row that is
    not chosen costs nothing: Fan, Muller and Rezucha (1962), Journal of the American Statistical
    Association 57(298).

    Args:
        count: How many rows there are.
        share: The probability, above 0 and at most 1.
    """
    if share >= 1:
        yield from range(count)
        return
    scale, place = math.log1p(-share), -1
    while True:
        # Chance that nobody need be unable to predict.
        gap = math.log(1 - random.random()) / scale  # noqa: S311
        if gap >= count - place - 1:
            return
        place += 1 + int(gap)
        yield place


def as_parquet(bundle: "Bundle", columns: Columns, order: NDArray[np.int64] | None = None) -> bytes:
    """A part of the log as the bytes of a Parquet file.

    Args:
        bundle: The bundle that has answered.
        columns: Hours, the values of each input of the contract, predictions, lower and upper
            ends, whether it was warned of, and the targets that were sent; of these, the file
            holds what the contract lets be logged.
        order: Places of the rows in the file; None for the order they have.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    contract, rows = bundle.contract, len(columns[0])
    hours, *inputs, salaries, lows, highs, warned, actuals = columns
    logged = {item.name for item in contract.logged_inputs}
    pairs = zip(inputs, contract.inputs, strict=True)
    kept = [_plain(values, item) for values, item in pairs if item.name in logged]
    sent = [actuals] if contract.request_log.salary else []
    schema = _schema(contract)
    whose = [[text] * rows for text in (bundle.model_name, bundle.version, bundle.name)]
    told = (*whose, hours, *kept, salaries, lows, highs, warned, *sent)
    arrays = [pa.array(values, kind) for values, kind in zip(told, schema.types, strict=True)]
    table, buffer = pa.Table.from_arrays(arrays, schema=schema), io.BytesIO()
    pq.write_table(table if order is None else table.take(order), buffer, compression="zstd")
    return buffer.getvalue()


def _schema(contract: Contract) -> Any:
    import pyarrow as pa

    inputs = [(f"{INPUT}{item.name}", _kind(item)) for item in contract.logged_inputs]
    numbers = [(name, pa.float64()) for name in (PREDICTED, LOW, HIGH)]
    columns = [
        (MODEL, pa.string()),
        (VERSION, pa.int64()),
        (BUNDLE, pa.string()),
        (HOUR, pa.timestamp("s", "UTC")),
        *inputs,
        *numbers,
        (WARNED, pa.bool_()),
        *([(ACTUAL, pa.float64())] if contract.request_log.salary else []),
    ]
    return pa.schema(columns, metadata={MARK: FORMAT})


def _kind(column: Feature) -> Any:
    import pyarrow as pa

    match column:
        case Number() | Integer():
            return pa.float64()
        case Boolean():
            return pa.bool_()
        case Category():
            return pa.string()
        case Date():
            return pa.date32()
    assert_never(column)


def _plain(values: Sequence[Value], column: Feature) -> Sequence[Value]:
    """Values as Arrow takes them: days may be their ISO texts."""
    if not isinstance(column, Date):
        return values
    return [date.fromisoformat(value) if isinstance(value, str) else value for value in values]


def read_request_log(environment: Mapping[str, str] = os.environ) -> RequestLog | None:
    """The log that an environment asks for; None if it asks for none.

    Raises:
        UserError: If its folder cannot be written, or what writes Parquet is not installed.
    """
    if not (name := environment.get(FOLDER)):
        return None
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            f"{FOLDER} asks for a log of requests, but pyarrow, which writes it, is not installed "
            f"here: `pip install pyarrow`, or unset {FOLDER}"
        )
    days = _read_number(environment, DAYS, DEFAULT_DAYS, MOST_DAYS)
    megabytes = _read_number(environment, MEGABYTES, DEFAULT_MEGABYTES, MOST_MEGABYTES)
    folder = Path(name)
    if not folder.is_absolute() and is_bento(Path.cwd()):
        raise UserError(f"{FOLDER} is '{name}': for a Bento it must be an absolute path")
    _check_folder(folder)
    return RequestLog(folder, Bounds(days, megabytes * 1_000_000))


def _read_number(environment: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 0 < int(text) <= most):
        raise UserError(f"{name} is '{text[:40]}'; it must be a whole number, 1 to {most}")
    return int(text)


def _check_folder(folder: Path) -> None:
    """Make the folder, if need be for its owner alone, and see that files can be written there."""
    probe = folder / f".{uuid4().hex}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"{FOLDER} is '{folder}', where nothing can be written ({error.strerror}): name a "
            f"folder that the service may write to, or unset it"
        ) from error
