"""The page in each of its states, run by Streamlit's own test runner against a real server."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from entrance import WrongTries
from kinds import AWKWARD, all_kinds, category, learned, professors
from pictures import MANY, REST, labels_apart, largest
from salary_kedro.contract import Contract
from samples import column, contract_of

PAGE = Path(__file__).parents[2] / "app" / "streamlit_app.py"


def page_of(address: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page after its first run, asking the service at the address."""
    monkeypatch.setenv("SALARY_SERVICE_URL", address)
    return AppTest.from_file(PAGE, default_timeout=30).run()


@pytest.fixture
def page(scripted_url: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page after its first run, asking the scripted service."""
    return page_of(scripted_url, monkeypatch)


@pytest.fixture
def open_for(
    serve: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """Opens the page over a real service whose model has the given features."""
    return lambda *features: page_of(serve(contract_of(*features)), monkeypatch)


@pytest.fixture
def full_page(serve: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page over a real service whose model has an input of every kind."""
    return page_of(serve(all_kinds()), monkeypatch)


def labelled(widgets: Any, label: str) -> Any:
    """The one widget with a label that begins so."""
    (found,) = [widget for widget in widgets if widget.label.startswith(label)]
    return found


def texts(elements: Any) -> list[str]:
    """What elements say, without the signs that switch Markdown off."""
    return [x.value.replace("\\", "").replace("\u2060", "") for x in elements]


def shown(page: AppTest) -> list[str]:
    """The headlines of the answers."""
    return [x.value.replace(":small[", "").replace("]", "") for x in page.header]


def open_tab(page: AppTest, label: str) -> AppTest:
    """The page after another tab was opened."""
    page.session_state["tab"] = label
    return page.run()


def pictures(page: AppTest) -> list[str]:
    """The pictures that are drawn."""
    return [x.body for x in page.html]


def refuse(code: str, message: str) -> dict:
    """An error answer in the service's form."""
    return {"error": {"code": code, "message": message, "details": []}}


def test_page_when_opened_then_draws_the_contracts_number_field(page: AppTest) -> None:
    (field,) = page.number_input
    assert field.label == "Professional experience (0 to 60 years)"
    assert field.help == "Years of paid work in the field"
    assert (field.value, field.step) == (5.0, 1.0)


def test_page_when_a_feature_is_an_integer_then_its_field_takes_whole_numbers(
    model: dict, scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade = {"kind": "integer", "minimum": None, "exclusive_minimum": 0, "example": 3}
    model["contract"]["features"][0] |= grade
    (field,) = page_of(scripted_url, monkeypatch).number_input
    assert field.label == "Professional experience (above 0, at most 60 years)"
    assert (field.value, field.step) == (3, 1)
    assert isinstance(field.value, int)


def test_page_when_an_integer_has_no_bounds_then_its_field_takes_what_a_browser_counts(
    model: dict, scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model["contract"]["features"][0] |= {"kind": "integer", "minimum": None, "maximum": 10**18}
    (field,) = page_of(scripted_url, monkeypatch).number_input
    assert (field.min, field.max) == (-(2**53) + 1, 2**53 - 1)


def test_page_when_the_range_is_small_then_steps_are_small(
    model: dict, scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model["contract"]["features"][0] |= {"maximum": 1, "example": 0.5}
    (field,) = page_of(scripted_url, monkeypatch).number_input
    assert field.step == 0.01


def test_page_when_opened_then_answers_the_example_at_once(page: AppTest, received: list) -> None:
    assert received[:2] == [("GET /model", None), ("POST /predict", {"experience_years": 5.0})]
    assert shown(page) == ["About 72,861 a year, gross"]


def test_page_when_a_field_is_cleared_then_asks_for_it_and_predicts_nothing(
    page: AppTest, received: list
) -> None:
    received.clear()
    page.number_input[0].set_value(None).run()
    assert shown(page) == []
    assert texts(page.info) == ["Fill in Professional experience to see a prediction."]
    assert ":orange[:material/edit: Please fill this in.]" in [x.value for x in page.markdown]
    assert received == [("GET /model", None)]


def test_page_when_a_value_changes_then_answers_it_without_predict(
    page: AppTest, received: list
) -> None:
    received.clear()
    page.number_input[0].set_value(7.5).run()
    assert received[1] == ("POST /predict", {"experience_years": 7.5})
    assert shown(page) == ["About 95,361 a year, gross"]


def test_page_when_predict_is_pressed_then_asks_again(page: AppTest, received: list) -> None:
    received.clear()
    labelled(page.button, "Predict").click().run()
    assert ("POST /predict", {"experience_years": 5.0}) in received


def test_page_when_it_answers_then_repeats_what_was_asked(page: AppTest) -> None:
    page.number_input[0].set_value(7.5).run()
    assert "Professional experience: 7.5 years" in texts(page.markdown)


def test_page_when_it_answers_then_says_which_model_did(page: AppTest) -> None:
    assert texts(page.caption)[0] == (
        "Salary predicted by salary_prediction_regression-model, version 1. On people it had "
        "not seen in training it was off by about 6,311 a year, gross (RMSE)."
    )


def test_page_when_the_model_warns_then_says_not_tested_instead_of_an_error_figure(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    ends = {"low": 61000.0, "high": 85000.4, "confidence": 0.9}
    answers["/predict"] = (200, prediction | ends | {"warnings": ["12 is rare"]})
    page.run()
    assert texts(page.caption)[0] == (
        "Salary predicted by salary_prediction_regression-model, version 1. "
        "How far off it may be is not tested there."
    )
    sentence = "By its interval between 61,000 and 85,000, which was not tested there."
    assert sentence in texts(page.markdown)


def test_page_when_the_salary_is_small_then_keeps_its_digits(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    answers["/predict"] = (200, prediction | {"salary": 72.86125})
    assert shown(page.run())[0] == "About 72.86 a year, gross"


def test_page_when_the_model_gives_an_interval_then_says_and_draws_it(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    answers["/predict"] = (200, prediction | {"low": 61000.0, "high": 85000.4, "confidence": 0.9})
    page.run()
    assert "With 90 % confidence between 61,000 and 85,000." in texts(page.markdown)
    assert 'aria-label="Salary: 72,861 (61,000 to 85,000) on a scale from' in pictures(page)[0]


def test_page_when_values_change_then_the_scale_of_salaries_stands_still(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    for low, high in ((20000, 100000), (60000, 62000)):
        ends = {"low": low, "high": high, "confidence": 0.9}
        answers["/predict"] = (200, prediction | ends)
        page.run()
    assert "on a scale from 20,000 to 100,000" in pictures(page)[0]


def test_page_when_a_far_answer_is_gone_then_the_scale_of_salaries_is_as_before(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    usual = prediction | {"low": 20000, "high": 100000, "confidence": 0.9}
    far = usual | {"high": 9e9, "warnings": ["far from what the model knows"]}
    for answer in (usual, far, usual):
        answers["/predict"] = (200, answer)
        page.run()
    assert "on a scale from 20,000 to 100,000" in pictures(page)[0]


def test_page_when_the_service_is_an_old_one_then_has_no_field_to_compare(page: AppTest) -> None:
    assert [field.label for field in page.number_input] == [
        "Professional experience (0 to 60 years)"
    ]


@pytest.mark.usefixtures("recent")
def test_page_when_there_is_no_interval_then_says_why(page: AppTest) -> None:
    assert texts(page.caption)[0] == "There is no interval: 9 rows are too few."


@pytest.mark.usefixtures("recent")
def test_page_when_no_salary_is_entered_then_sends_none(page: AppTest, received: list) -> None:
    page.run()
    assert ("POST /predict", {"experience_years": 5.0}) in received


@pytest.mark.usefixtures("recent")
@pytest.mark.parametrize(
    ("percentile", "margin", "sentence"),
    [
        (72.4, 5.6, "80,000 is more than about 72 % of people like these have, give or take 6."),
        (99.9, 0.1, "80,000 is more than about 99 % of people like these have, give or take 1."),
        (None, None, "It is not known how many people like these have less than 80,000."),
    ],
)
def test_page_when_a_salary_is_entered_then_says_where_it_stands(
    page: AppTest,
    answers: dict,
    prediction: dict,
    received: list,
    percentile: float | None,
    margin: float | None,
    sentence: str,
) -> None:
    found = {"percentile": percentile, "percentile_margin": margin}
    answers["/predict"] = (200, prediction | found)
    labelled(page.number_input, "Salary to compare").set_value(80000)
    page.run()
    assert ("POST /predict", {"experience_years": 5.0, "salary": 80000.0}) in received
    assert sentence in texts(page.markdown)


@pytest.mark.usefixtures("recent")
def test_page_when_what_moves_it_is_opened_then_draws_what_each_input_adds(
    page: AppTest, received: list
) -> None:
    assert "POST /explain" not in [asked for asked, _ in received]
    (picture,) = pictures(open_tab(page, "What moves it"))
    assert ("POST /explain", {"experience_years": 5.0}) in received
    assert "<strong>Average prediction, a year, gross</strong>" in picture
    assert "<span>Professional experience</span>" in picture
    assert "<span>\u22129,000</span>" in picture


@pytest.mark.usefixtures("recent")
@pytest.mark.parametrize(
    "answer",
    [
        (503, refuse("busy", "try again")),
        (200, {"contributions": None}),
        (200, {"contributions": {"another": 5}}),
    ],
)
def test_page_when_it_is_not_known_what_drives_a_prediction_then_shows_the_prediction_alone(
    page: AppTest, answers: dict, answer: Any
) -> None:
    status, told = answer
    answers["/explain"] = (status, answers["/explain"][1] | told)
    open_tab(page, "What moves it")
    assert shown(page) == ["About 72,861 a year, gross"]
    assert (pictures(page), len(page.error)) == ([], 0)


def test_contributions_when_there_are_many_then_the_smallest_are_drawn_as_one() -> None:
    rows = largest({f"x{number}": number for number in range(-10, 10)})
    assert [adds for _, adds in rows[:3]] == [-10, -9, 9]
    assert len(rows) == MANY
    assert rows[-1][0] == REST
    assert sum(adds for _, adds in rows) == sum(range(-10, 10))


def test_labels_when_two_inputs_share_one_then_their_fields_tell_them_apart() -> None:
    labels = {"here": "Years", "elsewhere": "Years", "grade": "Grade"}

    assert labels_apart(labels) == {
        "here": "Years (here)",
        "elsewhere": "Years (elsewhere)",
        "grade": "Grade",
    }


def test_page_when_the_answer_has_warnings_then_shows_each(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    answers["/predict"] = (200, prediction | {"warnings": ["12 is rare.", "So is this."]})
    page.run()
    assert [x.value for x in page.warning] == ["12 is rare.", "So is this."]


def test_page_when_texts_look_like_markdown_then_shows_them_as_they_are(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    answers["/predict"] = (200, prediction | {"warnings": ["$5 or $6, *not* :red[9]"]})
    page.run()
    assert page.warning[0].value == r"\$5 or \$6, \*not\* \:red\[9\]"


def test_page_when_an_optional_feature_is_left_empty_then_does_not_send_it(
    model: dict,
    received: list,
    scripted_url: str,
    answers: dict,
    prediction: dict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = model["contract"]["features"]
    features.append({**features[0], "name": "weekly_hours", "required": False})
    answers["/predict"] = (200, prediction)
    page_of(scripted_url, monkeypatch)
    assert received[1] == ("POST /predict", {"experience_years": 5.0})


def test_page_when_a_new_version_is_served_then_announces_it_and_answers_with_it(
    page: AppTest, model: dict, answers: dict, prediction: dict
) -> None:
    model |= {"model_version": 2, "metrics": {"rmse": 5181.9}}
    answers["/predict"] = (200, prediction | {"model_version": 2, "salary": 70000.0})
    page.run()
    assert texts(page.info) == ["Version 2 answers from now on, no longer version 1."]
    assert "Version 1 had answered 72,861." in texts(page.markdown)
    assert "version 2." in page.caption[0].value
    assert "off by about 5,182 a year" in page.caption[0].value


def test_page_when_the_announcement_is_taken_note_of_then_it_goes(
    page: AppTest, model: dict, answers: dict, prediction: dict
) -> None:
    model["model_version"] = 2
    answers["/predict"] = (200, prediction | {"model_version": 2})
    page.run()
    labelled(page.button, "Got it").click().run()
    assert not page.info


def test_page_when_it_is_rolled_back_then_says_which_version_answers_again(
    page: AppTest, model: dict, answers: dict, prediction: dict
) -> None:
    model["model_version"] = 3
    answers["/predict"] = (200, prediction | {"model_version": 3})
    page.run()
    model["model_version"] = 2
    answers["/predict"] = (200, prediction | {"model_version": 2})
    page.run()
    assert texts(page.info) == ["Version 2 answers again, no longer version 3."]


def test_page_when_the_rmse_is_an_archives_claim_then_says_so(
    page: AppTest, model: dict, answers: dict, prediction: dict
) -> None:
    model |= {"model_version": 2, "metrics": {"rmse": 5181.9}, "claimed": True}
    answers["/predict"] = (200, prediction | {"model_version": 2})
    page.run()
    assert page.caption[0].value.endswith(
        "version 2. It was imported; its archive claims that it was off by about 5,182 a year, "
        "gross (RMSE), which nobody has measured here."
    )


def test_page_when_a_version_answers_between_two_looks_then_is_announced_before_it_is_shown(
    page: AppTest, model: dict, answers: dict, prediction: dict
) -> None:
    def promote(_: Any) -> tuple[int, dict]:
        model["model_version"] = 2
        return 200, prediction | {"model_version": 2, "salary": 70000.0}

    answers["/predict"] = promote
    page.run()
    assert texts(page.info) == ["Version 2 answers from now on, no longer version 1."]
    assert shown(page) == ["About 70,000 a year, gross"]


def test_page_when_another_version_answers_than_is_described_for_long_then_shows_no_answer(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    answers["/predict"] = (200, prediction | {"model_version": 2})
    page.run()
    assert shown(page) == []
    assert texts(page.info) == [
        "The service is changing its model. This page asks again in a moment."
    ]


def test_page_when_another_model_answers_by_the_same_number_then_shows_no_answer(
    page: AppTest, answers: dict, prediction: dict
) -> None:
    answers["/predict"] = (200, prediction | {"model_name": "another"})
    page.run()
    assert shown(page) == []


def test_page_when_a_new_version_asks_the_same_then_keeps_what_was_entered(
    page: AppTest, model: dict, answers: dict, prediction: dict
) -> None:
    page.number_input[0].set_value(7.5).run()
    model["model_version"] = 2
    answers["/predict"] = (200, prediction | {"model_version": 2})
    assert page.run().number_input[0].value == 7.5


def test_page_when_a_new_model_asks_for_more_then_says_so_above_its_form(
    page: AppTest, model: dict, answers: dict, prediction: dict
) -> None:
    features = model["contract"]["features"]
    features.append({**features[0], "name": "weekly_hours", "label": "Weekly hours"})
    model["model_version"] = 2
    answers["/predict"] = (200, prediction | {"model_version": 2})
    page.run()
    assert len(page.number_input) == 2
    assert texts(page.info) == [
        "Version 2 answers from now on, no longer version 1. It asks for other values: check them."
    ]


def test_page_when_what_answers_becomes_the_reserve_then_announces_no_other_bundle(
    page: AppTest, model: dict
) -> None:
    model |= {"source": "reserve", "reason": "Bundle 2-ffffffff does not load."}
    page.run()
    assert texts(page.info) == ["Version 1 answers as a reserve: Bundle 2-ffffffff does not load."]


def test_page_when_a_reserve_serves_then_says_why(
    model: dict, scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model |= {"source": "reserve", "reason": "Bundle 2-ffffffff does not load."}
    page = page_of(scripted_url, monkeypatch)
    assert [x.value for x in page.info] == [
        "Version 1 answers as a reserve: Bundle 2-ffffffff does not load."
    ]
    assert len(page.number_input) == 1


def test_page_when_a_value_is_refused_then_says_why_beside_its_field_and_the_answer_goes(
    page: AppTest, answers: dict
) -> None:
    message = "61 is above the maximum 60"
    refusal = refuse("invalid_input", f"experience_years: {message}")
    refusal["error"]["details"] = [{"field": "experience_years", "message": message}]
    answers["/predict"] = (400, refusal)
    page.number_input[0].set_value(61.0).run()
    assert f":red[:material/error: {message}]" in [x.value for x in page.markdown]
    assert shown(page) == []
    assert texts(page.info) == ["There is no prediction for these values: change what is marked."]


def test_page_when_a_refusal_names_no_field_then_repeats_it(page: AppTest, answers: dict) -> None:
    answers["/predict"] = (400, refuse("invalid_input", "no such row."))
    page.run()
    assert texts(page.info) == [
        "no such row. There is no prediction for these values: change what is marked."
    ]


def test_page_when_the_service_is_not_running_then_says_make_serve(
    closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(closed_url, monkeypatch)
    assert [x.value.replace("\\", "") for x in page.error] == [
        (
            f"The prediction service is not running, or cannot be reached, at {closed_url}. "
            "Start it with `make serve`, then try again. If it runs elsewhere, or on another "
            "port, set SALARY_SERVICE_URL to its address, such as http://127.0.0.1:3001, and "
            "start this page again."
        )
    ]
    assert not page.exception


def test_page_when_there_is_no_model_then_says_make_run(
    answers: dict, scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers["/model"] = (503, refuse("no_model", "package one with `make run ENV=empty`"))
    page = page_of(scripted_url, monkeypatch)
    assert [x.value.replace("\\", "") for x in page.error] == [
        (
            f"The prediction service at {scripted_url} has no model yet: package one with "
            "`make run ENV=empty`."
        )
    ]


def test_page_when_a_model_arrives_then_try_again_shows_the_form(
    answers: dict, scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = answers["/model"]
    answers["/model"] = (503, refuse("no_model", "no bundle"))
    page = page_of(scripted_url, monkeypatch)
    answers["/model"] = found
    page.button[0].click().run()
    assert not page.error
    assert len(page.number_input) == 1


def test_page_when_the_service_fails_at_predict_then_says_so_without_a_traceback(
    page: AppTest, answers: dict
) -> None:
    answers["/predict"] = (500, refuse("internal", "the model failed"))
    page.run()
    assert "failed (the model failed)" in page.error[0].value
    assert not page.exception


def test_page_when_the_address_is_malformed_then_shows_how_to_write_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = page_of("localhost:3000", monkeypatch)
    assert "SALARY_SERVICE_URL is 'localhost:3000'" in page.error[0].value.replace("\\", "")


def test_page_when_it_has_no_field_for_a_kind_then_names_it(
    model: dict, scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model["contract"]["features"][0] |= {"kind": "colour"}
    page = page_of(scripted_url, monkeypatch)
    assert page.error[0].value.startswith(
        "This page has no field for Professional experience (colour)."
    )


# --- The kinds of columns -----------------------------------------------------------------


def test_page_when_the_contract_has_every_kind_then_draws_the_widget_of_each(
    full_page: AppTest,
) -> None:
    assert not full_page.exception
    assert [x.label.partition(" \\(")[0].partition(" (")[0] for x in full_page.number_input] == [
        "Hours",
        "Bonus",
        "Level",
        "Salary to compare",
    ]
    assert [x.label for x in full_page.selectbox[:2]] == ["Site", "Job title"]
    assert [x.label for x in full_page.checkbox] == ["Manager"]
    assert [x.label for x in full_page.segmented_control] == ["Grade", "Remote"]
    assert [x.label for x in full_page.date_input] == [
        "Hired (at least 2000-01-01, below 2027-01-01)"
    ]


def test_page_when_the_examples_are_sent_as_they_stand_then_shows_a_salary(
    full_page: AppTest,
) -> None:
    full_page.run()
    assert not full_page.error
    assert not full_page.warning
    assert shown(full_page)[0].startswith("About ")


def test_page_when_up_to_five_categories_are_listed_then_all_are_in_view_in_order(
    open_for: Callable[..., AppTest],
) -> None:
    field = open_for(category("grade", "Low", "High", "Mid", example="Mid")).segmented_control[0]
    assert (field.options, field.value) == (["Low", "High", "Mid"], "Mid")


def test_page_when_six_categories_are_listed_then_they_are_a_list_to_search(
    open_for: Callable[..., AppTest],
) -> None:
    (field,) = open_for(category("grade", *"abcdef", example="c")).selectbox
    assert (field.options, field.value) == (list("abcdef"), "c")
    assert not field.proto.accept_new_options


def test_page_when_a_listed_category_is_optional_then_it_starts_empty(
    open_for: Callable[..., AppTest],
) -> None:
    field = open_for(category("grade", "Low", "High", required=False)).segmented_control[0]
    assert field.value is None
    assert not field.proto.required


def test_page_when_categories_are_learned_then_offers_those_and_takes_others(
    open_for: Callable[..., AppTest],
) -> None:
    (field,) = open_for(learned("job", "Analyst")).selectbox
    assert (field.options, field.value) == (["Analyst", "Driver"], "Analyst")
    assert field.proto.accept_new_options


UNMET = ":orange[:material/warning: Did not occur in the training data]"


def test_page_when_a_learned_category_is_folded_then_starts_at_the_one_that_is_offered(
    open_for: Callable[..., AppTest],
) -> None:
    page = open_for(learned("job", "Analyst", fold=True))
    (field,) = page.selectbox
    assert (field.options, field.value) == (["analyst", "driver"], "analyst")
    assert UNMET not in [x.value for x in page.markdown]


@pytest.mark.parametrize("example", [True, False])
def test_page_when_a_truth_value_is_required_then_is_a_box_set_to_the_example(
    open_for: Callable[..., AppTest], example: bool
) -> None:
    (field,) = open_for(column("manager", kind="boolean", unit="", example=example)).checkbox
    assert (field.label, field.value) == ("Manager", example)


def test_page_when_a_truth_value_is_optional_then_offers_three_answers(
    open_for: Callable[..., AppTest],
) -> None:
    feature = column("manager", kind="boolean", unit="", example=True, required=False)
    field = open_for(feature).segmented_control[0]
    assert (field.options, field.value) == (["Not known", "Yes", "No"], "Not known")


def test_page_when_a_date_is_required_then_its_field_starts_at_the_example(
    open_for: Callable[..., AppTest],
) -> None:
    bounds = {"exclusive_minimum": "2009-12-31", "maximum": "2026-12-31", "example": "2015-06-30"}
    (field,) = open_for(column("hired", kind="date", unit="", **bounds)).date_input
    assert field.value == date(2015, 6, 30)


def test_page_when_a_day_is_out_of_bounds_then_the_service_says_what_is_allowed(
    open_for: Callable[..., AppTest],
) -> None:
    bounds = {"exclusive_minimum": "2009-12-31", "maximum": "2026-12-31", "example": "2015-06-30"}
    page = open_for(column("hired", kind="date", unit="", **bounds))
    page.date_input[0].set_value(date(2009, 12, 31)).run()
    assert shown(page) == []
    (refusal,) = [x for x in texts(page.markdown) if x.startswith(":red[")]
    assert "2009-12-31" in refusal


def test_page_when_a_date_has_no_bounds_then_its_field_takes_any_day(
    open_for: Callable[..., AppTest],
) -> None:
    feature = column("hired", kind="date", unit="", example="2015-06-30", required=False)
    (field,) = open_for(feature).date_input
    assert (field.min, field.max, field.value) == (date.min, date.max, None)


def test_page_when_a_column_is_no_input_then_does_not_ask_for_it(
    open_for: Callable[..., AppTest],
) -> None:
    page = open_for(
        column("age"), category("sex", "f", "m", use="audit"), learned("x", "y", use="ignore")
    )
    assert [x.label for x in page.number_input] == [
        "Age (units)",
        "Salary to compare (above 0 a year)",
    ]
    assert not page.selectbox
    assert not [x for x in page.segmented_control if x.label == "Sex"]


def test_page_when_training_covered_a_range_then_says_so_under_the_field(
    open_for: Callable[..., AppTest],
) -> None:
    years = column("age", unit="years", help="At hiring.")
    day = column("hired", kind="date", unit="", example="2015-06-30")
    page = open_for(years, day)
    assert texts(page.caption)[:2] == [
        "Learned from 1 to 9 years",
        "Learned from 2010-01-15 to 2018-04-15",
    ]


def test_page_when_a_value_lies_outside_of_training_then_says_so_under_the_field(
    open_for: Callable[..., AppTest],
) -> None:
    page = open_for(column("age", unit="years"), learned("job", "Analyst"))
    page.number_input[0].set_value(9.5).run()
    outside = ":orange[:material/warning: Outside of what it learned from: 1 to 9 years]"
    assert outside in [x.value for x in page.markdown]


def test_page_when_every_kind_is_entered_then_repeats_what_was_asked(full_page: AppTest) -> None:
    labelled(full_page.selectbox, "Site").select('"*quoted*" $5 or $6')
    labelled(full_page.segmented_control, "Remote").set_value("No")
    labelled(full_page.date_input, "Hired").set_value(date(2016, 2, 29))
    full_page.run()
    asked = (
        'Hours: 40 hours a week, Level: 5, Grade: Junior, Site: "*quoted*" $5 or $6, '
        "Job title: Analyst, Manager: no, Remote: no, Hired: 2016-02-29"
    )
    assert asked in texts(full_page.markdown)


def test_page_when_a_value_lies_outside_of_training_then_shows_the_warning(
    full_page: AppTest,
) -> None:
    labelled(full_page.number_input, "Hours").set_value(80.0)
    labelled(full_page.date_input, "Hired").set_value(date(2000, 1, 1))
    full_page.run()
    learned_from = "is outside the training range"
    *inputs, answer = texts(full_page.warning)
    assert inputs == [
        f"Hours {learned_from}: 30 to 46 hours a week",
        f"Hired {learned_from}: 2010-01-15 to 2018-04-15",
    ]
    assert answer.startswith("Salary is predicted as -330,039, but must be a number above 0")


@pytest.mark.parametrize("text", AWKWARD)
def test_page_when_a_category_is_awkward_then_sends_it_as_it_is(
    full_page: AppTest, text: str
) -> None:
    labelled(full_page.selectbox, "Site").select(text)
    full_page.run()
    assert not full_page.error
    assert f"Site: {' '.join(text.split())}, Job" in " ".join(texts(full_page.markdown))


def test_page_when_a_value_is_taken_back_then_is_left_out(
    model: dict, received: list, scripted_url: str, answers: dict, prediction: dict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    contract = contract_of(
        category("site", "a", "b", required=False),
        column("remote", kind="boolean", unit="", example=True, required=False),
        column("hired", kind="date", unit="", example="2015-06-30", required=False),
        column("age", kind="integer", required=False),
    )
    model["contract"] = contract.model_dump(mode="json")
    answers["/predict"] = (200, prediction)
    page_of(scripted_url, monkeypatch)
    assert ("POST /predict", {}) in received


def test_page_when_it_is_drawn_for_professors_then_has_two_lists_and_two_whole_numbers(
    serve: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(serve(professors()), monkeypatch)
    assert [(x.label, x.options) for x in page.segmented_control[:2]] == [
        ("Rank", ["AsstProf", "AssocProf", "Prof"]),
        ("Discipline", ["A", "B"]),
    ]
    assert [(x.label, x.step) for x in page.number_input] == [
        ("Years since the PhD (0 to 70 years)", 1),
        ("Years of service (0 to 70 years)", 1),
        ("Salary to compare (above 0 a year)", 1),
    ]
    page.run()
    assert shown(page)[0].endswith("a year")


def test_page_when_a_version_learned_from_more_then_keeps_what_was_entered(
    page: AppTest, model: dict
) -> None:
    page.number_input[0].set_value(7.5)
    model["domain"] = {"ranges": {"experience_years": [0, 20]}, "categories": {}}
    page.run()
    assert page.number_input[0].value == 7.5
    assert not page.info


# --- Links ---------------------------------------------------------------------------------


def open_link(address: str, monkeypatch: pytest.MonkeyPatch, **given: str) -> AppTest:
    """The page as a link with values opens it."""
    monkeypatch.setenv("SALARY_SERVICE_URL", address)
    page = AppTest.from_file(PAGE, default_timeout=30)
    for name, text in given.items():
        page.query_params[name] = text
    return page.run()


def test_link_when_it_is_opened_then_its_values_are_answered_and_leave_the_address(
    scripted_url: str, received: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_link(scripted_url, monkeypatch, experience_years="7.5")
    assert page.number_input[0].value == 7.5
    assert ("POST /predict", {"experience_years": 7.5}) in received
    assert dict(page.query_params) == {}
    assert not page.warning


def test_link_when_a_listed_category_is_folded_then_takes_it_in_every_spelling(
    serve: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grades = category("grade", "Junior", "Senior", fold=True)
    page = open_link(serve(contract_of(grades)), monkeypatch, grade="SENIOR")
    assert page.segmented_control[0].value == "Senior"
    assert not page.warning


@pytest.mark.parametrize("text", ["many", "nan", "1e999", ""])
def test_link_when_a_value_is_none_of_the_form_then_says_so_and_keeps_the_example(
    scripted_url: str, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    page = open_link(scripted_url, monkeypatch, experience_years=text, colour="red")
    assert page.number_input[0].value == 5
    assert texts(page.warning) == [
        "The link holds what this form cannot take, and was left out: colour, experience_years."
    ]


def test_link_when_what_was_left_out_is_taken_note_of_then_that_goes(
    scripted_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_link(scripted_url, monkeypatch, colour="red", experience_years="7.5")
    labelled(page.button, "Got it").click().run()
    assert not page.warning
    assert page.number_input[0].value == 7.5


@pytest.mark.parametrize("text", ["9" * 400, "-9007199254740992", "7.5"])
def test_link_when_a_whole_number_is_none_that_a_field_holds_then_says_so(
    serve: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    page = open_link(serve(all_kinds()), monkeypatch, level=text)
    assert not page.exception
    assert texts(page.warning) == [
        "The link holds what this form cannot take, and was left out: level."
    ]


def test_link_when_every_kind_is_in_it_then_fills_each_in(
    serve: Callable[[Contract], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "level": "7",
        "grade": "Principal",
        "site": "${x}",
        "job": "Astronaut",
        "manager": "true",
        "remote": "false",
        "hired": "2016-02-29",
    }
    page = open_link(serve(all_kinds()), monkeypatch, **given)
    assert (
        "Hours: 40 hours a week, Level: 7, Grade: Principal, Site: ${x}, Job title: Astronaut, "
        "Manager: yes, Remote: no, Hired: 2016-02-29"
    ) in texts(page.markdown)


# --- Who may enter ------------------------------------------------------------------------


@pytest.fixture
def listening_wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page has a token and listens to all addresses; nobody has tried a password yet."""
    monkeypatch.setenv("SALARY_TOKEN", "s3cret-token")
    monkeypatch.setattr("entrance.try_password", WrongTries().check)
    before = config.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")  # noqa: S104 - that is the case
    yield
    config.set_option("server.address", before)


@pytest.mark.usefixtures("listening_wide")
def test_page_when_others_reach_it_with_a_token_then_is_closed_and_asks_nothing(
    page: AppTest, received: list
) -> None:
    assert [x.value for x in page.error] == [
        "This page is closed. Whoever runs it finds the reason in its log."
    ]
    assert not page.button
    assert received == []


@pytest.mark.usefixtures("listening_wide")
def test_page_when_the_password_is_entered_then_is_open_for_that_visitor_alone(
    scripted_url: str, received: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_PAGE_PASSWORD", "correct horse battery")
    page = page_of(scripted_url, monkeypatch)
    page.text_input[0].set_value("wrong password")
    page.button[0].click().run()
    assert [x.value for x in page.error] == ["That is not the password. Try again."]
    assert received == []
    page.text_input[0].set_value("correct horse battery")
    page.button[0].click().run()
    assert not page.text_input
    assert shown(page)
    assert page_of(scripted_url, monkeypatch).text_input


@pytest.mark.usefixtures("listening_wide")
def test_page_when_the_password_was_changed_then_asks_those_who_are_in_too(
    scripted_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse battery")
    monkeypatch.setenv("SALARY_PAGE_PASSWORD_FILE", str(file))
    page = page_of(scripted_url, monkeypatch)
    page.text_input[0].set_value("correct horse battery")
    assert not page.button[0].click().run().text_input
    file.write_text("another horse battery")
    assert page.run().text_input
