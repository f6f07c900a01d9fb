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
    found = [bundle.calibration.interval(salary) or (None, None) for salary in salaries]
    names, logged = bundle.contract.feature_names, bundle.contract.logged_inputs
    places = [names.index(item.name) for item in logged]
    sent = [()] * len(rows) if actuals is None else [(actual,) for actual in actuals]
    told = [
        (hour, *(row[place] for place in places), salary, *ends, False, *actual)
        for row, salary, ends, actual in zip(rows, salaries, found, sent, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(as_parquet(bundle, told))
