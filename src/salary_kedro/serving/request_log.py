"""An optional, sampled log of requests, for the pipeline `monitoring` to read; off by default.

A row is logged by chance, and without anything that says whose it is: neither address nor request
is told, of the time only the hour, and rows that were written together lie in any order. What may
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
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never
from uuid import uuid4

from salary_kedro.contract import Boolean, Category, Contract, Date, Feature, Integer, Number
from salary_kedro.contract.domain import impossible
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
)
from salary_kedro.errors import UserError
from salary_kedro.files import write_whole

if TYPE_CHECKING:
    from salary_kedro.bundle import Bundle
    from salary_kedro.serving.predictor import Served

log = logging.getLogger("salary_kedro.serving")

FOLDER = "SALARY_REQUEST_LOG"
DAYS, MEGABYTES = "SALARY_REQUEST_LOG_DAYS", "SALARY_REQUEST_LOG_MB"
#: What is kept at most by default.
DEFAULT_DAYS, DEFAULT_MEGABYTES = 30, 1_000

#: A part is written when its first row is so old, or it has so many; a crash loses no more.
PART_SECONDS = 300.0
PART_ROWS = 50_000
#: How often rows are taken from the queue; and how many may wait there.
TAKE_SECONDS = 1.0
MAX_WAITING = 20_000
#: How long the end of the process waits for the last part.
END_SECONDS = 5.0

Interval = tuple[float, float]
_Waiting = tuple["Served", Row, float, Interval | None, float | None]


@dataclass(frozen=True)
class Bounds:
    """What is kept, of all workers together.

    Attributes:
        days: Parts that are older are deleted.
        most_bytes: The oldest parts are deleted until the rest has no more.
    """

    days: int = DEFAULT_DAYS
    most_bytes: int = DEFAULT_MEGABYTES * 1_000_000


@dataclass
class _Part:
    """Rows of one bundle that were not written yet."""

    bundle: "Bundle"
    since: float
    rows: list[tuple[Any, ...]] = field(default_factory=list)


class RequestLogMetrics:
    """How many rows were logged, and how many could not be."""

    def __init__(self) -> None:
        """Declare the metric; once in a process."""
        from prometheus_client import Counter

        self._rows = Counter(
            "salary_request_log_rows",
            "Sampled rows written to the request log, or dropped because queue or disk were full",
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
            seconds: A part is written when its first row is so old.
        """
        self.folder = folder
        self._bounds, self._seconds = bounds or Bounds(), seconds
        self._waiting: deque[_Waiting] = deque()
        self._parts: dict[str, _Part] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed = False
        self._dropped = 0

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
        rows: Sequence[Row],
        salaries: Sequence[float],
        intervals: Sequence[Interval] | None,
        actuals: Sequence[float | None],
    ) -> None:
        """Log a share of the rows that were answered, chosen by chance; never waits.

        Args:
            served: What has answered.
            rows: Checked values in the contract's order, without the target.
            salaries: What was predicted, in the target's unit.
            intervals: The ends of its interval; None if there are none.
            actuals: The targets that the client sent, None where it did not.
        """
        waiting = self._waiting
        for place in sample(len(rows), served.bundle.contract.request_log.share):
            if len(waiting) >= MAX_WAITING:
                self._dropped += 1
                continue
            interval = None if intervals is None else intervals[place]
            waiting.append((served, rows[place], salaries[place], interval, actuals[place]))

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(TAKE_SECONDS)
            try:
                self._take()
                self._write_due(everything=ended)
            except Exception:  # whatever it was, the service must go on, and the log too
                log.exception("the request log lost rows")

    def _take(self) -> None:
        """Move what waits into parts, by bundle."""
        now, hour = time.monotonic(), _this_hour()
        while self._waiting:
            served, row, salary, interval, actual = self._waiting.popleft()
            bundle = served.bundle
            part = self._parts.setdefault(bundle.name, _Part(bundle, now))
            warned = bool(served.check.warn_by_field(row)) or bool(
                impossible(salary, bundle.contract.target)
            )
            part.rows.append(
                (hour, *_logged(row, bundle.contract), salary, *(interval or (None, None)), warned)
                + ((actual,) if bundle.contract.request_log.salary else ())
            )
            if len(part.rows) >= PART_ROWS:
                self._write(self._parts.pop(bundle.name))
        dropped, self._dropped = self._dropped, 0
        if dropped:
            request_log_metrics().count("dropped", dropped)

    def _write_due(self, *, everything: bool) -> None:
        now = time.monotonic()
        for name, part in list(self._parts.items()):
            if everything or now - part.since >= self._seconds:
                self._write(self._parts.pop(name))

    def _write(self, part: _Part) -> None:
        """Write a part, or count what is lost; that it fails is told once, until it succeeds."""
        random.shuffle(part.rows)  # the order would tell who comes next in another log
        hour = _this_hour()
        name = f"{hour:{HOUR_NAME}}-{part.bundle.name}-{uuid4().hex[:12]}.parquet"
        try:
            write_whole(self.folder / name, as_parquet(part.bundle, part.rows))
            os.utime(self.folder / name, (hour.timestamp(), hour.timestamp()))
            _remove_old(self.folder, self._bounds)
        except OSError as error:
            request_log_metrics().count("dropped", len(part.rows))
            if not self._failed:
                why = error.strerror or error
                log.error(  # noqa: TRY400 - its places would tell nobody more
                    "the request log cannot be written to %s (%s): rows are lost until it can",
                    self.folder.absolute(),
                    why,
                )
            self._failed = True
            return
        if self._failed:
            log.info("the request log is written to %s again", self.folder.absolute())
        self._failed = False
        request_log_metrics().count("written", len(part.rows))


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


