"""The contract itself: every feature and the target, described once."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from salary_kedro.contract.columns import (
    Category,
    Column,
    Feature,
    Integer,
    Number,
    Target,
    Text,
)
from salary_kedro.contract.explain import describe_invalid
from salary_kedro.errors import UserError


class ContractError(UserError):
    """A contract that is malformed, or a table that cannot be read by it."""


def _check_mark(mark: str) -> str:
    if len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark in '"\r\n':
        raise ValueError(
            f"must be one ASCII character that is no letter, digit, double quote or line break "
            f"(found {mark!r})"
        )
    return mark


def _check_group(mark: str) -> str:
    if mark not in GROUPS:
        _check_mark(mark)
    return mark


#: What groups thousands, beside ASCII: no-break and narrow no-break space, apostrophe.
GROUPS = "\u00a0\u202f\u2009\u2019"
Mark = Annotated[str, AfterValidator(_check_mark)]
Group = Annotated[str, AfterValidator(_check_group)]


class CsvDialect(BaseModel):
    """How a CSV file is written; spreadsheets too have lines above their header.

    Attributes:
        delimiter: What separates the cells, one character.
        decimal: The decimal mark, one character.
        thousands: What groups the digits of large numbers, one character; None for nothing.
        encoding: Character encoding of the file, by a name that Python knows.
        missing: Texts that stand for a missing value, beside an empty cell; None for those
            that pandas knows, such as `NA` and `None`.
        skip_rows: Lines above the header, such as a title.
        header_rows: Lines of the header; the names in them are joined by a space.
        comment: By what lines begin that are no rows, one character; None for nothing.
        footer: Texts by which the first cell of lines begins that are no rows, such as
            `Total`; case does not matter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: Mark = ","
    decimal: Mark = "."
    thousands: Group | None = None
    encoding: Text = "utf-8-sig"
    missing: tuple[str, ...] | None = None
    skip_rows: int = Field(default=0, ge=0, le=1000, strict=True)
    header_rows: int = Field(default=1, ge=1, le=3, strict=True)
    comment: Mark | None = None
    footer: tuple[Text, ...] = ()

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, name: str) -> str:
        try:
            "".encode(name)
        except (LookupError, ValueError) as error:
            raise ValueError(
                f"encoding '{name}' is not known; common are utf-8, utf-16, latin-1 and cp1252"
            ) from error
        return name

    @model_validator(mode="after")
    def _check_marks(self) -> Self:
        if self.decimal == self.thousands:  # quotes may tell both from the delimiter
            raise ValueError(
                f"decimal is {self.decimal!r}, as is thousands: it must be another one"
            )
        return self


class TableRules(BaseModel):
    """Rules of the table as a whole.

    Attributes:
        max_rejected_share: Largest share of rows, 0 to 1, that may break the
            contract before the run stops.
        primary_key: Headers of the raw columns that together name a row; a row whose key
            came before, or that lacks a part of it, is rejected. Empty for none.
        duplicates: What becomes of a row that repeats an earlier one in every column of
            the contract: `keep` or `reject` it; or `drop` it, which counts as no rejection.
        filter: By header of a raw column, the texts that a row must have there; other rows
            are left out, which counts as no rejection.
        trim: Whether spaces around headers and texts do not matter, nor which kind of space
            a text holds, in the table as in requests.
        sheet: Name of the sheet, if it is a spreadsheet; empty for the first visible one.
        named_table: Name of a table within a spreadsheet; empty for a whole sheet.
        csv: How the file is written, if it is CSV.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_rejected_share: float = Field(default=0.05, ge=0, le=1, strict=True)
    primary_key: tuple[Text, ...] = ()
    duplicates: Literal["keep", "reject", "drop"] = "keep"
    filter: Mapping[Text, tuple[Text, ...]] = {}
    trim: bool = True
    sheet: str = ""
    named_table: str = ""
    csv: CsvDialect = CsvDialect()


class RequestLogRules(BaseModel):
    """What a service may log of requests, if it keeps a log at all.

    Attributes:
        share: Share of the rows that are logged, above 0 and at most 1, by chance.
        fields: The inputs whose values are logged; None for all.
        salary: Whether the target is logged that a client may send to be told where it lies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.1, gt=0, le=1, strict=True)
    fields: tuple[Text, ...] | None = None
    salary: bool = Field(default=False, strict=True)


