"""The page *Model*: who made it from what, how good it is, for whom, and what it asks for."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from limits import limits, listing
from markup import bullets, facts, table
from model_card import Card, Column, GroupReport, GroupScores, Report, read_card
from model_pictures import (
    Picture,
    calibration_picture,
    fit_picture,
    gaps_picture,
    importance_picture,
    residual_picture,
)
from service_client import ServedModel, ServiceClient
from words import amount, as_sentence, bound, percent, plain, signed

UNKNOWN = "not recorded"
#: Letters and axes of pictures, on a light and on a dark page.
INKS = {"light": "#31333f", "dark": "#fafafa"}
BANDS = (
    "Mean of actual minus predicted, one standard deviation to either side, and the number of "
    "people."
)
#: What metrics are called, and what they say.
METRICS = {
    "rmse": ("RMSE", "how far off it typically is; large errors weigh more"),
    "mae": ("Mean absolute error", "how far off it is on average"),
    "median_absolute_error": ("Median absolute error", "half of the people are nearer than that"),
    "r2": ("R\u00b2", "share of the differences between people that it explains; 1 is all"),
    "mape": ("Mean percentage error", "how far off it is on average, as a share of the salary"),
}


def draw(service: ServiceClient, model: ServedModel) -> None:
    """Draw the page.

    Raises:
        ServiceError: if the service gives no answer; its text is for people.
    """
    card = read_card(service)
    st.title("Model", anchor=False)
    show_identity(card)
    st.header("How good it is", anchor=False)
    show_quality(card)
    st.header("Is it fair across groups?", anchor=False)
    show_groups(card)
    st.header("What it asks for", anchor=False)
    st.html(table(*fields_of(card), "What the model asks for"))
    st.header("Who made it from what", anchor=False)
    show_origin(card)


def show_identity(card: Card) -> None:
    """Which model it is, since when, and what it is for and not for."""
    kind = name_of(card.model) if card.model else "Model"
    st.header(plain(f"{kind}, version {card.model_version}"), anchor=False)
    st.markdown(plain(since(card)))
    if card.claimed:
        st.warning(
            "It was imported. Its figures are what its archive claims; nobody has measured them "
            "here.",
            icon=":material/warning:",
        )
    use, misuse = st.columns(2)
    with use:
        show_list("What it is for", card.intended_use)
    with misuse:
        show_list("What it is not for", card.not_for)


def show_list(title: str, texts: tuple[str, ...]) -> None:
    """A short list under its title."""
    st.markdown(f"**{title}**")
    st.html(bullets(texts or (UNKNOWN,)))


def since(card: Card) -> str:
    """Since when, and why, it is in production."""
    if card.promoted is None:
        return "When it became production was not recorded."
    return f"In production since {moment(card.promoted.when)}. {as_sentence(card.promoted.why)}"


def moment(when: datetime) -> str:
    """A time, such as "30 November 2026, 10:07 UTC"."""
    told = when.astimezone(UTC) if when.tzinfo else when
    return f"{told.day} {told:%B %Y, %H:%M} UTC"


def name_of(kind: str) -> str:
    """A kind of model as people write it: "Linear regression"."""
    return kind.replace("_", " ").capitalize()


def show_quality(card: Card) -> None:
    """Figures with their intervals, then pictures of the errors."""
    headers = ("Figure", "Value", "What it says")
    st.html(table(headers, list(figures(card)), "How good the model is", right={1}))
    report, titled = card.report, target_of(card)
    fit = report.fit
    left, right = st.columns(2)
    with left:
        picture = None if fit is None else fit_picture(fit, titled)
        words = f"{titled}. {fit_words(report)}"
        show_picture("Predicted against actual", picture, words)
        show_calibration(report)
    with right:
        picture = None if fit is None else residual_picture(fit.bands, titled)
        show_picture("Errors along the prediction", picture, f"{titled}. {BANDS}")
        show_importance(card)


def show_calibration(report: Report) -> None:
    """Whether intervals of any confidence hold as many people as they should."""
    scores = report.intervals
    picture = None if scores is None else calibration_picture(scores.levels)
    told = "On the dashed line they do; above it they are wider than need be."
    show_picture("Do the intervals hold what they promise?", picture, told)


def target_of(card: Card) -> str:
    """What is predicted, with its unit."""
    target = card.contract.target
    return f"{target.title} ({target.unit})" if target.unit else target.title


def show_picture(title: str, picture: Picture | None, told: str) -> None:
    """A picture under its title, or that there is none."""
    st.subheader(title, anchor=False)
    if picture is None:
        st.caption("Too few people were held out for this picture, or it was not drawn.")
        return
    st.caption(plain(told))
    st.html(picture.html(ink()))


def ink() -> str:
    """The colour of letters on the page as this visitor sees it."""
    return INKS.get(st.context.theme.type or "light", INKS["light"])


def fit_words(report: Report) -> str:
    """What the cells of the picture are."""
    fit = report.fit
    if fit is None or fit.points:
        return "Each dot is a person that training has not seen; on the dashed line it is right."
    withheld = (
        f" {fit.withheld} are in cells of fewer, which are not drawn." if fit.withheld else ""
    )
    return (
        f"Number of people in each cell, of {fit.rows} that training has not seen; on the dashed "
        f"line it is right. A cell holds {fit.min_rows} at least.{withheld}"
    )


def show_importance(card: Card) -> None:
    """Which inputs the error rests on."""
    found = card.report.importance
    st.subheader("What the prediction rests on", anchor=False)
    if found is None or not found.inputs:
        st.caption("Which inputs matter was not measured.")
        return
    told = f"if the values of one input are shuffled among {found.rows:,} people."
    st.caption(plain(f"{target_of(card)}: by how much the RMSE rises {told}"))
    titles = {each.name: each.title for each in card.contract.features}
    st.html(importance_picture(found, titles))


def figures(card: Card) -> Iterator[tuple[str, str, str]]:
    """Each figure of merit: what it is, its value, and what it says."""
    for key, (title, told) in METRICS.items():
        if (value := card.metrics.get(key)) is not None:
            yield title, percent(value) if key == "mape" else amount(value), told
    mean, spread = card.metrics.get("cv_rmse_mean"), card.metrics.get("cv_rmse_sd")
    if mean is not None and spread is not None:
        told = "RMSE when it is trained again without the people it is asked about; mean and spread"
        yield "RMSE, cross-validated", f"{amount(mean)} \u00b1 {amount(spread)}", told
    if (found := card.profile.errors) is not None:
        low, high = found.rmse_interval
        told = f"95 % interval of the cross-validated RMSE, on {found.rows} people"
        yield "Where that RMSE lies", f"{amount(low)} to {amount(high)}", told
    yield from interval_figures(card)
    if (plainly := card.report.baseline) is not None:
        by = card.contract.title(plainly.median_by) if plainly.median_by else ""
        yield (
            "RMSE of a plain mean",
            amount(plainly.mean_rmse),
            "what the model must be better than",
        )
        title = f"RMSE of the median by {by}" if by else "RMSE of a plain median"
        yield title, amount(plainly.median_rmse), "what the model must be better than"


def interval_figures(card: Card) -> Iterator[tuple[str, str, str]]:
    """How many people lie within their intervals, or why there are none."""
    if card.intervals is not None and card.intervals.reason:
        yield "Intervals", "none", card.intervals.reason
    scores = card.report.intervals
    if scores is None:
        return
    held = scores.coverage
    yield (
        f"Within their {percent(scores.confidence)} interval",
        percent(held.share),
        f"of {held.rows} people; 95 % interval {percent(held.low)} to {percent(held.high)}",
    )
    yield "Mean width of an interval", amount(scores.mean_width), "the narrower, the surer"


def show_groups(card: Card) -> None:
    """Errors and unexplained gaps by group, with the number of people."""
    report = card.report.groups
    if report is None or not report.columns:
        st.markdown(
            "It is not known: the contract names no column whose groups are compared. Give one "
            "`use: audit` and train again; the model never sees it."
        )
        return
    for column in report.columns:
        title = card.contract.title(column.column)
        st.subheader(plain(title), anchor=False)
        if not column.groups:
            st.caption(f"All groups have fewer than {report.min_rows} people, and are not told.")
            continue
        picture = column.reference and gaps_picture(
            column.groups, column.reference, target_of(card)
        )
        if picture:
            st.caption(plain(gap_words(report, column.reference or "", target_of(card))))
            st.html(picture.html(ink()))
        st.html(table(*group_rows(column.groups), f"Errors by {title}", right=range(1, 8)))
        if column.withheld:
            few = f"{column.withheld} of fewer than {report.min_rows} people are not told."
            st.caption(f"Groups: {few}")


def gap_words(report: GroupReport, reference: str, target: str) -> str:
    """What a gap is."""
    return (
        f"{target}: how much more a group has than '{reference}' with the same inputs, on "
        f"{report.rows:,} people. Where a {percent(report.confidence)} interval holds zero, chance "
        "alone may have made the gap."
    )


def group_rows(
    groups: tuple[GroupScores, ...],
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Header and rows of the table of groups."""
    headers = (
        "Group",
        "People",
        "RMSE",
        "Mean absolute error",
        "Actual minus predicted",
        "Within interval",
        "Unexplained gap",
        "Its interval",
    )
    rows: list[Sequence[str]] = [
        (
            each.group,
            f"{each.rows:,}",
            amount(each.rmse),
            amount(each.mae),
            signed(each.mean_residual),
            "" if each.coverage is None else percent(each.coverage),
            "" if each.gap is None else signed(each.gap),
            ""
            if each.gap_low is None or each.gap_high is None
            else f"{signed(each.gap_low)} to {signed(each.gap_high)}",
        )
        for each in groups
    ]
    return headers, rows


