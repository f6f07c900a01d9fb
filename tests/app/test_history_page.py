"""The page *History*, over a real service beside whose bundles a history lies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from comparison import (
    contract_rows,
    last_refused,
    metric_rows,
    now_in_production,
    parameter_rows,
)
from histories import REFUSAL, record, version
from history_page import headline, reason
from kinds import bundle_of, professors
from model_card import History, Record, Version
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.history import ServedHistory
from services import real_service_of

SCRIPT = """
import history_page
from service_client import ServiceClient

history_page.draw(ServiceClient())
"""


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """Bundles, beside which no history lies yet."""
    name, files = bundle_of(professors())
    store = BundleStore(tmp_path / "bundles")
    store.write(name, files)
    store.point_to(name)
    return store


@pytest.fixture
def shown(store: BundleStore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Draws the page over a history of some records and versions."""

    def draw(records: list[dict[str, Any]], versions: list[dict[str, Any]]) -> AppTest:
        told = {"model_name": "salaries", "records": records, "versions": versions, "more": 2}
        history = ServedHistory.model_validate({**told, "as_of": "2026-11-30T10:00:00Z"})
        store.write_history(history, None)
        return page()

    def page() -> AppTest:
        with real_service_of(store) as url:
            monkeypatch.setenv("SALARY_SERVICE_URL", url)
            drawn = AppTest.from_string(SCRIPT, default_timeout=60).run()
        assert not drawn.exception
        return drawn

    return lambda *told: draw(*told) if told else page()


def words_of(page: AppTest) -> str:
    found = (*page.markdown, *page.caption, *page.subheader, *page.info)
    return "\n".join(each.value.replace("\\", "") for each in found)


def html_of(page: AppTest) -> str:
    return "\n".join(each.proto.body for each in page.get("html"))


def test_page_when_the_last_version_was_refused_then_says_why_at_the_top(
    shown: Callable[..., AppTest],
) -> None:
    page = shown([REFUSAL, record(1)], [version(2), version(1)])
    words = words_of(page)
    assert "Version 2 is not promoted: RMSE 950.0 against 900.0; a loss of 50.0" in words
    assert "29 November 2026, 14:02 UTC, by ada" in words
    assert "As of 30 November 2026, 10:00 UTC. 2 older records are in MLflow alone." in words


def test_page_when_two_versions_are_compared_then_shows_figures_and_what_differs(
    shown: Callable[..., AppTest],
) -> None:
    other = version(2, parameters={"model": "random_forest", "random_state": 234})
    other["contract"]["features"][2]["maximum"] = 60
    page = shown([REFUSAL, record(1)], [other, version(1)])
    assert [each.value for each in page.selectbox] == [1, 2]
    text = html_of(page)
    for cell in ("900", "950", "+50", "random_forest", "maximum", "70", "60"):
        assert f">{cell}</" in text
    assert "random_state" not in text
    assert ">Version 2 minus 1</" in text


def test_page_when_there_are_three_versions_then_offers_them_newest_first(
    shown: Callable[..., AppTest],
) -> None:
    page = shown([record(1)], [version(3), version(2), version(1)])
    assert [each.value for each in page.selectbox] == [1, 3]
    assert page.selectbox[1].options == [
        "3 \u00b7 archived \u00b7 RMSE 1,000",
        "2 \u00b7 archived \u00b7 RMSE 950",
        "1 \u00b7 production \u00b7 RMSE 900",
    ]


def test_page_when_there_is_no_history_yet_then_says_what_writes_it(
    shown: Callable[..., AppTest],
) -> None:
    assert "no history lies beside the bundles yet; make run" in words_of(shown()).replace("`", "")


def test_page_when_decisions_are_many_then_the_older_ones_open_at_a_click(
    shown: Callable[..., AppTest],
) -> None:
    page = shown([record(number, to=number) for number in range(20, 0, -1)], [version(1)])
    assert [each.label for each in page.expander] == ["5 older decisions"]
    assert html_of(page).count("<li") == 20


