"""Explanations, against Shapley values worked out by hand and by their definition."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from kinds import all_kinds, bundle_of, raw_rows
from salary_kedro.bundle.background import Background
from salary_kedro.bundle.bundle import Bundle, pack
from salary_kedro.bundle.explanation import MAX_PREDICTIONS, ROWS, explain
from salary_kedro.contract import Contract
from salary_kedro.contract.examples import example_rows
from salary_kedro.modelling.background import learn_background
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.frames import learn_domain
from samples import QUICK, TARGET, column, contract_of

LINE = contract_of(column("a"), column("b"))
LOG_LINE = contract_of(column("a"), column("b"), target={**TARGET, "log_scale": True})


def table(columns: int, rows: int = 40) -> tuple[Contract, pd.DataFrame]:
    """Rows whose salary depends on all columns, and on their products."""
    rng = np.random.default_rng(234)
    names = [chr(ord("a") + place) for place in range(columns)]
    values = pd.DataFrame(rng.uniform(0, 10, (rows, columns)), columns=names)
    salary = 1000 * values.sum(axis=1) + 300 * values["a"] * values[names[-1]] + 1
    return contract_of(*map(column, names)), values.assign(salary=salary)


def trained(model: ModelName, contract: Contract, rows: pd.DataFrame) -> Bundle:
    fitted = build_pipeline(
        contract, model, QUICK.get(model, {}), 234, learn_domain(rows, contract)
    ).fit(*features_and_target(rows, contract))
    return bundle(contract, fitted, learn_background(rows, contract))


def bundle(contract: Contract, model: Any, background: Background) -> Bundle:
    without = ("domain", "metrics", "lineage", "calibration", "report", "profile")
    empty: dict[str, Any] = dict.fromkeys(without)
    return Bundle(
        name="1-0",
        model_name="m",
        version=1,
        read_model=lambda: model,
        contract=contract,
        background=background,
        **empty,
    )


def by_definition(found: Bundle, row: list[float], rows: int) -> dict[str, float]:
    """Shapley values as the mean over all orders of the inputs and all background rows."""
    names, background = found.contract.feature_names, found.background.rows(rows, found.contract)
    total = dict.fromkeys(names, 0.0)
    orders = list(itertools.permutations(range(len(names))))
    for order in orders:
        mixed: NDArray[Any] = background.copy()
        before = found.model.predict(mixed).mean()
        for place in order:
            mixed[:, place] = row[place]
            after = found.model.predict(mixed).mean()
            total[names[place]] += (after - before) / len(orders)
            before = after
    return total


def test_explain_when_the_model_is_a_line_then_is_slope_times_distance_from_the_mean() -> None:
    rows = pd.DataFrame({"a": np.arange(40.0), "b": [5.0, 8] * 20})
    rows["salary"] = 1000 + 20 * rows["a"] - 30 * rows["b"]

    found = explain(trained("linear_regression", LINE, rows), [10.0, 9.0])

    assert found is not None
    # 64 rows are drawn from 8 means of 5 rows each
    assert found.contributions == pytest.approx({"a": 20 * (10 - 19.5), "b": -30 * (9 - 6.5)})
    assert found.average == pytest.approx(1000 + 20 * 19.5 - 30 * 6.5)
    assert found.prediction == pytest.approx(1000 + 20 * 10 - 30 * 9)


def test_explain_when_the_logarithm_was_fitted_then_is_on_the_scale_of_the_salary() -> None:
    rows = pd.DataFrame({"a": [0.0] * 20 + [1.0] * 20, "b": ([0.0] * 10 + [1.0] * 10) * 2})
    rows["salary"] = 100 * 2.0 ** rows["a"] * 3.0 ** rows["b"]

    found = explain(trained("linear_regression", LOG_LINE, rows), [1.0, 1.0])

    assert found is not None
    # a doubles and b trebles; their means over the background are 1.5 and 2
    assert found.average == pytest.approx(300, rel=0.05)
    assert found.prediction == pytest.approx(600)
    expected = {"a": 100 * (2 - 1.5) * (3 + 2) / 2, "b": 100 * (3 - 2) * (2 + 1.5) / 2}
    assert found.contributions == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("model", ["decision_tree", "random_forest"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_explain_when_inputs_are_few_then_are_the_shapley_values(
    model: ModelName, count: int
) -> None:
    found = trained(model, *table(count))
    row = [9.0, 2.0, 5.0, 7.0][:count]

    explained = explain(found, row)

    assert explained is not None
    assert explained.contributions == pytest.approx(by_definition(found, row, ROWS))


def test_explain_when_inputs_are_many_then_comes_close_to_the_shapley_values() -> None:
    contract, rows = table(8, 200)
    found = trained("decision_tree", contract, rows)
    row = rows.loc[0, contract.feature_names].tolist()

    explained = explain(found, row)

    assert explained is not None
    reference = _by_all_subsets(found, row)
    largest = max(map(abs, reference.values()))
    assert explained.contributions == pytest.approx(reference, abs=0.1 * largest)


def _by_all_subsets(found: Bundle, row: list[float]) -> dict[str, float]:
    names, background = found.contract.feature_names, found.background.rows(ROWS, found.contract)
    count, values = len(names), {}
    for size in range(count + 1):
        for subset in itertools.combinations(range(count), size):
            mixed = background.copy()
            mixed[:, list(subset)] = np.array(row)[list(subset)]
            values[frozenset(subset)] = found.model.predict(mixed).mean()
    return {
        name: sum(
            (values[subset | {place}] - values[subset])
            / (count * math.comb(count - 1, len(subset)))
            for subset in values
            if place not in subset
        )
        for place, name in enumerate(names)
    }


@pytest.mark.parametrize("log_scale", [False, True])
@pytest.mark.parametrize("model", MODEL_NAMES)
def test_explain_when_inputs_are_of_all_kinds_then_adds_up_to_the_prediction_less_the_average(
    model: ModelName, log_scale: bool
) -> None:
    contract = all_kinds()
    target = contract.target.model_copy(update={"log_scale": log_scale})
    contract = contract.model_copy(update={"target": target})
    found = trained(model, contract, read_columns(raw_rows(contract), contract))

    for row in example_rows(contract):
        explained = explain(found, row)

        assert explained is not None
        assert explained.prediction == pytest.approx(found.predict([row])[0], rel=1e-12)
        total = explained.average + sum(explained.contributions.values())
        assert total == pytest.approx(explained.prediction, rel=1e-6)
        assert [*explained.contributions] == contract.feature_names


def test_explain_when_it_is_repeated_then_is_the_same() -> None:
    contract, rows = table(9)
    found = trained("decision_tree", contract, rows)
    row = rows.loc[0, contract.feature_names].tolist()

    assert explain(found, row) == explain(found, row)


@pytest.mark.parametrize("inputs", [1, 6, 7, 10, 40, 120])
def test_explain_when_there_are_many_inputs_then_asks_for_a_bounded_number_of_predictions(
    inputs: int,
) -> None:
    contract = contract_of(*(column(f"f{place}") for place in range(inputs)))
    asked = []

    class Counting:
        def predict(self, rows: NDArray[Any]) -> NDArray[Any]:
            asked.append(len(rows))
            return rows.sum(axis=1)

    names, common = contract.feature_names, {"values": [1.0, 2.0], "shares": [0.5, 0.5]}
    background = Background.model_validate({"inputs": dict.fromkeys(names, common)})

    found = explain(bundle(contract, Counting(), background), [3.0] * inputs)

    assert found is not None
    assert found.contributions == pytest.approx(dict.fromkeys(names, 1.5))
    assert len(asked) == 1
    assert asked[0] <= 1.4 * MAX_PREDICTIONS


def test_explain_when_the_bundle_has_no_background_then_there_is_none() -> None:
    name, files = bundle_of(all_kinds())
    found = Bundle.parse(name, files)

    assert explain(found, example_rows(found.contract)[0]) is None


def test_explain_when_a_bundle_is_read_from_its_files_then_explains_as_before() -> None:
    contract = all_kinds()
    rows = read_columns(raw_rows(contract), contract)
    known = learn_background(rows, contract)
    _, files = bundle_of(contract)
    kept = {name: files[name] for name in files if name not in ("manifest.json", "examples.json")}
    name, packed = pack("m", 1, {**kept, "background.json": known.model_dump_json().encode()})

    found = Bundle.parse(name, packed)

    row = example_rows(contract)[0]
    assert found.background == known
    assert explain(found, row) == explain(bundle(contract, found.model, known), row)