def fields_of(card: Card) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Header and rows of the table of fields."""
    headers = ("Field", "Name in requests", "Allowed", "Learned from", "Must be given")
    rows: list[Sequence[str]] = [
        (
            each.title,
            each.name,
            limits(each),
            learned(each, card),
            "yes" if each.required else "no",
        )
        for each in card.contract.features
        if each.use == "feature"
    ]
    return headers, rows


def learned(column: Column, card: Card) -> str:
    """What training has seen of a column; values beyond it are answered with a warning."""
    if column.name in card.domain.ranges:
        low, high = card.domain.ranges[column.name]
        return f"{bound(low)} to {bound(high)} {column.unit}".strip()
    if column.name in card.domain.categories:
        return listing(card.domain.categories[column.name])
    return "" if column.kind == "boolean" else UNKNOWN


def show_origin(card: Card) -> None:
    """Run, commit, data and parameters."""
    st.html(facts(origin(card)))
    with st.expander("Parameters of its training"):
        if card.parameters:
            rows = [(key, str(value)) for key, value in sorted(card.parameters.items())]
            st.html(table(("Parameter", "Value"), rows, "Parameters of the training"))
        else:
            st.caption(f"They were {UNKNOWN}.")


def origin(card: Card) -> Iterator[tuple[str, str]]:
    """What it was made from, by name."""
    lineage: Mapping[str, str] = card.lineage
    dirty = " (with changes that were not committed)" if lineage.get("git_dirty") == "true" else ""
    yield "Registered as", f"{card.model_name}, version {card.model_version}"
    yield "Run in MLflow", card.run_id or UNKNOWN
    yield "Commit of the code", f"{lineage.get('git_commit') or UNKNOWN}{dirty}"
    yield "Fingerprint of the data (SHA-256)", lineage.get("data_sha256") or UNKNOWN
    yield "Fingerprint of the code (SHA-256)", lineage.get("code_sha256") or UNKNOWN
    yield "Fingerprint of the locked packages (SHA-256)", lineage.get("lock_sha256") or UNKNOWN
    yield "Served from the bundle", card.bundle
