"""The kinds of columns: where each is in the file, and which values it may take."""

import math
import re
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from salary_kedro.contract.interval import Interval
from salary_kedro.contract.spelling import Conversion, Written, fold, tidy

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
Use = Literal["feature", "audit", "split", "weight", "ignore"]

#: Beyond these a float64 no longer tells whole numbers apart, and a float32, in which
#: scikit-learn's trees compare, overflows.
MAX_INTEGER = 2.0**53
MAX_NUMBER = 3.4e38
MAX_CATEGORIES = 10_000
#: What a drafted target's unit says for a currency that nobody has told.
CURRENCY_UNITS = "currency units"
#: Characters of a category.
MAX_TEXT = 200
SHOWN_CATEGORIES = 12
EPOCH = date(1970, 1, 1)

CategoryText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]

#: What the service and scored files answer beside the target; no column may bear these names.
RESERVED_NAMES = frozenset(
    {
        "low",
        "high",
        "confidence",
        "model_name",
        "model_version",
        "warnings",
        "line",
        "reasons",
        "scored_at",
    }
)
#: What the service answers beside the target alone; a feature may bear them.
RESERVED_FOR_TARGET = frozenset(
    {"average_prediction", "contributions", "percentile", "percentile_margin"}
)


class _Column(BaseModel):
    """What every column has.

    Attributes:
        column: Header of the column in the raw file.
        name: Field name in the clean table, in requests and in answers.
        label: Short name for people.
        help: One sentence for people.
        unit: Unit of the values, for people; empty if they have none.
        required: Whether a value must be given.
        use: `feature` is learned from; `audit` is checked and kept beside the rows for
            reports by group, and never reaches the model; `split` is checked and kept beside
            the rows for the split alone; `weight` is a number above 0 that says how many people a
            row stands for; `ignore` is left out.
        missing_values: Texts of this column in the raw file that mean that there is no value,
            such as a code for "refused"; among numbers, `-9` is `-9.0` too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Text
    name: str
    label: Text
    help: str = ""
    unit: str = ""
    required: bool = True
    use: Use = "feature"
    missing_values: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _check_weight(self) -> Self:
        if self.use == "weight" and not isinstance(self, _Numeric):
            raise ValueError("use: 'weight' is for a number that says how many people a row is")
        return self

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            raise ValueError(
                f"{name!r} is not a field name: begin with a letter of a to z, and go on with such "
                f"letters, digits and _"
            )
        if name in RESERVED_NAMES:
            raise ValueError(f"'{name}' is reserved for the service's answers; rename it")
        return name

    def _with_unit(self, words: str) -> str:
        return f"{words} ({self.unit})" if self.unit else words


class _Measured(_Column):
    """A column that the model sees as a number.

    Attributes:
        missing: What becomes of a missing optional value: `impute` puts the training
            median in its place; `indicate` does that too, and gives the model a further
            input that says so.
    """

    missing: Literal["impute", "indicate"] = "impute"

    @model_validator(mode="after")
    def _check_missing(self) -> Self:
        if self.required and self.missing != "impute":
            raise ValueError("missing: 'indicate' has no meaning where a value is required")
        return self


class _Bounded(_Measured):
    """A column whose values have an order.

    Attributes:
        minimum: Smallest allowed value, itself allowed.
        maximum: Largest allowed value, itself allowed.
        exclusive_minimum: Values must lie above this one.
        exclusive_maximum: Values must lie below this one.
        example: An allowed value, shown to people and used in examples.
    """

    minimum: Any = None
    maximum: Any = None
    exclusive_minimum: Any = None
    exclusive_maximum: Any = None
    example: Any

    noun: ClassVar[str]
    #: What the kind can hold at all.
    limits: ClassVar[Interval]

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        low, high = self.bounds.low, self.bounds.high
        if low is not None and high is not None and low > high:
            raise ValueError(f"the minimum {_say(low)} is above the maximum {_say(high)}")
        if not self.allows(self.example):
            raise ValueError(
                f"example {_say(self.example)} is not allowed: it must be {self.allowed}"
            )
        return self

    @property
    def bounds(self) -> Interval:
        """The tightest bounds that are given, as they are given."""
        inclusive = Interval(self.minimum, self.maximum)
        above = Interval.above(self.exclusive_minimum)
        return inclusive & above & Interval.below(self.exclusive_maximum)

    @property
    def interval(self) -> Interval:
        """The allowed values, from end to end: the bounds, within what the kind can hold."""
        return self.bounds & self.limits

    def allows(self, value: Any) -> bool:
        """Tell whether one value keeps to the kind and the bounds."""
        return value in self.bounds and value in self.limits

    @property
    def allowed(self) -> str:
        """What is allowed, for people: "a number from 0 to 60 (years)"."""
        ends = (
            ("from", self.minimum),
            ("above", self.exclusive_minimum),
            ("to" if self.minimum is not None else "at most", self.maximum),
            ("below", self.exclusive_maximum),
        )
        bounds = [f"{words} {_say(bound)}" for words, bound in ends if bound is not None]
        joined = (" " if self.minimum is not None and self.maximum is not None else " and ").join(
            bounds
        )
        return self._with_unit(f"{self.noun} {joined}".rstrip())

    def wanted(self, value: Any) -> str:
        """What is allowed, and how far the kind goes where a number is only beyond that."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or value not in self.bounds or value in self.limits:
            return self.allowed
        words, end = ("at most", self.limits.high) if value > 0 else ("at least", self.limits.low)
        return f"{self.allowed}, and {words} {end:.16g}"


