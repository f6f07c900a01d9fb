"""Derives the request model of a contract: strict types, its bounds, nothing beside its fields."""

import json
import math
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
        **(_whole_bounds(feature) if feature.kind == "integer" else _bounds(feature)),
    )


def _bounds(feature: Feature) -> dict[str, Any]:
    open_low = feature.minimum is None and feature.exclusive_minimum is None
    open_high = feature.maximum is None and feature.exclusive_maximum is None
    return {
        "ge": -feature.limit if open_low else feature.minimum,
        "le": feature.limit if open_high else feature.maximum,
        "gt": feature.exclusive_minimum,
        "lt": feature.exclusive_maximum,
        "allow_inf_nan": False,
    }


def _whole_bounds(feature: Feature) -> dict[str, Any]:
    """The bounds as whole numbers, which alone Pydantic takes for them."""
    low, high = [-int(feature.limit)], [int(feature.limit)]
    if feature.minimum is not None:
        low.append(math.ceil(feature.minimum))
    if feature.exclusive_minimum is not None:
        low.append(math.floor(feature.exclusive_minimum) + 1)
    if feature.maximum is not None:
        high.append(math.floor(feature.maximum))
    if feature.exclusive_maximum is not None:
        high.append(math.ceil(feature.exclusive_maximum) - 1)
    return {"ge": max(low), "le": min(high)}


def request_values(request: BaseModel) -> list[float | None]:
    """The values of one checked request, in the model's input order."""
    return list(request.__dict__.values())


def explain_invalid(
    error: ValidationError, contract: Contract, batch: str | None = None
) -> list[dict[str, str]]:
    """Turn a refused request into one `{"field", "message"}` a problem.

    Each message says what was found and what is allowed.

    Args:
        error: What the request model raised.
        contract: The contract of its rows.
        batch: What the whole body should look like, if it is a batch of rows.
    """
    row = f"the fields are {', '.join(contract.feature_names)}"
    features = {feature.name: feature for feature in contract.features}
    problems = []
    for item in error.errors(include_url=False, include_context=False):
        in_row = batch is None or len(item["loc"]) > 1
        feature = features.get(str(item["loc"][-1])) if item["loc"] and in_row else None
        field = ".".join(_cut(str(part)) for part in item["loc"])
        shape = row if in_row or batch is None else batch
        problems.append({"field": field, "message": _explain(item, feature, shape)})
    return problems


def _explain(item: Any, feature: Feature | None, shape: str) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown field; {shape}"
    if item["type"] == "missing":
        return f"missing; {shape if feature is None else f'it must be {feature.allowed}'}"
    if feature is None:
        return f"{item['msg'][0].lower()}{item['msg'][1:]}; {shape}"
    # As the client wrote it: null, not None.
    found = _cut(json.dumps(item["input"], ensure_ascii=False))
    return f"{found} is not allowed; it must be {feature.allowed}"


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
