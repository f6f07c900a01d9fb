"""Scores by group and unexplained gaps, against values worked out by hand."""

import itertools
import math
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import ColumnScores, GroupReport
from salary_kedro.contract import Contract
from salary_kedro.modelling import groups
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target, predict_out_of_fold
from salary_kedro.modelling.folding import Splitting, fold_rows
from salary_kedro.modelling.groups import (
    UnseenRows,
    group_table,
    score_groups,
    unseen_rows,
    withhold,
)
from samples import category, column, contract_of

SPLIT = Splitting(train_size=0.7, random_state=234)
SEX = category("sex", ["Female", "Male"], use="audit", required=False)


def audited(*audits: dict[str, Any]) -> Contract:
    return contract_of(column("age"), *audits)


def unseen(
    residuals: Any,
    inputs: Any = None,
    weights: Any = None,
    linear: bool = True,
    units: Any = None,
    **audits: Any,
) -> UnseenRows:
    """Rows of a salary around 100, which is predicted of all."""
    found = np.asarray(residuals, dtype=float)
    return UnseenRows(
        rows=pd.DataFrame(audits),
        inputs=np.arange(len(found))[:, None] * 1.0 if inputs is None else inputs,
        actual=100 + found,
        predicted=np.full(len(found), 100.0),
        weights=np.ones(len(found)) if weights is None else weights / np.mean(weights),
        linear=linear,
        units=np.arange(len(found)) if units is None else np.asarray(units),
    )


def scored(rows: UnseenRows, contract: Contract, min_rows: int = 5) -> ColumnScores:
    return score_groups(rows, contract, Calibration(), min_rows).columns[0]


def texts(*values: str | None) -> pd.Series:
    return pd.Series(pd.Categorical(pd.Series(values, dtype="str")))


# --- Scores ------------------------------------------------------------------------------


def test_score_groups_when_errors_are_known_then_are_what_the_formulas_give() -> None:
    rows = unseen(
        [1, 3, -1, -3, 5, -10, -10, -10, -10, -10, -10], sex=texts(*["Female"] * 5, *["Male"] * 6)
    )

    found = scored(rows, audited(SEX))

    female, male = found.groups
    assert (found.column, found.reference, found.withheld) == ("sex", "Male", 0)
    assert (female.group, female.rows, female.mean_residual) == ("Female", 5, 1.0)
    assert (female.rmse, female.mae) == pytest.approx((3.0, 2.6))
    assert (male.low, male.mean_residual, male.high) == pytest.approx((-10, -10, -10))
    assert (male.gap, male.told, male.coverage) == (None, None, None)


def test_score_groups_when_a_mean_is_of_few_rows_then_its_interval_is_about_students() -> None:
    errors = [1.0, 3, -1, -3, 5]
    rows = unseen(errors + [0.0] * 6, sex=texts(*["Female"] * 5, *["Male"] * 6))

    female = scored(rows, audited(SEX)).groups[0]

    half = 2.776 * np.std(errors, ddof=1) / math.sqrt(5)  # Student's quantile of 4 degrees
    assert female.high - female.mean_residual == pytest.approx(half, rel=0.06)
    assert female.mean_residual - female.low == pytest.approx(half, rel=0.06)


def test_score_groups_when_rows_have_weights_then_scores_are_of_the_people() -> None:
    rows = unseen(
        [1.0] * 5 + [3.0] * 5 + [0.0] * 11,
        weights=np.array([1.0] * 5 + [3.0] * 5 + [2.0] * 11),
        sex=texts(*["Female"] * 10, *["Male"] * 11),
    )

    female = scored(rows, audited(SEX)).groups[0]

    assert female.mean_residual == pytest.approx((1 + 9) / 4)
    assert female.rmse == pytest.approx(math.sqrt((1 + 27) / 4))
    assert female.rows == 10


