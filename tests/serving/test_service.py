"""The running BentoML service: what it answers, and how it refuses what it cannot answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salary_kedro.bundle import BundleStore
from support import Answer, get, post

# The least-squares line through the 28 training rows, at 5 years.
SALARY_AT_5 = 72861.25402208201
SALARY_AT_0 = 24777.20577143677
MODEL = "salary_prediction_regression-model"
ALLOWED = "a number from 0 to 60 (years)"
GOOD = {"experience_years": 5}
LEARNED_FROM = "is outside the training range"
NO_FIELD = ""


def error_of(answer: Answer) -> dict[str, Any]:
    """The error of a refusal, which must have the one shape of all errors."""
    assert set(answer.body) == {"error"}
    error = answer.body["error"]
    assert set(error) == {"code", "message", "details"}
    assert isinstance(error["code"], str)
    assert error["message"]
    for problem in error["details"]:
        assert set(problem) == {"field", "message"}
    return dict(error)


def test_predict_when_asked_for_5_years_then_gives_the_salary_on_the_line(
    service_url: str,
) -> None:
    answer = post(f"{service_url}/predict", GOOD)
    assert answer.status == 200
    assert answer.body["salary"] == pytest.approx(SALARY_AT_5, rel=1e-9)
    assert round(answer.body["salary"], 2) == 72861.25


def test_predict_when_asked_then_names_the_model_and_doubts_nothing(service_url: str) -> None:
    body = post(f"{service_url}/predict", GOOD).body
    for name in ("salary", "low", "high"):
        del body[name]
    assert body == {
        "confidence": 0.9,
        "model_name": MODEL,
        "model_version": 1,
        "warnings": [],
    }


@pytest.mark.parametrize("years", ["0", "60", "5.0", "5e0", "1e-300", "60.0"])
def test_predict_when_a_number_is_within_the_bounds_then_answers(
    service_url: str, years: str
) -> None:
    body = f'{{"experience_years": {years}}}'.encode()
    assert post(f"{service_url}/predict", body).status == 200


def test_predict_when_the_content_type_names_a_charset_then_answers(service_url: str) -> None:
    answer = post(f"{service_url}/predict", GOOD, "application/json; charset=utf-8")
    assert answer.status == 200


def test_predict_when_asked_then_gives_the_interval_that_the_bundle_gives(
    service_url: str, bundles: Path
) -> None:
    answer = post(f"{service_url}/predict", GOOD).body

    store = BundleStore(bundles)
    expected = store.load(str(store.current())).calibration.intervals(np.array([SALARY_AT_5]))
    assert expected is not None
    assert answer["low"] == pytest.approx(expected.low[0], rel=1e-9)
    assert answer["high"] == pytest.approx(expected.high[0], rel=1e-9)
    assert answer["low"] < answer["salary"] < answer["high"]


def test_predict_batch_when_asked_then_answers_the_rows_in_order(service_url: str) -> None:
    rows = {"rows": [GOOD, {"experience_years": 0}]}
    answer = post(f"{service_url}/predict_batch", rows)
    assert answer.status == 200
    salaries = [row.pop("salary") for row in answer.body["predictions"]]
    assert salaries == pytest.approx([SALARY_AT_5, SALARY_AT_0], rel=1e-9)
    for row in answer.body["predictions"]:
        assert row.pop("low") < row.pop("high")
    row = {"confidence": 0.9, "warnings": []}
    doubted = {**row, "warnings": [f"Professional experience {LEARNED_FROM}: 1.1 to 10.5 years"]}
    assert answer.body == {
        "predictions": [row, doubted],
        "model_name": MODEL,
        "model_version": 1,
    }


def test_predict_batch_when_it_has_10_000_rows_then_answers_all(service_url: str) -> None:
    answer = post(f"{service_url}/predict_batch", {"rows": [GOOD] * 10_000})
    assert answer.status == 200
    assert len(answer.body["predictions"]) == 10_000


def test_model_when_asked_then_says_what_is_served_and_why(service_url: str) -> None:
    answer = get(f"{service_url}/model")
    assert answer.status == 200
    assert answer.body["model_name"] == MODEL
    assert answer.body["model_version"] == 1
    assert answer.body["bundle"].startswith("1-")
    assert answer.body["source"] == "current"
    assert answer.body["reason"] is None


def test_model_when_asked_then_gives_the_metrics_of_the_training(service_url: str) -> None:
    metrics = get(f"{service_url}/model").body["metrics"]
    assert metrics["rmse"] == pytest.approx(6311.262456108905, rel=1e-9)
    assert metrics["rows_train"] == 28
    assert metrics["rows_holdout"] == 12


def test_model_when_asked_then_gives_the_lineage(service_url: str) -> None:
    lineage = get(f"{service_url}/model").body["lineage"]
    assert set(lineage) == {
        "git_commit",
        "git_dirty",
        "code_sha256",
        "lock_sha256",
        "data_sha256",
        "data_method",
        "parameters",
        "parameters_sha256",
    }


def test_model_when_asked_then_gives_the_contract(service_url: str) -> None:
    contract = get(f"{service_url}/model").body["contract"]
    assert [feature["name"] for feature in contract["features"]] == ["experience_years"]
    assert contract["features"][0]["minimum"] == 0
    assert contract["features"][0]["maximum"] == 60
    assert contract["target"]["name"] == "salary"


@pytest.mark.parametrize("path", ["livez", "readyz"])
def test_health_when_a_model_is_served_then_is_good(service_url: str, path: str) -> None:
    assert get(f"{service_url}/{path}").status == 200


def test_metrics_when_a_prediction_was_made_then_counts_it(service_url: str) -> None:
    post(f"{service_url}/predict", GOOD)
    answer = get(f"{service_url}/metrics")
    assert answer.status == 200
    assert 'salary_requests_total{route="/predict",status="200"}' in answer.body


# (path, body, content type), status, code, field of the first problem, what the message names
REFUSALS: dict[str, tuple[str, object, str, int, str, str | None, str]] = {}


def refuse(
    name: str,
    body: object,
    *names: str,
    path: str = "/predict",
    kind: str = "application/json",
    status: int = 422,
    code: str = "invalid_input",
    field: str | None = "experience_years",
) -> None:
    """Add a bad request to the list."""
    for position, part in enumerate(names or (ALLOWED,)):
        case = name if position == 0 else f"{name}, {part}"
        REFUSALS[case] = (path, body, kind, status, code, field, part)


def number(text: str) -> bytes:
    """A body with a number spelt out."""
    return f'{{"experience_years": {text}}}'.encode()


NOT_JSON: dict[str, Any] = {"status": 400, "code": "invalid_json", "field": None}
NOT_SUPPORTED: dict[str, Any] = {
    "status": 415,
    "code": "unsupported_media_type",
    "field": None,
}
TOO_LARGE: dict[str, Any] = {"status": 413, "code": "too_large", "field": None}
BATCH: dict[str, Any] = {"path": "/predict_batch"}

refuse("a field is missing", {})
refuse("a field is unknown", {**GOOD, "age": 30}, "experience_years", field="age")
refuse("a name is misspelt", {"Experience_Years": 5})
refuse("null", {"experience_years": None}, ALLOWED, "null ")
refuse("a number in quotes", {"experience_years": "5"})
refuse("true", {"experience_years": True}, ALLOWED, "true ")
refuse("NaN", number("NaN"), ALLOWED, "NaN ")
refuse("Infinity", number("Infinity"), ALLOWED, "Infinity ")
refuse("1e400", number("1e400"))
refuse("-1e400", number("-1e400"))
refuse("just below the minimum", {"experience_years": -0.0001}, ALLOWED, "-0.0001")
refuse("just above the maximum", {"experience_years": 60.0001}, ALLOWED, "60.0001")
refuse("an object as a number", {"experience_years": {"value": 5}})
refuse("a list as a number", {"experience_years": [5]})
refuse("a number of 300 digits", number("9" * 300))
refuse("the field names are wrapped", {"request": GOOD})
refuse("a list", [], "it is not an object; the fields are", field=NO_FIELD)
refuse("a text", "x", "object", field=NO_FIELD)
refuse("only null", b"null", "object", field=NO_FIELD)
refuse("a thousand unknown fields", {f"f{i}": 1 for i in range(1000)})
refuse("a name of 100,000 letters", {**GOOD, "k" * 100_000: 1}, "experience_years", field=None)
refuse("a field is given twice", b'{"experience_years": 60, "experience_years": 5}', "twice")
refuse(
    "a row gives a field twice", b'{"rows": [{"experience_years": 5, "experience_years": 5}]}',
    "twice", **BATCH,
)  # fmt: skip
refuse("nothing", b"", "JSON", **NOT_JSON)
refuse("broken off", b'{"experience_years":', "JSON", **NOT_JSON)
refuse("more after the end", b'{"experience_years": 5} x', "JSON", **NOT_JSON)
refuse("invalid UTF-8", b'{"experience_years\xff": 5}', "JSON", **NOT_JSON)
refuse("a byte order mark", b'\xef\xbb\xbf{"experience_years": 5}', "JSON", **NOT_JSON)
refuse("UTF-16", '{"experience_years": 5}'.encode("utf-16"), "JSON", **NOT_JSON)
refuse("an integer of 5,000 digits", number("9" * 5000), "JSON", **NOT_JSON)
refuse("a negative one", number("-" + "9" * 5000), "JSON", **NOT_JSON)
refuse("100,000 open brackets", b"[" * 100_000, "JSON", **NOT_JSON)
refuse("half a surrogate pair", b'{"\\ud800": 5}', "JSON", **NOT_JSON)
refuse("text/plain", GOOD, "application/json", kind="text/plain", **NOT_SUPPORTED)
refuse("no content type", GOOD, "application/json", kind="", **NOT_SUPPORTED)
refuse(
    "a pickle", b"\x80\x04.", "application/json",
    kind="application/vnd.bentoml+pickle", **NOT_SUPPORTED,
)  # fmt: skip
refuse("a Python pickle", b"\x80\x04.", "json", kind="application/x-pickle", **NOT_SUPPORTED)
refuse("bytes", b"\x80\x04.", "json", kind="application/octet-stream", **NOT_SUPPORTED)
refuse("Latin-1", GOOD, "UTF-8", kind="application/json; charset=latin-1", **NOT_SUPPORTED)
refuse("a row of 250 kB", b" " * 250_001, "250,000", **TOO_LARGE)
refuse("20 MB", b" " * 20_000_000, "250,000", **TOO_LARGE)
refuse("a batch of 2 MB", b" " * 2_000_001, "2,000,000", **BATCH, **TOO_LARGE)
ROWS = 'send {"rows": [...]} with 1 to 10,000 rows'
refuse("a batch of no rows", {"rows": []}, f"rows: it holds no rows; {ROWS}", **BATCH, field="rows")
refuse(
    "too many rows", {"rows": [GOOD] * 10_001}, f"rows: it holds too many rows; {ROWS}",
    **BATCH, field="rows",
)  # fmt: skip
refuse("a batch without rows", {}, '"rows"', **BATCH, field="rows")
refuse(
    "rows that are no array", {"rows": GOOD}, f"rows: it is not an array; {ROWS}",
    **BATCH, field="rows",
)  # fmt: skip
refuse("rows beside more", {"rows": [GOOD], "x": 1}, "rows", **BATCH, field="x")
refuse("a batch that is a list", [GOOD], '"rows"', **BATCH, field=NO_FIELD)
refuse(
    "a row that is a number", {"rows": [5]},
    "rows.0: it is not an object; the fields are experience_years", **BATCH, field="rows.0",
)  # fmt: skip
refuse(
    "one bad row", {"rows": [GOOD, {"experience_years": 61}]},
    **BATCH, field="rows.1.experience_years",
)  # fmt: skip
refuse(
    "10,000 bad rows", {"rows": [{"experience_years": "x"}] * 10_000},
    **BATCH, field="rows.0.experience_years",
)  # fmt: skip


@pytest.fixture
def still_answers(service_url: str) -> Iterator[None]:
    """After the test, the service must answer the next good request."""
    yield
    answer = post(f"{service_url}/predict", GOOD)
    assert answer.status == 200
    assert answer.body["salary"] == pytest.approx(SALARY_AT_5, rel=1e-9)


@pytest.mark.usefixtures("still_answers")
@pytest.mark.parametrize("case", REFUSALS)
def test_request_when_it_is_bad_then_is_refused_with_what_is_allowed(
    service_url: str, case: str
) -> None:
    path, body, kind, status, code, field, named = REFUSALS[case]
    answer = post(f"{service_url}{path}", body, kind)
    assert answer.status == status
    error = error_of(answer)
    assert error["code"] == code
    assert named in error["message"]
    if field is not None:
        assert error["details"][0]["field"] == field


@pytest.mark.parametrize(
    "case", ["a thousand unknown fields", "a name of 100,000 letters", "10,000 bad rows"]
)
def test_refusal_when_the_body_is_large_then_stays_short(service_url: str, case: str) -> None:
    path, body, kind, *_ = REFUSALS[case]
    error = error_of(post(f"{service_url}{path}", body, kind))
    assert len(error["message"]) <= 1000
    assert len(error["details"]) <= 100


@pytest.mark.usefixtures("still_answers")
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/predict", 405, "method_not_allowed"),
        ("GET", "/predict_batch", 405, "method_not_allowed"),
        ("POST", "/model", 405, "method_not_allowed"),
        ("POST", "/openapi.json", 405, "method_not_allowed"),
        ("GET", "/nope", 404, "not_found"),
        ("POST", "/nope", 404, "not_found"),
        ("GET", "/predict/5", 404, "not_found"),
    ],
)
def test_request_when_there_is_no_such_route_then_is_refused_in_the_same_shape(
    service_url: str, method: str, path: str, status: int, code: str
) -> None:
    url = f"{service_url}{path}"
    answer = get(url) if method == "GET" else post(url, GOOD)
    assert answer.status == status
    error = error_of(answer)
    assert error["code"] == code
    assert f"{method} {path}" in error["message"]
    assert "/openapi.json" in error["message"]


@pytest.fixture
def openapi(service_url: str) -> dict[str, Any]:
    answer = get(f"{service_url}/openapi.json")
    assert answer.status == 200
    return dict(answer.body)


def parts_of(node: object) -> Iterator[dict[str, Any]]:
    """Every object inside a JSON document."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from parts_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from parts_of(value)