class _Numeric(_Bounded):
    """A column of numbers.

    Attributes:
        written: How the raw file writes the numbers, if not as plain ones.
        conversions: Columns whose texts tell the unit of each number in the raw file.
    """

    minimum: Finite | None = None
    maximum: Finite | None = None
    exclusive_minimum: Finite | None = None
    exclusive_maximum: Finite | None = None
    example: Finite
    written: Written | None = None
    conversions: tuple[Conversion, ...] = ()

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.use == "weight" and not (self.required and Interval.above(0).covers(self.bounds)):
            raise ValueError(
                "use: 'weight' needs a value above 0 in every row: set exclusive_minimum: 0, and "
                "leave out required"
            )
        return self


class Number(_Numeric):
    """Any finite real number."""

    kind: Literal["number"]

    noun = "a number"
    limits = Interval(-MAX_NUMBER, MAX_NUMBER)


class Integer(_Numeric):
    """A whole number."""

    kind: Literal["integer"]

    noun = "a whole number"
    limits = Interval(-MAX_INTEGER, MAX_INTEGER)

    @property
    def interval(self) -> Interval:
        """The allowed values: from one whole number to another, both allowed."""
        return super().interval.whole_numbers()

    def allows(self, value: float) -> bool:
        """Tell whether one value is whole and keeps to the bounds."""
        return super().allows(value) and value == math.floor(value)


ISO_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_day(value: Any) -> Any:
    """Read a day from its ISO text, and from no other form.

    Raises:
        ValueError: Says how a day is written.
    """
    if isinstance(value, date):
        return value
    try:
        if ISO_DAY.fullmatch(value):  # weeks, times and seconds since 1970 are none
            return date.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"must be a date, as YYYY-MM-DD in quotes (found {value!r})")


Day = Annotated[date, BeforeValidator(read_day)]
#: One code of a date format, and those that do not depend on time zones or locales.
DATE_CODE = re.compile("%.")
DATE_CODES = frozenset({f"%{char}" for char in "dmbBYyjaAHMSfIp%"})
SAMPLE_DAY = date(2026, 11, 23)


