"""The client against a real HTTP server on loopback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salary_kedro.contract import Contract
from salary_kedro.serving.token import Token
from service_client import (
    BadAddressError,
    BadInputError,
    BadTokenError,
    Explanation,
    Feature,
    NoModelError,
    Prediction,
    Problem,
    ServedModel,
    ServiceClient,
    Target,
    UnexpectedAnswerError,
    UnreachableError,
)


def refusal(code: str, message: str) -> dict[str, Any]:
    """An error answer in the service's form."""
    return {"error": {"code": code, "message": message, "details": []}}


def test_model_when_the_service_answers_then_describes_what_is_served(scripted_url: str) -> None:
    assert ServiceClient(scripted_url).model() == ServedModel(
        name="salary_prediction_regression-model",
        version=1,
        bundle="1-0a1b2c3d",
        reserve_reason=None,
        rmse=6311.262456108905,
        features=(
            Feature(
                name="experience_years",
                kind="number",
                label="Professional experience",
                help="Years of paid work in the field",
                unit="years",
                minimum=0,
                maximum=60,
                exclusive_minimum=None,
                exclusive_maximum=None,
                required=True,
                example=5.0,
            ),
        ),
        target=Target(name="salary", label="Salary", unit="a year, gross"),
    )


def described(scripted_url: str, model: dict, domain: object, **changes: Any) -> Feature:
    """The one feature of the model, after some changes to its contract."""
    model["contract"]["features"][0] |= changes
    model["domain"] = domain
    (feature,) = ServiceClient(scripted_url).model().features
    return feature


def test_model_when_categories_are_listed_then_gives_them_in_order(
    scripted_url: str, model: dict
) -> None:
    changes = {"kind": "category", "categories": ["Low", "High"], "example": "Low"}
    assert described(scripted_url, model, {}, **changes).categories == ("Low", "High")


def test_model_when_categories_are_learned_then_gives_those_that_were_met(
    scripted_url: str, model: dict
) -> None:
    changes = {"kind": "category", "categories": {"min_count": 10}, "example": "Analyst"}
    domain = {"ranges": {}, "categories": {"experience_years": ["Analyst", "Driver"]}}
    feature = described(scripted_url, model, domain, **changes)
    assert (feature.categories, feature.met) == (None, ("Analyst", "Driver"))


@pytest.mark.parametrize("ends", [[1.1, 10.5], ["2010-01-15", "2018-04-15"]])
def test_model_when_training_covered_a_range_then_gives_it(
    scripted_url: str, model: dict, ends: list
) -> None:
    domain = {"ranges": {"experience_years": ends}, "categories": {}}
    assert described(scripted_url, model, domain).covered == tuple(ends)


def test_model_when_more_was_learned_from_then_it_is_the_same_question(
    scripted_url: str, model: dict
) -> None:
    before, after = (
        described(scripted_url, model, {"ranges": {"experience_years": ends}})
        for ends in ([1, 10], [0, 20])
    )
    assert before != after
    assert hash(before) == hash(after)


@pytest.mark.parametrize("use", ["audit", "ignore"])
def test_model_when_a_column_is_no_input_then_leaves_it_out(
    scripted_url: str, model: dict, use: str
) -> None:
    model["contract"]["features"].append({"name": "sex", "kind": "category", "use": use})
    features = ServiceClient(scripted_url).model().features
    assert [feature.name for feature in features] == ["experience_years"]


def test_model_when_a_reserve_serves_then_says_why(scripted_url: str, model: dict) -> None:
    model |= {"source": "reserve", "reason": "bundle 2-ffffffff does not load"}
    assert ServiceClient(scripted_url).model().reserve_reason == "bundle 2-ffffffff does not load"


def test_model_when_no_rmse_was_recorded_then_has_none(scripted_url: str, model: dict) -> None:
    model["metrics"] = {}
    assert ServiceClient(scripted_url).model().rmse is None


