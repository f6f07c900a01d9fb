"""Derives the request model of a contract: strict types, its bounds, nothing beside its fields."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from salary_kedro.contract.model import Contract, Feature


def request_model(contract: Contract) -> type[BaseModel]:
    """Derive the model of one flat request body, for example `{"experience_years": 5}`.

    Attributes of the model are named `f0`, `f1`, ... so that no field name of a
    contract can collide with Pydantic's own; the JSON names are the aliases.
    """
    fields: dict[str, Any] = {
        f"f{position}": (_annotation(feature), _field(feature))
        for position, feature in enumerate(contract.features)
    }
    return create_model(
        "Request", __config__=ConfigDict(strict=True, extra="forbid", frozen=True), **fields
    )


def _annotation(feature: Feature) -> Any:
    kind: Any = int if feature.kind == "integer" else float
    return kind if feature.required else kind | None


def _field(feature: Feature) -> Any:
    return Field(
        default=... if feature.required else None,
        alias=feature.name,
        title=feature.label,
        description=f"{feature.help} {feature.allowed}".strip(),
        examples=[int(feature.example) if feature.kind == "integer" else feature.example],
        ge=feature.minimum,
        le=feature.maximum,
        gt=feature.exclusive_minimum,
        lt=feature.exclusive_maximum,
        allow_inf_nan=None if feature.kind == "integer" else False,
    )


def request_values(request: BaseModel) -> list[float | None]:
    """The values of one checked request, in the model's input order."""
    return list(request.__dict__.values())


def explain_invalid(error: ValidationError, contract: Contract) -> list[dict[str, str]]:
    """Turn a refused request into one `{"field", "message"}` a problem.

    Each message says what was found and what is allowed.
    """
    features = {feature.name: feature for feature in contract.features}
    problems = []
    for item in error.errors(include_url=False, include_context=False):
        path = [str(part) for part in item["loc"]]
        feature = features.get(path[-1]) if path else None
        problems.append({"field": ".".join(path), "message": _explain(item, feature, features)})
    return problems


def _explain(item: Any, feature: Feature | None, features: dict[str, Feature]) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown field; the fields are {', '.join(features)}"
    if feature is None:
        return f"{item['msg'][0].lower()}{item['msg'][1:]}; the fields are {', '.join(features)}"
    if item["type"] == "missing":
        return f"missing; it must be {feature.allowed}"
    return f"{_shorten(item['input'])} is not allowed; it must be {feature.allowed}"


def _shorten(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)  # as the client wrote it: null, not None
    return text if len(text) <= 40 else f"{text[:40]}..."