class Date(_Bounded):
    """A day, in requests as `2026-11-23`; the model sees the number of days since 1970.

    Attributes:
        format: How the raw file writes a day, in the codes of Python's `strptime`; a month
            alone is its first day.
        pivot_year: Years of two digits lie in the hundred years up to this one; None for
            1969 to 2068, as `strptime` has it.
    """

    kind: Literal["date"]
    minimum: Day | None = None
    maximum: Day | None = None
    exclusive_minimum: Day | None = None
    exclusive_maximum: Day | None = None
    example: Day
    format: Text = "%Y-%m-%d"
    pivot_year: int | None = Field(default=None, ge=1900, le=2200, strict=True)

    noun = "a date, YYYY-MM-DD,"
    limits = Interval(date.min, date.max)

    @property
    def interval(self) -> Interval:
        """The allowed values: from one day to another, both allowed."""
        return super().interval.whole_days()

    @field_validator("format")
    @classmethod
    def _check_format(cls, text: str) -> str:
        try:
            again = datetime.strptime(SAMPLE_DAY.strftime(text), text)
        except (ValueError, re.error):
            again = None
        known = again is not None and again.date() in (SAMPLE_DAY, SAMPLE_DAY.replace(day=1))
        if not known or set(DATE_CODE.findall(text)) - DATE_CODES:
            raise ValueError(
                f"{text!r} does not say how the table writes day, month and year; "
                f"'%d/%m/%Y' reads 23/11/2026, and '%d %b %Y' reads 23 Nov 2026"
            )
        return text


class Boolean(_Measured):
    """Yes or no; the model sees 1 and 0.

    Attributes:
        true_values: How the raw file writes yes; in requests it is `true`.
        false_values: How the raw file writes no; in requests it is `false`.
        example: `true` or `false`.
    """

    kind: Literal["boolean"]
    true_values: tuple[Text, ...] = Field(default=("true", "True", "TRUE"), min_length=1)
    false_values: tuple[Text, ...] = Field(default=("false", "False", "FALSE"), min_length=1)
    example: bool

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if both := sorted(set(self.true_values) & set(self.false_values)):
            raise ValueError(f"'{both[0]}' is among true_values and false_values")
        return self

    def allows(self, value: bool) -> bool:
        """Tell whether a value is allowed; both are."""
        return value in (True, False)

    @property
    def allowed(self) -> str:
        """What is allowed in requests, for people."""
        return self._with_unit("true or false")


