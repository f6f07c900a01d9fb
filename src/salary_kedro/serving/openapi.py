"""The OpenAPI description of the service, made from the contract of the served bundle."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from salary_kedro.bundle import Bundle
from salary_kedro.bundle.card import ModelCard
from salary_kedro.bundle.history import ServedHistory
from salary_kedro.contract.request import example_request
from salary_kedro.serving.limits import MAX_BATCH_ROWS
from salary_kedro.serving.schemas import ErrorBody, ModelInfo, Schemas

TEMPLATE = "#/components/schemas/{model}"
REQUEST_ID, TRACE = "X-Request-ID", "traceparent"

_TAGS = {
    "predictions": "Ask for salaries",
    "model": "Which model answers, and how good it was",
    "descriptions": "The machine-readable description of the routes",
}
#: What the routes do, by the names of their operations.
_DESCRIPTIONS = {
    "predict": "Predicts one row: the prediction, an interval that should hold the truth as often "
    "as `confidence` says, and a warning for each input that lies outside the training data.",
    "predict_batch": f"Predicts up to {MAX_BATCH_ROWS:,} rows, answered in their order; with one "
    "bad row none is predicted, and the error tells which.",
    "explain": "Tells by how much each input moves the prediction of a row from the average one, "
    "with the warnings of `/predict`.",
    "get_model": "Tells which version answers, what it was trained on, how good it was, and why it "
    "is served.",
    "get_card": "Tells what people may want to know of the version that answers: what it is for "
    "and not for, how it became production, how good it is, and what it was made from. A client "
    "that prefers `text/html`, as browsers do, gets it as a page.",
    "get_history": "Tells what was decided about versions, and why, and what is known of each, the "
    "newest first; it answers without a model too.",
    "get_openapi": "This document, made from the contract of the model that is served.",
    "get_docs": "The same document at the address where BentoML's clients look for it.",
    "get_schema": "The routes as BentoML's own clients want them described.",
}
_TEXT = {"schema": {"type": "string"}}
#: What any request may send in its header.
_PARAMETERS = {
    REQUEST_ID: "Names the request in the service's log: 1 to 128 printable ASCII characters, and "
    "no space",
    TRACE: "The trace that the request is part of (W3C Trace Context), for the service's log",
}
#: What a request for many rows may send too.
_PURPOSE = {
    "name": "Salary-Purpose",
    "in": "header",
    "description": "`exploration`, of rows that are made up, as for a curve: keeps them out of the "
    "log of requests and the metrics of predictions",
    **_TEXT,
}
#: What the header of an answer tells.
_HEADERS = {
    REQUEST_ID: "Names the request in the service's log: the client's own, or a new one",
    "Content-Encoding": "gzip, for a long answer to a client that takes it",
    "WWW-Authenticate": "How to send a token",
    "Allow": "The methods of the route",
    "Retry-After": "Seconds to wait before a retry",
}
_OWN_HEADERS = {
    "200": ["Content-Encoding"],
    "401": ["WWW-Authenticate"],
    "405": ["Allow"],
    "503": ["Retry-After"],
}
#: What any route may answer beside 200.
_ALWAYS = {
    "405": "The route does not support this method",
    "500": "The service failed; its log says why",
    "503": "There is no model yet, or the service is overloaded: retry after Retry-After",
}
_UNAUTHORIZED = {"401": "The bearer token is missing or wrong"}
_REFUSED_BODY = {
    "400": "The body is not valid JSON",
    "408": "The body did not arrive in time",
    "413": "The body is too large",
    "415": "The body is not application/json, or not in UTF-8",
    "422": "A field is missing, unknown, given twice or not allowed",
}


def describe(
    bundle: Bundle, schemas: Schemas, address: str = "/", needs_token: bool = False
) -> dict[str, Any]:
    """Describe the routes as an OpenAPI 3.1 document.

    Args:
        bundle: The bundle that answers.
        schemas: The models of its contract.
        address: Where the client reaches the service.
        needs_token: Whether clients must send a bearer token.
    """
    bearer = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}}
    return {
        "openapi": "3.1.0",
        "info": _info(bundle),
        "servers": [{"url": address}],
        "security": [{"bearer": []}] if needs_token else [],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": _paths(bundle, schemas, _ALWAYS | (_UNAUTHORIZED if needs_token else {})),
        "components": {**_components(schemas), **(bearer if needs_token else {})},
    }


def _info(bundle: Bundle) -> dict[str, Any]:
    target = bundle.contract.target
    return {
        "title": f"{target.label} prediction",
        "version": f"{bundle.version}",
        "description": f"{target.label} ({target.unit}), predicted from "
        f"{', '.join(bundle.contract.feature_names)} by version {bundle.version} of "
        f"{bundle.model_name}.",
        "contact": {"name": "salary_kedro"},
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    }


class _WithoutNullDefaults(GenerateJsonSchema):
    """Says of an optional field only that it may be left out.

    openapi-typescript takes one with a default for always there, so that requests must hold it.
    """

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of a field, without a default that is null."""
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


