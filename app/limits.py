"""What a column may hold, in words."""

from model_card import Column
from service_client import Feature
from words import bound

#: Texts that a list shows before it says how many more there are.
SHOWN = 12


def limits(column: Column | Feature) -> str:
    """What a column may hold, such as "whole number from 0 to 70 years" or "Low, Middle, High"."""
    if column.kind == "boolean":
        return "yes or no"
    if column.kind == "category":
        return listing(column.categories) if isinstance(column.categories, tuple) else "any text"
    bounds = {
        "from": column.minimum,
        "above": column.exclusive_minimum,
        "at most" if column.minimum is None else "to": column.maximum,
        "below": column.exclusive_maximum,
    }
    words = [f"{word} {bound(value)}" for word, value in bounds.items() if value is not None]
    kind = {"integer": "whole number", "date": "date, YYYY-MM-DD,"}.get(column.kind, "number")
    return " ".join(filter(None, (kind, *words, column.unit))).rstrip(",")


def listing(texts: tuple[str, ...]) -> str:
    """Texts in a row, the first of many."""
    more = f" and {len(texts) - SHOWN:,} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
