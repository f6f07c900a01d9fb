"""The page *Model*, over a real service whose bundle tells all that a training can find out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from kinds import MODEL, bundle_of, professors
from limits import limits
from model_card import Card, Fit, FitCell, Level, read_card
from model_pictures import Axis, calibration_picture, fit_picture, residual_picture
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.report import Report
from service_client import ServiceClient, UnexpectedAnswerError
from services import real_service_of
from words import amount, signed

REPORT: dict[str, Any] = {
    "intervals": {
        "confidence": 0.9,
        "coverage": {"rows": 12, "share": 0.9167, "low": 0.6152, "high": 0.9979},
        "mean_width": 71234.5,
        "levels": [{"confidence": 0.5, "share": 0.58}, {"confidence": 0.9, "share": 0.9167}],
    },
    "baseline": {
        "rmse": 1000.0,
        "mean_rmse": 30200.0,
        "median_rmse": 24100.0,
        "median_by": "rank",
    },
    "groups": {
        "rows": 397,
        "min_rows": 10,
        "confidence": 0.95,
        "columns": [
            {
                "column": "sex",
                "withheld": 1,
                "reference": "Male",
                "groups": [
                    {
                        "group": "Male",
                        "rows": 358,
                        "mean_residual": 120.0,
                        "low": -1.0,
                        "high": 2.0,
                        "rmse": 22120.0,
                        "mae": 17000.0,
                    },
                    {
                        "group": "Female",
                        "rows": 39,
                        "mean_residual": -1500.0,
                        "low": -1.0,
                        "high": 2.0,
                        "rmse": 20500.0,
                        "mae": 16100.0,
                        "gap": -4700.0,
                        "gap_low": -10700.0,
                        "gap_high": 500.0,
                    },
                ],
            }
        ],
    },
    "importance": {
        "rows": 12,
        "repeats": 10,
        "inputs": [
            {"input": "rank", "importance": 8100.0, "spread": 700.0},
            {"input": "yrs_service", "importance": -120.0, "spread": 200.0},
        ],
    },
    "fit": {
        "rows": 12,
        "min_rows": 5,
        "withheld": 0,
        "cells": [
            {
                "predicted_low": 20000,
                "predicted_high": 21000,
                "actual_low": 10000,
                "actual_high": 30000,
                "rows": 12,
            }
        ],
        "bands": [
            {"low": 20000, "high": 21000, "rows": 12, "mean_residual": 50.0, "spread": 900.0}
        ],
    },
}
#: What is packed anew, with a report beside it.
FILES = ("model.skops", "contract.json", "domain.json", "metrics.json", "lineage.json")
SCRIPT = """
import model_page
from service_client import ServiceClient

model_page.draw(ServiceClient(), ServiceClient().model())
"""


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """Bundles whose current one has the report."""
    _, files = bundle_of(professors())
    report = {"report.json": Report.model_validate(REPORT).model_dump_json().encode()}
    name, packed = pack(MODEL, 3, {key: files[key] for key in FILES} | report)
    store = BundleStore(tmp_path / "bundles")
    store.write(name, packed)
    store.point_to(name)
    return store


@pytest.fixture
def url(store: BundleStore) -> Iterator[str]:
    """Address of a real service over them."""
    with real_service_of(store) as address:
        yield address


def draw(script: str, url: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A page, drawn for the service at an address."""
    monkeypatch.setenv("SALARY_SERVICE_URL", url)
    page = AppTest.from_string(script, default_timeout=60).run()
    assert not page.exception
    return page


def html_of(page: AppTest) -> str:
    """All that the page has written as HTML."""
    return "\n".join(each.proto.body for each in page.get("html"))


