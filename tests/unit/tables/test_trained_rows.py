"""Fingerprints of training rows."""

import numpy as np
import pandas as pd
import pytest

from salary_kedro.errors import UserError
from salary_kedro.tables.trained_rows import RowPrints
from samples import column, contract_of

CONTRACT = contract_of(column("age"))
KEYS = pd.DataFrame({"key": np.array([5, 9, 2, 7], dtype=np.uint64)})
ROWS = pd.DataFrame({"age": range(4), "salary": range(4)})


def prints(places: list[int], secret: bytes = b"a") -> RowPrints:
    return RowPrints.of(ROWS.iloc[places], KEYS, CONTRACT, secret)


def test_row_prints_when_rows_were_trained_on_then_are_found_and_no_others() -> None:
    trained = RowPrints.parse(prints([3, 0]).to_bytes())

    assert prints([0, 1, 2, 3]).among(trained).tolist() == [True, False, False, True]


def test_row_prints_when_written_then_are_eight_bytes_a_row_and_their_order_tells_nothing() -> None:
    one, other = prints([0, 1, 2]).to_bytes(), prints([2, 0, 1]).to_bytes()

    header, _, content = one.partition(b"\n")
    assert one == other
    assert len(content) == 24
    assert header.startswith(b'{"named_by":["age","salary"],"secret_id":"')
    assert not {5, 9, 2} & {*np.frombuffer(content, dtype="<u8").tolist()}


def test_row_prints_when_the_key_is_another_then_says_that_it_is_unknown() -> None:
    with pytest.raises(UserError, match="were taken by another key"):
        prints([0]).among(prints([0], b"b"))


def test_row_prints_when_rows_were_named_by_other_columns_then_says_that_it_is_unknown() -> None:
    by_key = contract_of(column("age"), table={"primary_key": ["Id"]})
    other = RowPrints.of(ROWS, KEYS, by_key, b"a")

    with pytest.raises(UserError, match="named its training rows by other columns"):
        prints([0]).among(other)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n",
        b"x\n12345678",
        prints([0]).to_bytes()[:-3],
        b"[" * 200_000 + b"\n",
        b" " * (1 << 20) + prints([0]).to_bytes(),
    ],
    ids=["empty", "no keys", "no JSON", "cut", "nested", "a long first line"],
)
def test_row_prints_when_the_file_is_damaged_then_says_so(content: bytes) -> None:
    with pytest.raises(UserError, match="holds no fingerprints of rows"):
        RowPrints.parse(content)
