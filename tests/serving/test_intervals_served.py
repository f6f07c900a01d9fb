"""How sure the answers are, and where a salary that is sent along stands, in this process."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bundles import add_bundle
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.calibration import Calibration, Intervals, Numbers, Standing
from salary_kedro.bundle.report import Report
from salary_kedro.contract import Contract
from salary_kedro.serving.predictor import Predictor, Served
from salary_kedro.serving.request_metrics import exposition

Ask = Callable[..., httpx.Response]
AT_5 = {"experience_years": 5}
#: What version 1 predicts at 5 years.
SALARY = 1050
#: What somebody earns, in digits that come nowhere else.
EARNED = 987654.25


class HundredAround(Calibration):
    """Intervals of 100 to either side; 80 % have less than 1,100, the others as much or more."""

    confidence: float = 0.8

    def interval(self, predicted: float, confidence: float | None = None) -> tuple[float, float]:
        return predicted - 100, predicted + 100

    def intervals(self, predicted: Numbers, confidence: float | None = None) -> Intervals:
        return Intervals(predicted - 100, predicted + 100, self.confidence)

    def standing(self, predicted: float, actual: float) -> Standing | None:
        return Standing(100.0 if actual > 1100 else 80.0, 2.5)


@pytest.fixture
def serve(contract: Contract, store: BundleStore, predictor: Predictor) -> Callable[..., None]:
    """Serve version 1 with a calibration."""

    def put(calibration: Calibration, report: Report | None = None) -> None:
        store.point_to(add_bundle(store.folder, contract, 1))
        predictor.refresh()
        assert predictor.served is not None
        choice = predictor.served.choice
        found = {"calibration": calibration, "report": report or Report()}
        predictor.served = Served.of(replace(choice, bundle=replace(choice.bundle, **found)))

    return put


def test_predict_when_the_model_is_calibrated_then_gives_the_interval(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HundredAround())

    answer = ask("POST", "/predict", AT_5).json()

    assert answer["low"] == pytest.approx(SALARY - 100)
    assert answer["high"] == pytest.approx(SALARY + 100)
    assert answer["confidence"] == 0.8
    assert not {"percentile", "percentile_margin"} & set(answer)


def test_predict_batch_when_the_model_is_calibrated_then_gives_the_interval_of_each_row(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HundredAround())
    rows = [AT_5, {"experience_years": 10}]

    found = ask("POST", "/predict_batch", {"rows": rows}).json()["predictions"]

    assert [row["low"] for row in found] == pytest.approx([950, 1000])
    assert [row["high"] for row in found] == pytest.approx([1150, 1200])
    assert [row["confidence"] for row in found] == [0.8, 0.8]


def test_predict_when_a_salary_is_sent_along_then_says_where_it_stands(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HundredAround())

    answer = ask("POST", "/predict", {**AT_5, "salary": 1000}).json()

    assert answer["salary"] == pytest.approx(SALARY)
    assert (answer["percentile"], answer["percentile_margin"]) == (80, 2.5)


@pytest.mark.parametrize("sent", [{}, {"salary": None}])
def test_predict_when_no_salary_is_sent_then_has_no_percentile(
    serve: Callable[..., None], ask: Ask, sent: dict[str, None]
) -> None:
    serve(HundredAround())

    assert "percentile" not in ask("POST", "/predict", {**AT_5, **sent}).json()


def test_predict_when_it_is_not_known_where_a_salary_stands_then_says_null(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(Calibration())

    answer = ask("POST", "/predict", {**AT_5, "salary": 1000}).json()

    assert (answer["percentile"], answer["percentile_margin"]) == (None, None)


def test_predict_batch_when_some_rows_bring_a_salary_then_answers_those_with_a_percentile(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HundredAround())
    rows = [AT_5, {**AT_5, "salary": 1000}, {**AT_5, "salary": 5000}]

    found = ask("POST", "/predict_batch", {"rows": rows}).json()["predictions"]

    assert [row.get("percentile", "absent") for row in found] == ["absent", 80, 100]


@pytest.mark.parametrize("salary", [0, -EARNED, f"{EARNED}", True, [EARNED]])
@pytest.mark.parametrize("in_rows", [False, True])
def test_request_when_its_salary_is_bad_then_is_refused_without_quoting_it(
    serve: Callable[..., None], ask: Ask, salary: Any, in_rows: bool
) -> None:
    serve(HundredAround())
    row = {**AT_5, "salary": salary}

    answer = (
        ask("POST", "/predict_batch", {"rows": [row]}) if in_rows else ask("POST", "/predict", row)
    )

    (problem,) = answer.json()["error"]["details"]
    assert answer.status_code == 422
    assert problem == {
        "field": "rows.0.salary" if in_rows else "salary",
        "message": "what was sent is not allowed; it must be a number above 0 (a year, gross)",
    }


def test_request_when_a_field_is_unknown_then_says_that_a_salary_may_be_sent(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HundredAround())

    (problem,) = ask("POST", "/predict", {**AT_5, "pay": 1}).json()["error"]["details"]

    assert problem["message"] == (
        "unknown field; the fields are experience_years, and salary to compare with"
    )


@pytest.mark.parametrize("salary", [EARNED, -EARNED])
def test_salary_when_it_was_sent_then_is_in_no_log_and_no_metric(
    serve: Callable[..., None], ask: Ask, salary: float, caplog: pytest.LogCaptureFixture
) -> None:
    serve(HundredAround())
    before = exposition()[0].decode()
    with caplog.at_level(logging.DEBUG):
        answer = ask("POST", "/predict", {**AT_5, "salary": salary})

    written = [json.dumps(vars(record), default=str) for record in caplog.records]
    told = [*written, exposition()[0].decode(), answer.text]
    assert written
    assert not [text for text in told if "987654" in text or "9.87654" in text]
    gained = set(exposition()[0].decode().splitlines()) - set(before.splitlines())
    assert not [line for line in gained if "salary_out_of_range" in line]


def test_model_when_it_has_no_intervals_then_says_why(serve: Callable[..., None], ask: Ask) -> None:
    serve(Calibration(reason="9 rows are too few", rows=9))

    assert ask("GET", "/model").json()["intervals"] == {
        "confidence": 0.9,
        "rows": 9,
        "reason": "9 rows are too few",
        "coverage": None,
    }


def test_model_when_it_has_intervals_then_gives_what_they_rest_on_and_what_they_held(
    serve: Callable[..., None], ask: Ask
) -> None:
    coverage = {"rows": 10, "share": 0.9, "low": 0.55, "high": 0.99}
    scores = {"confidence": 0.8, "coverage": coverage, "mean_width": 200}
    serve(
        HundredAround(reason="", rows=40, confidence=0.8),
        Report.model_validate({"intervals": scores}),
    )

    answer = ask("GET", "/model").json()

    held = {**coverage, "effective_rows": None}
    known = {"confidence": 0.8, "rows": 40, "reason": None, "coverage": held}
    assert answer["intervals"] == known
    assert answer["report"]["intervals"]["mean_width"] == 200
    assert answer["report"]["groups"] is None


def test_openapi_when_asked_then_lets_a_salary_be_sent_but_not_required(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(Calibration())

    schema = ask("GET", "/openapi.json").json()["components"]["schemas"]["Request"]

    assert schema["required"] == ["experience_years"]
    assert schema["properties"]["salary"]["anyOf"] == [
        {"exclusiveMinimum": 0, "maximum": 3.4e38, "type": "number"},
        {"type": "null"},
    ]
