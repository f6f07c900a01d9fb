"""Whoever asks, the interval is the same: service, page, scored file, MLflow and plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import Model

from bundles import MODEL
from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.contract import Contract
from salary_kedro.modelling.calibration import calibrate
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.pipelines.batch_scoring.nodes import score_rows
from salary_kedro.project.parameters import BatchScoring
from salary_kedro.registry.flavor import save_model
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.writer import ScoredTables
from samples import QUICK, TARGET, bundle_files, category, column, contract_of
from service_client import ServiceClient
from services import real_service_of

ROWS = 60
ASKED = [{"years": years, "grade": grade} for years in (0, 7.5, 19.25, 40) for grade in "ab"]


def contract(*, log_scale: bool) -> Contract:
    """Years and a grade; the salary grows with both."""
    years = column("years", minimum=0, maximum=50)
    return contract_of(
        years, category("grade", ["a", "b"]), target={**TARGET, "log_scale": log_scale}
    )


def people() -> pd.DataFrame:
    """Salaries whose spread grows."""
    chance = np.random.default_rng(1)
    years, grade = chance.uniform(0, 40, ROWS), chance.integers(0, 2, ROWS)
    salary = (30_000 + 1_500 * years + 5_000 * grade) * np.exp(chance.normal(0, 0.2, ROWS))
    grades = pd.Categorical(np.where(grade == 1, "b", "a"), ["a", "b"])
    return pd.DataFrame({"years": years, "grade": grades, "salary": salary})


def files_of(name: ModelName, known: Contract) -> tuple[Any, dict[str, bytes]]:
    """A fitted model and the files of its bundle; as if each fold had been 5 % off."""
    rows = people()
    model = build_pipeline(known, name, QUICK.get(name, {}), 234)
    model.fit(*features_and_target(rows, known))
    actual, folds = rows["salary"], np.arange(ROWS) % 5
    off = actual * np.exp(np.random.default_rng(2).normal(0.01, 0.1, ROWS))
    out_of_fold = pd.DataFrame({"repeat": 0, "fold": folds, "actual": actual, "predicted": off})
    calibration = calibrate(out_of_fold, known, 0.9).model_dump_json().encode()
    return model, {**bundle_files(known, model), "calibration.json": calibration}


@dataclass(frozen=True)
class Answer:
    """What one way of asking gives: salaries and the ends of their intervals."""

    salary: list[float]
    low: list[float]
    high: list[float]

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> "Answer":
        """Take it from columns."""
        return cls(*([float(x) for x in columns[name]] for name in ("salary", "low", "high")))


def in_python(bundle: Bundle) -> Answer:
    """What the bundle answers itself."""
    salary = bundle.predict([list(row.values()) for row in ASKED])
    found = bundle.calibration.intervals(salary)
    assert found is not None
    return Answer.of({"salary": salary, "low": found.low, "high": found.high})


def by_file(bundle: Bundle, folder: Path) -> Answer:
    """What a scored file holds."""
    asked = pd.DataFrame(ASKED).rename(columns=str.title)
    asked.to_csv(folder / "asked.csv", index=False)
    tables = ScoredTables(folder / "scored.csv")
    score_rows(TableReader(folder / "asked.csv"), tables, bundle, BatchScoring())
    return Answer.of(pd.read_csv(tables.path))


def by_mlflow(model: Any, known: Contract, files: Mapping[str, bytes], folder: Path) -> Answer:
    """What the logged model answers."""
    paths = [folder / name for name in ("contract.json", "domain.json", "calibration.json")]
    for path in paths:
        path.write_bytes(files[path.name])
    save_model(str(folder / "model"), Model(), model=model, contract=known, files=paths)
    return Answer.of(mlflow.pyfunc.load_model(str(folder / "model")).predict(pd.DataFrame(ASKED)))


def by_page(address: str) -> Answer:
    """What the page's client makes of the service's answers, one row at a time."""
    found = [ServiceClient(address).predict(row, "salary") for row in ASKED]
    ends = {"low": [x.low for x in found], "high": [x.high for x in found]}
    return Answer.of({"salary": [x.value for x in found], **ends})


def by_service(address: str) -> Answer:
    """What the service answers to a batch."""
    rows = ServiceClient(address)._ask("POST", "predict_batch", {"rows": ASKED})["predictions"]
    return Answer.of(pd.DataFrame(rows))


@pytest.mark.parametrize("log_scale", [False, True])
@pytest.mark.parametrize("name", MODEL_NAMES)
def test_interval_when_it_is_asked_for_in_any_way_then_is_the_same_about_the_salary(
    name: ModelName, log_scale: bool, tmp_path: Path
) -> None:
    known = contract(log_scale=log_scale)
    model, files = files_of(name, known)
    store = BundleStore(tmp_path / "bundles")
    store.write(*pack(MODEL, 1, files))
    store.point_to(pack(MODEL, 1, files)[0])
    bundle = store.load_current().bundle
    expected = in_python(bundle)

    with real_service_of(store) as address:
        answers = [by_service(address), by_page(address)]
    answers += [by_file(bundle, tmp_path), by_mlflow(model, known, files, tmp_path)]

    for found in answers:
        for column_name in ("salary", "low", "high"):
            np.testing.assert_allclose(
                getattr(found, column_name), getattr(expected, column_name), rtol=1e-9, atol=0
            )
    ends = zip(expected.low, expected.salary, expected.high, strict=True)
    assert all(low < salary < high for low, salary, high in ends)


@cache
def calibration(*, log_scale: bool) -> Calibration:
    """A calibration as training makes it."""
    _, files = files_of("linear_regression", contract(log_scale=log_scale))
    return Calibration.parse(files["calibration.json"])


PREDICTED = st.floats(-1e9, 1e9)
LEVEL = st.floats(0.001, 0.95)


@given(PREDICTED, LEVEL, LEVEL, st.booleans())
def test_interval_when_the_confidence_is_higher_then_holds_that_of_a_lower_one(
    predicted: float, one: float, another: float, log_scale: bool
) -> None:
    lower, higher = sorted((one, another))
    known = calibration(log_scale=log_scale)

    narrow, wide = known.interval(predicted, lower), known.interval(predicted, higher)

    assert narrow is not None
    assert wide is not None
    assert wide[0] <= narrow[0] <= predicted <= narrow[1] <= wide[1]


@given(PREDICTED, LEVEL, st.booleans())
def test_interval_when_one_row_is_asked_for_then_is_that_of_many(
    predicted: float, level: float, log_scale: bool
) -> None:
    known = calibration(log_scale=log_scale)

    one, many = known.interval(predicted, level), known.intervals(np.array([predicted]), level)

    assert many is not None
    assert one == pytest.approx((many.low[0], many.high[0]), rel=1e-9)
