"""How texts and numbers of tables are understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from salary_kedro.contract import CsvDialect
from salary_kedro.contract.spelling import NumberReader, Written, fold, tidy

DOLLARS = Written(affixes=("$", "USD"), factors={"k": 1000, "/h": 2080})


def read(text: str, written: Written | None = None, **marks: str) -> float | None:
    return NumberReader(CsvDialect(**marks, delimiter="|"), written).read(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("41000", 41000),
        (" -5.5 ", -5.5),
        ("\u22125", -5),
        ("1e3", 1000),
        (".5", 0.5),
        ("0042", 42),
        ("5\u00a0", 5),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("1e400", None),
        ("1_000", None),
        ("0x10", None),
        ("$5", None),
        ("1,000", None),
        ("(500)", None),
        ("40-50", None),
        ("--5", None),
        ("٤", None),
    ],
)
def test_read_when_a_text_is_plain_then_takes_what_is_wholly_a_number(
    text: str, number: float | None
) -> None:
    assert read(text) == number


@pytest.mark.parametrize(
    ("text", "marks", "number"),
    [
        ("41,000", {"thousands": ","}, 41000),
        ("1,234,567.5", {"thousands": ","}, 1234567.5),
        ("12,34,567", {"thousands": ","}, 1234567),
        ("1,2", {"thousands": ","}, None),
        ("41,00", {"thousands": ","}, None),
        ("3.200,50", {"thousands": ".", "decimal": ","}, 3200.5),
        ("3.5", {"thousands": "\u00a0", "decimal": ","}, None),
        ("41\u00a0000", {"thousands": "\u00a0"}, 41000),
        ("41\u202f000", {"thousands": "\u00a0"}, 41000),
        ("41 000", {"thousands": " "}, 41000),
        ("41\u2019000", {"thousands": "'"}, 41000),
        ("41'000", {"thousands": "\u2019"}, 41000),
    ],
)
def test_read_when_thousands_are_grouped_then_only_as_whole_groups(
    text: str, marks: dict[str, str], number: float | None
) -> None:
    assert read(text, **marks) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$40000", 40000),
        ("$ 40000", 40000),
        ("-$5", -5),
        ("$-5", -5),
        ("41000 usd", 41000),
        ("USD 41000", 41000),
        ("41K", 41000),
        ("$20/h", 41600),
        ("$0.02k/h", 41600),
        ("5kk", None),
        ("$", None),
        ("k", None),
        ("41 m", None),
        ("$40000 each", None),
    ],
)
def test_read_when_pieces_are_known_then_drops_or_multiplies_by_them(
    text: str, number: float | None
) -> None:
    assert read(text, DOLLARS) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("40-50k", 45000),
        ("40k-50k", 45000),
        ("40000 \u2013 50000", 45000),
        ("$40 to $50", 45),
        ("50-40", None),
        ("40-", None),
        ("-5", -5),
        ("-5 - 5", 0),
    ],
)
def test_read_when_ranges_are_allowed_then_takes_the_middle(
    text: str, number: float | None
) -> None:
    assert read(text, DOLLARS.model_copy(update={"ranges": "midpoint"})) == number


def test_read_when_parentheses_are_negative_then_reads_them_so() -> None:
    written = Written(parentheses="negative", affixes=("$",))

    assert [read(text, written) for text in ("(500)", "($5)", "(-5)", "()")] == [
        -500,
        -5,
        None,
        None,
    ]


def test_read_when_whole_cells_are_listed_then_knows_them_whatever_their_case() -> None:
    written = Written(values={"Less than 1": 0.5, "25+": 25})

    assert [read(text, written) for text in ("less than 1 ", "25+", "26+")] == [0.5, 25, None]


@pytest.mark.parametrize("piece", ["1", "k2", "-", ".", ","])
def test_written_when_an_affix_could_be_part_of_a_number_then_is_refused(piece: str) -> None:
    with pytest.raises(ValidationError, match="cannot stand beside a number"):
        Written(affixes=(piece,))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_read_when_python_has_written_a_number_then_gives_it_back(number: float) -> None:
    assert read(repr(number)) == number


def test_tidy_when_spaces_are_of_any_kind_then_plain_ones_stay_within() -> None:
    texts = [" a ", "a\u00a0b", "\ufeffa\u200b", "a\tb\n", "a  b", "\u3000年収\u3000"]

    assert [tidy(text) for text in texts] == ["a", "a b", "a", "a\tb", "a  b", "年収"]


def test_fold_when_case_dashes_or_spaces_differ_then_is_the_same() -> None:
    texts = [
        "Full-Time",
        "full time",
        "FULL_TIME",
        "Full\u2013time ",
        "full  time",
        "ＦＵＬＬ time",
    ]

    assert {fold(text) for text in texts} == {"full time"}
