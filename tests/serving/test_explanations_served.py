"""What a prediction is made of, asked of the routes in this process."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bundles import MODEL, add_bundle
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.background import Background
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain
from salary_kedro.serving import limits, predictions
from salary_kedro.serving.predictor import Predictor, Served
from salary_kedro.serving.request_metrics import exposition, request_metrics

Ask = Callable[..., httpx.Response]
#: Half of the made-up people have 0 years, half 10: version 1 predicts 1,000 and 1,100.
HALVES = {"inputs": {"experience_years": {"values": [0, 10], "shares": [0.5, 0.5]}}}
AT_7 = {"experience_years": 7}


@pytest.fixture
def serve(contract: Contract, store: BundleStore, predictor: Predictor) -> Callable[..., None]:
    """Serve version 1, trained on 0 to 50 years, with what it is explained against."""

    def put(background: dict[str, Any]) -> None:
        store.point_to(add_bundle(store.folder, contract, 1))
        predictor.refresh()
        assert predictor.served is not None
        choice = predictor.served.choice
        known = Background.model_validate(background)
        covered = Domain(ranges={"experience_years": (0.0, 50.0)})
        bundle = replace(choice.bundle, background=known, domain=covered)
        predictor.served = Served.of(replace(choice, bundle=bundle))

    return put


def test_explain_when_asked_then_says_what_each_input_adds_to_the_average(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HALVES)

    answer = ask("POST", "/explain", AT_7)

    assert answer.status_code == 200
    assert answer.json() == {
        "salary": pytest.approx(1070),
        "average_prediction": pytest.approx(1050),
        "contributions": {"experience_years": pytest.approx(20)},
        "warnings": [],
        "model_name": MODEL,
        "model_version": 1,
    }


def test_explain_when_a_salary_is_sent_along_then_answers_the_same(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HALVES)

    compared = ask("POST", "/explain", {**AT_7, "salary": 2000})

    assert compared.json() == ask("POST", "/explain", AT_7).json()


def test_explain_when_the_row_lies_beyond_the_training_then_warns_as_predict_does(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HALVES)
    beyond = {"experience_years": 59}

    warnings = ask("POST", "/explain", beyond).json()["warnings"]

    assert len(warnings) == 1
    assert warnings == ask("POST", "/predict", beyond).json()["warnings"]


def test_explain_when_the_bundle_has_no_background_then_gives_the_prediction_alone(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve({})

    answer = ask("POST", "/explain", AT_7).json()

    assert answer["salary"] == pytest.approx(1070)
    assert (answer["average_prediction"], answer["contributions"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"experience_years": 61}, 422), ({"rows": [AT_7]}, 422), ("x" * 250_001, 413)],
)
def test_explain_when_the_body_is_bad_then_refuses_it_as_predict_does(
    serve: Callable[..., None], ask: Ask, body: Any, status: int
) -> None:
    serve(HALVES)

    answer = ask("POST", "/explain", body)

    assert answer.status_code == status
    assert answer.json() == ask("POST", "/predict", body).json()


def test_explain_when_a_part_is_not_finite_then_is_refused(
    serve: Callable[..., None], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(HALVES)
    known = predictions.explain
    monkeypatch.setattr(
        predictions,
        "explain",
        lambda bundle, row: replace(known(bundle, row), average=float("nan")),
    )

    answer = ask("POST", "/explain", AT_7)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_prediction")


def test_explain_when_too_much_is_being_computed_then_is_busy(
    serve: Callable[..., None], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(HALVES)
    monkeypatch.setattr(limits, "MAX_BATCHES_COMPUTED", 0)
    monkeypatch.setattr(limits, "MAX_BATCHES_WAITING", 0)

    assert ask("POST", "/explain", AT_7).json()["error"]["code"] == "busy"


def test_explain_when_asked_then_is_counted_as_a_request_but_not_as_a_prediction(
    serve: Callable[..., None], ask: Ask
) -> None:
    serve(HALVES)
    request_metrics().flush()
    before = exposition()[0].decode().splitlines()

    ask("POST", "/explain", AT_7)

    request_metrics().flush()
    gained = set(exposition()[0].decode().splitlines()) - set(before)
    assert any(line.startswith('salary_requests_total{route="/explain"') for line in gained)
    assert not [line for line in gained if line.startswith("salary_predict")]
