"""One page: ask the prediction service what a salary may be, and show its answer in words."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import streamlit as st

from charts import contributions_chart, interval_chart, labels_apart
from entrance import ClosedError, Password, log_once, password_to_ask, try_password
from service_client import (
    BadInputError,
    Feature,
    Prediction,
    Scalar,
    ServedModel,
    ServiceClient,
    ServiceError,
)

# The largest whole number that a browser counts with exactly.
LARGEST_INTEGER = 2**53 - 1


# Streamlit puts icons, emoji and arrows in the place of these, escaped or not.
REPLACED = re.compile(r":(?=[\w+-]\S*:)|(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)")
WORD_JOINER = "\u2060"  # takes no room and keeps Streamlit from seeing them


def plain(text: str) -> str:
    """The text on one line with Markdown switched off: $, * and : mean themselves.

    Contracts and the service write for people, not in Markdown, where "$5 or $6" is a formula.
    """
    line = REPLACED.sub(lambda found: f"{found[0][0]}{WORD_JOINER}{found[0][1:]}", one_line(text))
    escaped = re.sub(r"([\\`*_\[\]$~<>#|&!]|:(?=\S)|^[-+=])", r"\\\1", line)
    return re.sub(r"^(\d+)(?=[.)])", r"\1\\", escaped)  # not the first item of a list


def one_line(text: str) -> str:
    """The text with every run of spaces and line breaks made one space."""
    return " ".join(text.split())


def prose(text: str) -> str:
    """As `plain`, but with code in backticks shown as such."""
    return plain(text).replace("\\`", "`")


def amount(value: float) -> str:
    """A number as people write it: whole and with commas from 1,000 on, else four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def written(value: Scalar) -> str:
    """A value as it was entered: 5 rather than 5.0."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:.15g}"


def bound(value: Scalar) -> str:
    """A bound for people: a date as it is written, a number as an amount."""
    return value if isinstance(value, str) else amount(value)


def with_unit(value: float, unit: str) -> str:
    """The number and its unit, such as "72,861 a year, gross"; the unit may be empty."""
    return f"{amount(value)} {unit}".strip()


def step_of(feature: Feature) -> float:
    """How far one press of + or - goes: a power of ten, about a hundredth of the range, or 1."""
    minimum, maximum = bounds_of(feature)
    if minimum is None or maximum is None or maximum <= minimum:
        return 1.0
    return float(10.0 ** math.floor(math.log10((maximum - minimum) / 50)))


def bounds_of(feature: Feature) -> tuple[float | None, float | None]:
    """Lowest and highest number that the widget offers, in the feature's unit.

    An exclusive bound is offered too: the service refuses it, in words.
    """
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


def help_of(feature: Feature) -> str | None:
    """The help text, with the range that the model has learned from; None if there is neither."""
    words = [feature.help]
    if feature.covered is not None:
        low, high = (bound(end) for end in feature.covered)
        words.append(f"The training data covers {low} to {high} {feature.unit}".rstrip() + ".")
    return plain(" ".join(filter(None, words))) or None


def ask_number(feature: Feature, key: str) -> Scalar | None:
    """A field for a number with decimals."""
    minimum, maximum = bounds_of(feature)
    return st.number_input(
        label_of(feature),
        min_value=minimum,
        max_value=maximum,
        value=float(feature.example) if feature.required and feature.example is not None else None,
        step=step_of(feature),
        format="%g",
        key=key,
        help=help_of(feature),
        required=feature.required,
    )


def ask_integer(feature: Feature, key: str) -> Scalar | None:
    """A field for a whole number; a bound between two whole numbers moves inwards."""
    minimum, maximum = bounds_of(feature)
    low = -LARGEST_INTEGER if minimum is None else max(math.ceil(minimum), -LARGEST_INTEGER)
    high = LARGEST_INTEGER if maximum is None else min(math.floor(maximum), LARGEST_INTEGER)
    example = None if feature.example is None else min(max(int(feature.example), low), high)
    return st.number_input(
        label_of(feature),
        min_value=low,
        max_value=high,
        value=example if feature.required else None,
        step=1,
        key=key,
        help=help_of(feature),
        required=feature.required,
    )


def ask_category(feature: Feature, key: str) -> Scalar | None:
    """A list of what is allowed; where any text is, of what is known, and others may be typed."""
    is_open = feature.categories is None
    offered = feature.met if feature.categories is None else feature.categories
    is_given = feature.required and feature.example in offered
    return st.selectbox(
        label_of(feature),
        offered,
        index=offered.index(str(feature.example)) if is_given else None,
        key=key,
        help=help_of(feature),
        placeholder=f"{'Choose, or type another' if is_open else 'Choose'}"
        f"{'' if feature.required else '; may stay empty'}",
        required=feature.required,
        accept_new_options=is_open,
    )


def ask_boolean(feature: Feature, key: str) -> Scalar | None:
    """A box to tick; three choices where the answer may be left out."""
    if feature.required:
        return st.checkbox(
            label_of(feature), value=feature.example is True, key=key, help=help_of(feature)
        )
    answers = {"Not known": None, "Yes": True, "No": False}
    chosen = st.radio(
        label_of(feature), list(answers), key=key, help=help_of(feature), horizontal=True
    )
    return answers[chosen]


def ask_date(feature: Feature, key: str) -> Scalar | None:
    """A field for a day, which has a calendar; it is sent as its ISO text."""
    earliest, latest = days_of(feature)
    day = st.date_input(
        label_of(feature),
        value=date.fromisoformat(str(feature.example)) if feature.required else None,
        min_value=earliest,
        max_value=latest,
        key=key,
        help=help_of(feature),
        format="YYYY-MM-DD",
        required=feature.required,
    )
    return day.isoformat() if isinstance(day, date) else None


def days_of(feature: Feature) -> tuple[date, date]:
    """First and last day that are allowed; those of the calendar without a bound."""
    first, after, last, before = (
        None if x is None else date.fromisoformat(str(x))
        for x in (
            feature.minimum,
            feature.exclusive_minimum,
            feature.maximum,
            feature.exclusive_maximum,
        )
    )
    one_day = timedelta(days=1)
    return (
        max(date.min, first or date.min, after + one_day if after else date.min),
        min(date.max, last or date.max, before - one_day if before else date.max),
    )


# One function for each kind of feature; an optional one starts empty and answers None.
FIELDS: dict[str, Callable[[Feature, str], Scalar | None]] = {
    "number": ask_number,
    "integer": ask_integer,
    "category": ask_category,
    "boolean": ask_boolean,
    "date": ask_date,
}


def ask_values(model: ServedModel) -> dict[str, Scalar] | None:
    """Draw the form; the values that were entered, or None until Predict is pressed.

    The form is known by its questions: the same ones keep what was typed when a new version
    arrives, other ones start afresh and are answered only when they have been seen.
    """
    form_key = f"form {hash(model.features)}"
    with st.form(form_key):
        fields = {x.name: FIELDS[x.kind](x, f"{form_key} {x.name}") for x in model.features}
        if model.compared is not None:
            fields[model.compared.name] = ask_compared(model.compared, form_key)
        is_pressed = st.form_submit_button("Predict", type="primary", width="stretch")
    if st.session_state.setdefault("form", form_key) != form_key:
        st.session_state["form"] = form_key
        st.info("A new model asks for other values. Check the form, then press Predict.")
    values = {name: value for name, value in fields.items() if value is not None}
    return values if is_pressed else None


def ask_compared(target: Feature, form_key: str) -> Scalar | None:
    """A field for what somebody earns, which may stay empty."""
    told = "If you enter one, the answer says how many people like these have less. It is not kept."
    asked = replace(target, label=f"{target.label} to compare", help=told)
    return FIELDS[asked.kind](asked, f"{form_key} {asked.name}")


def interval_sentence(prediction: Prediction) -> str:
    """The interval in words; empty when the model gives none."""
    if prediction.low is None or prediction.high is None:
        return ""
    share = "" if prediction.confidence is None else f"{100 * prediction.confidence:g} % "
    words = f"With {share}confidence between" if share else "Between"
    return f"{words} {amount(prediction.low)} and {amount(prediction.high)}."


def percentile_sentence(prediction: Prediction, compared: Scalar | None) -> str:
    """Where a salary to compare stands; empty if there is none."""
    if not isinstance(compared, float | int):
        return ""
    if prediction.percentile is None:
        return f"It is not known how many people like these have less than {amount(compared)}."
    share = min(99, max(1, round(prediction.percentile)))
    margin = max(1, round(prediction.percentile_margin or 0))
    return (
        f"{amount(compared)} is more than about {share} % of people like these have, give or take "
        f"{margin}."
    )


def model_sentence(prediction: Prediction, model: ServedModel) -> str:
    """Which model answered, and how far off it is on salaries it has not seen."""
    version = f"{prediction.model_name}, version {prediction.model_version}"
    answered = f"{model.target.label} predicted by {version}."
    if model.rmse is None or model.version != prediction.model_version:
        return answered
    error = with_unit(model.rmse, model.target.unit)
    if model.claimed:
        claim = f"its archive claims that it was off by about {error} (RMSE)"
        return f"{answered} It was imported; {claim}, which nobody has measured here."
    return f"{answered} On people it had not seen in training it was off by about {error} (RMSE)."


def question_sentence(values: dict[str, Scalar], features: tuple[Feature, ...]) -> str:
    """What was asked, such as "Professional experience: 5 years"; the form may be ahead of it."""
    asked = [(x, values[x.name]) for x in features if x.name in values]
    return ", ".join(f"{x.label}: {written(value)} {x.unit}".strip() for x, value in asked)


def show_prediction(
    prediction: Prediction, model: ServedModel, question: str, compared: Scalar | None
) -> None:
    """Show an answer: the salary, what was asked, its interval, the warnings and who answered."""
    salary = with_unit(prediction.value, model.target.unit)
    with st.container(border=True, gap="xsmall"):
        st.subheader(plain(f"About {salary}"), anchor=False)
        st.markdown(plain(question))
        show_interval(prediction, model, compared)
        if sentence := percentile_sentence(prediction, compared):
            st.markdown(plain(sentence))
        for warning in prediction.warnings:
            st.warning(plain(warning), icon=":material/warning:")
        st.caption(plain(model_sentence(prediction, model)))


def show_interval(prediction: Prediction, model: ServedModel, compared: Scalar | None) -> None:
    """Show the interval in words and as a band, or say why there is none."""
    if prediction.low is None or prediction.high is None:
        if model.no_intervals and model.version == prediction.model_version:
            st.caption(plain(f"There is no interval: {model.no_intervals}."))
        return
    st.markdown(plain(interval_sentence(prediction)))
    axis = f"{model.target.label} ({model.target.unit})"
    given = float(compared) if isinstance(compared, float | int) else None
    st.vega_lite_chart(
        spec=interval_chart(prediction.low, prediction.high, prediction.value, given, axis),
        width="stretch",
    )


def show_drivers(service: ServiceClient, values: dict[str, Scalar], model: ServedModel) -> None:
    """Show what each input adds to the average prediction; nothing where that is not known."""
    try:
        found = service.contributions(values)
    except ServiceError:
        return  # the prediction is there; the service may only be busy
    labels = labels_apart({feature.name: feature.label for feature in model.features})
    if not found or set(found) != set(labels):
        return
    st.markdown("**What drives it**, from the average prediction to this one")
    contributions = {labels[name]: value for name, value in found.items()}
    axis = f"{model.target.label} ({model.target.unit})"
    st.vega_lite_chart(spec=contributions_chart(contributions, axis), width="stretch")


def show_notice(model: ServedModel) -> None:
    """Say, without alarm, that a reserve answers and why."""
    if model.reserve_reason is not None:
        notice = f"Version {model.version} answers as a reserve: {model.reserve_reason}"
        st.info(prose(notice), icon=":material/info:")


def show_service(service: ServiceClient) -> None:
    """Ask for the model, draw its form and show the answer once Predict was pressed.

    Raises:
        ServiceError: if the service gives no answer; its text is for people.
    """
    model = service.model()
    show_notice(model)
    strange = [x for x in model.features if x.kind not in FIELDS]
    if strange:
        kinds = ", ".join(f"{x.label} ({x.kind})" for x in strange)
        st.error(
            plain(f"This page has no field for {kinds}. Ask the service itself: POST /predict.")
        )
        return
    values = ask_values(model)
    if values is not None:
        prediction = service.predict(values, model.target.name)
        compared = values.pop(model.target.name, None)
        show_prediction(prediction, model, question_sentence(values, model.features), compared)
        if model.compared is not None:
            show_drivers(service, values, model)


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
        is_pressed = st.form_submit_button("Enter", type="primary")
    if not is_pressed:
        return
    if refusal := try_password(given, password):
        st.error(refusal, icon=":material/lock:")
        return
    st.session_state["entered_by"] = password
    st.rerun()


def main() -> None:
    """Draw the page. The service is asked at every run, so a new model needs no restart."""
    st.set_page_config(page_title="Salary prediction", page_icon="💰")
    st.title("Salary prediction", anchor=False)
    if not is_let_in():
        return
    st.markdown("Fill in what you know and press Predict.")
    try:
        show_service(ServiceClient())
    except BadInputError as error:
        refusal = f"{str(error).rstrip('.')}. Change it, then press Predict again."
        st.error(plain(refusal), icon=":material/edit:")
    except ServiceError as error:
        st.error(prose(str(error)), icon=":material/cloud_off:")
        st.button("Try again")


main()
