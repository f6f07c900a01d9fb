"""The logged model as MLflow loads it elsewhere: it answers and refuses as the service does."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowException
from mlflow.models import Model
from pydantic import BaseModel

from kinds import GOOD, all_kinds, raw_rows
from salary_kedro.bundle.bundle import predict_rows
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain
from salary_kedro.contract.request import request_model, request_values
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.registry.flavor import save_model
from salary_kedro.registry.pyfunc import CHUNK_ROWS, _load_pyfunc
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.frames import encode_frame, learn_domain
from samples import TARGET, column, constant, contract_of, straight_line

LOG_SCALE = "a model with log_scale predicts no such value"
INTERVAL = ["low", "high", "confidence"]
CONTRACT = all_kinds()
CLEAN = read_columns(raw_rows(CONTRACT), CONTRACT)
LEARNED = learn_domain(CLEAN, CONTRACT)
MODEL = build_pipeline(CONTRACT, "ridge", {}, 234, LEARNED).fit(
    encode_frame(CLEAN, CONTRACT), CLEAN["salary"]
)


def save(
    folder: Path,
    contract: Contract = CONTRACT,
    model: Any = MODEL,
    domain: Domain = LEARNED,
    **more: BaseModel,
) -> str:
    """Save a model as a run does, with further files; gives its folder."""
    contents = {"contract": contract, "domain": domain, **more}
    files = [folder / f"{name}.json" for name in contents]
    for file, content in zip(files, contents.values(), strict=True):
        file.write_text(content.model_dump_json())
    save_model(str(folder / "model"), Model(), model=model, contract=contract, files=files)
    return str(folder / "model")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model that takes every kind of field."""
    return save(tmp_path_factory.mktemp("saved"))


@pytest.fixture(scope="module")
def loaded(saved: str) -> Any:
    """The same, as anybody gets it."""
    return mlflow.pyfunc.load_model(saved)


def as_served(**changes: Any) -> float:
    """What the service answers to `GOOD` with changes: it reads a body, then predicts its row."""
    request = request_model(CONTRACT).model_validate_json(json.dumps({**GOOD, **changes}))
    return float(predict_rows(MODEL, [request_values(request)], CONTRACT)[0])


def rows(**changes: Any) -> pd.DataFrame:
    """One row, as a client of the service would send it."""
    return pd.DataFrame([{**GOOD, **changes}])


def test_predict_when_rows_are_good_then_answers_the_target_and_no_warnings(loaded: Any) -> None:
    answered = loaded.predict(rows())

    assert list(answered.columns) == ["salary", *INTERVAL, "warnings"]
    assert answered["salary"].tolist() == pytest.approx([as_served()], rel=1e-9)
    assert answered["warnings"].tolist() == [[]]


def test_predict_when_the_model_is_calibrated_then_answers_the_interval_of_each_row(
    tmp_path: Path,
) -> None:
    known = {"knots": [0], "shifts": [0], "spreads": [5], "levels": [0.8], "widths": [2]}
    calibration = Calibration.model_validate({"confidence": 0.8, "reason": "", **known})
    contract = contract_of(column("age"))
    folder = save(tmp_path, contract, constant(50), Domain(), calibration=calibration)

    answered = mlflow.pyfunc.load_model(folder).predict(pd.DataFrame({"age": [1.0, 2.0]}))

    assert answered[INTERVAL].to_numpy().tolist() == [[40, 60, 0.8]] * 2


def test_predict_when_the_model_has_no_calibration_then_answers_null_in_json(loaded: Any) -> None:
    answered = loaded.predict(rows())

    assert [answered[name].tolist() for name in INTERVAL] == [[None]] * 3


def test_predict_when_an_answer_may_not_be_the_target_then_warns_as_the_service_does(
    tmp_path: Path,
) -> None:
    contract = contract_of(column("age"))
    model = mlflow.pyfunc.load_model(save(tmp_path, contract, constant(-5), Domain()))

    assert model.predict(pd.DataFrame({"age": [1.0]}))["warnings"].tolist() == [
        [f"Salary is predicted as -5, but must be a number above 0 (a year): {LOG_SCALE}"]
    ]


def test_predict_when_values_were_not_met_in_training_then_warns_as_the_service_does(
    loaded: Any,
) -> None:
    answered = loaded.predict(rows(hours=79.5, job="Astronaut"))

    assert answered["warnings"].tolist() == [
        [
            "Hours is outside the training range: 30 to 46 hours a week",
            "Job title 'Astronaut' did not occur in the training data",
        ]
    ]
    assert answered["salary"].tolist() == pytest.approx(
        [as_served(hours=79.5, job="Astronaut")], rel=1e-9
    )


