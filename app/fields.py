"""The form: a widget for each feature of the served contract, and what is to be said beside it."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from service_client import Feature, Problem, Scalar, ServedModel
from words import bound, plain

#: The largest whole number that a browser counts with exactly.
LARGEST_INTEGER = 2**53 - 1
#: So many categories are all in view; more are a list to search.
MOST_IN_VIEW = 5
#: What no eye sees in a text, and what dashes are; the contract's `fold` goes by the same.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
DASHES = re.compile("[-_\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


@dataclass(frozen=True)
class Form:
    """What the form holds.

    Attributes:
        values: What was entered, by field.
        missing: The features that must be filled in and are not.
        places: Where to say what is wrong with a value, by field.
    """

    values: dict[str, Scalar]
    missing: tuple[Feature, ...]
    places: Mapping[str, DeltaGenerator]

    def refuse(self, problems: tuple[Problem, ...]) -> list[str]:
        """Say beside each field what is wrong with it.

        Returns:
            What belongs to no field.
        """
        for each in problems:
            if place := self.places.get(each.field):
                place.markdown(f":red[:material/error: {plain(each.message)}]")
        return [each.message for each in problems if each.field not in self.places]


def ask_values(model: ServedModel) -> Form:
    """Draw a widget for each feature, and one for a salary to compare.

    They are known by the questions: the same ones keep what was entered when a new version
    arrives, other ones start afresh.
    """
    asked = [*model.features, *([] if model.compared is None else [to_compare(model.compared)])]
    values: dict[str, Scalar] = {}
    missing, places = [], {}
    for feature in asked:
        value = ask(feature, key_of(model, feature.name))
        places[feature.name] = st.empty()
        if value is not None:
            values[feature.name] = value
        elif feature.required:
            missing.append(feature)
        show_hint(places[feature.name], feature, value)
    return Form(values, tuple(missing), places)


def key_of(model: ServedModel, name: str) -> str:
    """The key of a field's widget in the session."""
    return f"value {model.asks} {name}"


def ask(feature: Feature, key: str) -> Scalar | None:
    """The widget of a feature, which starts at the contract's example, and may be emptied.

    The example is the widget's value, not its default: else clearing it would bring it back.
    """
    if key not in st.session_state:
        st.session_state[key] = start_of(feature)
    return FIELDS[feature.kind](feature, key)


def start_of(feature: Feature) -> Scalar | date | None:
    """What a widget holds at first: the example, or nothing where nothing is required."""
    if not feature.required or feature.example is None:
        return UNKNOWN if feature.kind == "boolean" and not feature.required else None
    return as_held(feature, feature.example)


def as_held(feature: Feature, value: Scalar) -> Scalar | date | None:
    """A value as the feature's widget holds it; None if it cannot.

    Raises:
        TypeError, ValueError: if it is not of the feature's kind.
    """
    match feature.kind:
        case "number":
            return float(value)
        case "integer":
            return int(value)
        case "date":
            return date.fromisoformat(str(value))
        case "boolean":
            return bool(value) if feature.required else YES if value else NO
        case _:
            known = known_as(feature, str(value))
            return known if known in offered_by(feature) or feature.categories is None else None


def to_compare(target: Feature) -> Feature:
    """The question for what somebody earns, which may stay empty."""
    told = "If you enter one, the answer says how many people like these have less. It is not kept."
    return replace(target, label=f"{target.label} to compare", help=told)


def show_hint(place: DeltaGenerator, feature: Feature, value: Scalar | None) -> None:
    """Say under a field that it is needed, what the model has learned from, or that this is new."""
    if value is None and feature.required:
        place.markdown(":orange[:material/edit: Please fill this in.]")
    elif is_unusual(feature, value):
        place.markdown(f":orange[:material/warning: {plain(unusual_sentence(feature))}]")
    elif feature.covered is not None:
        place.caption(plain(f"Learned from {learned(feature)}"))


def learned(feature: Feature) -> str:
    """The range that training covered, such as "1 to 56 years"."""
    low, high = feature.covered or ("", "")
    return f"{bound(low)} to {bound(high)} {feature.unit}".strip()


def is_unusual(feature: Feature, value: Scalar | None) -> bool:
    """Whether a value lies outside of what the model has learned from."""
    if value is None:
        return False
    if feature.covered is not None:
        low, high = feature.covered
        return not low <= value <= high  # type: ignore[operator] # both texts, or both numbers
    if feature.kind != "category" or not feature.met or feature.knows_others:
        return False
    return known_as(feature, str(value)) not in feature.met


def unusual_sentence(feature: Feature) -> str:
    """Why a value is unusual."""
    if feature.covered is None:
        return "Did not occur in the training data"
    return f"Outside of what it learned from: {learned(feature)}"


def step_of(feature: Feature) -> float:
    """How far one press of + or - goes: a power of ten, about a hundredth of the range, or 1."""
    minimum, maximum = bounds_of(feature)
    if minimum is None or maximum is None or maximum <= minimum:
        return 1.0
    return float(10.0 ** math.floor(math.log10((maximum - minimum) / 50)))