def test_page_when_texts_look_like_markup_then_they_are_shown_as_they_are(
    shown: Callable[..., AppTest],
) -> None:
    page = shown([record(1, why="<b>bold</b>", who="<i>me</i>")], [version(1)])
    assert "<b>" not in html_of(page)
    assert "&lt;b&gt;bold" in html_of(page).replace("&lt;B", "&lt;b")


def records(*found: dict[str, Any]) -> tuple[Record, ...]:
    return History.model_validate({"records": found}).records


def test_refused_when_the_version_came_into_production_later_then_there_is_none() -> None:
    by_hand = record(2, "promotion by hand", **{"from": 1, "to": 2})
    assert last_refused(records(by_hand, REFUSAL, record(1))) is None
    assert last_refused(records(REFUSAL, record(1))) is not None


def test_production_when_the_last_record_refuses_a_version_then_is_the_one_before() -> None:
    found = records(REFUSAL, record(3, state="intent", to=3), record(1))
    production, refused = now_in_production(found), last_refused(found)
    assert production is not None
    assert production.after == 1
    assert refused is not None
    assert refused.version == 2
    assert now_in_production(()) is None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (record(1), "Promotion of version 1"),
        (record(4, **{"from": 1, "to": 4}), "Promotion from version 1 to version 4"),
        (record(1, "rollback", **{"from": 4}), "Rollback from version 4 to version 1"),
        (REFUSAL, "Version 2 not promoted"),
    ],
)
def test_headline_when_a_decision_is_of_some_kind_then_says_what_was_done(
    told: dict[str, Any], words: str
) -> None:
    assert headline(records(told)[0]) == words


def test_reason_when_the_headline_says_the_outcome_then_does_not_repeat_it() -> None:
    assert reason(records(record(1))[0]) == "RMSE 900.0, and nothing was in production."


def test_metrics_when_one_version_lacks_one_then_says_so_and_gives_no_difference() -> None:
    one = Version.model_validate(version(1, metrics={"rmse": 900.0, "mape": 0.15, "own": 1.0}))
    other = Version.model_validate(version(2, metrics={"rmse": 850.0, "mape": 0.16}))
    assert list(metric_rows(one, other)) == [
        ("RMSE", "900", "850", "\u221250"),
        ("Mean percentage error", "15\u00a0%", "16\u00a0%", "+1 points"),
        ("own", "1", "not recorded", ""),
    ]


def test_metrics_when_one_is_a_share_then_its_difference_is_in_points() -> None:
    one = Version.model_validate(version(1, metrics={"interval_coverage": 0.9}))
    other = Version.model_validate(version(2, metrics={"interval_coverage": 0.85}))
    (row,) = metric_rows(one, other)
    assert row == ("People within their interval", "90\u00a0%", "85\u00a0%", "\u22125 points")


def test_parameters_when_they_are_nested_then_only_what_differs_is_told() -> None:
    both = [{"data_science": {"model": name, "plots": {"n": 1}}} for name in ("ridge", "tree")]
    one, other = (Version.model_validate(version(1, parameters=each)) for each in both)
    assert list(parameter_rows(one, other)) == [("data_science.model", "ridge", "tree")]


def test_parameters_when_they_are_alike_then_none_is_told() -> None:
    one = Version.model_validate(version(1))
    assert list(parameter_rows(one, one)) == []


def test_contracts_when_fields_come_go_and_change_then_each_is_told() -> None:
    old, new = version(1), version(2)
    del new["contract"]["features"][3]
    new["contract"]["features"].append({"name": "remote", "kind": "boolean"})
    new["contract"]["target"]["unit"] = "a month"
    both = (Version.model_validate(old), Version.model_validate(new))
    assert list(contract_rows(*both)) == [
        ("yrs_service", "column", "there", "\u2014"),
        ("salary", "unit", "a year", "a month"),
        ("remote", "column", "\u2014", "there"),
    ]
