"""Columns of yes and no, in many languages and however they are written."""

from typing import Any

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.booleans import Found, as_boolean
from salary_kedro.tables.drafting.facts import look


def boolean(cells: list[Any]) -> Found | None:
    """What a column of these cells is proposed as."""
    texts = pd.DataFrame({"Remote": [str(cell) for cell in cells]})
    return as_boolean(look(texts, CsvDialect())[0])


@pytest.mark.parametrize(
    "cells",
    """
    yes/no Y/N true/false T/F 1/0 on/off ja/nein Ja/Nee ja/nej ja/nei oui/non si/no sí/no sim/não
    да/нет Да/Нет так/ні tak/nie ano/ne da/nu igen/nem evet/hayır kyllä/ei ναι/όχι 是/否 はい/いいえ
    예/아니오 VERDADERO/FALSO vrai/faux wahr/falsch S/N J/N
    """.split(),  # noqa: SIM905 - a list of them would take a page
)
def test_boolean_when_cells_say_yes_and_no_in_a_language_then_is_found(cells: str) -> None:
    yes, no = cells.split("/")

    found = boolean([yes, no, yes])

    assert found is not None
    assert (found[0].true_values, found[0].false_values, found[1]) == ((yes,), (no,), ())
    assert found[0].example is True


def test_boolean_when_spellings_are_mixed_then_all_are_kept() -> None:
    found = boolean(["Y", "yes", "1", "TRUE", "true", "x", "no", "No", "0", "false"])

    assert found is not None
    assert found[0].true_values == ("1", "TRUE", "Y", "true", "x", "yes")
    assert found[0].false_values == ("0", "No", "false", "no")


@pytest.mark.parametrize("cells", [["1.0", "0.0", ""], ["1", "", "0", "0"]])
def test_boolean_when_zeros_and_ones_have_gaps_then_it_is_no_number(cells: list[str]) -> None:
    found = boolean(cells)

    assert found is not None
    assert (found[0].required, found[0].missing) == (False, "indicate")


def test_boolean_when_yes_or_nothing_is_written_then_warns_that_nothing_is_no_answer() -> None:
    found = boolean(["x", "", "x", ""])

    assert found is not None
    assert (found[0].true_values, found[0].required, found[0].missing) == (
        ("x",),
        False,
        "indicate",
    )
    assert found[1] == (
        "'x' or nothing stands in its cells: nothing is read as no value, not as no.",
    )


def test_boolean_when_few_cells_are_odd_then_keeps_the_kind_and_tells_their_lines() -> None:
    found = boolean(["yes", "no"] * 24 + ["perhaps", "yes"])

    assert found is not None
    assert found[0].true_values == ("yes",)
    assert found[1] == (
        (
            "1 of 50 cells is not a boolean, and its row is rejected: of the shape 'aaaaaaa' (1), "
            "line 50."
        ),
    )


def test_boolean_when_few_twos_stand_among_zeros_and_ones_then_they_are_numbers() -> None:
    assert boolean(["0", "1"] * 40 + ["2", "3"]) is None


@pytest.mark.parametrize(
    "cells",
    [["1", "2"], ["yes", "1"], ["a", "n"], ["yes", "no", "maybe"], ["x", "y"], ["no", "nem"], [""]],
)
def test_boolean_when_cells_say_something_else_then_there_is_none(cells: list[str]) -> None:
    assert boolean(cells) is None