def test_predict_when_columns_are_in_another_order_then_answers_the_same(loaded: Any) -> None:
    shuffled = rows()[list(reversed(GOOD))]

    assert loaded.predict(shuffled)["salary"].tolist() == pytest.approx([as_served()], rel=1e-9)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_predict_when_an_optional_value_is_missing_then_answers_as_without_it(
    loaded: Any, missing: Any
) -> None:
    expected = pytest.approx([as_served(bonus=None, site=None)], rel=1e-9)

    frame = rows(site=missing).astype({"bonus": object})
    frame.loc[0, "bonus"] = missing

    assert loaded.predict(frame)["salary"].tolist() == expected
    assert loaded.predict(rows().drop(columns=["bonus", "site"]))["salary"].tolist() == expected


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("hours", 40, 40),
        ("hours", np.int32(40), 40),
        ("hours", np.float32(40.5), 40.5),
        ("hours", Decimal("40.5"), 40.5),
        ("level", 5.0, 5),  # with a missing value beside it, pandas makes whole numbers floats
        ("level", np.int8(5), 5),
        ("remote", np.bool_(False), False),
        ("hired", date(2015, 6, 30), "2015-06-30"),
        ("hired", pd.Timestamp("2015-06-30"), "2015-06-30"),
        ("hired", np.datetime64("2015-06-30"), "2015-06-30"),
    ],
)
def test_predict_when_a_value_is_written_as_tables_do_then_takes_it(
    loaded: Any, field: str, value: Any, sent: Any
) -> None:
    frame = rows(**{field: value})

    for table in (frame, frame.astype({field: object})):
        assert loaded.predict(table)["salary"].tolist() == pytest.approx(
            [as_served(**{field: sent})], rel=1e-9
        )


def test_predict_when_categories_are_of_pandas_own_type_then_takes_them(loaded: Any) -> None:
    frame = rows().astype({"grade": "category", "site": "string", "job": "category"})

    assert loaded.predict(frame)["salary"].tolist() == pytest.approx([as_served()], rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"hours": -5},
            "hours: -5 is not allowed; it must be a number from 1 to 80 (hours a week)",
        ),
        ({"hours": True}, "hours: true is not allowed; it must be a number from 1 to 80 (hours a"),
        ({"hours": "40"}, 'hours: "40" is not allowed; it must be a number from 1 to 80 (hours a'),
        ({"hours": None}, "hours: null is not allowed; it must be a number from 1 to 80 (hours a"),
        ({"hours": float("inf")}, "hours: Infinity is not allowed; it must be a number from 1 to"),
        ({"level": 5.5}, "level: 5.5 is not allowed; it must be a whole number from 1 to 9"),
        ({"grade": "X"}, "grade: \"X\" is not allowed; it must be one of 'Junior', 'Senior', 'Pri"),
        ({"grade": 1}, "grade: 1 is not allowed; it must be one of 'Junior', 'Senior', 'Principa"),
        ({"manager": 1}, "manager: 1 is not allowed; it must be true or false"),
        (
            {"hired": pd.Timestamp("2015-06-30 12:00")},
            'hired: "2015-06-30 12:00:00" is not allowed; it must be a date, YYYY-MM-DD, from 2000',
        ),
    ],
)
def test_predict_when_a_value_breaks_the_contract_then_names_row_field_value_and_what_is_allowed(
    loaded: Any, changes: dict[str, Any], told: str
) -> None:
    frame = pd.DataFrame([GOOD, {**GOOD, **changes}], dtype=object)

    with pytest.raises(MlflowException) as caught:
        loaded.predict(frame)

    assert str(caught.value).startswith(f"row 1: {told}")
    assert caught.value.get_http_status_code() == 400


def test_predict_when_a_required_column_is_missing_then_names_it(loaded: Any) -> None:
    with pytest.raises(MlflowException, match=r"missing inputs \['hours'\]"):
        loaded.predict(rows().drop(columns="hours"))


@pytest.mark.parametrize("frame", [pd.DataFrame({"other": [1, 2]}), pd.DataFrame(index=[7, 8])])
def test_predict_when_there_is_none_of_the_fields_then_names_those_missing(
    saved: str, frame: pd.DataFrame
) -> None:
    with pytest.raises(MlflowException) as caught:
        _load_pyfunc(saved).predict(frame)  # MLflow's own check of the signature is one's choice

    assert str(caught.value).startswith("row 0: hours: missing; it must be a number from 1 to 80")
    assert caught.value.get_http_status_code() == 400


def test_predict_when_a_column_is_there_twice_then_says_so(saved: str) -> None:
    twice = pd.concat([rows(), rows()[["hours"]]], axis=1)

    with pytest.raises(MlflowException, match=r"^there are 2 columns 'hours': give one"):
        _load_pyfunc(saved).predict(twice)