def test_score_groups_when_there_are_intervals_then_tells_the_share_of_rows_within() -> None:
    rows = unseen([1.0] * 4 + [99.0] + [0.0] * 6, sex=texts(*["Female"] * 5, *["Male"] * 6))
    calibration = Calibration(
        knots=(100.0,), shifts=(0.0,), spreads=(1.0,), levels=(0.9,), widths=(10.0,)
    )

    found = score_groups(rows, audited(SEX), calibration, 5).columns[0]

    assert [group.coverage for group in found.groups] == [0.8, 1.0]


def test_score_groups_when_values_are_missing_then_they_are_a_group() -> None:
    found = scored(unseen([0.0] * 12, sex=texts(*["Female"] * 5, *[None] * 7)), audited(SEX))

    assert [group.group for group in found.groups] == ["Female", "not stated"]
    assert found.reference == "Female"  # though fewer


def test_score_groups_when_truth_is_audited_then_its_groups_are_called_true_and_false() -> None:
    flag = column("remote", kind="boolean", unit="", example=True, use="audit")
    rows = unseen([0.0] * 10, remote=pd.array([True] * 5 + [False] * 5, dtype="boolean"))

    assert [group.group for group in scored(rows, audited(flag)).groups] == ["false", "true"]


@pytest.mark.parametrize("kind", ["number", "date"])
def test_score_groups_when_an_order_is_audited_then_its_groups_are_quarters(kind: str) -> None:
    example = "2020-01-01" if kind == "date" else 1
    born = column("born", kind=kind, unit="", example=example, use="audit")
    days = pd.Series(pd.date_range("1970-01-01", periods=20)).astype("datetime64[ms]")
    rows = unseen([0.0] * 20, born=days if kind == "date" else np.arange(20.0))

    assert [(group.group, group.rows) for group in scored(rows, audited(born)).groups] == [
        ("lowest quarter", 5),
        ("second quarter", 5),
        ("third quarter", 5),
        ("highest quarter", 5),
    ]


def test_score_groups_when_nothing_is_audited_then_has_no_columns() -> None:
    assert score_groups(unseen([0.0] * 10), audited(), Calibration(), 5).columns == ()


def test_score_groups_when_called_then_leaves_the_rows_as_they_were() -> None:
    rows = unseen([1.0] * 10, sex=texts(*["Female"] * 5, *["Male"] * 5))
    before = rows.rows.copy(deep=True)

    scored(rows, audited(SEX))

    pd.testing.assert_frame_equal(rows.rows, before)


# --- Gaps --------------------------------------------------------------------------------


def people(rows: int, told: float, linear: bool) -> tuple[UnseenRows, UnseenRows]:
    """Women paid 10 less than men with the same input, which tells of the sex or not."""
    rng = np.random.default_rng(234)
    female = rng.random(rows) < 0.4
    years = rng.uniform(0, 30, rows) * (1 - told * female)
    salary = 50 + years - 10 * female + rng.normal(0, 3, rows)
    fitted = LinearRegression().fit(years[:, None], salary)
    found = unseen(
        salary - fitted.predict(years[:, None]),
        inputs=years[:, None],
        linear=linear,
        sex=texts(*np.where(female, "Female", "Male")),
    )
    naive = found.residuals[female].mean() - found.residuals[~female].mean()
    return found, naive


@pytest.mark.parametrize("linear", [True, False])
def test_gap_when_inputs_tell_nothing_of_the_group_then_is_the_difference_of_means(
    linear: bool,
) -> None:
    rows, naive = people(1000, 0.0, linear)

    female, male = scored(rows, audited(SEX)).groups

    assert female.gap == pytest.approx(naive, rel=0.05)
    assert female.gap == pytest.approx(-10, abs=1)
    assert female.told == pytest.approx(0, abs=0.05)
    assert male.gap is None


