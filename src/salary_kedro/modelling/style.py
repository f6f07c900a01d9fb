"""How every figure looks: colours, titles, numbers, and rows as cells or dots.

Figures are drawn without pyplot, which would keep global state.
"""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from salary_kedro.bundle.figures import amount, tick
from salary_kedro.contract import Column
from salary_kedro.modelling.plane import Cell

DPI = 120
#: How hard PNG files are compressed, of 9: half the time of the usual 6.
QUICK = 1
INK, QUIET, MODEL, ROWS, BAND = "#1f2933", "#66727f", "#b4430e", "#1f5f99", "#e8a33d"
SHADES = LinearSegmentedColormap.from_list("rows", ["#dbe7f3", "#1f5f99"])
RULES: dict[Any, Any] = {
    "axes.edgecolor": "#c5ccd3",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "font.size": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
#: Inches below which a legend has two columns.
NARROW = 6.5
#: Characters of a label, and numbers on an axis.
MAX_LABEL, MAX_TICKS = 32, 6

# What the font lacks is drawn as a box; nobody needs a warning for each.
warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)


@dataclass(frozen=True)
class Subject:
    """Whose figure it is.

    Attributes:
        model: Name of the estimator.
        rmse: Its RMSE on the holdout rows, in the target's unit.
        rows: Number of holdout rows.
        unit: The target's unit; empty if it has none.
    """

    model: str
    rmse: float
    rows: int
    unit: str = ""

    def __str__(self) -> str:
        known = self.rmse if math.isfinite(self.rmse) else None
        rmse = " ".join(filter(None, (amount(known), self.unit)))
        return f"{self.model} · RMSE {rmse} · n = {self.rows:,}"


def label(column: Column) -> str:
    """What an axis is of, with its unit."""
    return f"{column.label} ({column.unit})" if column.unit else column.label


def short(text: str) -> str:
    """A text that fits beside an axis."""
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"


def as_png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=DPI, pil_kwargs={"compress_level": QUICK})
    return content.getvalue()


def blank(title: str, subject: Subject, size: tuple[float, float] = (7, 4.5)) -> Figure:
    """A figure that says what it shows, and of which model."""
    figure = Figure(figsize=size, layout="constrained")
    text = f"{title}\n{subject}"
    figure.suptitle(text, x=0.01, ha="left", size=10.5, parse_math=False)
    return figure


def panel(figure: Figure, rows: int = 1, columns: int = 1, place: int = 1) -> Axes:
    """One of the axes of a figure."""
    with rc_context(RULES):
        axes = figure.add_subplot(rows, columns, place)
    axes.grid(color="#e6eaee", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def plot_nothing(why: str) -> Figure:
    """A small figure that says why there is nothing to draw."""
    figure = Figure(figsize=(5, 0.7))
    figure.text(0.5, 0.5, why, ha="center", va="center", color=QUIET, parse_math=False)
    return figure


def name_axes(axes: Axes, across: str, up: str) -> None:
    """Say what both axes are of."""
    axes.set_xlabel(across, parse_math=False)
    axes.set_ylabel(up, parse_math=False)


def count_in_thousands(*axes: Axis) -> None:
    """Write the numbers of axes for people."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(MAX_TICKS))
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def count_in_dates(axis: Axis) -> None:
    """Write the numbers of an axis, days since 1970 as Matplotlib counts them too, as dates."""
    with rc_context({"date.converter": "concise"}):  # their common part once, beside the axis
        axis.axis_date()


def say_inside(axes: Axes, why: str) -> None:
    """Say why a panel shows no curve."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=QUIET)
    if not axes.has_data():
        axes.set(xticks=[], yticks=[])


def draw_cells(
    axes: Axes, cells: Iterable[Cell], min_people: int, *, is_named: bool = True
) -> None:
    """Draw cells, the darker the more rows they hold by their size."""
    drawn = list(cells)
    if not drawn:
        return
    sizes = [(cell.high - cell.low, cell.top - cell.bottom) for cell in drawn]
    patches = [
        Rectangle((cell.low, cell.bottom), *size) for cell, size in zip(drawn, sizes, strict=True)
    ]
    density = np.array([cell.rows for cell in drawn]) / np.prod(sizes, axis=1)
    norm = PowerNorm(0.5, 0, density.max())
    shaded = PatchCollection(patches, cmap=SHADES, norm=norm, edgecolor="white", lw=0.6, zorder=1)
    shaded.set_array(density)
    axes.add_collection(shaded)
    if is_named:
        axes.plot([], [], "s", color=ROWS, label=f"rows, in cells of {min_people} people and more")
    axes.autoscale_view()


def draw_dots(axes: Axes, across: Any, up: Any, name: str) -> None:
    """Draw rows of a public table one by one."""
    axes.scatter(across, up, s=22, color=ROWS, alpha=0.65, linewidths=0, label=name)


def draw_range(axes: Axes, places: Any, low: Any, high: Any, name: str) -> None:
    """Draw a band beneath the rows, and its ends above them."""
    axes.fill_between(places, low, high, color=BAND, alpha=0.3, lw=0, zorder=0.5, label=name)
    for end in (low, high):
        axes.plot(places, end, color=BAND, lw=1)


def add_legend(figure: Figure) -> None:
    """Name once what is drawn, beneath it."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        handles, names = axes.get_legend_handles_labels()
        found |= dict(zip(names, handles, strict=True))
    if not found:
        return
    figure.legend(
        handles=[*found.values()],
        labels=[*found],
        loc="outside lower left",
        ncols=2 if figure.get_figwidth() < NARROW else 4,
        frameon=False,
        fontsize=8.5,
    )
