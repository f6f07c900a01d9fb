"""Which values lie between two ends: the one home of bounds and of how they combine."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Interval:
    """The values between two ends, all of them numbers or all of them days.

    Attributes:
        low: Lower end; None if there is none.
        high: Upper end; None if there is none.
        low_inclusive: Whether the lower end itself belongs to it; True if there is none.
        high_inclusive: Whether the upper end itself belongs to it; True if there is none.
    """

    low: Any = None
    high: Any = None
    low_inclusive: bool = True
    high_inclusive: bool = True

    @classmethod
    def above(cls, low: Any) -> "Interval":
        """All values above an end; all values at all if it is None."""
        return cls(low=low, low_inclusive=low is None)

    @classmethod
    def below(cls, high: Any) -> "Interval":
        """All values below an end; all values at all if it is None."""
        return cls(high=high, high_inclusive=high is None)

    def __and__(self, other: "Interval") -> "Interval":
        """The values in both: of two ends, the tighter one; of equal ones, the exclusive one."""
        lows = [(end.low, not end.low_inclusive) for end in (self, other) if end.low is not None]
        highs = [(end.high, end.high_inclusive) for end in (self, other) if end.high is not None]
        low, is_excluded = max(lows, default=(None, False))
        high, is_included = min(highs, default=(None, True))
        return Interval(low, high, not is_excluded, is_included)

    def __contains__(self, value: Any) -> bool:
        """Tell whether a value lies between the ends; NaN never does if there is one."""
        low, high = self.low, self.high
        is_above = low is None or (value >= low if self.low_inclusive else value > low)
        is_below = high is None or (value <= high if self.high_inclusive else value < high)
        return bool(is_above and is_below)

    def covers(self, other: "Interval") -> bool:
        """Tell whether each value of another interval is in this one."""
        return self & other == other

    def whole_numbers(self) -> "Interval":
        """From the first whole number within both ends to the last, themselves allowed."""
        low = math.ceil(self.low) if self.low_inclusive else math.floor(self.low) + 1
        high = math.floor(self.high) if self.high_inclusive else math.ceil(self.high) - 1
        return Interval(low, high)

    def whole_days(self) -> "Interval":
        """From the first day within both ends to the last, themselves allowed."""
        low = self.low if self.low_inclusive else self.low + ONE_DAY
        high = self.high if self.high_inclusive else self.high - ONE_DAY
        return Interval(low, high)