def test_gap_when_inputs_tell_of_the_group_then_is_that_of_people_with_the_same_inputs() -> None:
    rows, naive = people(1000, 0.7, linear=True)

    female = scored(rows, audited(SEX)).groups[0]

    assert naive > -8  # the model gives short years some of the blame
    assert female.gap == pytest.approx(-10, abs=1)
    assert female.gap_low is not None
    assert female.gap_high is not None
    assert female.gap_low < -10 < female.gap_high
    assert female.told is not None
    assert 0.2 < female.told < 0.6


def test_gap_when_inputs_tell_all_of_the_group_then_there_is_none() -> None:
    female = np.array([True, False, False] * 20)
    rows = unseen(
        np.arange(60.0),
        inputs=female[:, None] * 1.0,
        sex=texts(*np.where(female, "Female", "Male")),
    )

    female_scores = scored(rows, audited(SEX)).groups[0]

    assert (female_scores.gap, female_scores.gap_low) == (None, None)
    assert female_scores.told == pytest.approx(1, abs=0.01)


def test_gap_when_there_are_more_groups_then_intervals_are_wider_for_all_to_hold_at_once() -> None:
    rows, _ = people(400, 0.0, linear=True)
    more = category("part", [str(i) for i in range(5)], use="audit", required=False)
    parts = texts(*(str(i % 5) for i in range(400)))
    both = UnseenRows(**{**vars(rows), "rows": rows.rows.assign(part=parts)})

    alone = score_groups(rows, audited(SEX), Calibration(), 5).columns[0].groups[0]
    beside = score_groups(both, audited(SEX, more), Calibration(), 5).columns[0].groups[0]

    assert None not in (alone.gap_high, alone.gap_low, beside.gap_high, beside.gap_low)
    # Student's quantiles of 95 % and of 99 %, as five gaps are told
    assert width(beside) / width(alone) == pytest.approx(2.576 / 1.96, rel=0.02)


def width(scores: Any) -> float:
    return float(scores.gap_high - scores.gap_low)


def test_gap_when_there_are_many_rows_then_the_limit_agrees_with_resampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, _ = people(2000, 0.3, linear=True)
    drawn = scored(rows, audited(SEX)).groups[0]
    monkeypatch.setattr(groups, "MAX_RESAMPLED_ROWS", 10)

    limit = scored(rows, audited(SEX)).groups[0]

    assert limit.gap == drawn.gap
    assert width(limit) == pytest.approx(width(drawn), rel=0.08)


# --- Which are told ------------------------------------------------------------------------


def parts(*sizes: int) -> dict[str, Any]:
    """Groups `a`, `b` … of so many rows."""
    names = np.repeat([*"abcdefgh"[: len(sizes)]], sizes)
    return {name: names == name for name in dict.fromkeys(names)}


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((5, 6), "ab"),
        ((4, 9, 7), "b"),  # c, or a were the rest
        ((4, 3, 9), "c"),  # both together are 7
        ((1, 2, 9, 8), "c"),  # both together are 3
        ((4, 9), ""),
        ((9,), "a"),
        ((4,), ""),
        ((2, 3, 9), "c"),
    ],
)
def test_withhold_when_groups_are_small_then_so_much_is_left_out_that_nothing_is_the_rest(
    sizes: tuple[int, ...], told: str
) -> None:
    assert "".join(withhold({"x": parts(*sizes)}, 5)["x"]) == told


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=60),
    st.integers(2, 8),
)
def test_withhold_when_groups_are_any_then_no_subtraction_gives_a_small_group(
    rows: list[tuple[int, int]], least: int
) -> None:
    values = np.array(rows)
    groups = {
        name: {str(value): values[:, place] == value for value in np.unique(values[:, place])}
        for place, name in enumerate(("x", "y"))
    }

    found = withhold(groups, least)

    for name, members in groups.items():
        hidden = [int(own.sum()) for group, own in members.items() if group not in found[name]]
        assert not hidden or len(hidden) == len(members) or len(hidden) > 1
        assert not hidden or len(hidden) == len(members) or sum(hidden) >= least
        assert all(own.sum() >= least for own in found[name].values())
    for one, other in itertools.product(found["x"].values(), found["y"].values()):
        for small, large in ((one, other), (other, one)):
            beyond = int(large.sum() - small.sum())
            assert (small & ~large).any() or beyond == 0 or beyond >= least


