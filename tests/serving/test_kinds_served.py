"""Models with columns of every kind, served: warnings, descriptions, and clients left behind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kinds import AWKWARD, GOOD, all_kinds, bundle_of, category, learned
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving.predictor import Predictor
from samples import column, contract_of
from support import copy_project, get, post, wait_until

Ask = Callable[..., httpx.Response]
LEARNED_FROM = "is outside the training range"


def serve(store: BundleStore, contract: Contract, version: int = 1) -> None:
    """Make a model that was trained by a contract the current one."""
    name, files = bundle_of(contract, version)
    store.write(name, files)
    store.point_to(name)


#: Inputs of every kind, and a target of which no prediction is doubted.
ANY_SALARY = all_kinds().model_copy(
    update={"target": all_kinds().target.model_copy(update={"exclusive_minimum": None})}
)


@pytest.fixture
def ask_full(store: BundleStore, predictor: Predictor, ask: Ask) -> Ask:
    """Ask the routes over a model with an input of every kind."""
    serve(store, ANY_SALARY)
    predictor.refresh()
    return ask


# --- Warnings --------------------------------------------------------------------------


def test_predict_when_training_covered_the_row_then_doubts_nothing(ask_full: Ask) -> None:
    assert ask_full("POST", "/predict", GOOD).json()["warnings"] == []


@pytest.mark.parametrize("text", AWKWARD)
def test_predict_when_a_category_is_awkward_then_is_known_all_the_same(
    ask_full: Ask, text: str
) -> None:
    assert ask_full("POST", "/predict", {**GOOD, "site": text}).json()["warnings"] == []


@pytest.mark.parametrize("missing", ["absent", None])
def test_predict_when_optional_values_are_missing_then_answers_without_doubt(
    ask_full: Ask, missing: object
) -> None:
    row = {name: value for name, value in GOOD.items() if name not in ("bonus", "site", "remote")}
    if missing is None:
        row |= {"bonus": None, "site": None, "remote": None}
    answer = ask_full("POST", "/predict", row)
    assert (answer.status_code, answer.json()["warnings"]) == (200, [])


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"hours": 29.9}, f"Hours {LEARNED_FROM}: 30 to 46 hours a week"),
        ({"hours": 47}, f"Hours {LEARNED_FROM}: 30 to 46 hours a week"),
        ({"bonus": 9.5}, f"Bonus {LEARNED_FROM}: 1 to 9 units"),
        ({"hired": "2026-12-31"}, f"Hired {LEARNED_FROM}: 2010-01-15 to 2018-04-15"),
        (
            {"job": "Astronaut"},
            "Job title 'Astronaut' did not occur in the training data",
        ),
    ],
)
def test_predict_when_training_did_not_cover_a_value_then_says_so(
    ask_full: Ask, change: dict[str, Any], warning: str
) -> None:
    answer = ask_full("POST", "/predict", {**GOOD, **change})
    assert (answer.status_code, answer.json()["warnings"]) == (200, [warning])


@pytest.mark.parametrize(
    "change", [{"hours": 30}, {"hours": 46}, {"hired": "2010-01-15"}, {"hired": "2018-04-15"}]
)
def test_predict_when_a_value_is_the_last_that_training_covered_then_doubts_nothing(
    ask_full: Ask, change: dict[str, Any]
) -> None:
    assert ask_full("POST", "/predict", {**GOOD, **change}).json()["warnings"] == []


def test_predict_batch_when_a_row_lies_outside_then_only_that_row_is_doubted(
    ask_full: Ask,
) -> None:
    rows = [GOOD, {**GOOD, "hours": 80, "job": "Astronaut"}, GOOD]
    answer = ask_full("POST", "/predict_batch", {"rows": rows}).json()
    assert [len(row["warnings"]) for row in answer["predictions"]] == [0, 2, 0]


# --- Descriptions ----------------------------------------------------------------------


def test_model_when_asked_then_tells_what_training_covered(ask_full: Ask) -> None:
    assert ask_full("GET", "/model").json()["domain"] == {
        "ranges": {
            "hours": [30, 46],
            "bonus": [1, 9],
            "level": [1, 9],
            "hired": ["2010-01-15", "2018-04-15"],
        },
        "categories": {
            "grade": ["Junior", "Principal", "Senior"],
            "site": sorted(AWKWARD),
            "job": ["Analyst", "Driver"],
        },
        "others": [],
    }


def test_model_when_asked_then_gives_back_the_contract(ask_full: Ask) -> None:
    assert Contract.model_validate(ask_full("GET", "/model").json()["contract"]) == ANY_SALARY


@pytest.mark.parametrize(
    ("path", "answers"),
    [("/predict", "warnings"), ("/predict_batch", "predictions"), ("/explain", "contributions")],
)
def test_openapi_when_its_example_is_sent_then_it_is_answered(
    ask_full: Ask, path: str, answers: str
) -> None:
    operation = ask_full("GET", "/openapi.json").json()["paths"][path]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    answer = ask_full("POST", path, example)
    assert answer.status_code == 200
    assert answers in answer.json()


def test_openapi_when_asked_then_gives_a_row_in_the_contracts_order(ask_full: Ask) -> None:
    operation = ask_full("GET", "/openapi.json").json()["paths"]["/predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert list(example.items()) == [
        ("hours", 40),
        ("bonus", 5),
        ("level", 5),
        ("grade", "Junior"),
        ("site", "No"),
        ("job", "Analyst"),
        ("manager", False),
        ("remote", True),
        ("hired", "2015-06-30"),
    ]


# --- A client that was written for another contract ------------------------------------

HOURS = column("hours", unit="hours a week", minimum=1, maximum=80, example=30)
LEVEL = column("level", kind="integer", unit="", minimum=1, maximum=9)
BONUS = column("bonus", unit="", minimum=0, required=False)
GRADE = category("grade", "Junior", "Senior")
JOB = learned("job", "Analyst")
MANAGER = column("manager", kind="boolean", unit="", example=False)
HIRED = column("hired", kind="date", unit="", minimum="2000-01-01", example="2015-06-30")
OLD = (HOURS, LEVEL, BONUS, GRADE, JOB, MANAGER, HIRED)
#: What the client goes on to send.
OLD_BODY = {
    "hours": 40,
    "level": 5,
    "grade": "Senior",
    "job": "Analyst",
    "manager": False,
    "hired": "2015-06-30",
}
AFTER_LEVEL = "bonus, grade, job, manager, hired, and salary to compare with"
# The change, what a feature becomes (None: it goes), and the problems that the client is told.
LEFT_BEHIND: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    (
        "a field is removed",
        {"level": None},
        [("level", f"unknown field; the fields are hours, {AFTER_LEVEL}")],
    ),
    (
        "a field no longer reaches the model",
        {"level": {**LEVEL, "use": "audit"}},
        [("level", f"unknown field; the fields are hours, {AFTER_LEVEL}")],
    ),
    (
        "a field is renamed",
        {"hours": {**HOURS, "name": "weekly_hours"}},
        [
            ("weekly_hours", "missing; it must be a number from 1 to 80 (hours a week)"),
            (
                "hours",
                f"unknown field; the fields are weekly_hours, level, {AFTER_LEVEL}",
            ),
        ],
    ),
    (
        "a required field is new",
        {"age": column("age", kind="integer", unit="years", minimum=16, example=40)},
        [("age", "missing; it must be a whole number from 16 (years)")],
    ),
    (
        "an optional field becomes required",
        {"bonus": {**BONUS, "required": True}},
        [("bonus", "missing; it must be a number from 0")],
    ),
    (
        "bounds are narrowed",
        {"hours": {**HOURS, "maximum": 35}},
        [("hours", "40 is not allowed; it must be a number from 1 to 35 (hours a week)")],
    ),
    (
        "bounds of a date are narrowed",
        {"hired": {**HIRED, "minimum": "2016-01-01", "example": "2016-01-01"}},
        [("hired", '"2015-06-30" is not allowed; it must be a date, YYYY-MM-DD, from 2016-01-01')],
    ),
    (
        "a category is removed",
        {"grade": {**GRADE, "categories": ["Junior", "Principal"]}},
        [("grade", "\"Senior\" is not allowed; it must be one of 'Junior', 'Principal'")],
    ),
    (
        "a boolean becomes a category",
        {"manager": category("manager", "no", "yes")},
        [("manager", "false is not allowed; it must be one of 'no', 'yes'")],
    ),
    (
        "a category becomes a whole number",
        {"grade": column("grade", kind="integer", unit="", minimum=1, maximum=7)},
        [("grade", '"Senior" is not allowed; it must be a whole number from 1 to 7')],
    ),
    (
        "a date becomes a number",
        {"hired": column("hired", unit="", example=2015)},
        [("hired", '"2015-06-30" is not allowed; it must be a number')],
    ),
    (
        "a whole number becomes a date",
        {"level": {**HIRED, "name": "level", "column": "Level"}},
        [("level", "5 is not allowed; it must be a date, YYYY-MM-DD, from 2000-01-01")],
    ),
]


def changed(changes: dict[str, Any]) -> Contract:
    """The old contract with some features put in the place of others, left out or added."""
    features = {feature["name"]: feature for feature in OLD} | changes
    return contract_of(*(feature for feature in features.values() if feature is not None))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, BundleStore]]:
    """Address of a running service, and the bundles that it follows."""
    folder: Path = tmp_path_factory.mktemp("bundles")
    project = copy_project(tmp_path_factory.mktemp("served") / "project")
    with project.serve(SALARY_BUNDLES=str(folder)) as address:
        yield address, BundleStore(folder)


@pytest.fixture
def swap(running: tuple[str, BundleStore]) -> Callable[[Contract], str]:
    """Puts a model trained by another contract into the service's place; gives the address."""
    address, store = running

    def put(contract: Contract) -> str:
        version = len(store.names()) + 1
        serve(store, contract, version)
        wait_until(
            lambda: (
                (answer := get(f"{address}/model")).status == 200
                and answer.body["model_version"] == version
            ),
            f"version {version}",
        )
        return address

    return put