def test_predict_when_asked_then_sends_the_values_as_a_flat_body(
    scripted_url: str, received: list
) -> None:
    ServiceClient(scripted_url).predict({"experience_years": 5.0}, "salary")
    assert received == [("POST /predict", {"experience_years": 5.0})]


def test_predict_when_the_model_gives_no_interval_then_has_none(scripted_url: str) -> None:
    assert ServiceClient(scripted_url).predict({"experience_years": 5.0}, "salary") == Prediction(
        value=72861.25,
        low=None,
        high=None,
        confidence=None,
        model_name="salary_prediction_regression-model",
        model_version=1,
        warnings=(),
    )


def test_predict_when_interval_and_warnings_come_then_gives_them(
    scripted_url: str, answers: dict, prediction: dict
) -> None:
    extras = {"low": 61000, "high": 85000.5, "confidence": 0.9, "warnings": ["12 is rare."]}
    answers["/predict"] = (200, prediction | extras)
    answer = ServiceClient(scripted_url).predict({"experience_years": 12}, "salary")
    assert (answer.low, answer.high, answer.confidence) == (61000, 85000.5, 0.9)
    assert answer.warnings == ("12 is rare.",)


def test_predict_when_a_salary_was_sent_along_then_gives_where_it_stands(
    scripted_url: str, answers: dict, prediction: dict
) -> None:
    answers["/predict"] = (200, prediction | {"percentile": 72.4, "percentile_margin": 6})
    answer = ServiceClient(scripted_url).predict({"experience_years": 5, "salary": 1}, "salary")
    assert (answer.percentile, answer.percentile_margin) == (72.4, 6)


def test_model_when_the_service_is_an_old_one_then_compares_nothing(scripted_url: str) -> None:
    model = ServiceClient(scripted_url).model()
    assert (model.compared, model.no_intervals) == (None, "")


@pytest.mark.usefixtures("recent")
def test_model_when_it_compares_then_gives_the_target_as_a_question(scripted_url: str) -> None:
    model = ServiceClient(scripted_url).model()
    assert model.compared is not None
    assert (model.compared.name, model.compared.required) == ("salary", False)
    assert model.compared.exclusive_minimum == 0
    assert model.no_intervals == "9 rows are too few"


@pytest.mark.usefixtures("recent")
def test_explain_when_asked_then_gives_what_the_service_says(
    scripted_url: str, received: list
) -> None:
    found = ServiceClient(scripted_url).explain({"experience_years": 5})
    contributions = {"experience_years": -9000.5}
    assert found == Explanation(81861.75, contributions, "salary_prediction_regression-model", 1)
    assert received == [("POST /explain", {"experience_years": 5})]


def test_explain_when_the_model_knows_none_then_has_no_contributions(
    scripted_url: str, answers: dict
) -> None:
    answers["/explain"] = (200, {"contributions": None, "model_name": "m", "model_version": 1})
    assert ServiceClient(scripted_url).explain({}).contributions == {}


@pytest.mark.parametrize("content", [{}, [], {"contributions": {"a": "x"}}, {"contributions": 5}])
def test_explain_when_the_answer_has_another_form_then_says_so(
    scripted_url: str, answers: dict, content: object
) -> None:
    answers["/explain"] = (200, content)
    with pytest.raises(UnexpectedAnswerError, match="/explain gives no contributions"):
        ServiceClient(scripted_url).explain({})


def test_predict_batch_when_asked_then_gives_one_prediction_a_row_by_one_version(
    scripted_url: str, received: list
) -> None:
    rows = [{"experience_years": 5}, {"experience_years": 6}]
    found = ServiceClient(scripted_url).predict_batch(rows, "salary")
    assert [each.value for each in found] == [72861.25, 81861.25]
    assert {each.model_version for each in found} == {1}
    assert received == [("POST /predict_batch", {"rows": rows})]


def test_predict_batch_when_rows_are_left_unanswered_then_says_so(
    scripted_url: str, answers: dict, prediction: dict
) -> None:
    answers["/predict_batch"] = (200, {**prediction, "predictions": [prediction]})
    with pytest.raises(UnexpectedAnswerError, match="gives no 'salary' for each row"):
        ServiceClient(scripted_url).predict_batch([{}, {}], "salary")


