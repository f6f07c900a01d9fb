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


PEOPLE = ROWS.assign(person=[1.0, 2.0, 1.0, np.nan])
BY_PERSON = contract_of(column("age"), column("person", use="split"))


def of_people(places: list[int], group: str | None = "person") -> RowPrints:
    return RowPrints.of(PEOPLE.iloc[places], KEYS, BY_PERSON, b"a", group)


def test_row_prints_when_another_row_of_the_person_was_trained_on_then_the_row_is_met() -> None:
    trained = RowPrints.parse(of_people([0, 3]).to_bytes())

    # The first and the third are one person's; who the last is, is not known.
    assert of_people([0, 1, 2, 3]).among(trained).tolist() == [True, False, True, True]
    assert of_people([0, 1, 2, 3], None).among(trained).tolist() == [True, False, False, True]


def test_row_prints_when_one_without_a_person_was_trained_on_then_others_are_not_met() -> None:
    alone = PEOPLE.assign(person=np.nan)
    first, last = (
        RowPrints.of(alone.iloc[place], KEYS, BY_PERSON, b"a", "person") for place in ([0], [3])
    )

    assert last.among(RowPrints.parse(first.to_bytes())).tolist() == [False]
    assert last.among(first).tolist() == [False]


def test_row_prints_when_persons_are_written_then_each_is_eight_bytes_after_those_of_rows() -> None:
    header, _, content = of_people([0, 1, 2]).to_bytes().partition(b"\n")

    assert header.endswith(b'"group":"person","rows":3}')
    assert len(content) == 8 * (3 + 2)


def test_row_prints_when_the_file_is_of_an_older_release_then_groups_are_not_known() -> None:
    old = RowPrints.parse(of_people([0], None).to_bytes())

    assert of_people([0, 2]).among(old).tolist() == [True, False]
    assert not of_people([0, 2]).knows_groups_of(old)
    assert of_people([0, 2], None).knows_groups_of(old)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n",
        b"x\n12345678",
        prints([0]).to_bytes()[:-3],
        b"[" * 200_000 + b"\n",
        b" " * (1 << 20) + prints([0]).to_bytes(),
        of_people([0, 1, 2]).to_bytes()[: -3 * 8],
        of_people([0, 1, 2]).to_bytes().replace(b'"rows":3', b'"rows":-3'),
        of_people([0, 1, 2]).to_bytes().replace(b',"rows":3', b""),
    ],
    ids=[
        "empty",
        "no keys",
        "no JSON",
        "cut",
        "nested",
        "a long first line",
        "cut before its end of rows",
        "fewer rows than none",
        "persons not told from rows",
    ],
)
def test_row_prints_when_the_file_is_damaged_then_says_so(content: bytes) -> None:
    with pytest.raises(UserError, match="holds no fingerprints of rows"):
        RowPrints.parse(content)
