"""Parquet as others write it."""

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salary_kedro.errors import UserError
from salary_kedro.tables.formats.opening import open_table
from salary_kedro.tables.formats.plain import plain_table
from salary_kedro.tables.formats.recognise import recognise
from salary_kedro.tables.formats.wanted import Wanted


def read(path: Path) -> tuple[dict[str, list[Any]], tuple[str, ...]]:
    """The columns, and the remarks."""
    with open_table(path, recognise(path), Wanted()) as table:
        return plain_table(pa.concat_tables(table.chunks(2))).to_pydict(), table.remarks


def test_parquet_when_types_are_unusual_then_gives_numbers_and_texts(tmp_path: Path) -> None:
    number = uuid.UUID(int=7)
    table = pa.table(
        {
            "bytes": pa.array([b"high", None, "süß".encode()]),
            "view": pa.array(["a", None, "b"], pa.string_view()),
            "id": pa.array([number.bytes] * 3, pa.uuid()),
            "pay": pa.array([Decimal("50000.75"), None, Decimal("1.00")]),
            "whole": pa.array([Decimal(12)] * 3),
            "grade": pa.array([b"x", b"y", b"x"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")

    assert read(tmp_path / "t.parquet")[0] == {
        "bytes": ["high", None, "süß"],
        "view": ["a", None, "b"],
        "id": [str(number)] * 3,
        "pay": [50000.75, None, 1.0],
        "whole": [12, 12, 12],
        "grade": ["x", "y", "x"],
    }


def test_parquet_when_pandas_has_saved_an_index_then_keeps_it_if_it_has_a_name(
    tmp_path: Path,
) -> None:
    frame = pd.DataFrame({"grade": ["a", "b", "c"], "pay": [1, 2, 3]})
    frame.set_index("grade").to_parquet(tmp_path / "named.parquet")
    frame.set_axis([5, 9, 2]).to_parquet(tmp_path / "unnamed.parquet")

    wanted = frame.to_dict("list")
    assert read(tmp_path / "named.parquet")[0] == {"pay": wanted["pay"], "grade": wanted["grade"]}
    assert read(tmp_path / "unnamed.parquet")[0] == wanted


def test_parquet_when_names_have_levels_or_are_empty_then_makes_texts(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("pay", "base"), ("age", "")])
    )
    frame.to_parquet(tmp_path / "levels.parquet")
    pq.write_table(pa.table([[1], [2]], names=["", "1"]), tmp_path / "empty.parquet")

    assert read(tmp_path / "levels.parquet")[0] == {"pay base": [1], "age": [2]}
    assert read(tmp_path / "empty.parquet")[0] == {"Unnamed: 0": [1], "1": [2]}


def test_parquet_when_a_name_is_there_twice_then_refuses(tmp_path: Path) -> None:
    pq.write_table(pa.table([[1], [2]], names=["pay", "pay"]), tmp_path / "t.parquet")

    with pytest.raises(UserError, match=r"t.parquet has more than one column 'pay': give each"):
        read(tmp_path / "t.parquet")


def test_parquet_when_columns_are_nested_then_leaves_them_out_and_says_so(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tags": [["x"]], "pay": [1]}), tmp_path / "t.parquet")

    assert read(tmp_path / "t.parquet") == (
        {"pay": [1]},
        ("Lists and structs are no column of values, so left out: 'tags'.",),
    )


def test_folder_when_folders_are_named_by_values_then_gives_these_as_texts(tmp_path: Path) -> None:
    table = pa.table({"grade": ["01", "02", "01"], "pay": [1.5, 2.0, 3.0]})
    pq.write_to_dataset(table, tmp_path / "t", partition_cols=["grade"])
    (tmp_path / "t" / "_SUCCESS").touch()

    columns, _ = read(tmp_path / "t")

    assert columns == {"pay": [1.5, 3.0, 2.0], "grade": ["01", "01", "02"]}


def test_folder_when_parts_differ_in_a_type_then_names_both(tmp_path: Path) -> None:
    pq.write_table(pa.table({"pay": [50000]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"pay": [50000.75]}), tmp_path / "2.parquet")

    with pytest.raises(UserError) as caught:
        read(tmp_path)

    assert str(caught.value) == (
        f"column 'pay' is int64 in {tmp_path}/1.parquet and double in {tmp_path}/2.parquet: write "
        f"all parts with one type, so that no value is rounded or lost"
    )


def test_folder_when_a_part_lacks_a_column_then_has_no_value_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"pay": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"pay": [2], "age": [30]}), tmp_path / "2.parquet")

    assert read(tmp_path)[0] == {"pay": [1, 2], "age": [None, 30]}


def test_dictionary_when_it_is_ordered_then_its_order_is_described(tmp_path: Path) -> None:
    grades = pa.DictionaryArray.from_arrays(pa.array([1, 0]), ["low", "high"], ordered=True)
    pq.write_table(pa.table({"grade": grades}), tmp_path / "t.parquet")

    with open_table(tmp_path / "t.parquet", "parquet", Wanted()) as table:
        found = table.described()["grade"]

    assert (found.levels, found.ordered) == (("low", "high"), True)