def test_predict_when_a_value_is_refused_then_tells_which_field_it_is(
    scripted_url: str, answers: dict
) -> None:
    answer = refusal("invalid_input", "age: too low")
    answer["error"]["details"] = [{"field": "age", "message": "too low"}]
    answers["/predict"] = (400, answer)
    with pytest.raises(BadInputError) as caught:
        ServiceClient(scripted_url).predict({}, "salary")
    assert caught.value.problems == (Problem("age", "too low"),)


def test_predict_when_the_target_has_another_name_then_reads_that_key(
    scripted_url: str, answers: dict, prediction: dict
) -> None:
    del prediction["salary"]
    answers["/predict"] = (200, {"bonus": 1200, **prediction})
    assert ServiceClient(scripted_url).predict({}, "bonus").value == 1200


def test_predict_when_a_value_is_refused_then_repeats_the_services_words(
    scripted_url: str, answers: dict
) -> None:
    message = "experience_years: 61 is above the maximum 60"
    answers["/predict"] = (400, refusal("invalid_input", message))
    with pytest.raises(BadInputError) as caught:
        ServiceClient(scripted_url).predict({"experience_years": 61}, "salary")
    assert str(caught.value) == message


def test_model_when_there_is_none_then_says_make_run(scripted_url: str, answers: dict) -> None:
    answers["/model"] = (503, refusal("no_model", ""))
    with pytest.raises(NoModelError, match=r"no model yet.*`make run`"):
        ServiceClient(scripted_url).model()


def test_model_when_the_connection_is_refused_then_says_make_serve(closed_url: str) -> None:
    with pytest.raises(UnreachableError, match=f"not running.* at {closed_url}.*`make serve`"):
        ServiceClient(closed_url).model()


def test_model_when_the_host_is_unknown_then_says_make_serve() -> None:
    with pytest.raises(UnreachableError, match=r"http://a\.\.b:3000.*`make serve`"):
        ServiceClient("http://a..b:3000").model()


def test_model_when_the_answer_is_too_slow_then_says_how_long_it_waited(
    scripted_url: str, answers: dict
) -> None:
    answers["/model"] = None
    with pytest.raises(UnreachableError, match=r"within 0\.2 seconds.*`make serve`.*set SALARY_"):
        ServiceClient(scripted_url, answer_seconds=0.2).model()


def test_predict_when_the_service_fails_then_points_to_its_terminal(
    scripted_url: str, answers: dict
) -> None:
    answers["/predict"] = (500, refusal("internal", "the model failed"))
    with pytest.raises(UnexpectedAnswerError, match=r"failed \(the model failed\).*terminal"):
        ServiceClient(scripted_url).predict({"experience_years": 5}, "salary")


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>Hello</html>"),
        (200, b"\xff\xfe\xfa"),
        (200, []),
        (200, {}),
        (200, {"model_version": 1, "metrics": None, "contract": {}}),
        (404, b"not here"),
        (404, refusal("not_found", "there is no /model")),
        (307, b""),
        (503, b"<html>Service unavailable</html>"),
        (502, ["bad gateway"]),
    ],
    ids=str,
)
def test_model_when_another_program_answers_then_says_so(
    scripted_url: str, answers: dict, answer: tuple[int, object]
) -> None:
    answers["/model"] = answer
    with pytest.raises(UnexpectedAnswerError, match=f"{scripted_url} answers, but not as the"):
        ServiceClient(scripted_url).model()


@pytest.mark.parametrize(
    "domain",
    [
        [1],
        {"ranges": {"experience_years": [1]}},
        {"ranges": {"experience_years": [1, {}]}},
        {"categories": {"experience_years": [1]}},
    ],
    ids=str,
)
def test_model_when_what_training_covered_is_malformed_then_says_so(
    scripted_url: str, model: dict, domain: object
) -> None:
    model["domain"] = domain
    with pytest.raises(UnexpectedAnswerError, match="no model that this page knows"):
        ServiceClient(scripted_url).model()