def test_withhold_when_a_group_is_anothers_but_for_a_few_then_is_left_out() -> None:
    broad = parts(20, 20)
    fine = {"p": broad["a"].copy(), "q": broad["b"] & (np.arange(40) < 38)}
    fine["p"][38:] = True  # p and q part the rows nearly as a and b do

    found = withhold({"broad": broad, "fine": fine}, 5)

    # a is p but for two, so b goes with it; q was b but for two
    assert {name: [*members] for name, members in found.items()} == {
        "broad": [],
        "fine": ["p", "q"],
    }


def test_withhold_when_columns_cross_then_tells_all() -> None:
    other = {"p": np.arange(40) % 2 == 0, "q": np.arange(40) % 2 == 1}

    found = withhold({"x": parts(20, 20), "y": other}, 5)

    assert {name: [*members] for name, members in found.items()} == {
        "x": ["a", "b"],
        "y": ["p", "q"],
    }


def test_withhold_when_there_are_very_many_groups_then_tells_the_largest() -> None:
    names = np.repeat(np.arange(60), 6 + np.arange(60) % 2)

    found = withhold({"x": {str(i): names == i for i in range(60)}}, 5)

    assert len(found["x"]) == 50
    assert all(str(i) in found["x"] for i in range(1, 60, 2))


# --- Rows of one person ------------------------------------------------------------------


@pytest.mark.parametrize("most", [5_000, 10])
def test_score_groups_when_rows_are_repeated_then_intervals_are_those_of_the_persons(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(groups, "MAX_RESAMPLED_ROWS", most)
    rng = np.random.default_rng(7)
    residuals, inputs = rng.normal(0, 10, 60), rng.normal(0, 1, (60, 1))
    sexes = np.array(["Female", "Male"] * 30)
    alone = scored(unseen(residuals, inputs, sex=texts(*sexes)), audited(SEX)).groups[1]
    copied = np.repeat(np.arange(60), 4)
    known = {"inputs": inputs[copied], "sex": texts(*sexes[copied])}

    together = scored(unseen(residuals[copied], **known, units=copied), audited(SEX)).groups[1]
    apart = scored(unseen(residuals[copied], **known), audited(SEX)).groups[1]

    assert together.rows == 120
    for low, high in (("low", "high"), ("gap_low", "gap_high")):
        width, as_persons, as_rows = (
            getattr(found, high) - getattr(found, low) for found in (alone, together, apart)
        )
        assert as_persons == pytest.approx(width, rel=0.03)
        assert as_rows < 0.6 * width  # four times as many rows: half as wide


def test_score_groups_when_a_group_is_one_person_then_it_is_withheld() -> None:
    sexes = texts(*["Female"] * 8, *["Male"] * 8, *["Other"] * 8)
    units = [*range(8), *range(8, 16), *[16] * 8]

    found = scored(
        unseen(np.arange(24.0), sex=sexes, units=units),
        audited(category("sex", ["Female", "Male", "Other"], use="audit")),
    )

    # The person is withheld, and the smallest other group with it, or it could be subtracted.
    assert (found.withheld, len(found.groups)) == (2, 1)


def test_withhold_when_small_groups_are_the_same_persons_then_these_are_counted_once() -> None:
    persons = np.arange(34)
    few = persons < 4

    found = withhold({"x": {"a": few, "b": few, "c": persons < 14, "d": persons >= 14}}, 5)

    # Four persons are fewer than five, however many of the groups they are in.
    assert [*found["x"]] == ["d"]


def test_gap_when_persons_have_inputs_of_their_own_then_those_tell_nothing_of_other_persons() -> (
    None
):
    rng = np.random.default_rng(7)
    person = np.repeat(np.arange(60), 25)
    sexes, inputs = np.array(["Female", "Male"])[rng.integers(0, 2, 60)], rng.permutation(60)
    rows = unseen(
        rng.normal(0, 10, len(person)),
        inputs=inputs[person][:, None] * 1.0,
        linear=False,
        units=person,
        sex=texts(*sexes[person]),
    )

    told = [group.told for group in scored(rows, audited(SEX)).groups if group.gap is not None]

    assert told == pytest.approx([0], abs=0.1)


# --- Rows and tables ------------------------------------------------------------------------


def test_unseen_rows_when_a_model_is_trained_then_no_row_is_predicted_by_one_that_saw_it() -> None:
    contract = audited(SEX)
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"age": rng.uniform(20, 60, 30), "sex": texts(*["Female", "Male"] * 15)})
    table["salary"] = 1000 * table["age"] + rng.normal(0, 50, 30)
    train, holdout = table[:20], table[20:]
    model = build_pipeline(contract, "decision_tree", {}, 234)
    model.fit(*features_and_target(train, contract))
    folding = fold_rows(train, SPLIT, folds=2, repeats=2, random_state=234)
    out_of_fold = predict_out_of_fold(model, train, contract, folding)

    found = unseen_rows(model, train, holdout, out_of_fold, contract, SPLIT)

    first = out_of_fold[:20]
    assert len(found.rows) == 30
    assert found.rows["age"].tolist() == [*train["age"].iloc[first["place"]], *holdout["age"]]
    assert found.predicted[:20].tolist() == first["predicted"].tolist()
    assert found.predicted[20:].tolist() == model.predict(holdout[["age"]]).tolist()
    assert np.abs(found.residuals).min() > 0  # a tree knows the rows that it was fitted on
    assert not found.linear


