"""Tables in which people stand in several rows, and what is proposed for them."""

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import Category, CsvDialect
from salary_kedro.tables.drafting.categories import EMPLOYERS_OPEN
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.splits import KEPT, KEPT_NAMES, NUMBERED, PERSONAL
from salary_kedro.tables.drafting.text import contract_yaml

RANDOM = np.random.default_rng(7)
PEOPLE, YEARS = 60, 4
PANEL = {
    "personid": np.repeat(RANDOM.permutation(PEOPLE) * 17 + 1000, YEARS),
    "hours": RANDOM.integers(20, 60, PEOPLE * YEARS),
    "salary": RANDOM.normal(50_000, 9_000, PEOPLE * YEARS).round(2),
}


def draft(columns: dict[str, object]) -> Draft:
    texts = pd.DataFrame(columns).map(lambda value: "" if pd.isna(value) else str(value))
    return draft_contract(texts.astype("str"), CsvDialect())


def uses(found: Draft) -> dict[str, str]:
    return {column.column.column: column.column.use for column in found.features}


def test_draft_when_people_stand_in_several_rows_then_splits_by_them_and_says_so() -> None:
    found = draft(PANEL)

    assert uses(found) == {"personid": "split", "hours": "feature"}
    assert found.split_field == "personid"
    assert found.features[0].remarks == (KEPT,)
    assert found.remarks[0] == (
        "'personid' has 60 values in 240 rows, so people, or households, stand in several: the "
        "environment keeps all rows of each on one side (data_engineering.split: {group: "
        "personid}); a random split would make every figure look better than it is."
    )
    assert not any(str(number) in contract_yaml(found, []) for number in PANEL["personid"][:40])


def test_draft_when_there_are_households_too_then_splits_by_the_coarser() -> None:
    households = PANEL["personid"] // 40 + 5

    found = draft({"hhid": households, **PANEL})

    assert uses(found) == {"hhid": "split", "personid": "ignore", "hours": "feature"}


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(range(240), id="each once"),
        pytest.param(np.arange(240) % 19, id="too few to fold"),
        pytest.param([None, *PANEL["personid"][1:]], id="one without"),
        pytest.param([*range(230), *range(10)], id="hardly any twice"),
    ],
)
def test_draft_when_numbers_of_people_do_not_group_the_rows_then_splits_at_random(
    numbers: object,
) -> None:
    found = draft({**PANEL, "personid": list(numbers)})  # type: ignore[call-overload]

    assert uses(found)["personid"] == "ignore"
    assert found.features[0].remarks[0] == NUMBERED
    assert found.split_field is None


def test_draft_when_repeated_numbers_are_not_kept_for_the_split_then_says_how_they_can_be() -> None:
    found = draft({**PANEL, "personid": np.arange(240) % 19})

    assert found.features[0].remarks[1] == (
        "The same number stands in several rows: unless `use: split` here and "
        "data_engineering.split: {group: personid} keep those on one side, the scores are too good."
    )


NAMES = [f"{first} Smith" for first in ("Ann", "Bob", "Cleo")]
WORKERS = np.repeat([f"{NAMES[row % 3]} {1000 + row}" for row in range(PEOPLE)], YEARS)
REST = {key: PANEL[key] for key in ("hours", "salary")}


@pytest.mark.parametrize("header", ["worker", "Employee", "person", "respondent", "Employee Name"])
@pytest.mark.parametrize(
    "texts", [WORKERS, np.repeat([f"P{row:03}" for row in range(PEOPLE)], YEARS)]
)
def test_draft_when_only_names_of_people_repeat_then_splits_by_them_and_shows_none(
    header: str, texts: object
) -> None:
    found = draft({header: texts, **REST})

    assert uses(found) == {header: "split", "hours": "feature"}
    assert found.features[0].remarks == (KEPT_NAMES,)
    assert found.remarks[0].startswith(f"'{header}' has 60 values in 240 rows")
    text = contract_yaml(found, [])
    assert not any(word in text for word in ("Smith", "Ann", "P0"))


@pytest.mark.parametrize("header", ["manager", "First Name", "supervisor", "email address"])
def test_draft_when_names_of_others_or_parts_of_names_repeat_then_splits_at_random(
    header: str,
) -> None:
    found = draft({header: WORKERS, **REST})

    assert found.features[0].remarks == (PERSONAL,)
    assert found.split_field is None


@pytest.mark.parametrize(
    ("header", "split"), [("Pers.-Nr.", None), ("Employee ID", None), ("Nr", "name")]
)
def test_draft_when_each_person_has_a_number_then_equal_names_are_of_different_people(
    header: str, split: str | None
) -> None:
    numbers = 10_000 + RANDOM.permutation(PEOPLE * YEARS) * 7
    names = [f"Anna Meier{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(PEOPLE)] * YEARS
    columns = {"hours": PANEL["hours"], "salary": PANEL["salary"]}

    assert draft({header: numbers, "name": names, **columns}).split_field == split


def test_draft_when_people_have_numbers_and_names_then_splits_by_the_numbers() -> None:
    found = draft({"worker": WORKERS, **PANEL})

    assert uses(found) == {"worker": "ignore", "personid": "split", "hours": "feature"}


def test_draft_when_there_are_several_years_then_names_the_other_split_as_an_option() -> None:
    found = draft({**PANEL, "year": np.tile([2001, 2002, 2003, 2004], PEOPLE)})

    assert found.split_field == "personid"
    assert found.remarks[1] == (
        "'year' has 4 different values: if later ones are what you want to predict, "
        "data_engineering.split: {time: year} holds out the latest."
    )


def test_draft_when_employers_are_numbered_then_learns_from_them_and_names_the_other_split() -> (
    None
):
    found = draft(
        {"firm_id": np.arange(240) % 30 + 100, **{k: PANEL[k] for k in ("hours", "salary")}}
    )

    assert uses(found)["firm_id"] == "feature"
    assert found.remarks[0] == (
        "'firm_id' numbers 30 employers: if the model is for others too, data_engineering.split: "
        "{group: firm_id} tells how well it predicts for employers that it has not met."
    )


@pytest.mark.parametrize("header", ["employer", "Company Name", "firm"])
def test_draft_when_employers_are_named_then_takes_new_ones_and_names_the_other_split(
    header: str,
) -> None:
    found = draft({header: [f"Acme {row % 9} Ltd" for row in range(240)], **REST})

    column = found.features[0].column
    assert isinstance(column, Category)
    assert (column.use, column.listed) == ("feature", None)
    assert found.features[0].remarks == (EMPLOYERS_OPEN,)
    assert found.remarks[0].startswith(f"'{header}' names 9 employers: if the model is for others")


def test_draft_when_a_column_tells_of_employers_without_naming_them_then_lists_its_texts() -> None:
    sizes = np.array(["alpha", "beta", "gamma"])[np.arange(240) % 3]

    column = draft({"company group": sizes, **REST}).features[0].column

    assert isinstance(column, Category)
    assert column.listed == ("alpha", "beta", "gamma")