def _listed(names: list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


class Contract(BaseModel):
    """What one row of the salary table holds.

    Attributes:
        features: All columns but the target; those of use `feature` in the model's input
            order. At most one is of use `weight`.
        target: The column that the model predicts.
        table: Rules of the table as a whole.
        request_log: What a service may log of requests.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[Feature, ...] = Field(min_length=1)
    target: Target
    table: TableRules = TableRules()
    request_log: RequestLogRules = RequestLogRules()

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        for key in ("name", "column"):
            values = [getattr(column, key) for column in (*self.features, self.target)]
            if repeated := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"{key} '{repeated[0]}' is given to more than one column")
        if len(weights := [item.name for item in self.features if item.use == "weight"]) > 1:
            raise ValueError(
                f"{_listed(weights)} are of use 'weight', but a row has one weight: set the use "
                f"of the others to 'ignore'"
            )
        if not self.inputs:
            raise ValueError(
                "no feature is of use 'feature', so there is nothing to learn from: change the "
                "use of at least one"
            )
        for name in self.request_log.fields or ():
            if name not in self.feature_names:
                raise ValueError(
                    f"request_log.fields names '{name}', which no request holds: name any of "
                    f"{', '.join(self.feature_names)}"
                )
        return self

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are read from the table: features, audits, the weight, the target."""
        return (*(feature for feature in self.features if feature.use != "ignore"), self.target)

    @property
    def headers(self) -> tuple[str, ...]:
        """Headers that the table must have: those of the columns, and of what tells of them."""
        conversions = (
            conversion.column
            for column in self.columns
            if isinstance(column, Number | Integer)
            for conversion in column.conversions
        )
        own = (column.column for column in self.columns)
        rules = (*self.table.primary_key, *self.table.filter)
        return tuple(dict.fromkeys((*own, *conversions, *rules)))

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features that the model learns from, in its input order."""
        return tuple(feature for feature in self.features if feature.use == "feature")

    @property
    def audits(self) -> tuple[Feature, ...]:
        """The columns that are kept for reports by group and never reach the model."""
        return tuple(feature for feature in self.features if feature.use == "audit")

    @property
    def weight(self) -> Feature | None:
        """The column that says how many people a row stands for; it never reaches the model."""
        return next((feature for feature in self.features if feature.use == "weight"), None)

    @property
    def feature_names(self) -> list[str]:
        """Field names of the model's inputs, in their order."""
        return [feature.name for feature in self.inputs]

    @property
    def logged_inputs(self) -> tuple[Feature, ...]:
        """The inputs that a log of requests holds, in their order."""
        names = self.request_log.fields
        return tuple(item for item in self.inputs if names is None or item.name in names)

    @property
    def has_categories(self) -> bool:
        """Whether the model takes texts beside numbers."""
        return any(isinstance(feature, Category) for feature in self.inputs)

    @classmethod
    def of(cls, content: Any) -> Self:
        """Check what a file holds under the key `contract`.

        Raises:
            ContractError: If that is no valid contract; names the key.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ContractError(describe_invalid(error, "contract", cls, content)) from error

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a contract from its JSON form, in which all keys are written out.

        One that was written before `trim` was known is of texts that were not trimmed.

        Raises:
            ContractError: If the text is not a valid contract; names the key.
        """
        try:
            contract = cls.model_validate_json(text)
        except ValidationError as error:
            is_json = error.errors()[0]["type"] != "json_invalid"
            content = json.loads(text) if is_json else None
            raise ContractError(describe_invalid(error, "contract", cls, content)) from error
        if "trim" in contract.table.model_fields_set:
            return contract
        untrimmed = contract.table.model_copy(update={"trim": False})
        return contract.model_copy(update={"table": untrimmed})
