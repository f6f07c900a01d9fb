"""The contract itself: every feature and the target, described once."""

import difflib
import math
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from salary_kedro.errors import UserError

Kind = Literal["number", "integer"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]

#: Beyond these a float64 no longer tells whole numbers apart, and a float32, in which
#: scikit-learn's trees compare, overflows.
MAX_INTEGER = 2.0**53
MAX_NUMBER = 3.4e38

#: What the service answers beside the target; no column may bear these names.
RESERVED_NAMES = frozenset(
    {"low", "high", "confidence", "model_name", "model_version", "warnings", "line", "reasons"}
)


class ContractError(UserError):
    """A contract that is malformed, or a table that cannot be read by it."""


class Column(BaseModel):
    """One column of the table: where it is in the file, and which values it may take.

    Attributes:
        column: Header of the column in the raw file.
        name: Field name in the clean table, in requests and in answers.
        kind: `number` (any finite real) or `integer` (whole numbers).
        unit: Unit of the values, for people.
        minimum: Smallest allowed value, itself allowed.
        maximum: Largest allowed value, itself allowed.
        exclusive_minimum: Values must lie above this one.
        exclusive_maximum: Values must lie below this one.
        example: An allowed value, shown to people and used in examples.
        label: Short name for people.
        help: One sentence for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Text
    name: Name
    kind: Kind
    unit: Text
    minimum: Finite | None = None
    maximum: Finite | None = None
    exclusive_minimum: Finite | None = None
    exclusive_maximum: Finite | None = None
    example: Finite
    label: Text
    help: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name in RESERVED_NAMES:
            raise ValueError(f"name '{self.name}' is reserved for the service's answers; rename it")
        low = _first(self.minimum, self.exclusive_minimum)
        high = _first(self.maximum, self.exclusive_maximum)
        if low is not None and high is not None and low > high:
            raise ValueError(f"the minimum {low:.15g} lies above the maximum {high:.15g}")
        if not self.allows(self.example):
            raise ValueError(
                f"example {self.example:.15g} is not allowed: it must be {self.allowed}"
            )
        return self

    def allows(self, value: float) -> bool:
        """Tell whether one value keeps to the kind and the bounds."""
        return (
            abs(value) <= self.limit
            and (self.kind != "integer" or value == math.floor(value))
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.exclusive_minimum is None or value > self.exclusive_minimum)
            and (self.exclusive_maximum is None or value < self.exclusive_maximum)
        )

    @property
    def limit(self) -> float:
        """Largest magnitude that is exact (whole numbers) or that trees can hold (numbers)."""
        return MAX_INTEGER if self.kind == "integer" else MAX_NUMBER

    @property
    def allowed(self) -> str:
        """What is allowed, for people: "a number from 0 to 60 (years)"."""
        bounds = [
            f"{words} {bound:.15g}"
            for words, bound in (
                ("from", self.minimum),
                ("above", self.exclusive_minimum),
                ("to" if self.minimum is not None else "at most", self.maximum),
                ("below", self.exclusive_maximum),
            )
            if bound is not None
        ]
        noun = "a whole number" if self.kind == "integer" else "a number"
        return " ".join([noun, *bounds, f"({self.unit})"])


class Feature(Column):
    """A column the model learns from.

    Attributes:
        required: Whether a value must be given. A missing optional value is
            replaced by the training median.
    """

    required: bool = True


class Target(Column):
    """The column the model predicts; it is always required in training rows."""


class TableRules(BaseModel):
    """Rules of the table as a whole.

    Attributes:
        max_rejected_share: Largest share of rows, 0 to 1, that may break the
            contract before the run stops.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_rejected_share: float = Field(default=0.05, ge=0, le=1)


class Contract(BaseModel):
    """What one row of the salary table holds.

    Attributes:
        features: The columns the model learns from, in the model's input order.
        target: The column it predicts.
        table: Rules of the table as a whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[Feature, ...] = Field(min_length=1)
    target: Target
    table: TableRules = TableRules()

    @model_validator(mode="after")
    def _check_unique(self) -> Self:
        for key in ("name", "column"):
            values = [getattr(column, key) for column in self.columns]
            if repeated := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"{key} '{repeated[0]}' is given to more than one column")
        return self

    @property
    def columns(self) -> tuple[Column, ...]:
        """The features, then the target."""
        return (*self.features, self.target)

    @property
    def feature_names(self) -> list[str]:
        """Field names of the features, in the model's input order."""
        return [feature.name for feature in self.features]

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


def _first(*bounds: float | None) -> float | None:
    return next((bound for bound in bounds if bound is not None), None)


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
        key = ".".join([where, *(str(part) for part in place)])
        problems.append(f"{key}: {_say(item, model)}")
    return "; ".join(problems)


def _say(item: Any, model: type[BaseModel]) -> str:
    if item["type"] == "extra_forbidden":
        allowed = _keys_beside(model, item["loc"])
        close = difflib.get_close_matches(str(item["loc"][-1]), allowed, n=1)
        guess = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(allowed)}"
        return f"unknown key; {guess}"
    message = item["msg"].removeprefix("Value error, ")
    return (
        message
        if item["type"] in ("missing", "value_error")
        else (f"{message} (found {item['input']!r})")
    )


def _keys_beside(model: Any, place: tuple[int | str, ...]) -> list[str]:
    """The keys that a model allows where an unknown one was found."""
    for part in place[:-1]:
        inner = model.model_fields[part].annotation if isinstance(part, str) else model
        model = next((item for item in get_args(inner) if isinstance(item, type)), inner)
    return list(model.model_fields)
