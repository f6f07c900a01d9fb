"""The OpenAPI description of the service, made from the contract of the served bundle."""

from typing import Any

from pydantic.json_schema import models_json_schema

from salary_kedro.bundle import Bundle
from salary_kedro.contract.request import example_request
from salary_kedro.serving.schemas import ErrorBody, ModelInfo, Schemas

TEMPLATE = "#/components/schemas/{model}"


def describe(bundle: Bundle, schemas: Schemas) -> dict[str, Any]:
    """Describe the four routes as an OpenAPI 3.1 document."""
    models = (schemas.request, schemas.batch, schemas.answer, schemas.batch_answer)
    _, shared = models_json_schema(
        [(model, "validation") for model in (*models, ErrorBody, ModelInfo)], ref_template=TEMPLATE
    )
    target, row = bundle.contract.target, example_request(bundle.contract)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{target.label} prediction",
            "version": f"{bundle.version}",
            "description": f"Answers with the {target.label.lower()} ({target.unit}) that "
            f"{bundle.model_name}, version {bundle.version}, predicts.",
        },
        "paths": {
            "/predict": {"post": _post("Predict one row", schemas.request, row, schemas.answer)},
            "/predict_batch": {
                "post": _post("Predict rows", schemas.batch, {"rows": [row]}, schemas.batch_answer)
            },
            "/model": {"get": _get("The model that answers", ModelInfo)},
            "/openapi.json": {"get": _get("This description", None)},
        },
        "components": {"schemas": shared["$defs"]},
    }


def _post(summary: str, request: type, example: object, answer: type) -> dict[str, Any]:
    refused = {
        "400": "The body is not valid JSON",
        "413": "The body is too large",
        "415": "The body is not application/json",
        "422": "A field is missing, unknown or not allowed",
    }
    return {
        "summary": summary,
        "operationId": summary.lower().replace(" ", "_"),
        "requestBody": {"required": True, "content": _content(request, example)},
        "responses": {
            "200": {"description": "The prediction", "content": _content(answer)},
            **{code: _error(text) for code, text in refused.items()},
            "503": _error("There is no model yet"),
        },
    }


def _get(summary: str, answer: type | None) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "summary": summary,
        "operationId": summary.lower().replace(" ", "_"),
        "responses": {
            "200": {
                "description": summary,
                "content": content if answer is None else _content(answer),
            },
            "503": _error("There is no model yet"),
        },
    }


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": _content(ErrorBody)}


def _content(model: type, example: object = None) -> dict[str, Any]:
    shown = {} if example is None else {"example": example}
    reference = {"$ref": TEMPLATE.format(model=model.__name__)}
    return {"application/json": {"schema": reference, **shown}}
