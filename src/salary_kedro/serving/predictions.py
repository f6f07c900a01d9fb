"""Answers to one row: what is predicted, how sure that is, and what it is made of."""

import math
from collections.abc import Sequence
from typing import Any

from salary_kedro.bundle.explanation import explain
from salary_kedro.contract.domain import impossible
from salary_kedro.contract.request import request_values
from salary_kedro.serving.answers import Answer, in_short
from salary_kedro.serving.body import check
from salary_kedro.serving.predictor import Served
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_log import RequestLog
from salary_kedro.serving.request_metrics import bucket_of, request_metrics

Ends = tuple[float, float]


def answer_row(served: Served, body: bytes | bytearray, log: RequestLog | None) -> Answer:
    """Predict for the row of a request.

    Args:
        served: What answers.
        body: The request's body.
        log: Takes note of what was answered; None if nobody does.

    Raises:
        RequestError: 400 or 422.
    """
    row = request_values(check(body, served.schemas.request, served))
    actual: Any = row.pop()  # the target, which the model must not see
    bundle, target = served.bundle, served.bundle.contract.target
    try:
        salary = bundle.predict_row(row)
    except ValueError as error:  # a number that the model does not take
        raise no_prediction() from error
    if not math.isfinite(salary):
        raise no_prediction()
    doubts = doubts_about(served, row, salary)
    interval = bundle.calibration.interval(salary)
    answer = {
        target.name: salary,
        **ends(served, interval),
        **({} if actual is None else standing(served, salary, actual)),
        "warnings": list(doubts.values()),
        **served.version,
    }

    def tell() -> None:
        metrics = request_metrics()
        metrics.predicted("/predict", {bucket_of(salary): 1}, salary)
        for field in doubts:
            metrics.out_of_range("predicted" if field == target.name else "warned", {field: 1})
        if log is not None:
            log.note(served, row, salary, interval, actual)

    return in_short(answer, tell)


def doubts_about(served: Served, row: Sequence[Any], salary: float) -> dict[str, str]:
    """Reasons to doubt a prediction, by field: those of inputs, then that of the target, if any."""
    found, target = served.check.warn_by_field(row), served.bundle.contract.target
    if salary not in served.possible and (text := impossible(salary, target)):
        found[target.name] = text
    return found


def ends(served: Served, interval: Ends | None) -> dict[str, float | None]:
    """What an answer tells of the interval of a prediction; null where there is none."""
    if interval is None:
        return {"low": None, "high": None, "confidence": None}
    confidence = served.bundle.calibration.confidence
    return {"low": interval[0], "high": interval[1], "confidence": confidence}


def standing(served: Served, salary: float, actual: Any) -> dict[str, float | None]:
    """Where the target that was sent lies among those predicted alike; null if that is not known.

    It goes nowhere but into this answer.
    """
    found = served.bundle.calibration.standing(salary, float(actual))
    return {
        "percentile": None if found is None else found.percentile,
        "percentile_margin": None if found is None else found.margin,
    }


def answer_explanation(served: Served, body: bytes | bytearray) -> Answer:
    """What a prediction is made of; null where the bundle has nothing to explain it against.

    Raises:
        RequestError: 400 or 422.
    """
    *row, _ = request_values(check(body, served.schemas.request, served))
    try:
        salary, found = served.bundle.predict_row(row), explain(served.bundle, row)
    except ValueError as error:  # a number that the model does not take
        raise no_prediction() from error
    numbers: Sequence[float] = (
        () if found is None else (found.average, *found.contributions.values())
    )
    if not all(map(math.isfinite, (salary, *numbers))):
        raise no_prediction()
    parts = {
        "average_prediction": None if found is None else found.average,
        "contributions": None if found is None else found.contributions,
        "warnings": list(doubts_about(served, row, salary).values()),
    }
    return in_short({served.bundle.contract.target.name: salary, **parts, **served.version})


def no_prediction() -> RequestError:
    """The model gives something, but no number that could be answered."""
    message = "the model has no finite answer for these values; send values like its training data"
    return RequestError(422, "no_prediction", message)
