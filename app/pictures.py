"""Pictures as HTML: they follow the page's light or dark theme, and load nothing.

Streamlit's own charts triple the time until the page can be used. Here colours come from
`light-dark()`, and a curve is the mask of a coloured box.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self
from urllib.parse import quote

from words import amount, as_html, signed

#: So many contributions are drawn; what remains is drawn as one.
MANY = 12
REST = "All others"
#: Raising and lowering, or usual and unusual: apart also for the colour-blind, on both themes.
MORE, LESS = "light-dark(#0f766e,#2dd4bf)", "light-dark(#b45309,#fbbf24)"
FAINT = "color-mix(in srgb,currentColor 12%,transparent)"
BAND = f"color-mix(in srgb,{MORE} 30%,transparent)"
STYLE = """<style>
.pic{font-size:.875rem;line-height:1.35;position:relative;font-variant-numeric:tabular-nums}
.pic .t{position:absolute;transform:translateX(-50%);white-space:nowrap}
.pic ul{list-style:none;margin:0;padding:0}
.pic li{display:grid;grid-template-columns:minmax(7rem,14rem) 1fr minmax(5rem,auto);gap:0 .75rem;
align-items:center;padding:.3rem 0;margin:0}
.pic li>:last-child{text-align:right}
.pic .h{position:absolute;top:0;bottom:0}
.pic .h:hover{background:color-mix(in srgb,currentColor 8%,transparent)}
.pic .h b{display:none;position:absolute;top:.25rem;left:50%;transform:translateX(-50%);z-index:2;
padding:.2rem .5rem;border-radius:.4rem;white-space:nowrap;font-weight:400;
background:light-dark(#1f2937,#f3f4f6);color:light-dark(#fff,#111827)}
.pic .h.l b{left:0;transform:none}.pic .h.r b{left:auto;right:0;transform:none}
.pic .h:hover b{display:block}
.pic summary{cursor:pointer;margin-top:.5rem}
.pic table{border-collapse:collapse}
.pic td,.pic th{text-align:right;padding:.1rem .75rem .1rem 0;font-weight:400}
@media(max-width:640px){.pic .s{display:none}.pic li{grid-template-columns:1fr auto}
.pic li>:first-child{grid-column:1/-1}}
</style>"""


@dataclass(frozen=True)
class Scale:
    """An axis from a low number to a high one, above it."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float], zero: bool = False) -> Self:
        """The axis that holds all values, of which there is one at least, between round numbers."""
        low, high = min(values), max(values)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = low - abs(low) / 10 - 1, high + abs(high) / 10 + 1
        step = round_step(low, high)
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step)

    def at(self, value: float) -> float:
        """Where a value is, from 0 to 100 percent; what lies outside is at an end."""
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))

    def ticks(self) -> list[float]:
        """Round numbers along the axis, four to eight."""
        step = round_step(self.low, self.high)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def round_step(low: float, high: float) -> float:
    """1, 2 or 5 times a power of ten, so that four to eight of it go from low to high."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= 0.8 * raw)


@dataclass(frozen=True)
class Point:
    """One answer of many: what was asked, the prediction, and its interval if there is one."""

    x: float
    text: str
    value: float
    low: float | None
    high: float | None

    def told(self) -> str:
        """The answer in words, such as "5 years: 72,861 (61,000 to 85,000)"."""
        interval = "" if self.low is None else f" ({amount(self.low)} to {amount(self.high or 0)})"
        return f"{self.text}: {amount(self.value)}{interval}"

    def ends(self) -> tuple[float, float]:
        """The ends of the interval; the prediction twice where there is none."""
        has_none = self.low is None or self.high is None
        return (self.value, self.value) if has_none else (self.low or 0.0, self.high or 0.0)


def interval_picture(point: Point, compared: float | None, scale: Scale) -> str:
    """The salary scale with a band for the interval, a mark at the prediction and at a salary.

    Args:
        point: The prediction.
        compared: The salary to compare; None for none.
        scale: Of the salaries.
    """
    low, high = point.ends()
    words = f"{point.told()} on a scale from {amount(scale.low)} to {amount(scale.high)}"
    parts = [
        _box(0, 100, "top:1.1rem;height:.7rem;border-radius:.35rem", FAINT),
        _box(scale.at(low), scale.at(high), "top:1.1rem;height:.7rem;border-radius:.35rem", BAND),
        _mark(scale.at(point.value), f"top:.8rem;height:1.3rem;background:{MORE}"),
    ]
    if compared is not None:
        at = scale.at(compared)
        parts += [
            _mark(at, f"top:.8rem;height:1.3rem;background:{LESS}"),
            f'<span class="t" style="left:{at:.2f}%;top:-.45rem;color:{LESS}">yours</span>',
        ]
        words += f"; {amount(compared)} to compare"
    parts += [
        _tick(scale.at(each), amount(each), "2.2rem", place % 2 == 1)
        for place, each in enumerate(scale.ticks())
    ]
    return _picture(
        words,
        f'<div style="position:relative;height:3.6rem;margin:0 2.2rem">{"".join(parts)}</div>',
    )


def contributions_picture(
    average: float, contributions: Mapping[str, float], total: float, unit: str
) -> str:
    """A bar for each input, the largest first, to the right if it raises the prediction.

    Args:
        average: The average prediction, which they start from.
        contributions: By label of the input, in the target's unit.
        total: The prediction, which they end at.
        unit: The target's unit.
    """
    found = largest(contributions)
    scale = Scale.around([value for _, value in found] or [0.0], zero=True)
    rows = [_ends_row(f"Average prediction{unit and f', {unit}'}", average)]
    rows += [_contribution_row(label, value, scale) for label, value in found]
    rows.append(_ends_row("This prediction", total))
    return f'{STYLE}<div class="pic"><ul>{"".join(rows)}</ul></div>'


def largest(contributions: Mapping[str, float]) -> list[tuple[str, float]]:
    """The contributions by their size; from the twelfth on they are one."""
    found = sorted(contributions.items(), key=lambda each: -abs(each[1]))
    if len(found) > MANY:
        found = [*found[: MANY - 1], (REST, sum(value for _, value in found[MANY - 1 :]))]
    return found


def labels_apart(labels: Mapping[str, str]) -> dict[str, str]:
    """The label of each field, with the field where several share one: each has its own bar."""
    given = list(labels.values())
    return {
        name: label if given.count(label) == 1 else f"{label} ({name})"
        for name, label in labels.items()
    }


def bars_picture(points: Sequence[Point], chosen: str | None, counts: Mapping[str, int]) -> str:
    """A row for each category: its interval as a band, its prediction as a mark, and as a number.

    Args:
        points: The categories with their answers.
        chosen: The text of the one that was asked for; None for none.
        counts: Training rows of each category by its text, as far as they are known.
    """
    scale = Scale.around([end for point in points for end in point.ends()])
    rows = []
    for point in points:
        low, high = point.ends()
        is_chosen = point.text == chosen
        color = LESS if is_chosen else MORE
        n = f" <small>n={counts[point.text]:,}</small>" if point.text in counts else ""
        name = as_html(point.text) or "(empty)"
        rows.append(
            f"<li><span>{f'<strong>{name}</strong>' if is_chosen else name}{n}</span>"
            '<span aria-hidden="true" style="position:relative;height:1.3rem;display:block">'
            f"{_box(0, 100, 'top:.3rem;height:.7rem;border-radius:.35rem', FAINT)}"
            f"{_box(scale.at(low), scale.at(high), 'top:.3rem;height:.7rem', BAND)}"
            f"{_mark(scale.at(point.value), f'top:0;height:1.3rem;background:{color}')}</span>"
            f"<span>{amount(point.value)}</span></li>"
        )
    return f'{STYLE}<div class="pic"><ul>{"".join(rows)}</ul></div>'


@dataclass(frozen=True)
class Bin:
    """Training rows from low to high on an axis; their density is a share of the densest."""

    low: float
    high: float
    density: float


def curve_picture(
    points: Sequence[Point],
    here: Point | None,
    bins: Sequence[Bin],
    tick_text: Callable[[float], str],
    label: str,
    ticks: Sequence[float] | None = None,
) -> str:
    """A curve of predictions along one input, with its band and where the training rows lie.

    Args:
        points: At least two, ascending in x.
        here: The answer that is shown beside; None for none.
        bins: Where the training rows lie.
        tick_text: Writes a place on the x axis.
        label: What the x axis shows.
        ticks: Places on it that are written; None for round numbers.
    """
    across = Scale(points[0].x, points[-1].x)
    up = Scale.around([end for point in points for end in point.ends()])
    lows = [(across.at(p.x), 100 - up.at(p.ends()[0])) for p in points]
    highs = [(across.at(p.x), 100 - up.at(p.ends()[1])) for p in points]
    line = [(across.at(p.x), 100 - up.at(p.value)) for p in points]
    parts = [_gridline(up.at(each), amount(each)) for each in up.ticks()]
    parts.append(_masked(f'<polygon points="{_path([*lows, *reversed(highs)])}"/>', BAND))
    stroke = 'fill="none" stroke="#000" stroke-width="2.5" vector-effect="non-scaling-stroke"'
    parts.append(_masked(f'<polyline points="{_path(line)}" {stroke}/>', MORE))
    if here is not None:
        parts.append(_dot(across.at(here.x), up.at(here.value)))
    parts += _hovers(points, across)
    lane = "".join(_density(each, across) for each in bins)
    height = "1.6rem" if bins else "0"
    words = f"{points[0].told()}; {points[-1].told()}" + (f"; yours {here.told()}" if here else "")
    plot = (
        '<div style="margin:.6rem 1.2rem 0 4.4rem"><div style="position:relative;height:15rem">'
        f'{"".join(parts)}</div><div style="position:relative;height:{height}">{lane}</div>'
        f'<div style="position:relative;height:1.5rem">{_x_ticks(across, ticks, tick_text)}</div>'
        f'<div style="text-align:center">{as_html(label)}</div></div>'
    )
    return _picture(f"Prediction along {label}: {words}", plot, _table(points, label))


def _picture(words: str, inside: str, below: str = "") -> str:
    return (
        f'{STYLE}<div class="pic"><div role="img" aria-label="{as_html(words)}" '
        f'style="position:relative">{inside}</div>{below}</div>'
    )


def _box(start: float, end: float, style: str, color: str) -> str:
    place = f"position:absolute;left:{start:.2f}%;width:{max(0.0, end - start):.2f}%"
    return f'<span style="{place};{style};background:{color}"></span>'


def _mark(at: float, style: str) -> str:
    return (
        f'<span style="position:absolute;left:calc({at:.2f}% - 2px);width:4px;'
        f'border-radius:2px;{style}"></span>'
    )


def _tick(at: float, text: str, top: str, is_second: bool = False) -> str:
    """A number under an axis; on a phone every second one gives room to the others."""
    kind = "t s" if is_second else "t"
    return f'<span class="{kind}" style="left:{at:.2f}%;top:{top}">{as_html(text)}</span>'


def _gridline(at: float, text: str) -> str:
    return (
        f'<span style="position:absolute;left:0;right:0;bottom:{at:.2f}%;height:1px;'
        f'background:{FAINT}"></span><span style="position:absolute;right:calc(100% + .5rem);'
        f'bottom:calc({at:.2f}% - .6rem);white-space:nowrap">{as_html(text)}</span>'
    )


def _density(each: Bin, across: Scale) -> str:
    height = f"bottom:0;height:{max(4.0, 85 * each.density):.1f}%"
    return _box(across.at(each.low), across.at(each.high), height, FAINT)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _masked(shape: str, color: str) -> str:
    """A box of a colour that shows only where a shape is, on a canvas of 100 by 100."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" '
        f'preserveAspectRatio="none">{shape}</svg>'
    )
    mask = f"url(data:image/svg+xml,{quote(svg, safe='')})"
    return (
        f'<span style="position:absolute;inset:0;background:{color};'
        f'-webkit-mask:{mask} 0 0/100% 100% no-repeat;mask:{mask} 0 0/100% 100% no-repeat"></span>'
    )