def follow(document: dict[str, Any], reference: str) -> Any:
    """What a local reference points to."""
    root, *path = reference.split("/")
    assert root == "#"
    found: Any = document
    for part in path:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def test_openapi_when_asked_then_describes_the_routes(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1.")
    assert set(openapi["info"]) >= {"title", "version"}
    assert {
        (path, method, operation["operationId"])
        for path, item in openapi["paths"].items()
        for method, operation in item.items()
    } == {
        ("/predict", "post", "predict"),
        ("/predict_batch", "post", "predict_batch"),
        ("/explain", "post", "explain"),
        ("/model", "get", "get_model"),
        ("/model/card", "get", "get_card"),
        ("/model/history", "get", "get_history"),
        ("/openapi.json", "get", "get_openapi"),
        ("/docs.json", "get", "get_docs"),
        ("/schema.json", "get", "get_schema"),
    }


def test_openapi_when_a_schema_is_referred_to_then_it_is_there(openapi: dict[str, Any]) -> None:
    references = [part["$ref"] for part in parts_of(openapi) if "$ref" in part]
    assert references
    for reference in references:
        assert isinstance(follow(openapi, reference), dict)


def test_openapi_when_an_operation_is_described_then_it_is_complete(
    openapi: dict[str, Any],
) -> None:
    operations = [operation for item in openapi["paths"].values() for operation in item.values()]
    for operation in operations:
        assert operation["summary"]
        for status, response in operation["responses"].items():
            assert 200 <= int(status) <= 599
            assert response["description"]
            assert response["content"]["application/json"]["schema"]


def test_openapi_when_a_schema_is_described_then_its_keys_are_json_schema(
    openapi: dict[str, Any],
) -> None:
    types = {"object", "array", "string", "number", "integer", "boolean", "null"}
    for schema in openapi["components"]["schemas"].values():
        for part in parts_of(schema):
            if isinstance(part.get("type"), str):
                assert part["type"] in types
            assert "nullable" not in part  # that was OpenAPI 3.0
        assert set(schema.get("required", [])) <= set(schema.get("properties", {}))


def test_openapi_when_it_describes_a_request_then_gives_bounds_and_an_example(
    openapi: dict[str, Any],
) -> None:
    content = openapi["paths"]["/predict"]["post"]["requestBody"]["content"]
    request = follow(openapi, content["application/json"]["schema"]["$ref"])
    field = request["properties"]["experience_years"]
    assert request["additionalProperties"] is False
    assert request["required"] == ["experience_years"]
    assert field["type"] == "number"
    assert (field["minimum"], field["maximum"]) == (0, 60)
    assert field["examples"] == [5]
    assert "years" in field["description"]


def test_openapi_when_it_describes_a_batch_then_gives_the_number_of_rows(
    openapi: dict[str, Any],
) -> None:
    content = openapi["paths"]["/predict_batch"]["post"]["requestBody"]["content"]
    rows = follow(openapi, content["application/json"]["schema"]["$ref"])["properties"]["rows"]
    assert (rows["minItems"], rows["maxItems"]) == (1, 10_000)


def test_openapi_when_the_example_is_sent_then_it_is_answered_as_described(
    service_url: str, openapi: dict[str, Any]
) -> None:
    operation = openapi["paths"]["/predict"]["post"]
    request, answer = (
        follow(openapi, part["content"]["application/json"]["schema"]["$ref"])["properties"]
        for part in (operation["requestBody"], operation["responses"]["200"])
    )
    example = {name: field["examples"][0] for name, field in request.items()}
    assert set(post(f"{service_url}/predict", example).body) == set(answer)