@lru_cache(1)  # pydantic takes tens of milliseconds, in which a worker answers nobody else
def _components(schemas: Schemas) -> Mapping[str, Any]:
    asked, answers = (schemas.request, schemas.batch), (schemas.answer, schemas.batch_answer)
    models = (*asked, *answers, schemas.explanation)
    _, shared = models_json_schema(
        [
            (model, "validation")
            for model in (*models, ErrorBody, ModelInfo, ModelCard, ServedHistory)
        ],
        ref_template=TEMPLATE,
        schema_generator=_WithoutNullDefaults,
    )
    parameters = {
        name: {"name": name, "in": "header", "description": text, **_TEXT}
        for name, text in _PARAMETERS.items()
    }
    return {"schemas": shared["$defs"], "parameters": parameters}


def _paths(bundle: Bundle, schemas: Schemas, refused: Mapping[str, str]) -> dict[str, Any]:
    row = example_request(bundle.contract)
    rows, refused_body = {"rows": [row]}, {**_REFUSED_BODY, **refused}
    one = _operation("predict", "Predict for one row", schemas.answer, refused_body)
    many = _operation("predict_batch", "Predict for rows", schemas.batch_answer, refused_body)
    many["parameters"] = [*many["parameters"], _PURPOSE]
    why = _operation("explain", "Explain a prediction", schemas.explanation, refused_body)
    model = _operation("get_model", "Describe the model", ModelInfo, refused, "model")
    card = _operation("get_card", "Describe the model to people", ModelCard, refused, "model")
    history = _operation("get_history", "Tell what was decided", ServedHistory, refused, "model")
    return {
        "/predict": {"post": {**one, "requestBody": _body(schemas.request, row)}},
        "/predict_batch": {"post": {**many, "requestBody": _body(schemas.batch, rows)}},
        "/explain": {"post": {**why, "requestBody": _body(schemas.request, row)}},
        "/model": {"get": model},
        "/model/card": {"get": _also_as_page(card)},
        "/model/history": {"get": history},
        "/openapi.json": {"get": _description("get_openapi", "Describe the routes", refused)},
        "/docs.json": {"get": _description("get_docs", "Describe the routes again", refused)},
        "/schema.json": {
            "get": _description("get_schema", "Describe the routes to BentoML", refused)
        },
    }


def _also_as_page(operation: dict[str, Any]) -> dict[str, Any]:
    operation["responses"]["200"]["content"]["text/html"] = _TEXT
    return operation


def _body(model: type, example: object) -> dict[str, Any]:
    return {"required": True, "content": _content(model, example)}


def _description(name: str, summary: str, refused: Mapping[str, str]) -> dict[str, Any]:
    return _operation(name, summary, None, refused, "descriptions")


def _operation(
    name: str,
    summary: str,
    answer: type | None,
    refused: Mapping[str, str],
    tag: str = "predictions",
) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    good = content if answer is None else _content(answer)
    responses = {"200": {"description": "The answer", "content": good}} | {
        status: {"description": text, "content": _content(ErrorBody)}
        for status, text in sorted(refused.items())
    }
    for status, response in responses.items():
        named = (REQUEST_ID, *_OWN_HEADERS.get(status, ()))
        response["headers"] = {each: {"description": _HEADERS[each], **_TEXT} for each in named}
    told = {"operationId": name, "summary": summary, "description": _DESCRIPTIONS[name]}
    parameters = [{"$ref": f"#/components/parameters/{each}"} for each in _PARAMETERS]
    return {**told, "tags": [tag], "parameters": parameters, "responses": responses}


def _content(model: type, example: object = None) -> dict[str, Any]:
    shown = {} if example is None else {"example": example}
    reference = {"$ref": TEMPLATE.format(model=model.__name__)}
    return {"application/json": {"schema": reference, **shown}}
