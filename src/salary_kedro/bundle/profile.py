"""What the training rows were like, counted: what later requests are compared with.

No count is of fewer rows, or people, than `modelling.profile` lets pass, and no edge is a value of
fewer. What is not known is passed over: the first profiles held more.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from salary_kedro.bundle.files import FileError, read_json
from salary_kedro.bundle.limits import PROFILE
from salary_kedro.contract import Boolean, Category, Contract
from salary_kedro.contract.columns import CategoryText

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rows = Annotated[int, Field(ge=0)]
MAX_BINS, MAX_CATEGORIES = 10, 100


class _Section(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class NumberProfile(_Section):
    """How a number was distributed.

    Attributes:
        edges: Where a bin ends and the next begins, ascending; an edge belongs to the bin below.
        counts: Rows in each bin, one more than edges; in the fullest one also those without a
            value, if these are too few to be told, so that no subtraction tells of them.
        missing: Rows without a value; None if they are too few to be told, and 0 where they are
            also too few to matter.
    """

    edges: Annotated[tuple[Finite, ...], Field(max_length=MAX_BINS - 1)]
    counts: Annotated[tuple[Rows, ...], Field(min_length=1, max_length=MAX_BINS)]
    missing: Rows | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError("there must be one bin more than edges")
        if not all(left < right for left, right in pairwise(self.edges)):
            raise ValueError("edges must rise")
        return self


class CategoryProfile(_Section):
    """How often each value of a category came, or yes and no.

    Attributes:
        categories: Rows of each common one, by its text; of yes and no, by `true` and `false`.
        missing: Rows without a value; None if they are among the others.
        others: Rows of all other values together.
    """

    categories: Annotated[Mapping[CategoryText, Rows], Field(max_length=MAX_CATEGORIES)]
    missing: Rows | None
    others: Rows


class Errors(_Section):
    """How wrong models were that had not seen the row.

    Attributes:
        rows: Number of rows.
        mean_square: Mean of the squared errors, in the target's unit squared.
        spread: Standard deviation of the squared errors, ddof 1.
    """

    rows: Annotated[int, Field(ge=2)]
    mean_square: Positive
    spread: Positive


class Profile(_Section):
    """What `profile.json` holds.

    Attributes:
        fields: How each input was distributed, by field name; without those that had too few
            values. Empty where training recorded none.
        holdout_predictions: How the model predicts the holdout rows, which it has not seen; None
            if too few.
        errors: How wrong they were; None if too few.
    """

    fields: Mapping[str, NumberProfile | CategoryProfile] = {}
    holdout_predictions: NumberProfile | None = None
    errors: Errors | None = None

    @classmethod
    def parse(cls, content: bytes, contract: Contract) -> Self:
        """Read `profile.json`.

        Raises:
            FileError: If it holds something else, or fields that are no inputs of the contract.
        """
        found: Self = read_json(cls, content, PROFILE)
        inputs = {feature.name: feature for feature in contract.inputs}
        for name, profile in found.fields.items():
            if name not in inputs:
                raise FileError(f"{PROFILE} holds {name[:80]!r}, which is not an input")
            is_text = isinstance(inputs[name], Category | Boolean)
            if isinstance(profile, CategoryProfile) != is_text:
                raise FileError(f"{PROFILE}: {name} holds what no {inputs[name].kind} is")
        return found
