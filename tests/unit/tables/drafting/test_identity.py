"""Columns that tell who somebody is, by name or by number."""

from typing import Any

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.facts import Facts, look
from salary_kedro.tables.drafting.identity import is_identifier, is_personal, is_weight


def fact(header: str, cells: list[Any], repeats: int = 1) -> Facts:
    """What a column of these cells shows."""
    texts = pd.Series([str(cell) for cell in cells] * repeats)
    return look(pd.DataFrame({header: texts}), CsvDialect())[0]


MANAGERS = ["Michael Albert", "Simon Roup", "Amy Dunn", "Brandon R. LeBlanc", "Elijiah Gray"]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("ManagerName", MANAGERS),
        ("Employee Name", ["x", "y"]),
        ("supervisor", MANAGERS),
        ("Reports To", MANAGERS),
        ("q3", MANAGERS),
        ("q3", ["Smith, John", "Brown, Mary A.", "O'Neil, Peter"]),
        ("q3", [f"{name} 1001" for name in MANAGERS]),
        ("worker", [f"Worker {row}" for row in range(20)]),
        ("person", [f"P{row:03}" for row in range(20)]),
        ("Nachname", ["x"]),
        ("SSN", [123456789]),
    ],
)
def test_personal_when_a_column_names_people_then_is_known(header: str, cells: list[str]) -> None:
    assert is_personal(fact(header, cells, 20))


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Company Name", ["Shell", "Ford"]),
        ("supervisor", ["yes", "no"]),
        ("supervisor", [0, 1]),
        ("lead", ["L1", "L2", "L3"]),
        ("staff", range(40)),
        ("room", [f"R{row}" for row in range(20)]),
        ("city", ["Portland, Oregon", "Austin, Texas", "Boston, MA"]),
        ("Job Title", ["Data Scientist", "Sales Manager", "Director, Marketing"]),
        ("Manager level", ["Senior", "Junior"]),
    ],
)
def test_personal_when_texts_name_no_people_then_is_not(header: str, cells: list[Any]) -> None:
    assert not is_personal(fact(header, cells, 20))


@pytest.mark.parametrize(
    "header", ["id", "ID", "EmpID", "employee_id", "nr", "personid", "idcode", "serial", "pid"]
)
@pytest.mark.parametrize("repeats", [1, 8])
def test_identifier_when_numbers_are_of_people_then_is_known_also_repeated(
    header: str, repeats: int
) -> None:
    assert is_identifier(fact(header, [2**53 + row * 7 for row in range(40)], repeats))


@pytest.mark.parametrize("header", ["rownames", "Unnamed: 0", "record id", "No", "company_id"])
def test_identifier_when_each_row_has_its_number_then_is_known(header: str) -> None:
    assert is_identifier(fact(header, [row * row for row in range(40)]))


@pytest.mark.parametrize(
    "header", ["DeptID", "nr_of_rooms", "index", "company_id", "years", "identity", "valid"]
)
def test_identifier_when_numbers_are_few_then_they_number_no_people(header: str) -> None:
    assert not is_identifier(fact(header, [1, 2, 3], 40))


@pytest.mark.parametrize(
    ("header", "cells", "weighs"),
    [
        ("wtssall", [0.5, 1.2], True),
        ("perwt", [118, 403], True),
        ("weight", [1.996, 0.556], True),
        ("fnlwgt", [77516, 83311], True),
        ("Sampling weight", [1, 2], True),
        ("wt", [0.5, 1.2], True),
        ("wgt", [1500.5, 1200], True),
        ("hh_weight", [0.5, 70], True),
        ("pwgt", [80, 120], True),
        ("WTFINL", [1500.5, 1200], True),
        ("svywt", [1, 2], True),
        ("Final weight", [1, 2], True),
        ("wt", [62, 118], False),
        ("weight_kg", [62, 118], False),
        ("weight", [62, 118], False),
        ("weight", ["high", "low"], False),
        ("Body weight", [1, 2], False),
    ],
)
def test_weight_when_a_row_stands_for_people_then_is_known(
    header: str, cells: list[Any], weighs: bool
) -> None:
    assert is_weight(fact(header, cells, 20)) == weighs
