"""How sure a prediction is: intervals and percentiles from what cross-validation got wrong.

It is evaluated with NumPy alone, wherever a model predicts; how it is learned, and the sources,
are in `modelling.calibration`.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from salary_kedro.bundle.files import read_json
from salary_kedro.bundle.limits import CALIBRATION
from salary_kedro.errors import UserError

Numbers = NDArray[np.float64]

TINY = sys.float_info.min
#: e to a larger power is no number any more.
MAX_LOG = 709.0
#: Of the 95 % interval of a share.
NORMAL_QUANTILE = 1.959963984540054
#: No product of two such numbers overflows.
MOST = 1e100
#: Knots are this share of their size apart, and no less than this: else slopes are no numbers.
NEAREST = 1e-12
Bounded = Annotated[float, Field(ge=-MOST, le=MOST)]
Positive = Annotated[float, Field(ge=1 / MOST, le=MOST)]
Share = Annotated[float, Field(gt=0, lt=1)]
Knots = Annotated[tuple[Bounded, ...], Field(max_length=100)]
Grid = Annotated[tuple[Bounded, ...], Field(max_length=300)]


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

    def hold(self, actual: Numbers) -> NDArray[np.bool_]:
        """Whether each target, shape (rows,), lies within the interval of its row."""
        found: NDArray[np.bool_] = (self.low <= actual) & (actual <= self.high)
        return found


@dataclass(frozen=True)
class Standing:
    """Where an actual target lies among those of rows that are predicted alike.

    Attributes:
        percentile: Percentage of them that are lower, 0 to 100.
        margin: Half the width of its 95 % interval, in percentage points, as far as that rests
            on the number of residuals: Wilson's, of a share (Wilson, 1927, JASA 22).
    """

    percentile: float
    margin: float


class Calibration(BaseModel):
    """What predictions of rows that a model had not seen got wrong, as a few numbers.

    A *score* is (actual - prediction - shift) / spread, where shift and spread depend on the
    prediction: straight lines between knots, constant beyond the outer ones. On a log scale,
    all of that is in logarithms.

    Attributes:
        confidence: Share of cases that an interval should cover, between 0 and 1.
        reason: Why there are no intervals of that confidence; empty where there are.
        rows: Number of residuals that it rests on.
        effective_rows: How many residuals of equal weight would tell as much.
        log_scale: Whether residuals are those of logarithms.
        minimum: Lowest value that the target can have, in its unit.
        maximum: Highest value.
        knots: Predictions, ascending.
        shifts: Mean residual at each knot.
        spreads: Mean absolute residual about it, above 0.
        levels: Confidences, ascending.
        widths: For each, what so large a share of scores is at most, whatever their sign.
        scores: Quantiles of the scores at evenly spaced shares: k of m at k / (m + 1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    confidence: Share = 0.9
    reason: str = Field(default="its training recorded no calibration", max_length=1_000)
    rows: int = Field(default=0, ge=0)
    effective_rows: float = Field(default=0, ge=0)
    log_scale: bool = False
    minimum: Bounded = -MOST
    maximum: Bounded = MOST
    knots: Knots = ()
    shifts: Knots = ()
    spreads: Annotated[tuple[Positive, ...], Field(max_length=100)] = ()
    levels: Annotated[tuple[Share, ...], Field(max_length=300)] = ()
    widths: Grid = ()
    scores: Grid = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not len(self.knots) == len(self.shifts) == len(self.spreads):
            raise ValueError("knots, shifts and spreads must be equally many")
        if len(self.levels) != len(self.widths):
            raise ValueError("levels and widths must be equally many")
        if (self.levels or self.scores) and not self.knots:
            raise ValueError("widths and scores need a knot")
        if not all(are_apart(*pair) for pair in pairwise(self.knots)):
            raise ValueError("knots must rise, by more than rounding")
        if not _is_rising(self.levels, equal=False):
            raise ValueError("levels must rise")
        if not _is_rising((0.0, *self.widths)) or not _is_rising(self.scores):
            raise ValueError("widths must rise from 0 on, and scores rise")
        if self.effective_rows < (1 if self.scores else 0) or 0 < self.effective_rows < 1:
            raise ValueError("scores need rows, at least 1 effective one")
        if self.minimum > self.maximum:
            raise ValueError("minimum must not be above maximum")
        return self

    @classmethod
    def parse(cls, content: bytes) -> "Calibration":
        """Read `calibration.json`.

        Raises:
            FileError: If it holds something else.
        """
        found: Calibration = read_json(cls, content, CALIBRATION)
        return found

    @property
    def numbers(self) -> tuple[float, ...]:
        """All that intervals and percentiles are made from, in one row."""
        return (*self.knots, *self.shifts, *self.spreads, *self.levels, *self.widths, *self.scores)

    def interval(
        self, predicted: float, confidence: float | None = None
    ) -> tuple[float, float] | None:
        """The ends of one prediction's interval, as `intervals` gives them, in microseconds."""
        width = self._width(self.confidence if confidence is None else confidence)
        if width is None:
            return None
        place = float(np.log(max(predicted, TINY))) if self.log_scale else predicted
        shift, spread = self._at(place)
        low, high = place + shift - width * spread, place + shift + width * spread
        if self.log_scale:
            low, high = (float(np.exp(min(end, MAX_LOG))) for end in (low, high))
        return min(max(low, self.minimum), predicted), max(min(high, self.maximum), predicted)

    def intervals(self, predicted: Numbers, confidence: float | None = None) -> Intervals | None:
        """The intervals of predictions, shape (rows,); None if there are none, see `reason`.

        They hold the prediction, keep to what the target can be, and widen with confidence.

        Args:
            predicted: Predictions, in the target's unit.
            confidence: Share of cases to cover, if not `self.confidence`.

        Raises:
            UserError: If that is not between 0 and 1.
        """
        wanted = self.confidence if confidence is None else confidence
        width = self._width(wanted)
        if width is None:
            return None
        centre, spread = self._centre(predicted)
        low, high = centre - width * spread, centre + width * spread
        if self.log_scale:
            low, high = _exp(low), _exp(high)
        return Intervals(
            np.minimum(np.maximum(low, self.minimum), predicted),
            np.maximum(np.minimum(high, self.maximum), predicted),
            wanted,
        )

    def chances(self, predicted: Numbers, actual: Numbers) -> Numbers | None:
        """The predictive distribution at actual targets: the share of rows alike that are lower.

        That is the conformal predictive distribution (Vovk et al., 2019, Machine Learning 108)
        of the scores, with straight lines between them; equal scores share their middle.

        Args:
            predicted: Predictions, shape (rows,), in the target's unit.
            actual: Actual targets, likewise.

        Returns:
            Shares between 0 and 1; None if they are not known.
        """
        if not self.scores:
            return None
        centre, spread = self._centre(predicted)
        with np.errstate(over="ignore"):  # then it is beyond all others
            score = (self._scaled(actual) - centre) / spread
        below, upto = (np.searchsorted(self.scores, score, side) for side in ("left", "right"))
        between = np.interp(score, self.scores, np.arange(1, len(self.scores) + 1))
        between = np.clip(between, 1, len(self.scores))  # scores may be too near for a slope
        ranks = np.where(upto > below, (below + 1 + upto) / 2, between)
        found: Numbers = ranks / (len(self.scores) + 1)
        return found

    def margins(self, chances: Numbers) -> Numbers:
        """By how much each of the shares may be off: half the width of Wilson's 95 % interval."""
        square = NORMAL_QUANTILE**2 / self.effective_rows
        found: Numbers = np.sqrt(square * chances * (1 - chances) + square**2 / 4) / (1 + square)
        return found

    def standing(self, predicted: float, actual: float) -> Standing | None:
        """Where an actual target lies among those predicted alike; None if that is not known."""
        chances = self.chances(np.array([predicted]), np.array([actual]))
        if chances is None:
            return None
        return Standing(100 * float(chances[0]), 100 * float(self.margins(chances)[0]))

    def _width(self, confidence: float) -> float | None:
        """That of the next higher level that is known."""
        if not 0 < confidence < 1:
            raise UserError(f"confidence is {confidence}; it must be above 0 and below 1")
        place = bisect_left(self.levels, confidence)
        return self.widths[place] if place < len(self.levels) else None

    def _at(self, place: float) -> tuple[float, float]:
        """Shift and spread at one prediction, in the same steps as `np.interp`."""
        knots = self.knots
        right = bisect_right(knots, place)
        if right == 0 or right == len(knots):
            end = min(right, len(knots) - 1)
            return self.shifts[end], self.spreads[end]
        left, gap = right - 1, knots[right] - knots[right - 1]
        return (
            (self.shifts[right] - self.shifts[left]) / gap * (place - knots[left])
            + self.shifts[left],
            max(
                (self.spreads[right] - self.spreads[left]) / gap * (place - knots[left])
                + self.spreads[left],
                min(self.spreads),  # which rounding could undercut
            ),
        )

    def _centre(self, predicted: Numbers) -> tuple[Numbers, Numbers]:
        """What is expected of predictions, and the spread about it."""
        place = self._scaled(predicted)
        shift, spread = (np.interp(place, self.knots, y) for y in (self.shifts, self.spreads))
        return place + shift, np.maximum(spread, min(self.spreads))

    def _scaled(self, values: Numbers) -> Numbers:
        return np.log(np.maximum(values, TINY)) if self.log_scale else values


def _exp(values: Numbers) -> Numbers:
    found: Numbers = np.exp(np.minimum(values, MAX_LOG))
    return found


def are_apart(left: float, right: float) -> bool:
    """Whether the second of two knots is so far above the first that a line has a slope."""
    return right - left >= NEAREST * max(1.0, abs(left), abs(right))


def _is_rising(values: Sequence[float], *, equal: bool = True) -> bool:
    return all(left <= right if equal else left < right for left, right in pairwise(values))
