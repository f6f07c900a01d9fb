"""Which version the page speaks for, and a look every few seconds whether that still holds.

Nobody is answered unannounced by another version than the one they saw: the page says first which
version answers, and an answer of another one is not shown.
"""

import time
from collections.abc import Callable
from itertools import count

import streamlit as st

from service_client import Explanation, Prediction, ServedModel, ServiceClient, ServiceError
from words import plain

#: A new production version, or a service that came back, is noticed within twice that.
LOOK_SECONDS = 2.0
#: So often in so many seconds the page asks anew at once, while workers of the service answer by
#: different versions.
MOST_TRIES, TRY_SECONDS = 5, 10.0
State = ServedModel | ServiceError
# Keys of the session: the version that is announced, the sentence that did it, when another one has
# answered, and whether the page has given up for the moment.
ANNOUNCED, NOTICE, TRIES, UNSETTLED = "announced", "notice", "tries", "unsettled"


def look(ask: Callable[[], ServiceClient]) -> State:
    """What is served now, or why nothing is."""
    try:
        return ask().model()
    except ServiceError as error:
        return error


def announce(model: ServedModel) -> None:
    """Say that another version answers than before, until the visitor has taken note of it."""
    before: ServedModel | None = st.session_state.get(ANNOUNCED)
    st.session_state[ANNOUNCED] = model
    if before is not None and answering(before) != answering(model):
        st.session_state[NOTICE] = change_sentence(before, model)
    if notice := st.session_state.get(NOTICE):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(plain(notice), icon=":material/new_releases:")
            st.button("Got it", on_click=lambda: st.session_state.pop(NOTICE, None))


def answering(model: ServedModel) -> tuple[str, int, str]:
    """What answers, be it as a reserve or not."""
    return model.name, model.version, model.bundle


def change_sentence(before: ServedModel, now: ServedModel) -> str:
    """What is announced when another version answers than before."""
    asks_other = " It asks for other values: check them." if before.asks != now.asks else ""
    if before.name != now.name:
        return f"Another model answers from now on: {now.name}, version {now.version}.{asks_other}"
    if before.version == now.version:
        return f"Version {now.version} answers from now on from another bundle.{asks_other}"
    verb = "answers again" if now.version < before.version else "answers from now on"
    return f"Version {now.version} {verb}, no longer version {before.version}.{asks_other}"


def is_announced(answer: Prediction | Explanation, model: ServedModel) -> bool:
    """Whether an answer is by the announced version.

    If it is not, the page is drawn again: the other version is announced, and asked anew. While
    the service still changes over, it says so and does that every few seconds.

    Args:
        answer: What was answered; it names the model and version that did.
        model: The one that is announced.
    """
    if (answer.model_name, answer.model_version) == (model.name, model.version):
        return True
    now = time.monotonic()
    tries = [each for each in st.session_state.get(TRIES, []) if now - each < TRY_SECONDS]
    if len(tries) < MOST_TRIES:
        st.session_state[TRIES] = [*tries, now]
        st.rerun()
    st.session_state[UNSETTLED] = True
    st.info("The service is changing its model. This page asks again in a moment.")
    return False


def keep_looking(ask: Callable[[], ServiceClient], drawn: State) -> None:
    """Draw the page again as soon as something else is served than it was drawn by."""
    looks = count()

    @st.fragment(run_every=LOOK_SECONDS)
    def look_again() -> None:
        is_first = next(looks) == 0  # as part of the page that was just drawn
        if is_first:
            return
        if st.session_state.pop(UNSETTLED, False) or sign_of(look(ask)) != sign_of(drawn):
            st.rerun()

    look_again()


def sign_of(state: State) -> str:
    """A text that two states share only if they are drawn alike."""
    if isinstance(state, ServedModel):
        return f"{state.name} {state.version} {state.bundle} {state.reserve_reason}"
    return str(state)