def test_group_table_when_there_are_groups_then_has_a_row_each() -> None:
    rows = unseen([0.0] * 11, sex=texts(*["Female"] * 5, *["Male"] * 6))

    found = group_table(score_groups(rows, audited(SEX), Calibration(), 5))

    assert found[["column", "group", "rows", "reference"]].to_numpy().tolist() == [
        ["sex", "Female", 5, "Male"],
        ["sex", "Male", 6, "Male"],
    ]


def test_group_table_when_nothing_is_audited_then_has_its_columns_alone() -> None:
    found = group_table(GroupReport(rows=0, min_rows=5, confidence=0.95, columns=()))

    assert len(found) == 0
    assert [*found.columns[:4]] == ["column", "group", "rows", "mean_residual"]


def test_audit_column_when_it_is_shuffled_then_no_prediction_changes() -> None:
    rows = pd.DataFrame({"age": np.arange(6.0), "salary": [10.0, 30, 20, 60, 50, 40]})
    rows["sex"] = pd.Categorical(list("FMFMFM"))
    contract = audited(category("sex", ["F", "M"], use="audit"))
    shuffled = rows.assign(sex=rows["sex"].to_numpy()[[1, 2, 0, 4, 5, 3]])

    first, second = (
        build_pipeline(contract, "linear_regression", {}, 234)
        .fit(*features_and_target(table, contract))
        .predict(features_and_target(rows, contract)[0])
        for table in (rows, shuffled)
    )

    np.testing.assert_array_equal(first, second)
    assert math.isfinite(first.sum())


def test_score_groups_when_rows_and_groups_are_many_then_takes_memory_for_rows_alone() -> None:
    rows, groups_there = 6_000, 40
    random = np.random.default_rng(234)
    names = [f"g{number}" for number in range(groups_there)]
    frame = unseen(random.normal(size=rows), team=texts(*random.choice(names, rows)))
    contract = audited(category("team", names, use="audit"))
    scored(frame, contract)

    tracemalloc.start()
    scored(frame, contract)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 12 * rows * groups_there * 8  # products of all pairs would be 40 times that