@pytest.mark.parametrize(
    ("changes", "problems"),
    [pytest.param(changes, problems, id=name) for name, changes, problems in LEFT_BEHIND],
)
@pytest.mark.server
def test_service_when_the_contract_changed_under_a_client_then_names_field_and_what_is_allowed(
    swap: Callable[[Contract], str], changes: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert post(f"{swap(changed({}))}/predict", OLD_BODY).status == 200
    answer = post(f"{swap(changed(changes))}/predict", OLD_BODY)
    assert answer.status == 422
    assert answer.body["error"] == {
        "code": "invalid_input",
        "message": "; ".join(f"{field}: {message}" for field, message in problems),
        "details": [{"field": field, "message": message} for field, message in problems],
    }


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"hours": {**HOURS, "maximum": 100}}, id="bounds are widened"),
        pytest.param({"grade": {**GRADE, "categories": ["Junior", "Senior", "Head"]}}, id="more"),
        pytest.param({"job": {**JOB, "required": False}}, id="a field becomes optional"),
        pytest.param({"age": column("age", required=False)}, id="an optional field is new"),
    ],
)
@pytest.mark.server
def test_service_when_the_contract_allows_more_than_before_then_answers_old_clients(
    swap: Callable[[Contract], str], changes: dict[str, Any]
) -> None:
    assert post(f"{swap(changed(changes))}/predict", OLD_BODY).status == 200