def bounds_of(feature: Feature) -> tuple[float | None, float | None]:
    """Lowest and highest number that the contract allows, in the feature's unit."""
    lows = [float(x) for x in (feature.minimum, feature.exclusive_minimum) if x is not None]
    highs = [float(x) for x in (feature.maximum, feature.exclusive_maximum) if x is not None]
    return max(lows, default=None), min(highs, default=None)


def allowed(feature: Feature) -> str:
    """What may be entered, such as "0 to 60 years" or "above 0"; the unit alone without bounds."""
    if feature.minimum is not None and feature.maximum is not None:
        words = [f"{bound(feature.minimum)} to {bound(feature.maximum)}"]
    else:
        bounds = {
            "at least": feature.minimum,
            "above": feature.exclusive_minimum,
            "at most": feature.maximum,
            "below": feature.exclusive_maximum,
        }
        words = [f"{word} {bound(x)}" for word, x in bounds.items() if x is not None]
    return f"{', '.join(words)} {feature.unit}".strip()


def label_of(feature: Feature) -> str:
    """The label and what may be entered, such as "Professional experience (0 to 60 years)"."""
    limits = allowed(feature)
    return plain(f"{feature.label} ({limits})" if limits else feature.label)


def ask_number(feature: Feature, key: str) -> Scalar | None:
    """A field for a number with decimals.

    Like the others it takes what is out of bounds too: the service says in words what is allowed.
    """
    return st.number_input(
        label_of(feature),
        value=None,
        step=step_of(feature),
        format="%.12g",
        key=key,
        help=help_of(feature),
        persist_state="session",
    )


def ask_integer(feature: Feature, key: str) -> Scalar | None:
    """A field for a whole number."""
    return st.number_input(
        label_of(feature),
        min_value=-LARGEST_INTEGER,
        max_value=LARGEST_INTEGER,
        value=None,
        step=1,
        key=key,
        help=help_of(feature),
        persist_state="session",
    )


def offered_by(feature: Feature) -> tuple[str, ...]:
    """The categories that are offered: those allowed, or known where any text is."""
    return feature.met if feature.categories is None else feature.categories


def known_as(feature: Feature, text: str) -> str:
    """A text as the model knows it: the one that is offered, of those that are one to it."""
    if not feature.folds:
        return text
    offered = {folded(each): each for each in (*feature.met, *offered_by(feature))}
    return offered.get(folded(text), text)


def folded(text: str) -> str:
    """A text by which all are one that differ by case, dashes or spaces only, as to the service."""
    plain_text = unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold()
    return " ".join(DASHES.sub(" ", plain_text).split())


def ask_category(feature: Feature, key: str) -> Scalar | None:
    """Up to five categories in view, or a list to search; where any text is allowed, to type."""
    is_open, offered = feature.categories is None, offered_by(feature)
    if not is_open and len(offered) <= MOST_IN_VIEW:
        return st.segmented_control(
            label_of(feature),
            offered,
            format_func=lambda text: plain(text) or "(empty)",
            key=key,
            help=help_of(feature),
            required=feature.required,
            persist_state="session",
        )
    chosen = st.selectbox(
        label_of(feature),
        offered,
        index=None,
        key=key,
        help=help_of(feature),
        placeholder=f"{'Choose, or type another' if is_open else 'Choose'}"
        f"{'' if feature.required else '; may stay empty'}",
        accept_new_options=is_open,
        persist_state="session",
    )
    return None if chosen is None else known_as(feature, chosen)


UNKNOWN, YES, NO = "Not known", "Yes", "No"


def ask_boolean(feature: Feature, key: str) -> Scalar | None:
    """A box to tick; three choices where the answer may be left out."""
    if feature.required:
        return st.checkbox(
            label_of(feature), key=key, help=help_of(feature), persist_state="session"
        )
    chosen = st.segmented_control(
        label_of(feature),
        [UNKNOWN, YES, NO],
        key=key,
        help=help_of(feature),
        required=True,
        persist_state="session",
    )
    return {YES: True, NO: False}.get(str(chosen))


def ask_date(feature: Feature, key: str) -> Scalar | None:
    """A field for a day, which has a calendar; it is sent as its ISO text."""
    day = st.date_input(
        label_of(feature),
        value=None,
        min_value=date.min,
        max_value=date.max,
        key=key,
        help=help_of(feature),
        format="YYYY-MM-DD",
        persist_state="session",
    )
    return day.isoformat() if isinstance(day, date) else None


def help_of(feature: Feature) -> str | None:
    """The help text; None if there is none."""
    return plain(feature.help) or None


# One function for each kind of feature; an empty field answers None.
FIELDS: dict[str, Callable[[Feature, str], Scalar | None]] = {
    "number": ask_number,
    "integer": ask_integer,
    "category": ask_category,
    "boolean": ask_boolean,
    "date": ask_date,
}
