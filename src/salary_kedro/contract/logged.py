"""How a log of requests names its columns; the service writes them, the pipelines read them."""

from datetime import UTC, datetime

#: Columns of each part: the inputs, whose names begin so, and what was answered.
INPUT = "input_"
MODEL, VERSION, BUNDLE = "model_name", "model_version", "bundle"
HOUR, PREDICTED = "hour", "predicted"
LOW, HIGH, WARNED, ACTUAL = "low", "high", "warned", "actual"
#: What marks a Parquet file as a part, in its schema's metadata.
MARK, FORMAT = b"salary_kedro.request_log", b"1"
#: Names of the parts begin with the hour in which they were written, UTC.
PATTERN = "????-??-??T??Z-*.parquet"
HOUR_NAME = "%Y-%m-%dT%HZ"


def hour_of(name: str) -> datetime | None:
    """The hour with which the name of a part begins; None if it begins with none."""
    try:
        return datetime.strptime(name[:14], HOUR_NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
