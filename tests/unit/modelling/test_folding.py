"""Which rows are trained on and which are held out, by each way to split them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.folding import (
    ByTime,
    Splitting,
    check_split,
    fold_rows,
    split_rows,
)
from salary_kedro.tables.checked import check
from salary_kedro.tables.row_keys import row_keys
from samples import category, column, contract_of, day


def splitting(**changes: Any) -> Splitting:
    return Splitting(**{"train_size": 0.7, "random_state": 234, **changes})


def keys_of(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"key": np.arange(len(rows), dtype=np.uint64)})


def split(rows: pd.DataFrame, **changes: Any) -> tuple[list[int], list[int]]:
    """Places of training and holdout rows, sorted."""
    train, holdout = split_rows(rows, keys_of(rows), "salary", splitting(**changes))
    return sorted(train.tolist()), sorted(holdout.tolist())


def folds_of(rows: pd.DataFrame, folds: int, times: int = 1, **changes: Any) -> list[Any]:
    """Of each fold, the places that are fitted and scored on."""
    found = fold_rows(rows, splitting(**changes), folds=folds, repeats=times, random_state=234)
    return [(fold.fitted.tolist(), fold.scored.tolist()) for fold in found]


PANEL = pd.DataFrame(
    {
        "person": np.repeat([7.0, 3, 9, 1, 5, 8], 4),
        "year": np.tile([2001.0, 2002, 2003, 2004], 6),
        "salary": np.arange(24.0),
    }
)
BY_PERSON, BY_YEAR = {"group": "person"}, {"time": "year"}


# --- By groups ------------------------------------------------------------------------


def test_split_when_by_group_then_each_person_is_on_one_side_and_none_is_lost() -> None:
    train, holdout = split(PANEL, split=BY_PERSON)

    persons = [set(PANEL["person"].iloc[places]) for places in (train, holdout)]
    assert (len(persons[0]), len(persons[1])) == (4, 2)  # 70 % of six
    assert not persons[0] & persons[1]
    assert sorted([*train, *holdout]) == list(range(24))


def test_folds_when_by_group_then_none_is_asked_about_a_person_it_has_seen() -> None:
    found = folds_of(PANEL, 3, 2, split=BY_PERSON)

    persons = PANEL["person"].to_numpy()
    assert len(found) == 6
    assert all(not {*persons[fitted]} & {*persons[scored]} for fitted, scored in found)
    for repeat in (found[:3], found[3:]):
        assert sorted(place for _, scored in repeat for place in scored) == list(range(24))
    assert found[:3] != found[3:]


def test_split_when_there_is_one_group_then_says_so() -> None:
    with pytest.raises(UserError) as caught:
        split(PANEL.assign(person=1.0), split=BY_PERSON)

    assert str(caught.value) == (
        "data_engineering.split.group: 1 different 'person' among the rows cannot be split into "
        "70% to train on and a holdout: split by another field, or bring rows of more groups"
    )


def test_folds_when_there_are_fewer_groups_than_folds_then_says_so() -> None:
    with pytest.raises(UserError) as caught:
        folds_of(PANEL, 7, split=BY_PERSON)

    assert str(caught.value) == (
        "data_science.cross_validation.folds: 7 folds need at least 7 different 'person' among "
        "the training rows, there are 6: lower the folds, or bring more rows"
    )


@pytest.mark.parametrize("way", [BY_PERSON, BY_YEAR])
def test_split_when_rows_lack_what_they_are_split_by_then_counts_them(way: dict[str, str]) -> None:
    (key, field), *_ = way.items()
    gaps = PANEL.assign(**{field: PANEL[field].where(PANEL["salary"] > 1)})

    with pytest.raises(UserError) as caught:
        split(gaps, split=way)

    assert str(caught.value) == (
        f"data_engineering.split.{key}: 2 of 24 rows have no '{field}', so that no side is "
        f"theirs: give the column `required: true` in contract.yml, which rejects them, or "
        f"choose another split"
    )


# --- By time ----------------------------------------------------------------------------


def test_split_when_by_time_then_holds_out_the_latest_and_equal_times_are_on_one_side() -> None:
    train, holdout = split(PANEL, split=BY_YEAR)

    # 70 % is nearer to three of four years than to two.
    assert {*PANEL["year"].iloc[train]} == {2001, 2002, 2003}
    assert {*PANEL["year"].iloc[holdout]} == {2004}


def test_folds_when_by_time_then_each_is_fitted_on_the_past_alone() -> None:
    found = folds_of(PANEL, 3, 5, split=BY_YEAR)

    years = PANEL["year"].to_numpy()
    seen = [({*years[fitted]}, {*years[scored]}) for fitted, scored in found]
    assert seen == [
        ({2001}, {2002}),
        ({2001, 2002}, {2003}),
        ({2001, 2002, 2003}, {2004}),
    ]


def test_split_when_all_rows_are_of_one_time_then_says_so() -> None:
    with pytest.raises(UserError, match="all 24 rows have the same 'year', so that none is later"):
        split(PANEL.assign(year=2001.0), split=BY_YEAR)


def test_split_when_the_nearest_time_is_far_from_the_share_then_is_refused() -> None:
    rows = PANEL.iloc[:20].assign(year=[2001.0] * 2 + [2002] * 18)

    with pytest.raises(UserError) as caught:
        split(rows, split=BY_YEAR)

    assert str(caught.value) == (
        "data_engineering.split.time: of all cuts between two times, the one by 'year' that is "
        "nearest to 70% leaves 10% of the 20 rows to train on: set data_engineering.train_size "
        "nearer to that, or choose another split"
    )
    assert split(rows, split=BY_YEAR, train_size=0.1)[0] == [0, 1]


def test_folds_when_there_are_few_times_then_are_as_many_as_these_allow() -> None:
    assert folds_of(PANEL, 9, split=BY_YEAR) == folds_of(PANEL, 3, split=BY_YEAR)


def test_folds_when_there_are_too_few_times_then_says_so() -> None:
    with pytest.raises(UserError) as caught:
        folds_of(PANEL[PANEL["year"] < 2003].reset_index(drop=True), 4, split=BY_YEAR)

    assert str(caught.value) == (
        "data_science.cross_validation.folds: 2 folds need at least 3 different 'year' among the "
        "training rows, there are 2: split by another field, or bring more rows"
    )


# --- At random ----------------------------------------------------------------------------


def test_split_when_there_are_strata_then_each_fifth_of_the_salaries_is_divided_alike() -> None:
    rows = pd.DataFrame({"salary": np.random.default_rng(1).permutation(50).astype(float)})

    train, _ = split(rows, strata=5)

    fifths = (rows["salary"].iloc[train] // 10).value_counts()
    assert fifths.tolist() == [7, 7, 7, 7, 7]


def test_split_when_a_stratum_would_have_less_than_two_rows_then_is_refused() -> None:
    with pytest.raises(UserError, match=r"24 rows cannot be split .* each of 13 strata"):
        split(PANEL, strata=13)
    with pytest.raises(ValidationError, match="less than or equal to 1000"):
        splitting(strata=1_001)


def test_folds_when_equal_rows_stay_together_then_none_is_asked_for_what_was_learned() -> None:
    rows = pd.DataFrame({"years": [1.0, 1, 2, 2], "salary": [0.0, 0, 6, 6]})

    found = folds_of(rows, 2, repeats="together")

    assert sorted(found) == [([0, 1], [2, 3]), ([2, 3], [0, 1])]


def test_folds_when_no_row_repeats_then_are_the_same_whether_equal_ones_stay_together() -> None:
    rows = pd.DataFrame({"salary": [0.0, 3, 9, 4, 8, 11]})

    assert folds_of(rows, 3, repeats="together") == folds_of(rows, 3)


@pytest.mark.parametrize(("repeats", "noun"), [("apart", ""), ("together", "different ")])
def test_folds_when_rows_are_fewer_then_says_so(repeats: str, noun: str) -> None:
    with pytest.raises(UserError) as caught:
        folds_of(pd.DataFrame({"salary": [0.0, 3, 9]}), 4, repeats=repeats)

    assert str(caught.value) == (
        f"data_science.cross_validation.folds: 4 folds need at least 4 {noun}training rows, "
        f"there are 3: lower the folds, or bring more rows"
    )


# --- So that each row keeps its side ------------------------------------------------------


def sides(raw: pd.DataFrame, contract: Contract) -> dict[str, bool]:
    """Whether each row is trained on, by its id."""
    checked = check(raw, contract)
    keys = row_keys(checked.raw, checked.valid, contract)
    train, holdout = split_rows(checked.valid, keys, "salary", splitting(split="stable"))
    ids = checked.raw.loc[checked.valid.index, "Id"]
    return {**dict.fromkeys(ids.iloc[train], True), **dict.fromkeys(ids.iloc[holdout], False)}


def people(total: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "Id": [f"p{number}" for number in range(total)],
            "Age": rng.integers(18, 70, total).astype(float),
            "City": rng.choice(["Oslo", "Rome"], total),
            "Salary": rng.normal(50_000, 9_000, total),
        }
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(40, 80), st.integers(1, 80), st.booleans())
def test_split_when_stable_and_the_table_changes_then_no_row_changes_sides(
    seed: int, before: int, more: int, by_key: bool
) -> None:
    rules = {"primary_key": ["Id"]} if by_key else {}
    contract = contract_of(column("age"), category("city", ["Oslo", "Rome"]), table=rules)
    grown = people(before + more, seed)
    shuffled = grown.sample(frac=1, random_state=seed % 1000).assign(Note="new")

    first = sides(grown.head(before), contract)
    later = sides(shuffled[["Note", "Salary", "City", "Id", "Age"]], contract)

    assert len(later) == before + more
    assert {key: later[key] for key in first} == first


def test_split_when_stable_then_trains_on_about_the_share() -> None:
    contract = contract_of(column("age"), category("city", ["Oslo", "Rome"]))

    # 4,000 rows: the standard deviation of the share is 0.7 %.
    assert 0.67 < np.mean([*sides(people(4000, 5), contract).values()]) < 0.73


def test_split_when_stable_and_the_seed_differs_then_draws_other_rows() -> None:
    rows = pd.DataFrame({"salary": np.arange(60.0)})

    assert split(rows, split="stable") != split(rows, split="stable", random_state=1)


# --- What is asked for -----------------------------------------------------------------


@pytest.mark.parametrize(
    "way", ["rows", None, 3, {}, {"group": ""}, {"person": "x"}, {"group": "a", "time": "b"}]
)
def test_splitting_when_the_split_is_unknown_then_says_what_there_is(way: object) -> None:
    with pytest.raises(ValidationError, match="must be random, stable, "):
        splitting(split=way)


def test_splitting_when_one_of_two_fields_is_null_then_the_other_counts() -> None:
    found = splitting(split={"group": None, "time": "year"})

    assert found.split == ByTime(time="year")


def test_splitting_when_strata_are_asked_of_another_split_then_is_refused() -> None:
    with pytest.raises(ValidationError, match="only a random split has them"):
        splitting(split="stable", strata=5)


@pytest.mark.parametrize(
    ("way", "text"),
    [
        (
            {"group": "nr"},
            (
                "data_engineering.split.group: 'nr' is no field that the contract reads; it may be "
                "one of age, city, hired, or a column that contract.yml gives `use: split`"
            ),
        ),
        (
            {"time": "city"},
            (
                "data_engineering.split.time: 'city' is a category, which has no time: name a "
                "field of dates or numbers"
            ),
        ),
    ],
)
def test_check_split_when_the_field_is_not_fit_then_says_why(
    way: dict[str, str], text: str
) -> None:
    contract = contract_of(column("age"), category("city", ["Oslo"]), day("hired", use="split"))

    with pytest.raises(UserError) as caught:
        check_split(splitting(split=way), contract)

    assert str(caught.value) == text


@pytest.mark.parametrize("way", ["random", "stable", {"group": "city"}, {"time": "hired"}])
def test_check_split_when_the_field_is_there_then_takes_it(way: Any) -> None:
    contract = contract_of(column("age"), category("city", ["Oslo"]), day("hired", use="split"))

    check_split(splitting(split=way), contract)


@pytest.mark.parametrize(
    ("field", "what"), [("salary", "the target, what the model predicts"), ("wt", "the weight")]
)
def test_check_split_when_the_field_is_target_or_weight_then_says_so_and_names_neither(
    field: str, what: str
) -> None:
    weight = column("wt", use="weight", exclusive_minimum=0)

    with pytest.raises(UserError) as caught:
        check_split(splitting(split={"group": field}), contract_of(column("age"), weight))

    assert str(caught.value) == (
        f"data_engineering.split.group: '{field}' is {what}; it may be one of age, or a column "
        f"that contract.yml gives `use: split`"
    )


@pytest.mark.parametrize(
    ("persons", "way_out"),
    [
        (1, "split by another field, or bring more rows"),
        (4, "split by another field, or lower the folds, or bring more rows"),
        (6, "lower the folds, or bring more rows"),
    ],
)
def test_fold_when_there_are_few_groups_then_says_to_choose_another_field(
    persons: int, way_out: str
) -> None:
    rows = pd.DataFrame({"person": [row % persons for row in range(24)]})
    by_person = splitting(split={"group": "person"})

    with pytest.raises(UserError, match=f"there are {persons}: {way_out}$"):
        list(fold_rows(rows, by_person, folds=7, repeats=1, random_state=1))
