"""Scores by group, against values worked out by hand."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.groups import GROUP_COLUMNS, score_by_group
from samples import category, column, constant, contract_of

SEX = category("sex", ["Female", "Male"], use="audit", required=False)


def holdout(salaries: list[float], **audits: Any) -> pd.DataFrame:
    return pd.DataFrame({"age": np.arange(float(len(salaries))), "salary": salaries, **audits})


def audited(*audits: dict[str, Any]) -> Contract:
    return contract_of(column("age"), *audits)


def test_score_by_group_when_errors_are_known_then_are_what_the_formulas_give() -> None:
    rows = holdout(
        [101.0, 103, 99, 97, 105, 90, 90, 90, 90, 90],
        sex=pd.Categorical(["Female"] * 5 + ["Male"] * 5),
    )

    found = score_by_group(constant(100), rows, audited(SEX))

    expected = pd.DataFrame(
        [
            ("sex", "Female", 5, 3.0, 2.6, 1.0),  # errors 1, 3, -1, -3 and 5
            ("sex", "Male", 5, 10.0, 10.0, -10.0),
        ],
        columns=[*GROUP_COLUMNS],
    )
    pd.testing.assert_frame_equal(found, expected)


def test_score_by_group_when_a_group_has_fewer_than_five_rows_then_leaves_it_out() -> None:
    rows = holdout([1.0] * 9, sex=pd.Categorical(["Female"] * 4 + ["Male"] * 5))

    found = score_by_group(constant(1), rows, audited(SEX))

    assert found[["group", "rows"]].to_numpy().tolist() == [["Male", 5]]


def test_score_by_group_when_values_are_missing_then_they_are_a_group() -> None:
    rows = holdout([1.0] * 10, sex=pd.Categorical(["Female"] * 5 + [None] * 5))

    found = score_by_group(constant(1), rows, audited(SEX))

    assert found["group"].isna().tolist() == [False, True]


def test_score_by_group_when_truth_is_audited_then_its_groups_are_called_true_and_false() -> None:
    flag = column("remote", kind="boolean", unit="", example=True, use="audit")
    rows = holdout([1.0] * 10, remote=pd.array([True] * 5 + [False] * 5, dtype="boolean"))

    found = score_by_group(constant(1), rows, audited(flag))

    assert sorted(found["group"]) == ["false", "true"]


@pytest.mark.parametrize("kind", ["number", "date"])
def test_score_by_group_when_an_order_is_audited_then_its_groups_are_quarters(kind: str) -> None:
    example = "2020-01-01" if kind == "date" else 1
    born = column("born", kind=kind, unit="", example=example, use="audit")
    days = pd.Series(pd.date_range("1970-01-01", periods=20)).astype("datetime64[ms]")
    rows = holdout([1.0] * 20, born=days if kind == "date" else np.arange(20.0))

    found = score_by_group(constant(1), rows, audited(born))

    assert dict(zip(found["group"], found["rows"], strict=True)) == {
        "lowest quarter": 5, "second quarter": 5, "third quarter": 5, "highest quarter": 5
    }  # fmt: skip


def test_score_by_group_when_nothing_is_audited_then_is_an_empty_table() -> None:
    found = score_by_group(constant(1), holdout([1.0] * 10), audited())

    assert (list(found.columns), len(found)) == (list(GROUP_COLUMNS), 0)


def test_score_by_group_when_called_then_leaves_the_rows_as_they_were() -> None:
    rows = holdout([1.0] * 10, sex=pd.Categorical(["Female"] * 5 + ["Male"] * 5))
    before = rows.copy(deep=True)

    score_by_group(constant(2), rows, audited(SEX))

    pd.testing.assert_frame_equal(rows, before)


def test_audit_column_when_it_is_shuffled_then_no_prediction_changes() -> None:
    rows = holdout([10.0, 30, 20, 60, 50, 40], sex=pd.Categorical(list("FMFMFM")))
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
