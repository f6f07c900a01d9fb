"""Which tables are the same, whatever holds their cells."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.tables.fingerprint import fingerprint

DAY, NOON = date(2020, 1, 2), datetime(2020, 1, 2, 12, tzinfo=UTC)


def of(cells: Any, header: object = "a") -> str:
    """Fingerprint of a table of one column."""
    return fingerprint(pd.DataFrame({header: cells}))


def as_objects(*cells: object) -> pd.Series:
    return pd.Series(cells, dtype=object)


@pytest.mark.parametrize(
    "same",
    [
        [[1, 2], [1.0, 2.0], as_objects(1, Decimal(2)), pd.array([1, 2], dtype="UInt8")],
        [[0.0], [-0.0], [0], as_objects(Decimal("-0"))],
        [[0.1], as_objects(Decimal("0.1"))],
        [[2**60], [2.0**60], as_objects(2**60)],
        [[1, None], as_objects(1, None), as_objects(1, pd.NA), pd.array([1, None], dtype="Int64")],
        [["x", None], as_objects("x", float("nan")), pd.Categorical(["x", None])],
        [["x"], pd.Categorical(["x"], categories=["y", "x"]), pd.array(["x"], dtype="string")],
        [[True], as_objects(True), pd.array([True], dtype="boolean")],
        [pd.to_datetime([DAY]), as_objects(DAY), as_objects(pd.Timestamp(DAY))],
        [pd.to_datetime([DAY]), pd.Series([DAY], dtype="datetime64[ms]")],
        [pd.to_datetime([DAY]), pd.array([DAY], dtype="date32[pyarrow]")],
        [[NOON], [NOON.astimezone(timezone(timedelta(hours=5)))], as_objects(NOON)],
        [as_objects(b"x"), as_objects(memoryview(b"x"))],
    ],
)
def test_fingerprint_when_cells_are_equal_then_is_the_same_whatever_holds_them(
    same: list[Any],
) -> None:
    assert len({of(cells) for cells in same}) == 1


def test_fingerprint_when_a_cell_is_another_then_so_is_the_fingerprint() -> None:
    cells = (
        *(1, 2, 1.5, 2**53, 2**53 + 1, float("inf"), -1),
        *("1", "1.0", "x", " x", "X", "", "é", "e\u0301", "\ud800"),
        *(True, False, None, DAY, date.max, NOON, NOON.replace(tzinfo=None)),
        *(b"x", 1j, timedelta(1)),
    )

    assert len({of(as_objects(cell)) for cell in cells}) == len(cells)


def test_fingerprint_when_texts_move_between_cells_columns_or_the_header_then_is_another() -> None:
    tables = [
        pd.DataFrame({"a": ["xy", "z"]}),
        pd.DataFrame({"a": ["x", "yz"]}),
        pd.DataFrame({"a": ["z", "xy"]}),
        pd.DataFrame({"b": ["xy", "z"]}),
        pd.DataFrame({"a": ["xy", "z"], "b": ["xy", "z"]}),
        pd.DataFrame({"b": ["xy", "z"], "a": ["xy", "z"]}),
        pd.DataFrame({"ax": ["y", "z"]}),
        pd.DataFrame({"a": ["xy", None, "z"]}),
        pd.DataFrame({"a": ["xy", "z", None]}),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [None]}),
        pd.DataFrame(),
    ]

    assert all(fingerprint(one) != fingerprint(other) for one, other in combinations(tables, 2))


def test_fingerprint_when_rows_have_other_labels_then_is_the_same() -> None:
    assert of(pd.Series([1, 2], index=[7, 7])) == of([1, 2])


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([True, False, True, True]),
        pd.Series([True, False, None, True], dtype="boolean"),
        pd.Series([2**60, 1, 3, 2**61]),
        pd.Series([1.5, 2.0, None, 3.0]),
        pd.Series(["a", "b", None, "c"], dtype="category"),
    ],
    ids=str,
)
def test_fingerprint_when_memory_holds_a_table_otherwise_then_is_the_same(
    values: pd.Series,
) -> None:
    table = pd.DataFrame({"a": values})
    backwards = table.iloc[::-1]

    assert fingerprint(backwards.iloc[::-1]) == fingerprint(table)
    assert fingerprint(backwards) == fingerprint(backwards.copy())


def test_fingerprint_when_whole_numbers_come_from_another_machine_then_is_the_same() -> None:
    numbers = np.array([2**60, -(2**61), 7])
    other = pd.Series(numbers.astype(">i8"))

    assert fingerprint(pd.DataFrame({"a": other})) == fingerprint(pd.DataFrame({"a": numbers}))


def test_fingerprint_when_two_columns_share_a_header_then_both_count() -> None:
    one, other = (pd.DataFrame([[1, last]], columns=["a", "a"]) for last in (2, 3))

    assert fingerprint(one) != fingerprint(other)


@pytest.mark.process
def test_fingerprint_when_another_process_takes_it_then_is_the_same() -> None:
    code = (
        "import pandas as pd; from salary_kedro.tables.fingerprint import fingerprint; "
        "print(fingerprint(pd.DataFrame({'a': [1.5, None], 'b': ['x', 'é']})))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ran.stdout.strip() == fingerprint(pd.DataFrame({"a": [1.5, None], "b": ["x", "é"]}))


@pytest.mark.parametrize("rows_at_once", [1 << 16, 2])
def test_fingerprint_when_a_table_has_every_kind_of_cell_then_is_what_it_always_was(
    rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salary_kedro.tables.fingerprint.CHUNK", rows_at_once)
    instants = ["2020-02-29 01:02:03.000456789", None, "1915-12-10", "2099-01-01"]
    days = ["2020-02-29", None, "1815-12-10", "2999-01-01"]
    table = pd.DataFrame(
        {
            "text": ["Oslo", "Ærø", None, 'a,\n"b"'],
            "category": pd.Categorical(["x", None, "yé", "x"]),
            "whole": [1, -7, 0, 2**53],
            "long": pd.array([2**53 + 1, None, -(2**60), 5], dtype="Int64"),
            "number": [1.5, None, -0.0, 1e300],
            "truth": pd.array([True, None, False, True], dtype="boolean"),
            "day": pd.Series(days).astype("datetime64[ms]"),
            "time": pd.to_datetime(instants, format="ISO8601"),
            "key": np.array([0, 2**64 - 1, 2**53, 17], dtype=np.uint64),
            "mixed": as_objects(1, "1", None, True),
        }
    )

    assert fingerprint(table) == "c6a22ee9c79b5966efac3a6db526b21b2f22b4de0f6c3c9bcb41e2001802e8b1"
