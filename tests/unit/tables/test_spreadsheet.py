"""Texts that a spreadsheet would run are made harmless, and come back as they were."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salary_kedro.contract.formulas import plain_text, safe_text
from salary_kedro.tables.spreadsheet import make_safe, plain_frame, restore, safe_frame

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
#: Texts made mostly of what matters here.
TEXTS = st.text(st.sampled_from("'=+-@\t\r＝＋－＠1.,e%a\n")) | st.text()


def arrow(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


@pytest.mark.parametrize("sign", DANGEROUS)
def test_safe_text_when_it_would_be_a_formula_then_begins_with_a_quote(sign: str) -> None:
    assert safe_text(f"{sign}cmd|' /C calc'!A0") == f"'{sign}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["-5", "+5", "-5.50", "-1,5", "-1.234,5", "-.5", "-1e-3", "-5%"])
def test_safe_text_when_it_is_a_number_then_stays_one(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize("text", ["", "a=b", "5-3", "O'Neil", "'quoted'", " =1", "ä@b"])
def test_safe_text_when_it_is_harmless_then_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize("text", ["-1+2", "+1-1", "--1", "-1e", "-", "+49 30 1234", "-1\n"])
def test_safe_text_when_it_only_begins_as_a_number_then_is_made_harmless(text: str) -> None:
    assert safe_text(text) == f"'{text}"


@given(TEXTS)
@example("'-5")
@example("''=1")
def test_plain_text_when_a_text_was_made_safe_then_gives_it_back(text: str) -> None:
    assert plain_text(safe_text(text)) == text
    assert not safe_text(text).startswith(DANGEROUS) or safe_text(text) == text


@given(st.lists(TEXTS))
def test_make_safe_when_given_columns_then_treats_each_text_as_alone(texts: list[str]) -> None:
    safe = make_safe(arrow(texts))

    assert safe.to_pylist() == [safe_text(text) for text in texts]
    assert restore(safe).to_pylist() == texts


def test_safe_frame_when_it_has_every_kind_then_changes_texts_and_headers_alone() -> None:
    frame = pd.DataFrame(
        {
            "=a": ["=1", None],
            "number": [-1.5, 2.0],
            "level": pd.Categorical(["-x", "y"]),
            "mixed": pd.Series([-3, "@b"], dtype=object),
            "day": pd.to_datetime(["2020-01-01", None]),
        }
    )

    safe = safe_frame(frame)

    assert safe.columns.tolist() == ["'=a", "number", "level", "mixed", "day"]
    assert safe["'=a"].tolist()[0] == "'=1"
    assert safe["level"].tolist() == ["'-x", "y"]
    assert safe["mixed"].tolist() == [-3, "'@b"]
    pd.testing.assert_frame_equal(safe[["number", "day"]], frame[["number", "day"]])
    assert plain_frame(safe)["=a"].tolist()[0] == "=1"
    assert frame.columns.tolist()[0] == "=a"
