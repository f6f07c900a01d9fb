"""The page *History*: what was decided about which version, why, and how two of them compare."""

import re
from collections.abc import Sequence
from html import escape

import streamlit as st

from comparison import (
    contract_rows,
    fact_rows,
    last_refused,
    metric_rows,
    now_in_production,
    parameter_rows,
)
from markup import LINE, table
from model_card import History, Record, Version, read_history
from model_page import moment, name_of
from model_pictures import BLUE, ORANGE
from service_client import ServiceClient
from words import amount, as_sentence, plain

#: So many decisions are in view; older ones open at a click.
SHOWN = 15
GREY = "#808080"
#: The colour of a decision's mark, beside its words.
COLOURS = {"promotion": BLUE, "promotion by hand": BLUE, "rollback": ORANGE, "archiving": GREY}


def draw(service: ServiceClient) -> None:
    """Draw the page.

    Raises:
        ServiceError: if the service gives no answer; its text is for people.
    """
    history = read_history(service)
    st.title("History", anchor=False)
    if not history.records and not history.versions:
        why = history.reason or "Nothing has been decided yet. Train a model with make run"
        st.info(plain(f"{why.rstrip('.')}."), icon=":material/history:")
        return
    show_answers(history)
    st.header("Two versions side by side", anchor=False)
    show_comparison(history.versions)
    st.header("All decisions", anchor=False)
    show_timeline(history)


def show_answers(history: History) -> None:
    """What is in production, and why the last version that is not was refused."""
    left, right = st.columns(2)
    production, refused = now_in_production(history.records), last_refused(history.records)
    with left.container(border=True, height="stretch"):
        st.header("In production", anchor=False)
        if production is None:
            st.markdown("No decision says what is in production.")
        else:
            show_decision(production, f"Version {production.after}")
    with right.container(border=True, height="stretch"):
        st.header("Last not promoted", anchor=False)
        if refused is None:
            st.markdown(none_refused(history))
        else:
            show_decision(refused, f"Version {refused.version}")


def none_refused(history: History) -> str:
    """Why there is no refusal to tell."""
    if any(each.action == "archiving" for each in history.records):
        return "Since this one came into production, no version was refused."
    return "No version was refused so far."


def show_decision(record: Record, title: str) -> None:
    """A decision in its own words."""
    st.markdown(f"**{plain(title)}**")
    st.markdown(plain(as_sentence(record.why)))
    st.caption(plain(signature(record)))


def reason(record: Record) -> str:
    """The sentence beneath a headline, without what that says already."""
    said = re.match(r"version \d+ is (?:not )?promoted: ", record.why)
    return as_sentence(record.why[said.end() :] if said else record.why)


def signature(record: Record) -> str:
    """When it was decided, by whom, and whether it was carried out."""
    by = f", by {record.who}" if record.who else ""
    begun = "" if record.state == "done" else ". Begun, and not finished: see `kedro models doctor`"
    return f"{moment(record.when)}{by}{begun}"


def show_timeline(history: History) -> None:
    """Every decision, the newest first."""
    found = history.records
    st.html(timeline(found[:SHOWN]))
    if older := found[SHOWN:]:
        with st.expander(f"{len(older)} older decision{'s' if len(older) > 1 else ''}"):
            st.html(timeline(older))
    told = f"As of {moment(history.as_of)}." if history.as_of else ""
    more = f" {history.more:,} older records are in MLflow alone." if history.more else ""
    st.caption(f"{told}{more}")


def timeline(records: Sequence[Record]) -> str:
    """Decisions along a line, as HTML."""
    items = "".join(_item(record) for record in records)
    return (
        f'<ol style="list-style:none;margin:0 0 0 .4rem;padding:0;border-left:{LINE}">{items}</ol>'
    )


def _item(record: Record) -> str:
    colour = COLOURS.get(record.action, GREY)
    mark = (
        f'<span style="position:absolute;left:-.4rem;top:.35rem;width:.75rem;height:.75rem;'
        f'border-radius:50%;background:{colour}"></span>'
    )
    return (
        f'<li style="position:relative;padding:0 0 1rem 1.2rem;margin:0">{mark}'
        f"<strong>{escape(headline(record))}</strong> "
        f'<span style="opacity:.85">{escape(signature(record))}</span>'
        f'<div style="overflow-wrap:anywhere">{escape(reason(record))}</div></li>'
    )


def headline(record: Record) -> str:
    """What was done, such as "Rollback from version 3 to version 2"."""
    if record.action == "archiving":
        return f"Version {record.version} not promoted"
    moved = record.before is not None and record.before != record.after
    if moved and record.after is not None:
        return f"{name_of(record.action)} from version {record.before} to version {record.after}"
    return f"{name_of(record.action)} of version {record.version}"


def show_comparison(versions: tuple[Version, ...]) -> None:
    """Two versions that are chosen, in figures, verdicts, parameters and contracts."""
    if len(versions) < 2:
        st.markdown("There is one version so far. Train another one, then compare them here.")
        return
    known = {each.version: each for each in versions}
    first, second = chosen(versions)
    left, right = st.columns(2)
    numbers = list(known)
    one = known[
        left.selectbox("One version", numbers, numbers.index(first), lambda n: label(known[n]))
    ]
    other = known[
        right.selectbox("The other", numbers, numbers.index(second), lambda n: label(known[n]))
    ]
    for column, version in ((left, one), (right, other)):
        with column:
            show_verdict(version)
    show_tables(one, other)


def chosen(versions: tuple[Version, ...]) -> tuple[int, int]:
    """At first: production, and the newest other version."""
    production = next((each for each in versions if each.stage == "production"), versions[-1])
    newest = next(each for each in versions if each.version != production.version)
    return production.version, newest.version


def label(version: Version) -> str:
    """A version in a list, such as "3 · production · RMSE 5,182"."""
    rmse = "" if version.rmse is None else f"RMSE {amount(version.rmse)}"
    return " \u00b7 ".join(filter(None, (str(version.version), version.stage, rmse)))


def show_verdict(version: Version) -> None:
    """What was decided about a version when it was new."""
    verdict = version.verdict
    if verdict is None:
        st.caption("No verdict is recorded.")
        return
    st.markdown(plain(as_sentence(verdict.reason)))


def show_tables(one: Version, other: Version) -> None:
    """What differs, in tables."""
    both = (f"Version {one.version}", f"Version {other.version}")
    st.subheader("Figures at training", anchor=False)
    st.caption("Of two versions with other holdout rows, only the verdict compares fairly.")
    metrics = ("Figure", *both, f"Version {other.version} minus {one.version}")
    st.html(table(metrics, metric_rows(one, other), "Figures of both versions", right={1, 2, 3}))
    st.html(table(("Fact", *both), fact_rows(one, other), "Facts of both versions"))
    st.subheader("Parameters that differ", anchor=False)
    if rows := list(parameter_rows(one, other)):
        st.html(table(("Parameter", *both), rows, "Parameters that differ"))
    else:
        st.markdown("None.")
    st.subheader("Differences between their contracts", anchor=False)
    if one.contract is None or other.contract is None:
        st.markdown("The contract of one of them is not known.")
    elif changes := list(contract_rows(one, other)):
        st.html(table(("Field", "What", *both), changes, "Differences between the contracts"))
    else:
        st.markdown("None: both ask for the same.")
