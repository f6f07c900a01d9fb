"""What the columns of a table are proposed for, beside its salary."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.features import (
    MAYBE_WEIGHT,
    NO_WEIGHT,
    OTHER_WEIGHTS,
    PERSONAL,
    WEIGHT,
    kept,
)
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.splits import KEPT
from salary_kedro.tables.drafting.text import contract_yaml
from salary_kedro.tables.drafting.twins import PAID

ROWS = 400
RANDOM = np.random.default_rng(3)
SALARY = np.round(np.exp(RANDOM.normal(11, 0.4, ROWS)))
MANAGERS = ["Michael Albert", "Amy Dunn", "Brandon R. LeBlanc", "Simon Roup"]


def draft(columns: dict[str, Any]) -> Draft:
    """Draft a contract from a table of these columns."""
    return draft_contract(pd.DataFrame(columns).astype("str"), CsvDialect())


def uses(found: Draft) -> dict[str, str]:
    """What each column is proposed for."""
    return {column.column.column: column.column.use for column in found.features}


def test_propose_when_a_table_tells_of_people_then_none_of_it_is_learned_from() -> None:
    female = RANDOM.integers(0, 2, ROWS)
    found = draft(
        {
            "EmpID": np.repeat(np.arange(ROWS // 2) + 2**53, 2),
            "ManagerName": RANDOM.choice(MANAGERS, ROWS),
            "female": female,
            "y85fem": female * RANDOM.integers(0, 2, ROWS),
            "RaceDesc": RANDOM.choice(["White", "Black or African American", "Asian"], ROWS),
            "Age": RANDOM.integers(20, 60, ROWS),
            "GENHLTH": RANDOM.choice(["good", "poor"], ROWS),
            "Salary": SALARY,
        }
    )

    assert uses(found) == {
        "EmpID": "split",
        "ManagerName": "ignore",
        "female": "audit",
        "y85fem": "audit",
        "RaceDesc": "audit",
        "Age": "audit",
        "GENHLTH": "feature",
    }
    remarks = {column.column.name: column.remarks for column in found.features}
    assert remarks["emp_id"] == (KEPT,)
    assert remarks["manager_name"] == (PERSONAL,)
    assert remarks["age"][0] == kept("age")
    text = contract_yaml(found, ["Drafted."])
    assert not any(name in text for name in ("Albert", "Amy", "9007199254740"))


def test_propose_when_a_product_of_a_sensitive_column_is_there_then_is_no_feature() -> None:
    female, married = RANDOM.integers(0, 2, (2, ROWS))
    year = RANDOM.integers(0, 2, ROWS)
    found = draft(
        {"female": female, "y85": year, "y85f": female * year, "kids": married, "Salary": SALARY}
    )

    assert uses(found) == {"female": "audit", "y85": "feature", "y85f": "audit", "kids": "feature"}
    assert found.features[2].remarks == ("It says the same as 'female', or is made from it.",)


def test_propose_when_salaries_of_many_currencies_stand_beside_then_are_no_feature() -> None:
    rates = RANDOM.choice([1, 0.012, 1.1, 0.19], ROWS)
    found = draft(
        {
            "experience_level": RANDOM.choice(["EN", "MI", "SE", "EX"], ROWS),
            "salary": np.round(SALARY / rates),
            "remote_ratio": RANDOM.choice([0, 50, 100], ROWS),
            "salary_in_usd": SALARY,
        }
    )

    other = ({"salary", "salary_in_usd"} - {found.target.column.column}).pop()
    assert uses(found)[other] == "ignore"
    assert {name for name, use in uses(found).items() if use == "feature"} == {
        "experience_level",
        "remote_ratio",
    }
    assert PAID in next(each for each in found.features if each.column.column == other).remarks


def test_propose_when_nothing_else_is_left_then_age_is_used_with_a_loud_remark() -> None:
    found = draft(
        {
            "Sex": RANDOM.choice(["m", "f"], ROWS),
            "Age": RANDOM.integers(20, 60, ROWS),
            "Salary": SALARY,
        }
    )

    assert uses(found) == {"Sex": "audit", "Age": "feature"}
    assert found.features[1].remarks[-1].startswith("Used anyway")


def test_propose_when_one_column_of_dates_tells_the_order_then_the_others_follow() -> None:
    found = draft(
        {
            "Hired": ["01/02/2020", "03/04/2021"] * (ROWS // 2),
            "Reviewed": ["12/31/2020", "01/02/2021"] * (ROWS // 2),
            "Salary": SALARY,
        }
    )

    assert [column.keys["format"] for column in found.features] == ["%m/%d/%Y", "%m/%d/%Y"]


def test_propose_when_a_row_stands_for_people_then_that_is_its_weight() -> None:
    found = draft(
        {
            "educ": RANDOM.integers(8, 20, ROWS),
            "perwt": RANDOM.uniform(300, 3000, ROWS).round(2),
            "Salary": SALARY,
        }
    )

    assert uses(found) == {"educ": "feature", "perwt": "weight"}
    assert found.features[1].keys["exclusive_minimum"] == 0
    assert {"minimum", "maximum"}.isdisjoint(found.features[1].keys)
    assert found.features[1].remarks == (WEIGHT,)
    assert 'use: "weight"' in contract_yaml(found, [])


@pytest.mark.parametrize("bad", [0, -1, ""])
def test_propose_when_some_rows_have_no_weight_then_it_is_left_out_and_said_why(bad: Any) -> None:
    weights = [bad, *RANDOM.uniform(300, 3000, ROWS - 1).round(2)]
    found = draft({"educ": RANDOM.integers(8, 20, ROWS), "perwt": weights, "Salary": SALARY})

    assert uses(found) == {"educ": "feature", "perwt": "ignore"}
    assert found.features[1].remarks == (WEIGHT, NO_WEIGHT)


def test_propose_when_a_weight_may_be_that_of_a_body_then_asks() -> None:
    found = draft({"wt": RANDOM.integers(50, 120, ROWS), "Salary": SALARY}).features[0]

    assert (found.column.use, found.remarks[0]) == ("feature", MAYBE_WEIGHT)


def test_propose_when_several_columns_are_weights_then_a_person_has_to_choose() -> None:
    weights = RANDOM.uniform(300, 3000, (2, ROWS)).round(2)
    found = draft(
        {
            "educ": RANDOM.integers(8, 20, ROWS),
            "perwt": weights[0],
            "earnwt": weights[1],
            "Salary": SALARY,
        }
    )

    assert uses(found) == {"educ": "feature", "perwt": "ignore", "earnwt": "ignore"}
    assert found.features[1].remarks == (OTHER_WEIGHTS, WEIGHT)


MARKED = "'.' is read as the decimal mark, though it could be either: see `csv`."


@pytest.mark.parametrize(
    ("cells", "remarks"),
    [
        (["2.902", "431", "17.250"], (MARKED,)),
        (["2.902", "8.431"], (MARKED,)),
        (["2.902", "4310"], ()),
        (["2.902", "4.31"], ()),
        (["0.902", "2.431"], ()),
        (["2", "431"], ()),
    ],
)
def test_features_when_a_point_may_group_thousands_then_says_so(
    cells: list[str], remarks: tuple[str, ...]
) -> None:
    found = draft({"revenue": (cells * ROWS)[:ROWS], "Salary": SALARY.astype(int)})

    assert found.features[0].keys["column"] == "revenue"
    assert found.features[0].remarks == remarks


@pytest.mark.parametrize(
    ("header", "cells", "is_mixed"),
    [
        ("fte", ["1", "1", "0.8", "0.5", "100", "100", "50"], True),
        ("Beschäftigungsgrad (%)", ["1", "1", "0.8", "100", "100", "60"], True),
        ("part_time", ["1", "1", "0.8", "100", "100", "60"], True),
        ("score", ["1", "1", "0.8", "0.5", "100", "100", "50"], False),
        ("fte", ["1", "1", "0.8", "0.5"], False),
        ("fte", ["100", "100", "80", "50"], False),
        ("raise_pct", ["1", "1", "2", "3", "3"], False),
        ("fte", [*["1", "0.5"] * 20, "100"], False),
    ],
)
def test_features_when_shares_and_percentages_seem_mixed_then_asks(
    header: str, cells: list[str], *, is_mixed: bool
) -> None:
    found = draft({header: (cells * ROWS)[:ROWS], "Salary": SALARY.astype(int)})

    assert any("seems to mix shares" in text for text in found.features[0].remarks) is is_mixed


def test_features_when_years_and_months_are_mixed_then_are_no_numbers_and_says_so() -> None:
    cells = (["2022", "2009", "04.2005", "11.2022"] * ROWS)[:ROWS]
    found = draft({"Eintritt": cells, "Salary": SALARY.astype(int)}).features[0]

    assert found.keys["kind"] == "category"
    assert found.remarks[0] == (
        "It mixes years (200 rows) and months with their year, such as 04.2005 (200 rows), so it "
        "is read as texts: write all of them in one way, and draft again."
    )


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["04.2005", "11.2022", "1.1999"], "date"),
        (["2022", "2009"], "integer"),
        (["2022.5", "4.2005", "2009"], "number"),
        (["13.2005", "11.2022", "2009"], "number"),
    ],
)
def test_features_when_numbers_may_be_months_or_years_then_are_what_all_of_them_are(
    cells: list[str], kind: str
) -> None:
    found = draft({"Start": (cells * ROWS)[:ROWS], "Salary": SALARY.astype(int)}).features[0]

    assert found.keys["kind"] == kind
