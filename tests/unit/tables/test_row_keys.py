"""What names a row: its primary key, or all of its values."""

import hashlib
import struct

import numpy as np
import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.tables.checked import check
from salary_kedro.tables.row_keys import keyed_hashes, named_by, row_keys
from samples import boolean, category, column, contract_of, day

PLAIN = contract_of(column("age"), category("city", ["Oslo", "Rome"], required=False))
RAW = pd.DataFrame(
    {"Age": [30.0, 31, 30], "City": ["Oslo", None, "Oslo"], "Salary": [50.0, 60, 50]}
)
KEYED = contract_of(column("age"), table={"primary_key": ["Id", "Year"]})


def keys_of(raw: pd.DataFrame, contract: Contract) -> list[int]:
    checked = check(raw, contract)
    found: list[int] = row_keys(checked.raw, checked.valid, contract)["key"].tolist()
    return found


def test_row_keys_when_there_is_no_primary_key_then_are_hashes_of_all_values_by_field() -> None:
    def digest(content: bytes) -> bytes:
        return hashlib.blake2b(content, digest_size=8).digest()

    # age, city, salary: a byte that says whether it is missing, then a float or a text's hash
    first = b"\0" + struct.pack("<d", 30) + b"\0" + digest(b"Oslo") + b"\0" + struct.pack("<d", 50)

    found = keys_of(RAW, PLAIN)

    assert named_by(PLAIN) == ["age", "city", "salary"]
    assert found[0] == int.from_bytes(digest(first), "little")
    assert found[0] == found[2] != found[1]


def test_row_keys_when_there_is_a_primary_key_then_nothing_else_counts() -> None:
    raw = pd.DataFrame({"Id": ["a", "a"], "Year": [1, 2], "Age": [30.0, 31], "Salary": [5.0, 6]})
    text = raw.assign(Year=["1", "2"], Age=[40.0, 41], Salary=[7.0, 8])

    assert named_by(KEYED) == ["Id", "Year"]
    assert keys_of(raw, KEYED) == keys_of(text, KEYED)
    assert len({*keys_of(raw, KEYED)}) == 2


def test_row_keys_when_columns_stand_in_another_order_then_are_the_same() -> None:
    turned = contract_of(category("city", ["Oslo", "Rome"], required=False), column("age"))

    assert keys_of(RAW[["Salary", "City", "Age"]], turned) == keys_of(RAW, PLAIN)


def test_row_keys_when_a_row_is_rejected_then_the_others_keep_theirs() -> None:
    broken = pd.concat([RAW.head(1).assign(Age=None), RAW], ignore_index=True)

    assert keys_of(broken, PLAIN) == keys_of(RAW, PLAIN)


def test_row_keys_when_there_is_no_valid_row_then_are_none() -> None:
    assert keys_of(RAW.assign(Salary=None), PLAIN) == []


def test_row_keys_when_rows_differ_in_one_kind_of_column_then_differ() -> None:
    contract = contract_of(column("age"), boolean("remote"), day("hired"))
    raw = pd.DataFrame(
        {
            "Age": [30.0, 30, 30],
            "Remote": ["true", "false", "true"],
            "Hired": ["2020-01-01", "2020-01-01", "2020-01-02"],
            "Salary": [5.0, 5, 5],
        }
    )

    assert len({*keys_of(raw, contract)}) == 3


def test_keyed_hashes_when_the_secret_differs_then_have_nothing_in_common() -> None:
    keys = np.arange(1000, dtype=np.uint64)

    first, second = keyed_hashes(keys, b"a"), keyed_hashes(keys, b"b")

    expected = hashlib.blake2b((7).to_bytes(8, "little"), digest_size=8, key=b"a").digest()
    assert first[7] == int.from_bytes(expected, "little")
    assert not {*first.tolist()} & {*second.tolist(), *keys.tolist()}
