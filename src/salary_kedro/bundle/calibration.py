"""How sure a prediction is: intervals and percentiles from what cross-validation got wrong.

It is evaluated with NumPy alone, wherever a model predicts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.bundle.files import read_json
from salary_kedro.bundle.limits import CALIBRATION

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Intervals:
    """Intervals of predictions.

    Attributes:
        low: Lower ends, shape (rows,), in the target's unit; never above the prediction.
        high: Upper ends, never below it.
        confidence: Share of cases that they should cover, between 0 and 1.
    """

    low: Numbers
    high: Numbers
    confidence: float


@dataclass(frozen=True)
class Standing:
    """Where an actual target lies among those of rows that are predicted alike.

    Attributes:
        percentile: Percentage of them that are lower, 0 to 100.
        margin: Half the width of its 95 % interval, in percentage points.
    """

    percentile: float
    margin: float


class Calibration(BaseModel):
    """What predictions of rows that a model had not seen got wrong, as a few numbers.

    Attributes:
        confidence: Share of cases that an interval should cover, between 0 and 1.
        reason: Why there are no intervals; empty where there are.
        rows: Number of residuals that it rests on.
        levels: Confidences, ascending.
        widths: Half the width of the interval of each, in the target's unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    confidence: float = Field(default=0.9, gt=0, lt=1)
    reason: str = "its training recorded no calibration"
    rows: int = Field(default=0, ge=0)
    levels: tuple[float, ...] = ()
    widths: tuple[float, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> "Calibration":
        """Read `calibration.json`.

        Raises:
            FileError: If it holds something else.
        """
        found: Calibration = read_json(cls, content, CALIBRATION)
        return found

    def intervals(self, predicted: Numbers, confidence: float | None = None) -> Intervals | None:
        """The intervals of predictions, shape (rows,); None if there are none, see `reason`.

        Args:
            predicted: Predictions, in the target's unit.
            confidence: Share of cases to cover, if not `self.confidence`.
        """
        wanted = self.confidence if confidence is None else confidence
        place = int(np.searchsorted(self.levels, wanted))
        if place == len(self.levels):
            return None
        half = self.widths[place]
        return Intervals(predicted - half, predicted + half, wanted)

    def standing(self, predicted: float, actual: float) -> Standing | None:
        """Where an actual target lies among those predicted alike; None if that is not known."""
        return None
