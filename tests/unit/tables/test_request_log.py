"""Reading the log of requests."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinds import category
from salary_kedro.contract.logged import FORMAT, HOUR_NAME, MARK
from salary_kedro.tables import request_log
from salary_kedro.tables.request_log import LoggedRequests, RequestLogReader
from samples import boolean, clean_column, column, contract_of, day

BUNDLE = "3-0123abcd"
CONTRACT = contract_of(column("years"), category("town", "Bern"), request_log={"share": 1.0})
HOUR = datetime(2026, 11, 30, 14, tzinfo=UTC)


def part(bundle: str = BUNDLE, years: tuple[float, ...] = (5.0,), **changes: Any) -> pa.Table:
    """A part of so many rows; `changes` replaces its columns, None leaves one out."""
    rows = len(years)
    columns: dict[str, Any] = {
        "model_name": pa.array(["salaries"] * rows),
        "model_version": pa.array([int(bundle.partition("-")[0])] * rows),
        "bundle": pa.array([bundle] * rows),
        "hour": pa.array([HOUR] * rows, pa.timestamp("s", "UTC")),
        "input_years": pa.array(years),
        "input_town": pa.array(["Bern"] * rows),
        "predicted": pa.array([1.0] * rows),
        "low": pa.nulls(rows, pa.float64()),
        "high": pa.nulls(rows, pa.float64()),
        "warned": pa.array([False] * rows),
        **changes,
    }
    kept = {name: values for name, values in columns.items() if values is not None}
    return pa.table(kept).replace_schema_metadata({MARK: FORMAT})


def write(folder: Path, table: pa.Table, name: str = "a.parquet") -> None:
    pq.write_table(table, folder / name)


def read(folder: Path, days: int | None = None) -> LoggedRequests:
    return RequestLogReader(folder).read(CONTRACT, "salaries", 3, BUNDLE, days)


def test_read_when_another_bundle_of_the_version_has_answered_then_is_set_aside(
    tmp_path: Path,
) -> None:
    write(tmp_path, part())
    write(tmp_path, part("3-ffffffff", (6.0, 7.0)), "b.parquet")

    found = read(tmp_path)

    assert found.inputs["years"].tolist() == [5.0]
    assert found.others == {"version 3 in another bundle, 3-ffffffff": 2}


def test_read_when_a_file_holds_rows_of_several_bundles_then_each_row_counts_as_its_own(
    tmp_path: Path,
) -> None:
    tables = [part("2-ffffffff", (6.0,)), part(years=(5.0, 4.0)), part("3-ffffffff", (7.0,))]
    write(tmp_path, pa.concat_tables(tables))

    found = read(tmp_path)

    assert found.inputs["years"].tolist() == [5.0, 4.0]
    assert found.others == {"version 2": 1, "version 3 in another bundle, 3-ffffffff": 1}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_name": None}, "lacks the column model_name, which every part has"),
        ({"hour": pa.array(["2026-11-30"])}, "holds no moment with a time zone as hour"),
        ({"predicted": pa.array(["1"])}, "holds no number as predicted"),
        ({"predicted": pa.nulls(1, pa.float64())}, "misses predicted in a row"),
        (
            {"predicted": pa.array([math.inf])},
            "holds a number as predicted that is infinite or none",
        ),
        (
            {"input_years": pa.array([-math.inf])},
            "holds a number as input_years that is infinite or none",
        ),
        ({"actual": pa.array([True])}, "holds no number as actual"),
        ({"input_town": None}, "lacks the column input_town, which the model's contract has"),
    ],
)
def test_read_when_a_part_is_not_as_the_service_writes_it_then_is_not_used(
    changes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    write(tmp_path, part())
    write(tmp_path, part(**changes), "b.parquet")

    found = read(tmp_path)

    assert (len(found.answers), found.unusable) == (1, (f"b.parquet {why}: move it away",))


def test_read_when_a_column_is_there_twice_then_the_part_is_not_used(tmp_path: Path) -> None:
    twice = part().append_column("hour", pa.array([HOUR]))
    write(tmp_path, part())
    write(tmp_path, twice, "b.parquet")

    assert read(tmp_path).unusable == ("b.parquet has more than one column hour: move it away",)


def test_read_when_the_service_deletes_a_part_meanwhile_then_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, part())
    write(tmp_path, part(), "b.parquet")
    opened: Callable[[Path], Any] = pq.ParquetFile

    def delete(path: Path) -> Any:
        (tmp_path / "b.parquet").unlink(missing_ok=True)
        return opened(path)

    monkeypatch.setattr(request_log.pq, "ParquetFile", delete)
    found = read(tmp_path)

    assert (len(found.answers), found.unusable) == (1, ())


def test_read_when_names_say_that_parts_are_too_old_then_these_are_not_opened(
    tmp_path: Path,
) -> None:
    def name(bundle: str, days: int) -> str:
        return f"{HOUR - timedelta(days):{HOUR_NAME}}-{bundle}-0.parquet"

    write(tmp_path, part(), name(BUNDLE, 10))
    write(tmp_path, part("2-ffffffff"), name("2-ffffffff", 3))  # the last, but another's
    write(tmp_path, part("2-ffffffff"), name("2-ffffffff", 16))
    (tmp_path / name(BUNDLE, 17)).write_bytes(b"no Parquet")
    (tmp_path / name(BUNDLE, 16)).write_bytes(b"no Parquet")

    found = read(tmp_path, days=7)

    assert (len(found.answers), found.others) == (1, {"version 2": 2})
    assert found.unusable == (f"{name(BUNDLE, 16)} cannot be read (ArrowInvalid): delete it",)


def test_read_when_rows_hold_truth_values_and_days_then_these_are_as_a_clean_table_has_them(
    tmp_path: Path,
) -> None:
    contract = contract_of(boolean("manager"), day("hired"), request_log={"share": 1.0})
    inputs = {
        "input_years": None,
        "input_town": None,
        "input_manager": pa.array([True, None]),
        "input_hired": pa.array([date(2026, 11, 23), None]),
    }
    write(tmp_path, part(years=(1.0, 2.0), **inputs))

    found = RequestLogReader(tmp_path).read(contract, "salaries", 3, BUNDLE)

    clean = {"manager": [True, None], "hired": ["2026-11-23", None]}
    pd.testing.assert_frame_equal(
        found.inputs,
        pd.DataFrame({item.name: clean_column(clean[item.name], item) for item in contract.inputs}),
    )
