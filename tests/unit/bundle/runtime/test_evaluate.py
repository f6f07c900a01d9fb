"""One row and many: the same bits, whatever was asked before and however many ask at once."""

import tracemalloc
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.bundle.runtime import evaluate
from salary_kedro.bundle.runtime.compile import compile_model
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.bundle.runtime.form import (
    Curve,
    Curves,
    Form,
    Nodes,
    NumberInput,
    Plain,
    Trees,
)
from salary_kedro.contract import Contract
from salary_kedro.contract.encoding import Value, encode_columns
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from samples import QUICK, TARGET, category, column, contract_of

MIXED = contract_of(
    column("age"),
    column("bonus", required=False, missing="indicate"),
    category("grade", ["low", "high"], required=False),
    column("hired", kind="date", unit="", example="2020-01-01"),
    column("manager", kind="boolean", unit="", example=True),
)
ROWS: list[list[Value]] = [
    [20, None, "low", "2019-01-01", False],
    [30.5, 2.0, "high", date(2020, 6, 1), True],
    [40, 3, None, "2021-01-01", True],
    [50, None, "low", date(2022, 1, 1), False],
] * 12
PAY = [1000.0 * (place % 4) + place for place in range(len(ROWS))]
#: Values that no training row has.
ASKED: list[list[Value]] = [
    *ROWS[:4],
    [1e30, -1e30, "never met", date(1970, 1, 1), True],
    [0, None, None, date(9999, 12, 31), False],
]


def evaluator(
    model: ModelName, contract: Contract = MIXED, pay: Sequence[float] = PAY
) -> Evaluator:
    places = range(len(contract.inputs))
    columns = encode_columns([row[: len(places)] for row in ROWS], contract)
    frame = pd.DataFrame({contract.feature_names[place]: columns[place] for place in places})
    fitted = build_pipeline(contract, model, QUICK.get(model, {}), 234).fit(frame, [*pay])
    return Evaluator(compile_model(fitted, contract), contract)


@pytest.mark.parametrize("model", MODEL_NAMES)
@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_CELLS", evaluate.MAX_CELLS), ("MAX_CELLS", 0), ("MAX_NUMBERS", 1)],
)
def test_predict_when_rows_come_alone_or_among_others_then_gives_the_same_bits(
    model: ModelName, name: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, name, value)
    columns = encode_columns(ASKED, MIXED)

    among = evaluator(model).predict_columns(columns).tolist()

    asked = evaluator(model)
    assert [asked.predict_row(row) for row in ASKED] == among
    assert [asked.predict_row(row) for row in reversed(ASKED)] == among[::-1]  # from its cells
    assert asked.predict_columns(columns).tolist() == among


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_predict_row_when_many_threads_ask_then_gives_the_same(model: ModelName) -> None:
    asked, alone = evaluator(model), evaluator(model)
    expected = [alone.predict_row(row) for row in ASKED]

    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: [asked.predict_row(row) for row in ASKED], range(40))]

    assert found == [expected] * 40


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_predict_row_when_it_has_another_length_then_is_refused(model: ModelName) -> None:
    with pytest.raises(ValueError, match=r"zip\(\) argument"):
        evaluator(model).predict_row([20])


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("model", ["decision_tree", "random_forest"])
@pytest.mark.parametrize("most", [evaluate.MAX_CELLS, 0])
def test_predict_when_a_number_is_beyond_float32_then_is_refused_as_scikit_learn_does(
    model: ModelName, value: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "MAX_CELLS", most)
    asked = evaluator(model, contract_of(column("age")))

    for ask in (lambda: asked.predict_row([value]), lambda: asked.predict_columns([[value]])):
        with pytest.raises(ValueError, match="is not a number that the model takes"):
            ask()


@pytest.mark.parametrize("value", [None, np.nan, np.inf])
@pytest.mark.parametrize("model", ["linear_regression", "ridge", "spline_ridge"])
def test_predict_when_a_line_gets_what_is_no_number_then_is_refused_as_scikit_learn_does(
    model: ModelName, value: Any
) -> None:
    asked = evaluator(model, contract_of(column("age")))

    for ask in (lambda: asked.predict_row([value]), lambda: asked.predict_columns([[value]])):
        with pytest.raises(ValueError, match="is not a number that the model takes"):
            ask()


def test_predict_when_a_column_adds_a_curve_then_its_pieces_begin_at_their_knots() -> None:
    """A line up to 0, half the square from there to 10, and a steeper line beyond."""
    curve = Curve(knots=(0, 10), pieces=((1, 2), (1, 0, 0.5), (51, 3)))
    form = Form(inputs=(NumberInput(column=0),), model=Curves(intercept=100, curves=(curve,)))
    asked = Evaluator(Plain(form), contract_of(column("age")))
    ages = [-1.0, 0.0, 2.0, 10.0, 12.0]

    found = asked.predict_columns([np.array(ages)])

    assert found.tolist() == [100 - 1, 100 + 1, 100 + 3, 100 + 51, 100 + 57]
    assert [asked.predict_row([age]) for age in ages] == found.tolist()


# --- Extremes, and what it costs ---------------------------------------------------------


@pytest.mark.parametrize("model", ["linear_regression", "ridge"])
def test_predict_row_when_a_log_scale_has_no_finite_answer_then_gives_it_without_a_warning(
    model: ModelName,
) -> None:
    contract = contract_of(column("age"), target={**TARGET, "log_scale": True})
    rising = evaluator(model, contract, pay=range(1, 1 + len(ROWS)))

    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert rising.predict_row([3e38]) == np.inf


def perfect_trees(depth: int, trees: int) -> Plain:
    """Trees of the same depth everywhere, by thresholds of two columns that are all different."""
    size = 2 ** (depth + 1) - 1
    tree = np.where(np.arange(size) < size // 2, np.arange(size) % 2, -1).astype(np.int32)
    nodes = Nodes(
        np.full(trees, size),
        np.tile(tree, trees),
        np.linspace(0, 60, size * trees),
        np.zeros(size * trees, np.uint8),
    )
    model = Trees(start=0.0, divisor=trees, exponential=False, most=None)
    return Plain(Form(inputs=(NumberInput(column=0), NumberInput(column=1)), model=model), nodes)


def test_evaluator_when_trees_are_large_then_takes_little_more_than_their_arrays_again() -> None:
    plain = perfect_trees(depth=15, trees=8)
    assert plain.nodes is not None
    size = sum(array.nbytes for array in vars(plain.nodes).values())

    tracemalloc.start()
    try:
        made = Evaluator(plain, contract_of(column("age"), column("bonus")))
        kept, most = (taken / size for taken in tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()

    assert np.isfinite(made.predict_row([20.0, 30.0]))
    assert kept < 1.3
    assert most < 1.7


@pytest.mark.parametrize("model", ["decision_tree", "random_forest", "hist_gradient_boosting"])
def test_predict_when_no_two_rows_are_alike_then_keeps_no_more_than_its_cells(
    model: ModelName,
) -> None:
    """Whoever asks for ever new rows fills what was set aside at the start, and nothing else."""
    asked = evaluator(model)
    strangers: list[list[Value]] = [
        [place / 7, place / 3, f"never met {place}", date(2019, 1, 1), True]
        for place in range(2_000)
    ]
    for row in strangers[:200]:
        asked.predict_row(row)

    tracemalloc.start()
    try:
        for row in strangers:
            asked.predict_row(row)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 10_000
