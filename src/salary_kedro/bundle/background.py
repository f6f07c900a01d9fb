"""Made-up rows that a prediction is explained against: of each input some common values, alone.

They are drawn input by input, so that no row is a person's.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from salary_kedro.bundle.files import FileError, read_json
from salary_kedro.bundle.limits import BACKGROUND
from salary_kedro.contract import Category, Contract, Feature
from salary_kedro.contract.columns import CategoryText

SEED = 234
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]


class CommonValues(BaseModel):
    """Values of one input, as the model sees them, each of several training rows.

    Attributes:
        values: Numbers, or the texts of a category; None for a missing value.
        shares: How common each is, above 0; they add up to about 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: tuple[Finite | CategoryText | None, ...] = Field(min_length=1)
    shares: tuple[Share, ...]

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if len(self.shares) != len(self.values):
            raise ValueError("there must be a share for each value")
        return self

    def draw(self, rows: int, random: np.random.Generator) -> NDArray[Any]:
        """Draw values in the order of chance, each as often as its share says, to one row."""
        ends = np.cumsum(self.shares)
        places = np.searchsorted(ends, (np.arange(rows) + 0.5) / rows * ends[-1])
        values = [np.nan if value is None else value for value in self.values]
        drawn: NDArray[Any] = random.permutation(np.array(values, dtype=object)[places])
        return drawn


class Background(BaseModel):
    """What `background.json` holds.

    Attributes:
        inputs: The common values of each input, by field name; empty where training recorded
            none, so that nothing can be explained.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: Mapping[str, CommonValues] = {}

    @classmethod
    def parse(cls, content: bytes, contract: Contract) -> Self:
        """Read `background.json`.

        Raises:
            FileError: If it holds something else, or not of each input what that may be.
        """
        found: Self = read_json(cls, content, BACKGROUND)
        if found.inputs and set(found.inputs) != set(contract.feature_names):
            raise FileError(f"{BACKGROUND} does not hold the inputs of the contract")
        for feature in contract.inputs if found.inputs else ():
            if not all(_is_of(value, feature) for value in found.inputs[feature.name].values):
                raise FileError(f"{BACKGROUND}: {feature.name} holds what no {feature.kind} is")
        return found

    def rows(self, count: int, contract: Contract) -> NDArray[Any]:
        """Made-up rows as the model takes them, shape (count, inputs), always the same.

        Each input has its values as often as they are common: Latin hypercube sampling (McKay,
        Beckman and Conover 1979, Technometrics 21(2)).
        """
        random = np.random.default_rng(SEED)
        columns = [self.inputs[name].draw(count, random) for name in contract.feature_names]
        return np.array(columns, dtype=object).T.astype(
            object if contract.has_categories else np.float64
        )


def _is_of(value: float | str | None, feature: Feature) -> bool:
    if value is None:
        return not feature.required
    return isinstance(value, str) == isinstance(feature, Category)