def _dot(across: float, up: float) -> str:
    return (
        f'<span style="position:absolute;left:calc({across:.2f}% - .45rem);'
        f"bottom:calc({up:.2f}% - .45rem);width:.9rem;height:.9rem;border-radius:50%;"
        f'background:{LESS};border:2px solid light-dark(#fff,#111827)"></span>'
    )


def _hovers(points: Sequence[Point], across: Scale) -> list[str]:
    """A strip for each point that tells its answer under the mouse."""
    middles = [(left.x + right.x) / 2 for left, right in pairwise(points)]
    ends = [points[0].x, *middles, points[-1].x]
    strips = []
    for point, (start, end) in zip(points, pairwise(ends), strict=True):
        left, right = across.at(start), across.at(end)
        side = " l" if left < 25 else " r" if right > 75 else ""
        strips.append(
            f'<span class="h{side}" style="left:{left:.2f}%;width:{right - left:.2f}%">'
            f"<b>{as_html(point.told())}</b></span>"
        )
    return strips


def _x_ticks(
    across: Scale, ticks: Sequence[float] | None, tick_text: Callable[[float], str]
) -> str:
    places = across.ticks() if ticks is None else ticks
    return "".join(_tick(across.at(each), tick_text(each), ".25rem") for each in places)


def _table(points: Sequence[Point], label: str) -> str:
    """About ten of the points as a table, which opens on request."""
    step = max(1, len(points) // 10)
    rows = "".join(
        f"<tr><td>{as_html(p.text)}</td><td>{amount(p.value)}</td>"
        f"<td>{'–'.join(map(amount, p.ends())) if p.low is not None else ''}</td></tr>"
        for p in points[::step]
    )
    head = f"<tr><th>{as_html(label)}</th><th>prediction</th><th>interval</th></tr>"
    return f"<details><summary>As a table</summary><table>{head}{rows}</table></details>"


def _ends_row(label: str, value: float) -> str:
    return (
        f"<li><strong>{as_html(label)}</strong><span></span><strong>{amount(value)}</strong></li>"
    )


def _contribution_row(label: str, value: float, scale: Scale) -> str:
    zero, end = scale.at(0), scale.at(value)
    bar = "top:.2rem;height:.9rem;border-radius:.2rem"
    return (
        f"<li><span>{as_html(label)}</span>"
        '<span aria-hidden="true" style="position:relative;height:1.3rem;display:block">'
        f"{_box(min(zero, end), max(zero, end), bar, MORE if value >= 0 else LESS)}"
        f"{_mark(zero, 'top:0;height:1.3rem;width:1px;background:currentColor')}</span>"
        f"<span>{signed(value)}</span></li>"
    )
