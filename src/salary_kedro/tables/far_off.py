"""Finds numbers so far beyond the others, or below them, that they may be slips of the pen."""

from dataclasses import dataclass

import pandas as pd

#: Beyond so many times the median, and so many times nearly all others, a number is far off.
TIMES, BEYOND = 100, 10
#: Of the numbers, the share that are nearly all.
NEARLY_ALL = 0.99
MAX_LINES = 5


@dataclass(frozen=True)
class FarOff:
    """Numbers of a column that are far beyond the others; none of them is shown.

    Attributes:
        rows: Labels of their rows.
        least: How many times the median the least of them is.
        most: The same of the largest.
    """

    rows: pd.Index
    least: float
    most: float

    @property
    def said(self) -> str:
        """How many there are, and how far off: `1 value is 7,500 times the median`."""
        least, most = (f"{float(f'{times:.2g}'):,.0f}" for times in (self.least, self.most))
        times = most if least == most else f"{least} to {most}"
        count = len(self.rows)
        noun = "value is" if count == 1 else "values are"
        return f"{count:,} {noun} {times} times the median"


def find_far_off(numbers: "pd.Series[float]") -> FarOff | None:
    """Find the numbers beyond 100 times the median and 10 times the 99 % quantile.

    Sizes that vary widely by their nature, such as those of firms, or pay in several currencies,
    exceed the first, and not the second.

    Args:
        numbers: Those of a column; NaN where there is none.
    """
    sizes = numbers.dropna().astype("float64").abs()
    middle = float(sizes.median()) if len(sizes) else 0.0
    if not middle:
        return None
    nearly_all = float(sizes.quantile(NEARLY_ALL, interpolation="lower"))
    far = sizes[sizes > max(TIMES * middle, BEYOND * nearly_all)] / middle
    return None if far.empty else FarOff(far.index, float(far.min()), float(far.max()))


def far_off_remark(found: FarOff, lines: "pd.Series[int]") -> str:
    """What to do about numbers that are far off.

    Args:
        found: The numbers.
        lines: The lines of the file on which their rows start.
    """
    return _remark(found.said, lines, "maximum")


def find_too_small(numbers: "pd.Series[float]") -> pd.Index:
    """Labels of the rows whose pay is above 0, and below a hundredth of the median.

    Where some is below 0, there are none: it may be the logarithm of pay, whatever it is called.

    Args:
        numbers: Pay, and no logarithms of it; NaN where there is none.
    """
    sizes = numbers.dropna().astype("float64")
    if (sizes < 0).any():
        return sizes.index[:0]
    return sizes.index[(sizes > 0) & (sizes < sizes.median() / TIMES)]


def too_small_remark(lines: "pd.Series[int]") -> str:
    """What to do about pay that is below a hundredth of the median.

    Args:
        lines: The lines of the file on which its rows start.
    """
    noun = "value is" if len(lines) == 1 else "values are"
    return _remark(f"{len(lines):,} {noun} below a hundredth of the median", lines, "minimum")


def _remark(said: str, lines: "pd.Series[int]", bound: str) -> str:
    shown = ", ".join(map(str, lines.iloc[:MAX_LINES]))
    more = " and others" if len(lines) > MAX_LINES else ""
    one, many = ("line", "it", "its row"), ("lines", "them", "their rows")
    word, them, rows = one if len(lines) == 1 else many
    return (
        f"{said} ({word} {shown}{more}): if that is a slip, correct {them}, or set `{bound}` to "
        f"reject {rows}."
    )