def as_parquet(bundle: "Bundle", rows: Sequence[tuple[Any, ...]]) -> bytes:
    """A part of the log as the bytes of a Parquet file.

    Args:
        bundle: The bundle that has answered.
        rows: Hour, logged inputs, prediction, interval, whether it was warned of; and the
            target that was sent, if the contract asks for it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    contract, constant = bundle.contract, (bundle.model_name, bundle.version, bundle.name)
    schema = _schema(contract)
    columns = [
        pa.array(values, kind)
        for values, kind in zip(zip(*rows, strict=True), schema.types[3:], strict=True)
    ]
    repeated = [
        pa.repeat(pa.scalar(value, kind), len(rows))
        for value, kind in zip(constant, schema.types[:3], strict=True)
    ]
    buffer = io.BytesIO()
    table = pa.Table.from_arrays([*repeated, *columns], schema=schema)
    pq.write_table(table, buffer, compression="zstd")
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


def _logged(row: Row, contract: Contract) -> Iterator[Value]:
    """The values of a row that may be logged."""
    fields = contract.request_log.fields
    for value, column in zip(row, contract.inputs, strict=True):
        if fields is None or column.name in fields:
            yield _plain(value, column)


def _plain(value: Value, column: Feature) -> Value:
    if value is None:
        return None
    match column:
        case Number() | Integer():
            return float(value)  # type: ignore[arg-type]  # as it was checked
        case Boolean() | Category():
            return value
        case Date():
            return value if isinstance(value, date) else date.fromisoformat(str(value))
    assert_never(column)


def _this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def _remove_old(folder: Path, bounds: Bounds) -> None:
    """Delete parts that are too old, then the oldest until the others are small enough."""
    oldest = f"{_this_hour() - timedelta(days=bounds.days):{HOUR_NAME}}"
    size = 0
    for path in sorted(folder.glob(PATTERN), reverse=True):
        with suppress(FileNotFoundError):  # another worker was faster
            size += path.stat().st_size
            if path.name < oldest or size > bounds.most_bytes:
                path.unlink()


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
    days = _read_number(environment, DAYS, DEFAULT_DAYS)
    megabytes = _read_number(environment, MEGABYTES, DEFAULT_MEGABYTES)
    folder = Path(name)
    _check_folder(folder)
    return RequestLog(folder, Bounds(days, megabytes * 1_000_000))


def _read_number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) < 100_000_000):
        raise UserError(f"{name} is '{text[:40]}'; it must be a whole number, 1 to 99999999")
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
