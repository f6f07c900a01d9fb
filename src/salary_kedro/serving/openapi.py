"""The OpenAPI description of the service, made from the contract of the served bundle."""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from salary_kedro.bundle import Bundle
from salary_kedro.contract.request import example_request
from salary_kedro.serving.schemas import ErrorBody, ModelInfo, Schemas

TEMPLATE = "#/components/schemas/{model}"
REQUEST_ID = "X-Request-ID"

_REQUEST_ID = {
    "description": "Names the request in the service's log: the client's own, or a new one",
    "schema": {"type": "string"},
}
_OWN_HEADERS = {"401": ["WWW-Authenticate"], "405": ["Allow"]}
#: What any route may answer beside 200.
_ALWAYS = {
    "405": "The route is asked by another method",
    "500": "The service failed; its log says why",
    "503": "There is no model yet, or too much is being answered: ask again after Retry-After",
}
_UNAUTHORIZED = {"401": "The bearer token is missing, or another"}
_REFUSED_BODY = {
    "400": "The body is not valid JSON",
    "408": "The body did not come in time",
    "413": "The body is too large",
    "415": "The body is not application/json, or not in UTF-8",
    "422": "A field is missing, unknown, given twice or not allowed",
}


def describe(bundle: Bundle, schemas: Schemas, needs_token: bool = False) -> dict[str, Any]:
    """Describe the four routes as an OpenAPI 3.1 document.

    Args:
        bundle: The bundle that answers.
        schemas: The models of its contract.
        needs_token: Whether clients must send a bearer token.
    """
    models = (schemas.request, schemas.batch, schemas.answer, schemas.batch_answer)
    _, shared = models_json_schema(
        [(model, "validation") for model in (*models, ErrorBody, ModelInfo)], ref_template=TEMPLATE
    )
    components: dict[str, Any] = {"schemas": shared["$defs"], "headers": {REQUEST_ID: _REQUEST_ID}}
    if needs_token:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": _info(bundle),
        "paths": _paths(bundle, schemas, _ALWAYS | (_UNAUTHORIZED if needs_token else {})),
        "components": components,
        **({"security": [{"bearer": []}]} if needs_token else {}),
    }


def _info(bundle: Bundle) -> dict[str, str]:
    target = bundle.contract.target
    return {
        "title": f"{target.label} prediction",
        "version": f"{bundle.version}",
        "description": f"Answers with the {target.label.lower()} ({target.unit}) that "
        f"{bundle.model_name}, version {bundle.version}, predicts.",
    }


def _paths(bundle: Bundle, schemas: Schemas, refused: Mapping[str, str]) -> dict[str, Any]:
    row = example_request(bundle.contract)
    rows, refused_body = {"rows": [row]}, {**_REFUSED_BODY, **refused}
    one = _operation("Predict one row", schemas.answer, refused_body)
    many = _operation("Predict rows", schemas.batch_answer, refused_body)
    return {
        "/predict": {"post": {**one, "requestBody": _body(schemas.request, row)}},
        "/predict_batch": {"post": {**many, "requestBody": _body(schemas.batch, rows)}},
        "/model": {"get": _operation("The model that answers", ModelInfo, refused)},
        "/openapi.json": {"get": _operation("This description", None, refused)},
    }


def _body(model: type, example: object) -> dict[str, Any]:
    return {"required": True, "content": _content(model, example)}


def _operation(summary: str, answer: type | None, refused: Mapping[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    good = content if answer is None else _content(answer)
    responses = {"200": {"description": "The answer", "content": good}} | {
        status: {"description": text, "content": _content(ErrorBody)}
        for status, text in sorted(refused.items())
    }
    for status, response in responses.items():
        response["headers"] = _headers(status)
    name = summary.lower().replace(" ", "_")
    return {"summary": summary, "operationId": name, "responses": responses}


def _headers(status: str) -> dict[str, Any]:
    named = {REQUEST_ID: {"$ref": f"#/components/headers/{REQUEST_ID}"}}
    return named | {name: {"schema": {"type": "string"}} for name in _OWN_HEADERS.get(status, ())}


def _content(model: type, example: object = None) -> dict[str, Any]:
    shown = {} if example is None else {"example": example}
    reference = {"$ref": TEMPLATE.format(model=model.__name__)}
    return {"application/json": {"schema": reference, **shown}}