def test_predict_when_all_fields_are_optional_and_none_is_given_then_answers(
    tmp_path: Path,
) -> None:
    contract = contract_of(column("years", minimum=0, maximum=60, required=False), target=TARGET)
    loaded = _load_pyfunc(save(tmp_path, contract, constant(100.0), Domain()))

    assert loaded.predict(pd.DataFrame(index=[7, 8]))["salary"].to_dict() == {7: 100.0, 8: 100.0}


def test_predict_when_many_rows_are_bad_then_tells_of_a_few_and_counts_the_others(
    contract: Contract, tmp_path: Path
) -> None:
    folder = save(tmp_path, contract, straight_line(contract), Domain())
    loaded = mlflow.pyfunc.load_model(folder)

    with pytest.raises(MlflowException) as caught:
        loaded.predict(pd.DataFrame({"experience_years": [-1.0] * 1000}))

    told = "experience_years: -1.0 is not allowed; it must be a number from 0 to 60 (years)"
    assert str(caught.value) == ("; ".join(f"row {i}: {told}" for i in range(5)) + "; and 995 more")


def test_predict_when_there_are_more_rows_than_one_chunk_then_keeps_their_order_and_index(
    contract: Contract, tmp_path: Path
) -> None:
    folder = save(tmp_path, contract, straight_line(contract), Domain())
    loaded = mlflow.pyfunc.load_model(folder)
    years = np.linspace(0, 60, CHUNK_ROWS + 5)
    frame = pd.DataFrame({"experience_years": years}, index=range(100, CHUNK_ROWS + 105))

    answered = loaded.predict(frame)

    assert list(answered.index) == list(frame.index)
    np.testing.assert_allclose(answered["salary"], years * 1000, atol=1e-6)
    frame.iloc[-1] = 61.0
    with pytest.raises(
        MlflowException, match=rf"^row {CHUNK_ROWS + 4:,}: experience_years: 61\.0 "
    ):
        loaded.predict(frame)


def test_predict_when_there_are_no_rows_then_answers_none(loaded: Any) -> None:
    answered = loaded.predict(rows().iloc[:0])

    assert (list(answered.columns), len(answered)) == (["salary", *INTERVAL, "warnings"], 0)


def test_predict_when_the_model_has_no_finite_answer_then_says_so(
    contract: Contract, tmp_path: Path
) -> None:
    model = straight_line(contract)
    model[-1].coef_[:] = np.inf
    loaded = mlflow.pyfunc.load_model(save(tmp_path, contract, model, Domain()))

    with pytest.raises(MlflowException) as caught:
        loaded.predict(pd.DataFrame({"experience_years": [5]}))

    assert str(caught.value) == "row 0: the model has no finite answer for its values"


def test_sklearn_flavor_when_loaded_then_is_the_bare_pipeline(saved: str) -> None:
    bare = mlflow.sklearn.load_model(saved)

    encoded = encode_frame(CLEAN, CONTRACT)
    np.testing.assert_array_equal(bare.predict(encoded), MODEL.predict(encoded))


#: Loads and asks a model where nothing can be imported but what its requirements install.
ELSEWHERE = """
import importlib.metadata, json, re, sys
from packaging.requirements import Requirement

def needs(name, extras, seen):
    if (name, extras) in seen: return
    seen.add((name, extras))
    for text in importlib.metadata.requires(name) or []:
        needed = Requirement(text)
        chosen = [{"extra": extra} for extra in ("", *extras)]
        if needed.marker is None or any(map(needed.marker.evaluate, chosen)):
            name = re.sub("[-_.]+", "-", needed.name).lower()
            try: needs(name, tuple(sorted(needed.extras)), seen)
            except importlib.metadata.PackageNotFoundError: pass

folder, answers = sys.argv[1], {}
seen = set()
for line in open(f"{folder}/requirements.txt"): needs(line.partition("==")[0].strip(), (), seen)
installed = {name for name, _ in seen}
sys.modules["salary_kedro"] = None
for module, owners in importlib.metadata.packages_distributions().items():
    if not {re.sub("[-_.]+", "-", owner).lower() for owner in owners} & installed:
        sys.modules[module] = None
for absent in ("kedro", "pandera", "bentoml"): assert sys.modules[absent] is None

import mlflow, pandas
print(mlflow.pyfunc.load_model(folder).predict(pandas.read_json(sys.stdin))["salary"].tolist())
"""


@pytest.mark.process
def test_load_model_when_only_its_requirements_are_installed_then_answers(
    saved: str, tmp_path: Path
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, saved],
        input=json.dumps([GOOD]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == pytest.approx([as_served()], rel=1e-9)


def test_saved_model_when_looked_at_then_holds_no_pickle_and_little_code(saved: str) -> None:
    files = [path for path in Path(saved).rglob("*") if path.suffix != ".pyc"]

    assert {path.suffix for path in files if path.is_file()} == {
        *("", ".json", ".py", ".skops", ".txt", ".yaml")
    }
    assert sum(path.stat().st_size for path in files if path.suffix == ".py") < 250_000
