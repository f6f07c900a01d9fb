"""The page *Predict*: what one person may earn, how sure that is, and what moves it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from fields import FIELDS, Form, ask_values
from in_code import show_in_code
from live_region import say
from pictures import Point, Scale, contributions_picture, interval_picture, labels_apart
from service_client import (
    BadInputError,
    Feature,
    Prediction,
    Scalar,
    ServedModel,
    ServiceClient,
    ServiceError,
)
from share import restore, show_share
from watch import NOTICE, is_announced
from what_if import show_what_if
from words import amount, plain, prose, with_unit, written

# Keys of the session: the card with its bundle, the scale with its bundle, and the last answer.
CardReader = Callable[[], Mapping[str, Any]]
CARD, SCALE, LAST = "card", "scale", "last answer"
WHAT_IF, WHAT_MOVES, IN_CODE = "What if", "What moves it", "Use it from code"


def draw(service: ServiceClient, model: ServedModel) -> None:
    """Draw the form, and beside it the answer to what it holds.

    Raises:
        ServiceError: if the service gives no answer; its text is for people.
    """
    st.title("Salary prediction", anchor=False)
    strange = [x for x in model.features if x.kind not in FIELDS]
    if strange:
        kinds = ", ".join(f"{x.label} ({x.kind})" for x in strange)
        st.error(
            plain(f"This page has no field for {kinds}. Ask the service itself: POST /predict.")
        )
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        restore(model)
        form = ask_values(model)
        st.button("Predict", width="stretch")
    with right:
        said = show_answer(service, model, form)
    with left:
        show_share(model, form.values)
    say(" ".join(filter(None, [st.session_state.get(NOTICE), said])))


def show_answer(service: ServiceClient, model: ServedModel, form: Form) -> str:
    """Show the answer to what was entered, or what stands in its way.

    Returns:
        The same in a sentence or two, to be said.

    Raises:
        ServiceError: if the service gives no answer.
    """
    if form.missing:
        needed = ", ".join(feature.label for feature in form.missing)
        return show_obstacle(f"Fill in {needed} to see a prediction.")
    try:
        prediction = service.predict(form.values, model.target.name)
    except BadInputError as error:
        rest = form.refuse(error.problems) if error.problems else [str(error)]
        return show_obstacle(
            " ".join([*rest, "There is no prediction for these values: change what is marked."])
        )
    if not is_announced(prediction, model):
        return ""
    show_prediction(prediction, model, form.values, lambda: card_of(service, model))
    show_tabs(service, model, form.values, prediction)
    return " ".join([headline(prediction, model), interval_sentence(prediction)])


def show_obstacle(sentence: str) -> str:
    """Say why there is no answer; returns the same."""
    st.info(plain(sentence), icon=":material/edit:")
    return sentence


def headline(prediction: Prediction, model: ServedModel) -> str:
    """The answer in short, such as "About 72,861 a year, gross"."""
    return f"About {with_unit(prediction.value, model.target.unit)}"


def interval_sentence(prediction: Prediction) -> str:
    """The interval in words; empty when the model gives none."""
    if prediction.low is None or prediction.high is None:
        return ""
    ends = f"between {amount(prediction.low)} and {amount(prediction.high)}"
    if prediction.warnings:
        return f"By its interval {ends}, which was not tested there."
    share = "" if prediction.confidence is None else f"{100 * prediction.confidence:g} % "
    return f"With {share}confidence {ends}." if share else f"B{ends[1:]}."


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
    if prediction.warnings:
        return f"{answered} How far off it may be is not tested there."
    if model.rmse is None:
        return answered
    error = with_unit(model.rmse, model.target.unit)
    if model.claimed:
        claim = f"its archive claims that it was off by about {error} (RMSE)"
        return f"{answered} It was imported; {claim}, which nobody has measured here."
    return f"{answered} On people it had not seen in training it was off by about {error} (RMSE)."


def question_sentence(values: Mapping[str, Scalar], features: tuple[Feature, ...]) -> str:
    """What was asked, such as "Professional experience: 5 years"."""
    asked = [(x, values[x.name]) for x in features if x.name in values]
    return ", ".join(f"{x.label}: {written(value)} {x.unit}".strip() for x, value in asked)


def show_prediction(
    prediction: Prediction, model: ServedModel, values: Mapping[str, Scalar], card: CardReader
) -> None:
    """Show an answer: the salary, what was asked, its interval, the warnings and who answered."""
    compared = values.get(model.target.name)
    question = question_sentence(values, model.features)
    with st.container(border=True, gap="xsmall"):
        unit = f" :small[{plain(model.target.unit)}]" if model.target.unit else ""
        st.header(f"{plain(f'About {amount(prediction.value)}')}{unit}", anchor=False)
        st.markdown(plain(question))
        show_before(prediction, question)
        show_interval(prediction, model, compared, card)
        if sentence := percentile_sentence(prediction, compared):
            st.markdown(plain(sentence))
        for warning in prediction.warnings:
            st.warning(plain(warning), icon=":material/warning:")
        st.caption(plain(model_sentence(prediction, model)))


def show_before(prediction: Prediction, question: str) -> None:
    """Say what the version before has answered to the same, while its successor is announced."""
    before = st.session_state.get(LAST)
    now: dict[str, Any] = {
        "question": question,
        "value": prediction.value,
        "version": prediction.model_version,
    }
    if before and before["version"] != now["version"]:
        now["before"] = before
    elif before:
        now["before"] = before.get("before")
    st.session_state[LAST] = now
    earlier = now.get("before")
    if earlier and earlier["question"] == question and NOTICE in st.session_state:
        st.markdown(plain(f"Version {earlier['version']} had answered {amount(earlier['value'])}."))


def show_interval(
    prediction: Prediction, model: ServedModel, compared: Scalar | None, card: CardReader
) -> None:
    """Show the interval in words and as a band, or say why there is none."""
    if prediction.low is None or prediction.high is None:
        if model.no_intervals:
            st.caption(plain(f"There is no interval: {model.no_intervals}."))
        return
    st.markdown(plain(interval_sentence(prediction)))
    given = float(compared) if isinstance(compared, float | int) else None
    point = Point(0, model.target.label, prediction.value, prediction.low, prediction.high)
    drawn = [*point.ends(), point.value, *([] if given is None else [given])]
    ends = scale_of(model, point, not prediction.warnings, card())
    st.html(interval_picture(point, given, Scale.around([*drawn, *ends])))


def scale_of(
    model: ServedModel, point: Point, is_usual: bool, card: Mapping[str, Any]
) -> Sequence[float]:
    """Ends of the axis of salaries: of the model's predictions, and of the usual ones shown here.

    So it stands still while values change, and the mark moves; one that is far off, or mistyped,
    widens it only while it is shown.
    """
    bundle, known = st.session_state.get(SCALE, (None, ()))
    profile = (card.get("profile") or {}).get("holdout_predictions") or {}
    lasting = [float(edge) for edge in profile.get("edges") or ()]
    lasting += known if bundle == model.bundle else ()
    lasting += [*point.ends(), point.value] if is_usual else []
    ends = (min(lasting), max(lasting)) if lasting else ()
    st.session_state[SCALE] = (model.bundle, ends)
    return ends


def card_of(service: ServiceClient, model: ServedModel) -> Mapping[str, Any]:
    """The model's card, asked for once a bundle; empty where the service tells none."""
    bundle, card = st.session_state.get(CARD, (None, {}))
    known: Mapping[str, Any] = card
    if bundle == model.bundle:
        return known
    try:
        found = service.json("model/card")
    except ServiceError:
        return {}
    if not isinstance(found, dict) or found.get("bundle") != model.bundle:
        return {}
    st.session_state[CARD] = (model.bundle, found)
    return card_of(service, model)


