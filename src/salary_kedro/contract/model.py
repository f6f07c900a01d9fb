"""The contract itself: every feature and the target, described once."""

import codecs
import difflib
from collections.abc import Iterator
from typing import Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from salary_kedro.contract.columns import TAGS, Category, Column, Feature, Target, Text
from salary_kedro.errors import UserError


class ContractError(UserError):
    """A contract that is malformed, or a table that cannot be read by it."""


class CsvDialect(BaseModel):
    """How a CSV file is written.

    Attributes:
        delimiter: What separates the cells, one character.
        decimal: The decimal mark, one character.
        thousands: What groups the digits of large numbers, one character; None for nothing.
        encoding: Character encoding of the file, by a name that Python knows.
        missing: Texts that stand for a missing value, beside an empty cell; None for those
            that pandas knows, such as `NA` and `None`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: Text = "utf-8-sig"
    missing: tuple[str, ...] | None = None

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError as error:
            raise ValueError(
                f"encoding '{name}' is not known; common are utf-8, utf-16, latin-1 and cp1252"
            ) from error
        return name

    @model_validator(mode="after")
    def _check_marks(self) -> Self:
        marks = [self.delimiter, self.decimal, self.thousands]
        if len(set(marks)) < len(marks):
            raise ValueError("delimiter, decimal and thousands must be three different characters")
        return self


class TableRules(BaseModel):
    """Rules of the table as a whole.

    Attributes:
        max_rejected_share: Largest share of rows, 0 to 1, that may break the
            contract before the run stops.
        primary_key: Headers of the raw columns that together name a row; a row whose key
            came before, or that lacks a part of it, is rejected. Empty for none.
        duplicates: What becomes of a row that repeats an earlier one in every column of
            the contract: `keep` or `reject` it.
        csv: How the file is written, if it is CSV.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_rejected_share: float = Field(default=0.05, ge=0, le=1)
    primary_key: tuple[Text, ...] = ()
    duplicates: Literal["keep", "reject"] = "keep"
    csv: CsvDialect = CsvDialect()


class Contract(BaseModel):
    """What one row of the salary table holds.

    Attributes:
        features: All columns but the target; those of use `feature` in the model's input
            order.
        target: The column that the model predicts.
        table: Rules of the table as a whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[Feature, ...] = Field(min_length=1)
    target: Target
    table: TableRules = TableRules()

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        for key in ("name", "column"):
            values = [getattr(column, key) for column in (*self.features, self.target)]
            if repeated := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"{key} '{repeated[0]}' is given to more than one column")
        if not self.inputs:
            raise ValueError(
                "no feature is of use 'feature', so there is nothing to learn from: change the "
                "use of at least one"
            )
        return self

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are read from the table: features, audit columns, target."""
        return (*(feature for feature in self.features if feature.use != "ignore"), self.target)

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features that the model learns from, in its input order."""
        return tuple(feature for feature in self.features if feature.use == "feature")

    @property
    def audits(self) -> tuple[Feature, ...]:
        """The columns that are kept for reports by group and never reach the model."""
        return tuple(feature for feature in self.features if feature.use == "audit")

    @property
    def feature_names(self) -> list[str]:
        """Field names of the model's inputs, in their order."""
        return [feature.name for feature in self.inputs]

    @property
    def has_categories(self) -> bool:
        """Whether the model takes texts beside numbers."""
        return any(isinstance(feature, Category) for feature in self.inputs)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a contract from its JSON form.

        Raises:
            ContractError: If the text is not a valid contract; names the key.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ContractError(describe_invalid(error, "contract", cls)) from error


def describe_invalid(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """Say in one line what is wrong with a piece of configuration, naming each key.

    Args:
        error: What the model raised.
        where: Name of the piece, put before each key.
        model: The model, which knows the keys that are allowed.
    """
    items = error.errors(include_url=False)
    told = [item["loc"] for item in items if item["type"] != "too_short"]
    problems = []
    for item in items:
        place = item["loc"]
        if item["type"] == "too_short" and any(other[: len(place)] == place for other in told):
            continue  # the list is short because its items are wrong, and those are told
        key = ".".join([where, *(str(part) for part in place if part not in TAGS)])
        problems.append(f"{key}: {_say(item, model)}")
    return "; ".join(problems)


def _say(item: Any, model: type[BaseModel]) -> str:
    message = item["msg"].removeprefix("Value error, ")
    match item["type"]:
        case "extra_forbidden":
            allowed = _keys_beside(model, item["loc"])
            close = difflib.get_close_matches(str(item["loc"][-1]), allowed, n=1)
            guess = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(allowed)}"
            return f"unknown key; {guess}"
        case "union_tag_not_found":
            return "the key 'kind' is missing"
        case "union_tag_invalid":
            tag, known = item["ctx"]["tag"], item["ctx"]["expected_tags"]
            return f"kind '{tag}' is not known; it is one of {known}"
        case "string_type":
            return f"{message} (found {item['input']!r}): write it in quotes"
        case "missing" | "value_error":
            return str(message)
    return f"{message} (found {item['input']!r})"


def _keys_beside(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that a model allows where an unknown one was found."""
    models = [model]
    for part in place[:-1]:
        if part in TAGS:
            models = [item for item in models if _is_tagged(item, part)] or models
        elif isinstance(part, str):
            models = list(_models_in(models[0].model_fields[part].annotation))
    return list(models[0].model_fields)


def _is_tagged(model: type[BaseModel], tag: int | str) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and tag in get_args(kind.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
