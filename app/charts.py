"""The pictures of an answer, as Vega-Lite specifications."""

from collections.abc import Mapping, Sequence
from typing import Any

#: So many contributions are drawn; what remains is drawn as one.
MANY = 12
REST = "All others"
#: More and less, apart also for the colour-blind.
MORE, LESS = "#1f77b4", "#ff7f0e"


def interval_chart(
    low: float, high: float, value: float, compared: float | None, title: str
) -> dict[str, Any]:
    """A band from low to high, a mark at the prediction, and a dashed line at a salary to compare.

    Args:
        low: Lower end, in the unit that the title names.
        high: Upper end.
        value: The prediction, between them.
        compared: The salary to compare; None for none.
        title: What the axis shows.
    """
    at = {"field": "at", "type": "quantitative", "title": title, "scale": {"zero": False}}
    band, dashes = [{"at": low, "to": high}], {"strokeDash": [5, 3], "color": LESS}
    layers = [
        _layer(band, {"type": "bar", "size": 18, "opacity": 0.4}, x=at, x2={"field": "to"}),
        _layer([{"at": value}], {"type": "tick", "size": 30, "thickness": 3}, x=at),
    ]
    if compared is not None:
        layers.append(_layer([{"at": compared}], {"type": "rule", **dashes}, x=at))
    return {"height": 50, "layer": layers}


def labels_apart(labels: Mapping[str, str]) -> dict[str, str]:
    """The label of each field, with the field where several share one: each has its own bar."""
    given = list(labels.values())
    return {
        name: label if given.count(label) == 1 else f"{label} ({name})"
        for name, label in labels.items()
    }


def contributions_chart(contributions: Mapping[str, float], title: str) -> dict[str, Any]:
    """A bar for each input, the largest first, to the right if it raises the prediction.

    Args:
        contributions: By label of the input, in the unit that the title names.
        title: What the axis shows.
    """
    found = sorted(contributions.items(), key=lambda each: -abs(each[1]))
    if len(found) > MANY:
        found = [*found[: MANY - 1], (REST, sum(value for _, value in found[MANY - 1 :]))]
    rows = [{"input": label, "adds": value} for label, value in found]
    bars = _layer(
        rows,
        {"type": "bar"},
        y={"field": "input", "type": "nominal", "sort": None, "title": None},
        x={"field": "adds", "type": "quantitative", "title": title},
        color={"condition": {"test": "datum.adds < 0", "value": LESS}, "value": MORE},
    )
    return {"height": {"step": 26}, "layer": [bars]}


def _layer(
    rows: Sequence[Mapping[str, Any]], mark: Mapping[str, Any], **encoding: Any
) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {**mark, "tooltip": True},
        "encoding": encoding,
    }