@st.fragment
def show_tabs(
    service: ServiceClient,
    model: ServedModel,
    values: Mapping[str, Scalar],
    prediction: Prediction,
) -> None:
    """Draw the open tab alone; switching between them asks for nothing else."""
    asked = {name: value for name, value in values.items() if name != model.target.name}
    what_if, what_moves, in_code = st.tabs(
        [WHAT_IF, WHAT_MOVES, IN_CODE], key="tab", on_change="rerun"
    )
    try:
        with what_if:
            if what_if.open:
                profile = card_of(service, model).get("profile") or {}
                show_what_if(service, model, asked, profile.get("fields") or {})
        with what_moves:
            if what_moves.open:
                show_drivers(service, model, asked, prediction)
        with in_code:
            if in_code.open:
                show_in_code(service, values)
    except ServiceError as error:  # the prediction is there; the service may only be busy
        st.warning(prose(str(error)), icon=":material/cloud_off:")


def show_drivers(
    service: ServiceClient,
    model: ServedModel,
    values: Mapping[str, Scalar],
    prediction: Prediction,
) -> None:
    """Show what each input adds to the average prediction, or that this is not known.

    Raises:
        ServiceError: if there is no answer.
    """
    found = service.explain(values)
    if not is_announced(found, model):
        return
    labels = labels_apart({feature.name: feature.label for feature in model.features})
    if set(found.contributions) != set(labels):
        st.caption("This model cannot tell what moves its predictions.")
        return
    contributions = {labels[name]: value for name, value in found.contributions.items()}
    st.html(
        contributions_picture(found.average, contributions, prediction.value, model.target.unit)
    )
    st.caption(
        "How far each input moves this prediction up or down from the average one. It tells how "
        "the model reckons, not what would happen if somebody changed."
    )
