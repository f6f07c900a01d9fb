"""Pictures of a model, as SVG: sharp at any size, in the page's own colour of text, light or dark.

Each is drawn about as wide as a phone, so that its letters stay as large there as on a desk, and
says in words what it shows to those who do not see it. Streamlit keeps no SVG within a page's HTML,
but an image of it.
"""

import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from model_card import Fit, FitBand, FitCell, GroupScores, ImportanceReport, Level
from words import amount, percent, signed

#: Apart also for the colour-blind, and from a light and a dark ground (3 to 1).
BLUE, ORANGE = "#3b82c4", "#d9730d"
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 380, 64, 14, 10, 44


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        said: What it shows, in words.
        height: Its height, where its width is `WIDTH`.
        drawn: What is drawn, as SVG.
    """

    said: str
    height: float
    drawn: str

    def html(self, ink: str) -> str:
        """An image that grows with the page up to a fifth.

        Args:
            ink: Colour of its letters and axes.
        """
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height:.0f}" '
            f'width="{WIDTH}" height="{self.height:.0f}" color="{ink}" '
            f'font-family="Source Sans, Helvetica, Arial, sans-serif">{self.drawn}</svg>'
        )
        return (
            f'<img alt="{escape(self.said)}" src="data:image/svg+xml;base64,'
            f'{b64encode(svg.encode()).decode()}" '
            f'style="width:100%;max-width:{1.2 * WIDTH:.0f}px;height:auto;display:block">'
        )


@dataclass(frozen=True)
class Axis:
    """Where the values of an axis are drawn.

    Attributes:
        low: Smallest value that is drawn.
        high: Largest.
        begin: Where the smallest is drawn, in units of the picture.
        end: Where the largest is drawn.
    """

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn, to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    @property
    def ticks(self) -> list[float]:
        """Round values along it, about four."""
        for parts in (4, 8):
            step = _step((self.high - self.low) / parts)
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            if last - first > 1:  # one or two do not tell the scale
                break
        return [number * step for number in range(first, last + 1)]


def _step(about: float) -> float:
    """1, 2 or 5 times a power of ten, at least as large as told."""
    power = 10.0 ** math.floor(math.log10(about))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= about * 0.999)


def spread_axis(values: Iterable[float], begin: float, end: float, margin: float = 0.04) -> Axis:
    """An axis on which all of the values have room."""
    found = list(values)
    low, high = min(found), max(found)
    more = (high - low) * margin or abs(high) * 0.05 or 1.0
    return Axis(low - more, high + more, begin, end)


def fit_picture(fit: Fit, target: str) -> Picture | None:
    """Predicted against actual target, as cells that hold several people, or as public dots.

    Args:
        fit: What was measured on the holdout rows.
        target: What is predicted, with its unit.

    Returns:
        None if there is nothing to draw.
    """
    ends = [end for cell in fit.cells for end in _ends(cell)] + [x for p in fit.points for x in p]
    if not ends:
        return None
    side = WIDTH - LEFT - RIGHT
    across = spread_axis(ends, LEFT, WIDTH - RIGHT)
    up = Axis(across.low, across.high, TOP + side, TOP)
    densest = max((_density(cell) for cell in fit.cells), default=1.0)
    diagonal = (
        f'<line x1="{across.begin}" y1="{up.begin}" x2="{across.end}" y2="{up.end}" '
        f'stroke="{ORANGE}" stroke-width="1.5" stroke-dasharray="5 4"/>'
    )
    cells = "" if fit.points else "".join(_cell(cell, densest, across, up) for cell in fit.cells)
    dots = "".join(
        f'<circle cx="{across.at(predicted)}" cy="{up.at(actual)}" r="4" fill="{BLUE}" '
        'fill-opacity="0.7"/>'
        for predicted, actual in fit.points
    )
    said = (
        f"Predicted against actual {target} of {fit.rows} people that training has not seen. "
        "The nearer to the dashed diagonal, the better."
    )
    axes = _axes(across, up, "Predicted", "Actual")
    return Picture(said, TOP + side + BOTTOM, axes + cells + diagonal + dots)


def _ends(cell: FitCell) -> tuple[float, ...]:
    return cell.predicted_low, cell.predicted_high, cell.actual_low, cell.actual_high


def _density(cell: FitCell) -> float:
    """People by area: cells are of different sizes."""
    width = cell.predicted_high - cell.predicted_low
    return cell.rows / (width * (cell.actual_high - cell.actual_low))


def _cell(cell: FitCell, densest: float, across: Axis, up: Axis) -> str:
    """A cell, the darker the denser people are in it, and their number."""
    x, y = across.at(cell.predicted_low), up.at(cell.actual_high)
    width, height = across.at(cell.predicted_high) - x, up.at(cell.actual_low) - y
    return (
        f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{height:.1f}" fill="{BLUE}" '
        f'fill-opacity="{0.12 + 0.48 * _density(cell) / densest:.2f}"/>'
        + _letters(x + width / 2, y + height / 2 + 4, str(cell.rows), "middle")
    )


def residual_picture(bands: Sequence[FitBand], target: str) -> Picture | None:
    """How far actual targets lie from the prediction, by ranges of predictions.

    Args:
        bands: What was measured, ascending; none gives no picture.
        target: What is predicted, with its unit.
    """
    if not bands:
        return None
    height = 250
    across = spread_axis([end for band in bands for end in (band.low, band.high)], LEFT, 366, 0.02)
    reach = [band.mean_residual + sign * band.spread for band in bands for sign in (-1, 1)]
    up = spread_axis([*reach, 0.0], TOP + height, TOP)
    zero = up.at(0)
    line = (
        f'<line x1="{LEFT}" y1="{zero}" x2="366" y2="{zero}" stroke="{ORANGE}" '
        'stroke-width="1.5" stroke-dasharray="5 4"/>'
    )
    said = (
        f"Actual minus predicted {target}, by range of predictions: mean, and one standard "
        "deviation to either side. Around the dashed zero all along is best."
    )
    axes = _axes(across, up, "Predicted", "Actual minus predicted")
    drawn = "".join(_band(band, across, up) for band in bands)
    return Picture(said, TOP + height + BOTTOM, axes + line + drawn)


def _band(band: FitBand, across: Axis, up: Axis) -> str:
    """One standard deviation to either side, the mean, and the number of people."""
    left, right = across.at(band.low) + 1, across.at(band.high) - 1
    high, low = (up.at(band.mean_residual + sign * band.spread) for sign in (1, -1))
    mean = up.at(band.mean_residual)
    return (
        f'<rect x="{left:.1f}" y="{high}" width="{right - left:.1f}" height="{low - high:.1f}" '
        f'fill="{BLUE}" fill-opacity="0.35"/><line x1="{left:.1f}" y1="{mean}" '
        f'x2="{right:.1f}" y2="{mean}" stroke="{BLUE}" stroke-width="3"/>'
        + _letters((left + right) / 2, low - 5, str(band.rows), "middle")
    )


def calibration_picture(levels: Sequence[Level]) -> Picture | None:
    """What share of people lies within intervals, against the share that should.

    Args:
        levels: What was measured, ascending; none gives no picture.
    """
    if not levels:
        return None
    side = 250
    across = Axis(0, 1, LEFT, LEFT + side)
    up = Axis(0, 1, TOP + side, TOP)
    diagonal = (
        f'<line x1="{across.begin}" y1="{up.begin}" x2="{across.end}" y2="{up.end}" '
        f'stroke="{ORANGE}" stroke-width="1.5" stroke-dasharray="5 4"/>'
    )
    places = [(across.at(level.confidence), up.at(level.share)) for level in levels]
    path = " ".join(f"{x},{y}" for x, y in places)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="4" fill="{BLUE}"/>' for x, y in places)
    said = (
        "Share of people within their interval, by the share that should be. On the dashed "
        "diagonal the intervals hold what they promise; above it they are wider than need be."
    )
    axes = _axes(across, up, "Should hold", "Holds", percent)
    line = f'<polyline points="{path}" fill="none" stroke="{BLUE}" stroke-width="2"/>'
    return Picture(said, TOP + side + BOTTOM, axes + diagonal + line + dots)


def importance_picture(report: ImportanceReport, titles: Mapping[str, str]) -> str:
    """A bar for each input: by how much the RMSE rises without it.

    Args:
        report: What was measured, the most important first.
        titles: What people call each input, by field.
    """
    most = max((abs(each.importance) for each in report.inputs), default=0.0) or 1.0
    rows = [
        _bar(
            titles.get(each.input, each.input),
            signed(each.importance),
            max(0.0, each.importance) / most,
            f"give or take {amount(each.spread)}",
        )
        for each in report.inputs
    ]
    return f'<div role="list">{"".join(rows)}</div>' if rows else ""


def _bar(title: str, value: str, share: float, told: str) -> str:
    """One line of words above a bar, which is as wide as the page allows."""
    return (
        f'<div role="listitem" title="{escape(told)}" style="margin:0 0 .6rem">'
        '<div style="display:flex;justify-content:space-between;gap:1rem">'
        f"<span>{escape(title)}</span>"
        f'<span style="font-variant-numeric:tabular-nums">{escape(value)}</span></div>'
        '<div style="background:rgba(128,128,128,.18);border-radius:3px">'
        f'<div style="height:8px;border-radius:3px;background:{BLUE};'
        f'width:{100 * share:.1f}%"></div></div></div>'
    )


def gaps_picture(groups: Sequence[GroupScores], reference: str, target: str) -> Picture | None:
    """The unexplained gap of each group to the reference, with its interval.

    Args:
        groups: The groups; those without a gap are not drawn.
        reference: The group that they are compared with.
        target: What is predicted, with its unit.
    """
    known = [
        (each.group, each.gap, each.gap_low, each.gap_high)
        for each in groups
        if each.gap is not None and each.gap_low is not None and each.gap_high is not None
    ]
    if not known:
        return None
    axis = spread_axis([0.0, *(end for _, *ends in known for end in ends)], 14, WIDTH - 14)
    height = 46 * len(known)
    zero = axis.at(0)
    line = (
        f'<line x1="{zero}" y1="0" x2="{zero}" y2="{height + 4}" stroke="{ORANGE}" '
        'stroke-width="1.5" stroke-dasharray="5 4"/>'
    )
    rows = "".join(_gap(place, each, axis) for place, each in enumerate(known))
    said = (
        f"{target}: unexplained gap of each group to {reference}, with its interval. "
        + "; ".join(
            f"{group}: {signed(gap)}, {signed(low)} to {signed(high)}"
            for group, gap, low, high in known
        )
    )
    ticks = "".join(_tick_across(axis, tick, height + 4, signed) for tick in axis.ticks)
    return Picture(said, height + 28, line + rows + ticks)


def _gap(place: int, known: tuple[str, float, float, float], axis: Axis) -> str:
    group, gap, low, high = known
    y = 46 * place + 32
    told = f"{group}: {signed(gap)} ({signed(low)} to {signed(high)})"
    return (
        _letters(14, y - 14, told, "start", 13)
        + f'<line x1="{axis.at(low)}" y1="{y}" x2="{axis.at(high)}" y2="{y}" stroke="{BLUE}" '
        f'stroke-width="6" stroke-opacity="0.45"/><circle cx="{axis.at(gap)}" cy="{y}" r="5" '
        f'fill="{BLUE}"/>'
    )


def _axes(
    across: Axis, up: Axis, right: str, left: str, write: Callable[[float], str] = amount
) -> str:
    """Both axes of a picture with their ticks and titles."""
    bottom = up.begin
    ticks = "".join(_tick_across(across, tick, bottom, write) for tick in across.ticks)
    ticks += "".join(
        f'<line x1="{across.begin}" y1="{up.at(tick)}" x2="{across.end}" y2="{up.at(tick)}" '
        'stroke="currentColor" stroke-opacity="0.12"/>'
        + _letters(across.begin - 6, up.at(tick) + 4, write(tick), "end")
        for tick in up.ticks
    )
    middle = (across.begin + across.end) / 2
    height = (up.begin + up.end) / 2
    return (
        f"{ticks}{_letters(middle, bottom + 38, right, 'middle', 12)}"
        f'<text x="12" y="{height}" font-size="12" text-anchor="middle" '
        f'transform="rotate(-90 12 {height})" fill="currentColor">'
        f"{escape(left)}</text>"
    )


def _tick_across(axis: Axis, tick: float, y: float, write: Callable[[float], str]) -> str:
    x = axis.at(tick)
    return (
        f'<line x1="{x}" y1="{y}" x2="{x}" y2="{y + 5}" stroke="currentColor" '
        'stroke-opacity="0.5"/>' + _letters(x, y + 18, write(tick), "middle")
    )


def _letters(x: float, y: float, text: str, anchor: str, size: int = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="currentColor">{escape(text)}</text>'
    )