@pytest.mark.parametrize("salary", [None, "72861", True, float("nan"), 10**400])
def test_predict_when_the_salary_is_no_number_then_says_so(
    scripted_url: str, answers: dict, prediction: dict, salary: object
) -> None:
    answers["/predict"] = (200, prediction | {"salary": salary})
    with pytest.raises(UnexpectedAnswerError, match="/predict gives no 'salary'"):
        ServiceClient(scripted_url).predict({"experience_years": 5}, "salary")


def test_model_when_the_other_end_hangs_up_then_says_it_is_another_program(
    scripted_url: str, answers: dict
) -> None:
    answers["/model"] = "hang up"
    with pytest.raises(UnexpectedAnswerError, match="does not speak HTTP"):
        ServiceClient(scripted_url).model()


@pytest.mark.parametrize(
    "address",
    [
        "localhost:3000",
        "127.0.0.1:3000",
        "ftp://127.0.0.1:3000",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:port",
        "http://127.0.0.1:3000/?debug",
    ],
)
def test_client_when_the_address_is_malformed_then_shows_how_to_write_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("SALARY_SERVICE_URL", address)
    with pytest.raises(BadAddressError) as caught:
        ServiceClient()
    assert f"SALARY_SERVICE_URL is '{address}'" in str(caught.value)
    assert "http://127.0.0.1:3000" in str(caught.value)


@pytest.mark.parametrize("address", ["http://me:secret@127.0.0.1:0", "me:secret@127.0.0.1"])
def test_client_when_a_malformed_address_has_a_password_then_keeps_it_secret(address: str) -> None:
    with pytest.raises(BadAddressError) as caught:
        ServiceClient(address)
    assert "secret" not in str(caught.value)


def test_model_when_the_address_has_a_password_then_keeps_it_secret(closed_url: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        ServiceClient(closed_url.replace("://", "://me:secret@")).model()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "  "])
def test_client_when_the_variable_is_empty_then_asks_the_default_address(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SALARY_SERVICE_URL", value)
    assert ServiceClient().address == "http://127.0.0.1:3000"


def test_model_when_the_address_has_a_path_then_asks_below_it(
    scripted_url: str, answers: dict, received: list
) -> None:
    answers["/salaries/model"] = answers["/model"]
    ServiceClient(f"{scripted_url}/salaries/").model()
    assert received == [("GET /salaries/model", None)]


def test_model_when_a_proxy_is_configured_then_asks_loopback_directly(
    scripted_url: str, closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", closed_url)
    assert ServiceClient(scripted_url).model().version == 1


SECRET = "s3cret-token-of-a-test"  # noqa: S105 - a test's own


@pytest.mark.parametrize("variable", ["SALARY_TOKEN", "SALARY_TOKEN_FILE"])
def test_model_when_the_service_asks_for_a_token_then_sends_that_of_the_environment(
    serve: Callable[..., str],
    contract: Contract,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    value = SECRET if variable == "SALARY_TOKEN" else str(tmp_path / "token")
    monkeypatch.setenv(variable, value)
    model = ServiceClient(serve(contract, Token(SECRET))).model()
    assert model.target.name == "salary"


@pytest.mark.parametrize("sent", ["", "another"])
def test_model_when_the_token_is_not_the_services_then_says_what_to_set(
    serve: Callable[..., str], contract: Contract, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    monkeypatch.setenv("SALARY_TOKEN", sent)
    with pytest.raises(BadTokenError, match=r"Set SALARY_TOKEN, or SALARY_TOKEN_FILE"):
        ServiceClient(serve(contract, Token(SECRET))).model()


def test_client_when_the_path_of_the_tokens_file_is_relative_then_refuses_it_as_the_service_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALARY_TOKEN_FILE", "token")
    with pytest.raises(BadTokenError, match="is 'token': it must be an absolute path"):
        ServiceClient()


def test_client_when_the_tokens_file_is_not_there_then_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SALARY_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(BadTokenError, match="/nowhere/token"):
        ServiceClient()
