"""A link that fills the form in, made only on request: what it holds lands in browser histories."""

import math
from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from fields import LARGEST_INTEGER, as_held, key_of, known_as, offered_by
from service_client import Feature, Scalar, ServedModel
from words import plain

LINK = "link"


def show_share(model: ServedModel, values: Mapping[str, Scalar]) -> None:
    """Offer a link that brings these values back, but never the salary to compare."""
    with st.popover("Share link", icon=":material/link:"):
        st.markdown(
            "A link holds what you entered, apart from the salary to compare. It stays in the "
            "history of every browser that opens it, and in the logs of what lies between."
        )
        if st.button("Make the link"):
            st.code(link_of(model, values), language=None, wrap_lines=True)


def link_of(model: ServedModel, values: Mapping[str, Scalar]) -> str:
    """The address of this page with the values of the features."""
    names = {feature.name for feature in model.features}
    texts = {name: as_text(value) for name, value in values.items() if name in names}
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(texts)}"


def as_text(value: Scalar) -> str:
    """A value as a link holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def restore(model: ServedModel) -> None:
    """Fill the form in from the link that opened the page, once, and say what it could not read.

    The address loses the values then: soon they are no longer what the form holds.
    """
    given = st.query_params.to_dict()
    if given:
        st.query_params.clear()
        st.session_state[LINK] = fill_in(model, given)
    if unread := st.session_state.get(LINK):
        named = ", ".join(sorted(unread))
        with st.container(horizontal=True, vertical_alignment="center"):
            told = f"The link holds what this form cannot take, and was left out: {named}."
            st.warning(plain(told))
            st.button("Got it", key="link read", on_click=lambda: st.session_state.pop(LINK, None))


def fill_in(model: ServedModel, given: Mapping[str, str]) -> list[str]:
    """Put a link's values into the form.

    Returns:
        The names that it cannot take.
    """
    unread = []
    features = {feature.name: feature for feature in model.features}
    for name, text in given.items():
        try:
            held = as_held(features[name], as_value(features[name], text))
        except (KeyError, ValueError, OverflowError):
            unread.append(name)
            continue
        st.session_state[key_of(model, name)] = held
    return unread


def as_value(feature: Feature, text: str) -> Scalar:
    """A link's text as a value of the feature's kind.

    Raises:
        ValueError: if it is none.
    """
    if feature.kind == "boolean":
        return {"true": True, "false": False}[text]
    if feature.kind in {"number", "integer"}:
        number = float(text)
        if feature.kind == "integer":
            if abs(number) > LARGEST_INTEGER:
                raise ValueError(text)
            return int(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    if (
        feature.kind == "category"
        and feature.categories is not None
        and known_as(feature, text) not in offered_by(feature)
    ):
        raise ValueError(text)
    return text
