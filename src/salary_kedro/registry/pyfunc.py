"""What `mlflow.pyfunc.load_model` gives: the model behind its contract, as in the service.

This module and what it imports of the package travel with each logged model, so that the model
loads where the package is not installed. It imports nothing beside that, and what the model's
`requirements.txt` lists.
"""

from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from types import GenericAlias
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from salary_kedro.bundle.bundle import predict_rows
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.limits import CALIBRATION, DOMAIN
from salary_kedro.bundle.model_file import read_model
from salary_kedro.contract import Contract, Date, Feature, Integer, Number
from salary_kedro.contract.domain import Domain, DomainCheck, impossible
from salary_kedro.contract.encoding import Row
from salary_kedro.contract.request import explain_invalid, request_model, request_values

#: Rows that are checked and predicted at once.
CHUNK_ROWS = 10_000
#: Of so many problems a message tells.
MANY_TOLD = 5
SHAPE = "give a table with a column for each field"


class ContractModel:
    """Checks rows by the contract, predicts, and warns, as the service does."""

    def __init__(self, folder: Path) -> None:
        """Read a logged model; its `extra_files` hold the contract and what training found out."""
        files = folder / "extra_files"
        self._model = read_model(folder / "model.skops")
        self._contract = Contract.parse((files / "contract.json").read_bytes())
        domain = Domain.model_validate_json((files / DOMAIN).read_bytes())
        self._domain = DomainCheck(domain, self._contract)
        calibration = files / CALIBRATION  # releases before this one recorded none
        self._calibration = Calibration.parse(
            calibration.read_bytes() if calibration.is_file() else b"{}"
        )
        rows: Any = GenericAlias(list, (request_model(self._contract),))
        self._requests: TypeAdapter[Any] = TypeAdapter(rows)

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        """Predict the target of every row.

        Args:
            model_input: Columns under the fields' names, in any order. Values are as in
                requests; whole numbers may be floats, and dates may be timestamps. A missing
                optional value is None, NaN, NA or NaT, or its whole column is left out.

        Returns:
            The target under its field's name; `low`, `high` and `confidence` of its interval,
            None where there is none; `warnings`, a list of texts, often empty; indexed as the
            input is.

        Raises:
            MlflowException: If a row breaks the contract: names row, field, value and what is
                allowed; or if two columns have the name of one field.
        """
        _refuse_twins(model_input, self._contract)
        predicted: list[NDArray[np.float64]] = [np.empty(0)]
        warnings: list[list[str]] = []
        for start in range(0, len(model_input), CHUNK_ROWS):
            rows = self._check(model_input.iloc[start : start + CHUNK_ROWS], start)
            answers = self._predict(rows, start)
            predicted.append(answers)
            warnings += map(self._warn, rows, answers)
        targets = np.concatenate(predicted)
        whole = {self._contract.target.name: targets, **self._interval(targets)}
        return pd.DataFrame({**whole, "warnings": warnings}, index=model_input.index)

    def _interval(self, predicted: NDArray[np.float64]) -> dict[str, Any]:
        found = self._calibration.intervals(predicted)
        if found is None:  # as JSON holds it: NaN is none of its values
            nothing = np.full(len(predicted), None)
            return {"low": nothing, "high": nothing, "confidence": nothing}
        confidence = np.full(len(predicted), found.confidence)
        return {"low": found.low, "high": found.high, "confidence": confidence}

    def _warn(self, row: Row, predicted: float) -> list[str]:
        strange = impossible(float(predicted), self._contract.target)
        return [*self._domain.warn(row), *([strange] if strange else [])]

    def _check(self, frame: pd.DataFrame, start: int) -> list[Row]:
        """The values of each row in the model's input order."""
        try:
            requests = self._requests.validate_python(list(_as_requests(frame, self._contract)))
        except ValidationError as error:
            raise _refuse(explain_invalid(error, self._contract, SHAPE), start) from None
        return [request_values(request) for request in requests]

    def _predict(self, rows: list[Row], start: int) -> NDArray[np.float64]:
        predicted = predict_rows(self._model, rows, self._contract)
        if not (finite := np.isfinite(predicted)).all():
            message = "the model has no finite answer for its values"
            raise _refuse([{"field": str(finite.argmin()), "message": message}], start)
        return predicted


def _load_pyfunc(path: str) -> ContractModel:
    """What MLflow calls, by this name, with the folder of the logged model."""
    return ContractModel(Path(path))


def _refuse_twins(frame: pd.DataFrame, contract: Contract) -> None:
    for name in contract.feature_names:
        if (count := list(frame.columns).count(name)) > 1:
            message = f"there are {count} columns '{name}': give one"
            raise MlflowException.invalid_parameter_value(message)


def _as_requests(frame: pd.DataFrame, contract: Contract) -> Iterator[dict[str, Any]]:
    """Each row as the service would be sent it, without the columns that are no fields."""
    given = {
        feature.name: _as_values(frame[feature.name], feature)
        for feature in contract.inputs
        if feature.name in frame
    }
    rows = zip(*given.values(), strict=True) if given else repeat((), len(frame))
    return (dict(zip(given, row, strict=True)) for row in rows)


def _as_values(column: pd.Series, feature: Feature) -> list[Any]:
    cells = zip(column.astype(object), column.isna(), strict=True)
    return [None if missing else _as_value(cell, feature) for cell, missing in cells]


def _as_value(cell: Any, feature: Feature) -> Any:
    """A cell as JSON would hold it: tables write days as times."""
    value = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(value, Decimal) and isinstance(feature, Number | Integer):
        return float(value)
    if isinstance(value, datetime) and isinstance(feature, Date) and value.time() == time.min:
        return value.date()
    return value


def _refuse(problems: list[dict[str, str]], start: int) -> MlflowException:
    told = [_tell(problem, start) for problem in problems[:MANY_TOLD]]
    if more := len(problems) - len(told):
        told.append(f"and {more:,} more")
    refusal: MlflowException = MlflowException.invalid_parameter_value("; ".join(told))
    return refusal


def _tell(problem: dict[str, str], start: int) -> str:
    """One problem; the rows of the whole table are counted from 0."""
    row, _, field = problem["field"].partition(".")
    where = f"row {start + int(row):,}"
    return ": ".join(filter(None, (where, field, problem["message"])))
