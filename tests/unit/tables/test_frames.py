"""Clean tables as a fitted Pipeline takes them, and what training rows covered."""

import math

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract.domain import Domain
from salary_kedro.tables.frames import (
    count_repeats,
    domain_warnings,
    encode_frame,
    equal_rows,
    learn_domain,
)
from samples import boolean, category, clean_column, column, contract_of, day

CONTRACT = contract_of(
    column("age", required=False),
    category("level", ["junior", "senior", "lead"], required=False),
    category("title", {"min_count": 2}),
    boolean("remote", required=False),
    day("hired", required=False),
    category("sex", {}, use="audit"),
)
VALUES = {
    "age": [30.0, None, 50.5],
    "level": ["senior", None, "junior"],
    "title": ["clerk", "clerk", "cook"],
    "remote": [True, None, False],
    "hired": ["1970-01-03", None, "1970-01-01"],
    "sex": ["f", "m", "f"],
    "salary": [1.0, 2.0, 3.0],
}


@pytest.fixture
def clean() -> pd.DataFrame:
    return pd.DataFrame(
        {item.name: clean_column(VALUES[item.name], item) for item in CONTRACT.columns}
    )


def test_encode_frame_when_there_is_every_kind_then_gives_numbers_and_texts_of_the_inputs(
    clean: pd.DataFrame,
) -> None:
    expected = pd.DataFrame(
        {
            "age": [30.0, math.nan, 50.5],
            "level": pd.Series(["senior", np.nan, "junior"], dtype=object),
            "title": pd.Series(["clerk", "clerk", "cook"], dtype=object),
            "remote": [1.0, math.nan, 0.0],
            "hired": [2.0, math.nan, 0.0],
        }
    )
    pd.testing.assert_frame_equal(encode_frame(clean, CONTRACT), expected)


def test_encode_frame_when_called_then_leaves_the_table_as_it_was(clean: pd.DataFrame) -> None:
    before = clean.copy(deep=True)

    encode_frame(clean, CONTRACT)

    pd.testing.assert_frame_equal(clean, before)


def test_learn_domain_when_rows_have_every_kind_then_tells_ranges_and_frequent_categories(
    clean: pd.DataFrame,
) -> None:
    assert learn_domain(clean, CONTRACT) == Domain(
        ranges={"age": (30.0, 50.5), "hired": (0.0, 2.0)},
        categories={"level": ("junior", "senior"), "title": ("clerk",)},
        others=("title",),
    )


def test_learn_domain_when_a_column_is_always_missing_then_has_no_range(
    clean: pd.DataFrame,
) -> None:
    found = learn_domain(clean.iloc[[1]], CONTRACT)

    assert found == Domain(categories={"level": (), "title": ()}, others=("title",))


DOMAIN = Domain(
    ranges={"age": (30, 50), "hired": (0, 2)},
    categories={"level": ("junior", "senior"), "title": ("clerk",)},
)


def test_domain_warnings_when_rows_lie_outside_then_names_each_value_in_one_text_a_row(
    clean: pd.DataFrame,
) -> None:
    clean["hired"] += pd.Timedelta(days=3)
    encoded = encode_frame(clean.set_index(pd.Index([7, 8, 9])), CONTRACT)

    assert domain_warnings(encoded, DOMAIN, CONTRACT).to_dict() == {
        7: "Hired is outside the training range: 1970-01-01 to 1970-01-03",
        8: "",
        9: (
            "Age is outside the training range: 30 to 50 units; "
            "Title 'cook' did not occur in the training data; "
            "Hired is outside the training range: 1970-01-01 to 1970-01-03"
        ),
    }


def test_domain_warnings_when_the_domain_knows_nothing_then_there_are_none(
    clean: pd.DataFrame,
) -> None:
    found = domain_warnings(encode_frame(clean, CONTRACT), Domain(), CONTRACT)

    assert found.tolist() == ["", "", ""]


def test_domain_warnings_when_there_are_no_rows_then_there_are_none(clean: pd.DataFrame) -> None:
    found = domain_warnings(encode_frame(clean.iloc[:0], CONTRACT), DOMAIN, CONTRACT)

    assert found.tolist() == []


def test_equal_rows_when_cells_of_any_kind_are_equal_then_rows_share_their_first_ones_number(
    clean: pd.DataFrame,
) -> None:
    table = clean.iloc[[0, 1, 0, 2, 1, 1]].set_axis([9, 8, 7, 6, 5, 4])

    assert equal_rows(table).to_dict() == {9: 0, 8: 1, 7: 0, 6: 2, 5: 1, 4: 1}
    assert count_repeats(table) == 3


@pytest.mark.parametrize("name", list(VALUES))
def test_equal_rows_when_one_cell_differs_then_the_rows_do(clean: pd.DataFrame, name: str) -> None:
    table = clean.iloc[[1, 1]].reset_index(drop=True)
    table[name] = clean[name].iloc[[1, 2]].to_numpy()

    assert equal_rows(table).tolist() == [0, 1]


def test_equal_rows_when_zeros_differ_by_their_sign_then_are_equal() -> None:
    assert equal_rows(pd.DataFrame({"a": [0.0, -0.0, 1.0]})).tolist() == [0, 0, 1]


def test_equal_rows_when_two_different_rows_share_a_hash_then_are_told_apart(
    clean: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(table: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(table), dtype=np.uint64)

    monkeypatch.setattr("salary_kedro.tables.frames._hashes", same)

    assert equal_rows(clean.iloc[[0, 1, 0, 2]]).tolist() == [0, 1, 0, 2]
