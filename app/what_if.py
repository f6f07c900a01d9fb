"""The tab *What if*: the prediction along one feature, the others as they were entered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import streamlit as st

from fields import MOST_IN_VIEW, bounds_of, offered_by
from pictures import Bin, Point, bars_picture, curve_picture
from service_client import Feature, Prediction, Scalar, ServedModel, ServiceClient
from watch import is_announced
from words import amount, plain

#: Places along a curve, and categories that are drawn.
PLACES, MOST_BARS = 41, 25
#: Months from one tick of dates to the next: these are counted from the year 0.
MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000)
#: The service counts the days of a profile from here.
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Variant:
    """One value that is tried: None for leaving it out.

    Attributes:
        x: Its place on the axis; of a category its position.
        text: How it is written.
        value: As it is sent.
    """

    x: float
    text: str
    value: Scalar | None


def show_what_if(
    service: ServiceClient,
    model: ServedModel,
    values: Mapping[str, Scalar],
    profile: Mapping[str, Any],
) -> None:
    """Draw the prediction along a feature that is chosen here.

    Args:
        service: Is asked once, with all variants.
        model: The announced model.
        values: What was entered, which is not refused.
        profile: How each input was distributed in training, by field; empty if not known.

    Raises:
        ServiceError: if there is no answer.
    """
    feature = chosen_feature(model)
    variants = variants_of(feature, values.get(feature.name))
    if len(variants) < 2:
        st.caption("There is nothing to compare: it is not known what else this could be.")
        return
    rows = [varied(values, feature, each.value) for each in variants]
    answers = service.predict_batch(rows, model.target.name, explores=True)
    if not is_announced(answers[0], model):
        return
    points = [point_of(each, answer) for each, answer in zip(variants, answers, strict=True)]
    told = profile.get(feature.name) or {}
    if feature.kind in {"category", "boolean"}:
        chosen = next((x.text for x in variants if x.value == values.get(feature.name)), None)
        st.html(bars_picture(points, chosen, counts_of(feature, told)))
        st.caption(plain(bars_legend(points, counts_of(feature, told))))
        return
    here = next(
        (p for p, v in zip(points, variants, strict=True) if v.value == values.get(feature.name)),
        None,
    )
    label = f"{feature.label}{feature.unit and f' ({feature.unit})'}"
    ticks = day_ticks(points[0].x, points[-1].x) if feature.kind == "date" else None
    st.html(curve_picture(points, here, bins_of(feature, told), tick_of(feature), label, ticks))
    st.caption(plain(legend(feature, model, points, told)))


def chosen_feature(model: ServedModel) -> Feature:
    """The feature that is varied, by its label; at first one that is a number, if there is one."""
    ordered = sorted(model.features, key=lambda each: each.kind in {"category", "boolean"})
    by_name = {each.name: each for each in ordered}
    if len(by_name) == 1:
        return ordered[0]
    key, names, label = f"what if {model.asks}", list(by_name), "What changes"

    if len(names) <= MOST_IN_VIEW:
        name = st.segmented_control(
            label,
            names,
            format_func=lambda name: plain(by_name[name].label),
            default=names[0],
            required=True,
            key=key,
        )
    else:
        name = st.selectbox(label, names, format_func=lambda name: by_name[name].label, key=key)
    return by_name[name or names[0]]


def varied(
    values: Mapping[str, Scalar], feature: Feature, value: Scalar | None
) -> dict[str, Scalar]:
    """The values with another one of a feature, or without one."""
    others = {name: each for name, each in values.items() if name != feature.name}
    return others if value is None else {**others, feature.name: value}


def variants_of(feature: Feature, entered: Scalar | None) -> list[Variant]:
    """The values that are tried: those that training met, and the one that was entered."""
    if feature.kind == "boolean":
        found: list[Scalar | None] = [True, False] if feature.required else [True, False, None]
        words = {True: "yes", False: "no", None: "not stated"}
        return [Variant(x, words[v], v) for x, v in enumerate(found)]  # type: ignore[index]
    if feature.kind == "category":
        offered = list(offered_by(feature)[:MOST_BARS])
        if isinstance(entered, str) and entered not in offered:
            offered.append(entered)
        listed = [Variant(x, text, text) for x, text in enumerate(offered)]
        return listed if feature.required else [*listed, Variant(len(listed), "not stated", None)]
    return [variant_at(feature, x) for x in places_of(feature, entered)]


def places_of(feature: Feature, entered: Scalar | None) -> list[float]:
    """Places from one end of what training covered to the other, and the one that was entered."""
    ends = [place_of(feature, x) for x in (*(feature.covered or ()), entered) if x is not None]
    if feature.covered is None:
        ends += [x for x in bounds_of(feature) if x is not None] if feature.kind != "date" else []
    if not ends:
        return []
    low, high = min(ends), max(ends)
    places = {low + (high - low) * number / (PLACES - 1) for number in range(PLACES)}
    if feature.kind != "number":
        places = {float(round(x)) for x in places}
    if entered is not None:
        places.add(place_of(feature, entered))
    return sorted(places)


def place_of(feature: Feature, value: Scalar) -> float:
    """Where a value is on the axis: of a date, its day as the training rows are profiled."""
    is_day = feature.kind == "date"
    return float((date.fromisoformat(str(value)) - EPOCH).days if is_day else value)


def day_of(x: float) -> str:
    """The day at a place on the axis."""
    return (EPOCH + timedelta(days=int(x))).isoformat()


def variant_at(feature: Feature, x: float) -> Variant:
    """The value at a place on the axis."""
    if feature.kind == "date":
        day = day_of(x)
        return Variant(x, day, day)
    value = int(x) if feature.kind == "integer" else float(f"{x:.12g}")
    return Variant(x, f"{amount(value)} {feature.unit}".strip(), value)


def tick_of(feature: Feature) -> Any:
    """What writes a place on the axis."""
    return day_of if feature.kind == "date" else amount


def day_ticks(low: float, high: float) -> list[float] | None:
    """Up to eight first days of years or months between two days; None of less than two months."""
    first, last = (EPOCH + timedelta(days=int(end)) for end in (low, high))
    start, end = (12 * day.year + day.month - 1 for day in (first, last))
    step = next((each for each in MONTHS if (end - start) / each <= 7), MONTHS[-1])
    numbers = range(-(-start // step) * step, end + 1, step)
    days = [date(number // 12, number % 12 + 1, 1) for number in numbers]
    found = [float((day - EPOCH).days) for day in days if first <= day <= last]
    return found if len(found) > 1 else None


def point_of(variant: Variant, answer: Prediction) -> Point:
    """An answer as it is drawn."""
    return Point(variant.x, variant.text, answer.value, answer.low, answer.high)


def counts_of(feature: Feature, told: Mapping[str, Any]) -> dict[str, int]:
    """Training rows of each category by its text, as the bundle tells them."""
    words = {"true": "yes", "false": "no"} if feature.kind == "boolean" else {}
    found = told.get("categories") or {}
    return {words.get(text, text): int(rows) for text, rows in found.items()}


def bins_of(feature: Feature, told: Mapping[str, Any]) -> list[Bin]:
    """Where the training rows lie; the outer bins end where training did."""
    if feature.covered is None or not told.get("edges"):
        return []
    low, high = (place_of(feature, end) for end in feature.covered)
    inner = [edge for edge in map(float, told["edges"]) if low < edge < high]
    if len(inner) != len(told["edges"]):
        return []
    widths = list(pairwise([low, *inner, high]))
    heights = [
        rows / (end - start) for (start, end), rows in zip(widths, told["counts"], strict=True)
    ]
    most = max(heights) or 1.0
    return [Bin(start, end, h / most) for (start, end), h in zip(widths, heights, strict=True)]


def bars_legend(points: Sequence[Point], counts: Mapping[str, int]) -> str:
    """What the rows of categories show."""
    words = ["Mark: prediction", "orange: your entry"]
    words += ["band: prediction interval"] if points[0].low is not None else []
    words += ["n: training rows"] if counts else []
    return "; ".join(words) + ". All other inputs stay as entered."


def legend(
    feature: Feature, model: ServedModel, points: Sequence[Point], told: Mapping[str, Any]
) -> str:
    """What the picture shows."""
    words = [
        f"Line: {model.target.label} ({model.target.unit})"
        if model.target.unit
        else f"Line: {model.target.label}"
    ]
    words += ["band: prediction interval"] if points[0].low is not None else []
    words += ["orange dot: your entry"]
    words += ["grey below: where the training rows lie"] if bins_of(feature, told) else []
    return "; ".join(words) + ". All other inputs stay as entered."
