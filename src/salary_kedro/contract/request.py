"""Derives the request model of a contract: strict types, its bounds, nothing beside its fields."""

import json
from datetime import date
from typing import Annotated, Any, assert_never

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
)

from salary_kedro.contract.columns import (
    MAX_INTEGER,
    MAX_TEXT,
    Boolean,
    Category,
    Column,
    Date,
    Feature,
    Integer,
    IntegerTarget,
    Number,
    NumberTarget,
    Target,
    read_day,
)
from salary_kedro.contract.encoding import Value
from salary_kedro.contract.model import Contract

#: By Pydantic's name of a problem with what holds the fields: an object, or the rows of a batch.
WORDS = {
    "model_type": "it is not an object",
    "model_attributes_type": "it is not an object",
    "list_type": "it is not an array",
    "too_short": "it holds no rows",
    "too_long": "it holds too many rows",
}


def request_model(contract: Contract, *, compared: bool = False) -> type[BaseModel]:
    """Derive the model of one flat request body, for example `{"experience_years": 5}`.

    Attributes of the model are named `f0`, `f1`, ... so that no field name of a
    contract can collide with Pydantic's own; the JSON names are the aliases.

    Args:
        contract: Describes the fields.
        compared: Whether the target may be given too, as the last field, to be compared with
            what is predicted.
    """
    fields: dict[str, Any] = {
        f"f{position}": (_annotation(feature, contract.table.trim), _field(feature))
        for position, feature in enumerate(contract.inputs)
    }
    if compared:
        kind = _kind(contract.target, contract.table.trim) | None
        fields[f"f{len(fields)}"] = (kind, _compared_field(contract.target))
    return create_model(
        "Request", __config__=ConfigDict(strict=True, extra="forbid", frozen=True), **fields
    )


def example_request(contract: Contract) -> dict[str, Any]:
    """A request that is answered: the example of every input, as JSON holds it."""
    return {feature.name: _example(feature) for feature in contract.inputs}


def _example(feature: Feature) -> Any:
    match feature:
        case Integer():
            return int(feature.example)
        case Date():
            return feature.example.isoformat()
        case Number() | Category() | Boolean():
            return feature.example
    assert_never(feature)


def _field(feature: Feature) -> Any:
    return Field(
        default=... if feature.required else None,
        alias=feature.name,
        title=feature.label,
        description=f"{feature.help} {_sentence(feature.allowed)}".strip(),
        examples=[_example(feature)],
    )


def _compared_field(target: Target) -> Any:
    """The field of a target that is earned already."""
    told = (
        "If it is sent, /predict also says how many of those predicted alike have less. It is not "
        "kept"
    )
    return Field(
        default=None,
        alias=target.name,
        title=target.label,
        description=f"{told}. {_sentence(target.allowed)}",
        examples=[_example(target)],
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _annotation(feature: Feature, trim: bool) -> Any:
    kind = _kind(feature, trim)
    return kind if feature.required else kind | None


def _kind(feature: Feature, trim: bool) -> Any:
    """The type of a value that is given, with what is allowed."""
    match feature:
        case Category():
            return _text(feature, trim)
        case Boolean():
            return bool
        case Date():
            return Annotated[date, Field(**_bounds(feature)), BeforeValidator(read_day)]
        case Integer():
            return Annotated[int, Field(**_bounds(feature)), BeforeValidator(_whole)]
        case Number():
            return Annotated[float, Field(**_bounds(feature), allow_inf_nan=False)]
    assert_never(feature)


def _whole(value: Any) -> Any:
    """12 for 12.0, which is an integer in JSON Schema too; from 2^53 on a float may be rounded."""
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_INTEGER:
        return int(value)
    return value


def _text(feature: Category, trim: bool) -> Any:
    """A listed text, or any; `Literal` would repeat all that are listed in each of its errors."""

    def spell(text: Any) -> Any:
        return feature.spelled(text, trim=trim) if isinstance(text, str) else text

    if feature.listed is None:
        return Annotated[str, Field(min_length=1, max_length=MAX_TEXT), BeforeValidator(spell)]
    listed = frozenset(feature.listed)

    def check(text: str) -> str:
        if text not in listed:
            raise ValueError("not listed")
        return text

    enumeration: dict[str, Any] = {"enum": list(feature.listed)}
    return Annotated[
        str, AfterValidator(check), Field(json_schema_extra=enumeration), BeforeValidator(spell)
    ]


def _bounds(feature: Number | Integer | Date) -> dict[str, Any]:
    """The ends of the interval, by Pydantic's names of them."""
    ends = feature.interval
    return {
        "ge" if ends.low_inclusive else "gt": ends.low,
        "le" if ends.high_inclusive else "lt": ends.high,
    }


def request_values(request: BaseModel) -> list[Value]:
    """The values of one checked request, in the model's input order; a compared target is last."""
    return [value for _, value in request]


def explain_invalid(
    error: ValidationError, contract: Contract, batch: str | None = None, *, compared: bool = False
) -> list[dict[str, str]]:
    """Turn a refused request into one `{"field", "message"}` a problem.

    Each message says what was found and what is allowed; a target that was given is not
    quoted, for it is somebody's.

    Args:
        error: What the request model raised.
        contract: The contract of its rows.
        batch: What the whole body should look like, if it is a batch of rows.
        compared: Whether the target might be given too.
    """
    also = f", and {contract.target.name} to compare with" if compared else ""
    row = f"the fields are {', '.join(contract.feature_names)}{also}"
    features = {column.name: column for column in (*contract.inputs, contract.target)}
    problems = []
    for item in error.errors(include_url=False, include_context=False):
        in_row = batch is None or len(item["loc"]) > 1
        feature = features.get(str(item["loc"][-1])) if item["loc"] and in_row else None
        field = ".".join(_cut(str(part)) for part in item["loc"])
        shape = row if in_row or batch is None else batch
        problems.append({"field": field, "message": _explain(item, feature, shape)})
    return problems


def _explain(item: Any, feature: Column | None, shape: str) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown field; {shape}"
    if item["type"] == "missing":
        return f"missing; {shape if feature is None else f'it must be {feature.allowed}'}"
    if feature is None:
        return f"{WORDS.get(item['type'], 'it is not what is expected')}; {shape}"
    wanted = feature.allowed
    if isinstance(feature, Number | Integer):
        wanted = feature.wanted(item["input"])
    if isinstance(feature, NumberTarget | IntegerTarget):
        return f"what was sent is not allowed; it must be {wanted}"
    # As the client wrote it: null, not None.
    found = _cut(json.dumps(item["input"], ensure_ascii=False, default=str))
    return f"{found} is not allowed; it must be {wanted}"


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