class Learned(BaseModel):
    """Categories that are not listed, but learned from the training rows.

    Attributes:
        min_count: A category in fewer training rows than this is taken for `other`, as
            is one that is met for the first time later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_count: int = Field(default=10, ge=1, strict=True)


def _way(categories: Any) -> str:
    return "learned" if isinstance(categories, dict | Learned) else "listed"


Categories = Annotated[
    Annotated[Learned, Tag("learned")] | Annotated[tuple[CategoryText, ...], Tag("listed")],
    Discriminator(_way),
]


class Category(_Column):
    """One of several texts; a missing optional one is a category of its own.

    Attributes:
        categories: The allowed texts, in the order in which people see them; or how they
            are learned, in which case any text is allowed.
        ordered: Whether the listed texts rise in their order, such as grades; the model
            then sees their place.
        fold: Whether texts that differ by case, dashes or spaces only are one: the listed
            one, or of learned ones their small letters.
        example: An allowed text.
    """

    kind: Literal["category"]
    categories: Categories
    ordered: bool = False
    fold: bool = False
    example: CategoryText

    @model_validator(mode="after")
    def _check_categories(self) -> Self:
        if isinstance(self.categories, Learned):
            if self.ordered:
                raise ValueError("ordered: list the categories in their order to have one")
            return self
        if not 1 <= len(self.categories) <= MAX_CATEGORIES:
            raise ValueError(
                f"{len(self.categories)} categories are listed; list 1 to {MAX_CATEGORIES:,}, or "
                f"let them be learned: {{min_count: 10}}"
            )
        if len(set(self.categories)) < len(self.categories):
            twice = next(text for text in self.categories if self.categories.count(text) > 1)
            raise ValueError(f"category '{twice}' is listed twice")
        if self.fold and len({fold(text) for text in self.categories}) < len(self.categories):
            raise ValueError("fold: two listed categories differ by case, dashes or spaces only")
        if not self.allows(self.example):
            raise ValueError(f"example '{self.example}' is not allowed: it must be {self.allowed}")
        return self

    @property
    def listed(self) -> tuple[str, ...] | None:
        """The allowed texts; None if any is."""
        return None if isinstance(self.categories, Learned) else self.categories

    @property
    def min_count(self) -> int:
        """Training rows in which a category must come to count by itself."""
        return self.categories.min_count if isinstance(self.categories, Learned) else 1

    def spelled(self, text: str, *, trim: bool) -> str:
        """A text of a table or a request as the model knows it.

        Args:
            text: The text as it was found.
            trim: Whether spaces around it do not matter.
        """
        if self._spellings.get(text) == text:
            return text
        plain = tidy(text) if trim else text
        folded = fold(plain) if self.fold else plain
        if self.listed is None:
            return folded
        found = self._spellings.get(plain) or self._spellings.get(folded)
        return found if found is not None and (trim or self.fold) else plain

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """The listed texts by each way in which they may be written."""
        listed = self.listed or ()
        folded = {fold(text): text for text in listed} if self.fold else {}
        return {
            **folded,
            **{tidy(text): text for text in listed},
            **{text: text for text in listed},
        }

    def allows(self, value: str) -> bool:
        """Tell whether one text is allowed."""
        return 1 <= len(value) <= MAX_TEXT and (self.listed is None or value in self.listed)

    @property
    def allowed(self) -> str:
        """What is allowed, for people: "one of 'A', 'B'"."""
        if self.listed is None:
            return self._with_unit(f"a text of 1 to {MAX_TEXT} characters")
        shown = ", ".join(f"'{text}'" for text in self.listed[:SHOWN_CATEGORIES])
        more = len(self.listed) - SHOWN_CATEGORIES
        return self._with_unit(f"one of {shown}{f' and {more} more' if more > 0 else ''}")


_Kind = Number | Integer | Category | Boolean | Date
Feature = Annotated[_Kind, Field(discriminator="kind")]
#: The class of each kind, by its name in the contract.
KINDS: dict[str, type[_Kind]] = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(_Kind)
}
#: What Pydantic puts into the place of an error beside the keys themselves.
TAGS = frozenset({*KINDS, "learned", "listed"})


class _Target(BaseModel):
    """What only a target has.

    Attributes:
        unit: Unit of the values, for people, such as `US dollars a year`.
        currency: Three letters, such as `USD`; empty if it is not said.
        period: Time that a value is paid for, such as `year`; empty if it is not said.
        log_scale: Fit the logarithm of the values, which must then lie above 0.
        top_code: The value at which the raw file cuts higher ones off, if it does.
    """

    unit: Text
    currency: str = ""
    period: str = ""
    log_scale: bool = False
    top_code: Finite | None = None

    @field_validator("currency")
    @classmethod
    def _check_currency(cls, code: str) -> str:
        if code and not re.fullmatch("[A-Z]{3}", code):
            raise ValueError(
                f"{code!r} is not a currency code: write three capitals, such as 'USD'"
            )
        return code

    @model_validator(mode="after")
    def _check_target(self: Any) -> Any:
        if self.name in RESERVED_FOR_TARGET:
            raise ValueError(f"'{self.name}' is reserved for the service's answers; rename it")
        if not self.required or self.use != "feature":
            raise ValueError("the target is always required and used: leave out these keys")
        if self.log_scale and not Interval.above(0).covers(self.bounds):
            raise ValueError("log_scale needs values above 0: set exclusive_minimum: 0")
        return self


class NumberTarget(_Target, Number):
    """A number that the model predicts; it is always required in training rows."""

    unit: Text


class IntegerTarget(_Target, Integer):
    """A whole number that the model predicts; it is always required in training rows."""

    unit: Text


Target = Annotated[NumberTarget | IntegerTarget, Field(discriminator="kind")]
Column = _Kind | NumberTarget | IntegerTarget


def _say(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else f"{value:,.15g}"
