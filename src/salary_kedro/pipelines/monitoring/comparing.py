"""Logged requests beside what a bundle says of its training rows."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.bundle.calibration import Intervals
from salary_kedro.bundle.profile import NumberProfile, Profile
from salary_kedro.contract import Contract, Date
from salary_kedro.contract.domain import as_json
from salary_kedro.contract.encoding import Value
from salary_kedro.contract.logged import HIGH, HOUR, LOW, PREDICTED, WARNED
from salary_kedro.modelling.drift import (
    NO_VALUE,
    OTHERS,
    Baseline,
    Counts,
    Finding,
    bin_names,
    number_cells,
    say_number,
    text_cells,
)
from salary_kedro.modelling.profile import as_texts, places_of
from salary_kedro.pipelines.monitoring.words import PREDICTIONS, plain, say_finding
from salary_kedro.tables.frames import encode_column
from salary_kedro.tables.request_log import LoggedRequests

Places = NDArray[np.intp]


def columns_of(logged: LoggedRequests, contract: Contract) -> dict[str, pd.Series]:
    """The logged inputs, encoded; yes and no as texts."""
    return {
        item.name: as_texts(encode_column(logged.inputs[item.name], item), item)
        for item in contract.logged_inputs
    }


def cells_of(
    logged: LoggedRequests, contract: Contract, profile: Profile
) -> dict[str, tuple[Baseline, Counts]]:
    """What is compared: each logged field that the profile knows, and the predictions."""
    found = {
        name: _cells(profile.fields[name], values, _say(name, contract))
        for name, values in columns_of(logged, contract).items()
        if name in profile.fields
    }
    if profile.holdout_predictions is not None:
        predicted = logged.answers[PREDICTED].to_numpy(np.float64)
        found[PREDICTIONS] = number_cells(profile.holdout_predictions, predicted)
    return found


def _cells(profile: Any, values: pd.Series, say: Callable[[float], str]) -> tuple[Baseline, Counts]:
    if isinstance(profile, NumberProfile):
        return number_cells(profile, values.to_numpy(np.float64), say)
    return text_cells(profile, values)


def _say(name: str, contract: Contract) -> Callable[[float], str]:
    """Writes the end of a bin: of days the last one, else a number."""
    (column,) = (item for item in contract.inputs if item.name == name)
    if isinstance(column, Date):
        return lambda days: str(as_json(math.floor(days), column))
    return say_number


def name_cells(
    logged: LoggedRequests, contract: Contract, profile: Profile
) -> dict[str, NDArray[np.object_]]:
    """The name of the cell that each row lies in, by field, as reports show them."""
    return {
        name: np.array([*_names(profile.fields[name], values, _say(name, contract))], dtype=object)
        for name, values in columns_of(logged, contract).items()
        if name in profile.fields
    }


def _names(profile: Any, values: pd.Series, say: Callable[[float], str]) -> Iterator[str]:
    if isinstance(profile, NumberProfile):
        names = bin_names(profile, say)
        places = places_of(values.to_numpy(np.float64), profile.edges)
        yield from (
            NO_VALUE if is_missing else names[place]
            for place, is_missing in zip(places, values.isna(), strict=True)
        )
    else:
        known = set(profile.categories)
        for value in values:
            if value in known:
                yield value
            else:
                yield NO_VALUE if pd.isna(value) and profile.missing is not None else OTHERS


def told(name: str, finding: Finding) -> dict[str, Any]:
    """A finding as plain JSON, with its sentence."""
    figures = {key: plain(value) for key, value in asdict(finding).items()}
    cells = zip(
        *(figures.pop(key) for key in ("names", "baseline", "requests")),
        strict=True,
    )
    shares = [
        {"cell": cell, "training": before, "requests": after} for cell, before, after in cells
    ]
    return {"field": name, "words": say_finding(name, finding), **figures, "cells": shares}


def facts_of(logged: LoggedRequests) -> dict[str, Any]:
    """How much was logged, and what was set aside."""
    answers = logged.answers
    hours = answers[HOUR] if len(answers) else pd.Series(dtype="object")
    return {
        "rows": len(answers),
        "first": hours.min().isoformat() if len(hours) else None,
        "last": hours.max().isoformat() if len(hours) else None,
        "warned": float(answers[WARNED].mean()) if len(answers) else None,
        "others": dict(logged.others),
        "unusable": list(logged.unusable),
    }


def served_intervals(answers: pd.DataFrame, confidence: float) -> Intervals | None:
    """The intervals that were served; None if any row had none."""
    if answers.empty or answers[[LOW, HIGH]].isna().to_numpy().any():
        return None
    low, high = (answers[name].to_numpy(np.float64) for name in (LOW, HIGH))
    return Intervals(low, high, confidence)


def rows_for(contract: Contract, inputs: pd.DataFrame) -> tuple[list[list[Value]], Places]:
    """Logged rows as another contract takes them.

    Returns:
        Those that keep to it, and the places of these, shape (kept rows,).
    """
    columns = [[*map(_plain, inputs[item.name])] for item in contract.inputs]
    kept = [
        (place, [*row])
        for place, row in enumerate(zip(*columns, strict=True))
        if all(
            (not item.required) if value is None else item.allows(value)
            for value, item in zip(row, contract.inputs, strict=True)
        )
    ]
    return [row for _, row in kept], np.array([place for place, _ in kept], dtype=np.intp)


def _plain(value: Any) -> Value:
    """A value of a clean table as a checked request holds it."""
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    return bool(value) if isinstance(value, np.bool_) else value


def not_logged(contract: Contract, logged: pd.DataFrame) -> list[str]:
    """The inputs of a contract that are not in the log."""
    return [name for name in contract.feature_names if name not in logged]
