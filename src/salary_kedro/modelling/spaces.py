"""What a tournament chooses from: models, their settings, and the values that each may take.

scikit-learn is not imported: every command reads the parameters, which are here.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from salary_kedro.modelling.names import ModelName


def _read_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"must be a number (found {value!r})")
    return value


def _read_value(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str | None):
        raise ValueError(f"must be a number, a text, true, false or null (found {value!r})")
    return value


Number = Annotated[int | float, BeforeValidator(_read_number)]
Value = Annotated[bool | int | float | str | None, BeforeValidator(_read_value)]
Settings = dict[str, Any]


def _without_null(value: Any) -> Any:
    """An environment cannot take a key away that `base` has; it can make it null."""
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if item is not None}


class Setting(BaseModel):
    """The values that a setting may take: those of a range, or one of some.

    Attributes:
        low: The lowest of a range; a range between whole numbers holds whole ones alone.
        high: The highest.
        log: Whether small values are tried as often as large ones, by their logarithm.
        step: The distance between two of them; None for any.
        choices: The values, where they are no range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: Number | None = None
    high: Number | None = None
    log: bool = False
    step: Number | None = None
    choices: Annotated[tuple[Value, ...], Field(min_length=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        return _without_null(given)

    @model_validator(mode="after")
    def _check(self) -> "Setting":
        if self.choices is None:
            if self.low is None or self.high is None:
                raise ValueError("needs low and high, or choices")
            self._check_range(self.low, self.high)
        elif self.log or (self.low, self.high, self.step) != (None, None, None):
            raise ValueError(
                "choices are no range: leave out low, high, log and step, or make null those that "
                "base has"
            )
        return self

    def _check_range(self, low: Number, high: Number) -> None:
        if low >= high:
            raise ValueError(f"low must be below high (found {low} and {high})")
        if self.log and low <= 0:
            raise ValueError(f"low must be above 0 where log is true (found {low})")
        if self.log and self.step is not None:
            raise ValueError("step has no meaning where log is true: leave one of them out")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step must be above 0 (found {self.step})")
        if self.step is not None and _rest(low, high, self.step):
            raise ValueError(
                f"step must lead from low to high (found {self.step}, from {low} to {high})"
            )

    @property
    def is_whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        steps = 1 if self.step is None else self.step
        return all(isinstance(end, int) for end in (self.low, self.high, steps))

    @property
    def bounds(self) -> tuple[Number, Number]:
        """The ends of a range.

        Raises:
            ValueError: If it is none.
        """
        if self.low is None or self.high is None:
            raise ValueError("choices have no ends")
        return self.low, self.high

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values that show whether an estimator takes all: the ends of a range, or all choices."""
        return self.bounds if self.choices is None else self.choices


def _rest(low: Number, high: Number, step: Number) -> Decimal:
    """What whole steps from one end leave of a range, by the digits that were written."""
    ends = Decimal(str(high)) - Decimal(str(low))
    return ends % Decimal(str(step))


Space = dict[str, Setting]


def _read_space(value: Any) -> Any:
    space = _without_null(value)
    if isinstance(space, dict) and "n_jobs" in space:
        raise ValueError(
            "n_jobs is not searched for: it decides how long a fit takes, not how good it is; "
            "leave it out"
        )
    return space


#: By model, its settings and what values they may take; none for a model that is not tuned.
Candidates = Annotated[
    dict[ModelName, Annotated[Space, BeforeValidator(_read_space)]],
    BeforeValidator(_without_null),
    Field(min_length=1),
]


def samples(space: Space, base: Settings) -> Iterator[Settings]:
    """Settings in which each end of each range, and each choice, stands once.

    Args:
        space: The settings to choose.
        base: Those that are not chosen.
    """
    yield base
    middle = {name: setting.ends[0] for name, setting in space.items()}
    for name, setting in space.items():
        for value in setting.ends:
            yield {**base, **middle, name: value}
