"""The pages of the prediction service: who may enter, which page is open, and what is amiss."""

from collections.abc import Callable

import streamlit as st

from entrance import ClosedError, Password, log_once, password_to_ask, try_password
from service_client import ServedModel, ServiceClient, ServiceError
from uploads import bound
from watch import State, announce, keep_looking, look
from words import prose

TITLE = "Salary prediction"


def is_let_in() -> bool:
    """Whether this visitor may use the page; if not yet, say so or ask for the password."""
    try:
        asked_for = st.context.headers.get("Host")
        password = password_to_ask(st.get_option("server.address"), asked_for)
    except ClosedError as error:
        log_once(str(error))
        st.error(
            "This page is closed. Whoever runs it finds the reason in its log.",
            icon=":material/lock:",
        )
        return False
    if password is None or st.session_state.get("entered_by") == password:
        return True
    ask_password(password)
    return False


def ask_password(password: Password) -> None:
    """Draw the field for the password, and start afresh once the right one was entered."""
    with st.form("entrance", clear_on_submit=True):
        given = st.text_input("Password", type="password", max_chars=1000)
        is_pressed = st.form_submit_button("Enter")
    if not is_pressed:
        return
    if refusal := try_password(given, password):
        st.error(refusal, icon=":material/lock:")
        return
    st.session_state["entered_by"] = password
    st.rerun()


def show_notice(model: ServedModel) -> None:
    """Say, without alarm, that a reserve answers and why."""
    if model.reserve_reason is not None:
        notice = f"Version {model.version} answers as a reserve: {model.reserve_reason}"
        st.info(prose(notice), icon=":material/info:")


def show_error(error: ServiceError) -> None:
    """Say why the service gives no answer; the page looks again by itself."""
    st.error(prose(str(error)), icon=":material/cloud_off:")
    st.caption("This page looks again by itself every few seconds.")
    st.button("Try again")


def predict() -> None:
    """Draw the page *Predict*; like the others, it is imported when it is first opened."""
    import predict_page

    with_model(predict_page.draw)


def many_people() -> None:
    """Draw the page *Many people*."""
    import many_people_page

    with_model(many_people_page.draw)


def model() -> None:
    """Draw the page *Model*."""
    import model_page

    with_model(model_page.draw)


def history() -> None:
    """Draw the page *History*, which tells also why nothing was promoted yet."""
    import history_page

    guarded(lambda state: history_page.draw(ServiceClient()))


def with_model(draw: Callable[[ServiceClient, ServedModel], None]) -> None:
    """Draw a page that is about the served model, or why there is none."""

    def draw_it(state: State) -> None:
        if isinstance(state, ServiceError):
            raise state
        announce(state)
        show_notice(state)
        draw(ServiceClient(), state)

    guarded(draw_it)


def guarded(draw: Callable[[State], None]) -> None:
    """Draw a page, or what is amiss with the service, and draw it again when that changes."""
    state = look(ServiceClient)
    try:
        draw(state)
    except ServiceError as error:
        show_error(error)
    keep_looking(ServiceClient, state)


PAGES = [
    (predict, "Predict", ":material/person:"),
    (many_people, "Many people", ":material/groups:"),
    (model, "Model", ":material/monitoring:"),
    (history, "History", ":material/history:"),
]


def main() -> None:
    """Draw the open page. The service is asked at every run, so a new model needs no restart."""
    st.set_page_config(page_title=TITLE, page_icon="💰", layout="wide")
    bound()  # a visitor could send files before being let in
    if not is_let_in():
        return
    pages = [
        st.Page(draw, title=title, icon=icon, default=draw is predict)
        for draw, title, icon in PAGES
    ]
    st.navigation(pages, position="top").run()


main()
