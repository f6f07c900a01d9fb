"""Many people: tables by their headers, cells as requests hold them, refusals by row and field."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import many_people
from kinds import GOOD, all_kinds, category, learned, professors
from many_people import Asked, Columns, Field, ask_all, batches, by_row, fields_of, value_of
from people_results import People, problem_table, results
from salary_kedro.tables import csv_arguments
from samples import column, contract_of
from service_client import BadInputError, Prediction, Problem, ServedModel, ServiceClient
from spreadsheet import Cell

Serve = Callable[..., str]
GOOD_PROFESSOR = {"rank": "Prof", "discipline": "A", "yrs_since_phd": 5, "yrs_service": 3}


def fields_at(url: str) -> tuple[ServiceClient, ServedModel, list[Field]]:
    """The service, its model, and the fields of its rows."""
    service = ServiceClient(url)
    model = service.model()
    return service, model, fields_of(model, service.json("model")["contract"])


def field(name: str, url: str) -> Field:
    return next(each for each in fields_at(url)[2] if each.feature.name == name)


def test_columns_when_headers_are_labels_names_or_raw_headers_then_all_are_found(
    serve: Serve,
) -> None:
    _, _, fields = fields_at(serve(professors()))
    headers = ["RANK", "discipline", "Years since the PhD", "Yrs-Service", "Name", "", "Rank"]
    found = Columns.of(headers, fields)
    assert found.places == {"rank": 0, "discipline": 1, "yrs_since_phd": 2, "yrs_service": 3}
    assert (found.unused, found.twice) == (("Name",), ("Rank",))
    assert [each.name for each in found.missing] == ["salary"]


def test_columns_when_a_required_one_is_missing_then_it_is_named(serve: Serve) -> None:
    _, _, fields = fields_at(serve(professors()))
    missing = Columns.of(["rank", "Salary"], fields).missing
    assert [each.name for each in missing] == ["discipline", "yrs_since_phd", "yrs_service"]


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("hours", "38,5", 38.5),
        ("hours", 38.5, 38.5),
        ("hours", "forty", "forty"),
        ("hours", "  ", None),
        ("hours", None, None),
        ("level", 5.0, 5),
        ("level", "5", 5),
        ("grade", " Senior ", "Senior"),
        ("site", 1000.0, "1000"),
        ("manager", "yes", True),
        ("manager", "FALSE", False),
        ("manager", 1.0, True),
        ("manager", "perhaps", "perhaps"),
        ("hired", "2015-06-30", "2015-06-30"),
        ("hired", "2015-06-30T00:00:00", "2015-06-30"),
        ("hired", "30/06/2015", "30/06/2015"),
    ],
)
def test_value_when_a_cell_can_be_read_then_is_typed_and_else_goes_as_it_is(
    name: str, cell: Cell, value: Cell, serve: Serve
) -> None:
    assert value_of(cell, field(name, serve(all_kinds())), ",") == value


def test_value_when_the_contract_says_how_days_are_written_then_reads_them_so(
    serve: Serve,
) -> None:
    hired = field("hired", serve(all_kinds()))
    german = Field.of(hired.feature, {"column": "hired", "format": "%d.%m.%Y"})
    assert value_of("30.06.2015", german, None) == "2015-06-30"


def test_value_when_a_cell_means_no_value_in_the_training_table_then_is_none(serve: Serve) -> None:
    hours = column("hours", required=False, missing_values=("-9", "refused"))
    team = learned("team", "any", missing_values=("confidential",), required=False)
    grade = category("grade", "A", "NA", required=False)
    url = serve(contract_of(hours, team, grade))
    cells: list[Cell] = ["-9", -9.0, "-9.0", "refused", "n/a"]
    assert [value_of(cell, field("hours", url), ".") for cell in cells] == [None] * 5
    assert value_of("-8", field("hours", url), ".") == -8
    assert value_of(" confidential", field("team", url), ".") is None
    assert value_of("-9", field("team", url), ".") == "-9"
    assert value_of("NA", field("grade", url), ".") == "NA"


def test_value_when_training_met_a_text_that_else_means_no_value_then_is_that_text(
    serve: Serve,
) -> None:
    state = field("state", serve(contract_of(learned("state", "NA", required=False))))
    assert value_of("NA", state, ".") == "NA"
    assert value_of("N/A", state, ".") is None


def test_value_when_the_contract_lists_what_is_missing_then_no_other_text_is(serve: Serve) -> None:
    team = learned("team", "any", required=False)
    asked = field("team", serve(contract_of(team, table={"csv": {"missing": ["-"]}})))
    assert value_of("-", asked, ".") is None
    assert value_of("n/a", asked, ".") == "n/a"


def test_missing_when_no_text_is_listed_then_is_what_training_takes_for_it() -> None:
    assert frozenset(csv_arguments.KNOWN_MISSING) == many_people.KNOWN_MISSING


def test_ask_when_some_rows_are_refused_then_the_others_are_answered(serve: Serve) -> None:
    service, model, _ = fields_at(serve(professors()))
    rows: list[dict[str, Any]] = [
        GOOD_PROFESSOR,
        {**GOOD_PROFESSOR, "rank": "Dean", "yrs_service": 99},
        {**GOOD_PROFESSOR, "yrs_since_phd": 7},
    ]
    told: list[int] = []
    asked = ask_all(service, rows, model.target.name, told.append)
    assert sorted(asked.predictions) == [0, 2]
    assert asked.predictions[2] == service.predict(rows[2], model.target.name)
    assert asked.problems[1] == {
        "rank": "\"Dean\" is not allowed; it must be one of 'AsstProf', 'AssocProf', 'Prof'",
        "yrs_service": "99 is not allowed; it must be a whole number from 0 to 70 (years)",
    }
    assert told == [3]


def test_ask_when_there_are_more_problems_than_one_answer_lists_then_every_row_has_all_of_its(
    serve: Serve,
) -> None:
    service, model, _ = fields_at(serve(professors()))
    bad = {"rank": "Dean", "discipline": "C", "yrs_since_phd": 99, "yrs_service": -1}
    rows: list[dict[str, Any]] = [bad if row % 5 else GOOD_PROFESSOR for row in range(700)]
    asked = ask_all(service, rows, model.target.name, lambda _: None)
    assert sorted(asked.predictions) == list(range(0, 700, 5))
    assert len(asked.problems) == 560
    assert {tuple(sorted(found)) for found in asked.problems.values()} == {tuple(sorted(bad))}


def test_ask_when_a_row_holds_every_kind_then_it_is_answered(serve: Serve) -> None:
    service, model, _ = fields_at(serve(all_kinds()))
    asked = ask_all(service, [GOOD], model.target.name, lambda _: None)
    assert asked.predictions[0].value == service.predict(GOOD, model.target.name).value


def test_ask_when_a_refusal_is_about_no_row_then_is_raised_instead_of_asking_for_ever(
    scripted_url: str, answers: dict[str, Any]
) -> None:
    error = {"code": "invalid_input", "message": "no", "details": [{"field": "", "message": "no"}]}
    answers["/predict_batch"] = (400, {"error": error})
    with pytest.raises(BadInputError):
        ask_all(ServiceClient(scripted_url), [{"experience_years": 5}], "salary", lambda _: None)


def test_batches_when_rows_are_many_or_long_then_none_is_beyond_its_bounds() -> None:
    assert [len(batch) for batch in batches([{"x": 1}] * 1_201)] == [500, 500, 201]
    long = [{"x": "é" * 60_000}] * 5  # 360,000 bytes each, escaped
    assert [len(batch) for batch in batches(long)] == [2, 2, 1]
    assert len(json.dumps(long[:2])) < many_people.BATCH_BYTES


def test_by_row_when_the_list_is_full_then_leaves_the_last_row_for_later() -> None:
    full = [Problem(f"rows.{at // 3}.f{at % 3}", "no") for at in range(100)]
    assert sorted(by_row(full)) == list(range(33))
    one = [Problem(f"rows.0.f{at}", "no") for at in range(100)]
    assert sorted(by_row(one)) == [0]


def people(*rows: tuple[str, ...]) -> People:
    return People("people", ("rank", "Note"), rows, tuple(range(1, len(rows) + 1)))


COLUMNS = Columns({"rank": 0}, (), ("Note",), ())


def test_results_when_rows_are_answered_or_refused_then_all_stand_in_their_order(
    serve: Serve,
) -> None:
    _, model, _ = fields_at(serve(professors()))
    answer = Prediction(1234.5678, 1000.0, 1500.0, 0.9, "salaries", 1, ("doubt it",))
    asked = Asked({0: answer}, {1: {"rank": "no rank", "": "no row"}})
    theirs, ours, table = results(model, people(("Prof", "-5"), ("Dean", "")), asked)
    assert [*theirs, *ours] == [
        "rank",
        "Note",
        "Salary, predicted",
        "Interval from",
        "Interval to",
        "Warnings",
        "Problems",
        "Model version",
    ]
    assert table == [
        ["Prof", -5.0, 1234.57, 1000.0, 1500.0, "doubt it", None, 1],
        ["Dean", None, None, None, None, None, "rank: no rank; no row", None],
    ]


def test_problems_when_texts_look_like_markup_then_they_are_shown_as_they_are() -> None:
    shown = problem_table(people(("<b>Dean", "")), COLUMNS, {0: {"rank": "<i>no", "x": "&y"}})
    assert "&lt;b&gt;Dean" in shown
    assert "&lt;i&gt;no" in shown
    assert "x: &amp;y" in shown


def test_problems_when_they_are_many_then_the_first_are_shown_and_the_others_counted() -> None:
    shown = problem_table(
        people(*[("Dean", "")] * 60), COLUMNS, {row: {"rank": "no"} for row in range(60)}
    )
    assert shown.count('<th scope="row"') == 50
    assert "10 more have problems: see the downloads." in shown
