"""Logs of requests, as a service writes them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from salary_kedro.bundle import Bundle
from salary_kedro.contract.encoding import Row
from salary_kedro.serving.request_log import as_parquet

HOUR = datetime(2026, 11, 30, 14, tzinfo=UTC)


def log_rows(
    folder: Path,
    bundle: Bundle,
    rows: Sequence[Row],
    *,
    actuals: Sequence[float | None] | None = None,
    hour: datetime = HOUR,
    name: str = "2026-11-30T14Z-1-00000000-000000000000.parquet",
) -> None:
    """Write one part: rows as a bundle answers them, none of which it warns of."""
    salaries = bundle.predict(rows).tolist()
    ends = [bundle.calibration.interval(salary) or (None, None) for salary in salaries]
    lows, highs = zip(*ends, strict=True)
    inputs, sent = zip(*rows, strict=True), actuals or [None] * len(rows)
    told = [[hour] * len(rows), *inputs, salaries, lows, highs, [False] * len(rows), sent]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(as_parquet(bundle, told))