@pytest.fixture
def shown(url: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page."""
    return draw(SCRIPT, url, monkeypatch)


def words_of(page: AppTest) -> str:
    """All that the page says in text."""
    found = (*page.markdown, *page.caption, *page.subheader, *page.header, *page.title)
    return "\n".join(each.value.replace("\\", "") for each in found)


def test_page_when_a_report_is_there_then_tells_figures_with_their_intervals(
    shown: AppTest,
) -> None:
    text = html_of(shown)
    assert ">91.7\u00a0%</td>" in text
    assert "of 12 people; 95 % interval 61.5\u00a0% to 99.8\u00a0%" in text
    assert "RMSE of the median by Rank" in text
    assert ">24,100</td>" in text


def test_page_when_groups_were_compared_then_tells_their_errors_and_gaps_with_n(
    shown: AppTest,
) -> None:
    text = html_of(shown)
    row = text[text.index('scope="row" style') :]
    female = row[row.index(">Female<") : row.index("</tr>", row.index(">Female<"))]
    for cell in ("39", "20,500", "16,100", "\u22121,500", "\u22124,700", "\u221210,700 to +500"):
        assert f">{cell}</td>" in female
    assert "1 of fewer than 10 people are not told" in words_of(shown)


def test_page_when_it_is_drawn_then_names_what_it_asks_for_and_has_learned(
    shown: AppTest,
) -> None:
    text = html_of(shown)
    assert "AsstProf, AssocProf, Prof" in text
    assert "whole number from 0 to 70 years" in text
    assert "1 to 9 years" in text


def test_page_when_pictures_are_drawn_then_each_says_in_words_what_it_shows(
    shown: AppTest,
) -> None:
    text = html_of(shown)
    assert text.count("<img alt=") == 4
    assert 'alt="Predicted against actual Salary (a year) of 12 people' in text
    assert "Female: \u22124,700, \u221210,700 to +500" in text


def test_page_when_the_run_is_not_known_then_says_so_instead_of_leaving_it_out(
    shown: AppTest,
) -> None:
    text = html_of(shown)
    assert "Run in MLflow</dt>" in text
    assert "not recorded" in text
    assert "salaries, version 3" in text


def test_page_when_training_found_out_nothing_then_says_what_is_not_known(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(draw(SCRIPT, serve(professors()), monkeypatch))
    assert "It is not known: the contract names no column whose groups are compared." in words
    assert "Which inputs matter was not measured." in words
    assert words.count("Too few people were held out for this picture") == 3


def test_card_when_the_service_tells_more_than_the_page_knows_then_is_read_all_the_same(
    url: str,
) -> None:
    answer = ServiceClient(url).json("model/card")
    assert Card.model_validate({**answer, "new": 1}) == read_card(ServiceClient(url))


def test_card_when_it_is_not_one_then_says_which_part_and_what_to_do(
    scripted_url: str, answers: dict[str, Any]
) -> None:
    answers["/model/card"] = (200, {"model_name": "salaries"})
    with pytest.raises(UnexpectedAnswerError, match=r"model_version: .* from the same one"):
        read_card(ServiceClient(scripted_url))


def test_axis_when_values_are_far_apart_then_ticks_are_round_and_within() -> None:
    assert Axis(58_000, 212_000, 0, 100).ticks == [100_000, 150_000, 200_000]
    assert Axis(0, 1, 0, 100).ticks == pytest.approx([0, 0.5, 1])
    assert Axis(-30, 10, 0, 100).ticks == [-30 + 10 * at for at in range(5)]
    assert Axis(0, 200, 10, 30).at(50) == 15


def test_axis_when_round_values_are_rare_then_has_more_of_them() -> None:
    assert Axis(-33_000, 58_000, 0, 100).ticks == [-20_000, 0, 20_000, 40_000]


def test_picture_when_cells_hold_people_then_their_numbers_stand_in_them() -> None:
    cell = FitCell(predicted_low=1, predicted_high=2, actual_low=1, actual_high=2, rows=17)
    fit = Fit(rows=20, min_rows=5, withheld=3, cells=(cell,), bands=())
    picture = fit_picture(fit, "Salary")
    assert picture is not None
    assert ">17</text>" in picture.drawn
    assert "<circle" not in picture.drawn


def test_picture_when_the_table_is_public_then_each_person_is_a_dot() -> None:
    points = ((1.0, 2.0), (3.0, 4.0))
    fit = Fit(rows=2, min_rows=5, withheld=2, cells=(), bands=(), points=points)
    picture = fit_picture(fit, "Salary")
    assert picture is not None
    assert picture.drawn.count("<circle") == 2


def test_picture_when_there_is_nothing_to_draw_then_there_is_none() -> None:
    assert fit_picture(Fit(rows=4, min_rows=5, withheld=4, cells=(), bands=()), "Salary") is None
    assert residual_picture((), "Salary") is None
    assert calibration_picture(()) is None


def test_picture_when_names_look_like_markup_then_they_are_shown_as_they_are() -> None:
    levels = (Level(confidence=0.5, share=0.5),)
    picture = calibration_picture(levels)
    assert picture is not None
    assert 'color="#fafafa"' not in picture.html("#31333f")
    cell = FitCell(predicted_low=1, predicted_high=2, actual_low=1, actual_high=2, rows=5)
    shown = fit_picture(Fit(rows=5, min_rows=5, withheld=0, cells=(cell,), bands=()), '<b>"')
    assert shown is not None
    assert "<b>" not in shown.drawn + shown.html("#000")


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (-0.25, "\u22120.25"), (0, "0"), (12.3456, "12.35")]
)
def test_amount_when_it_is_shown_then_has_commas_and_a_true_minus(value: float, text: str) -> None:
    assert amount(value) == text


def test_signed_when_it_is_zero_then_has_no_sign() -> None:
    assert [signed(value) for value in (0.0, 1.0, -1.0)] == ["0", "+1", "\u22121"]


def test_limits_when_only_one_bound_is_there_then_names_that(
    serve: Callable[..., str],
) -> None:
    model = ServiceClient(serve(professors())).model()
    assert model.compared is not None
    assert limits(model.compared).startswith("number above 0")
