"""What a person does on the first day, once through: the part of it that `make test` runs."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from pages import DEADLINE_SECONDS, predict
from salary_kedro.bundle import BundleStore
from support import Project, post


def test_service_when_the_default_environment_was_run_then_predicts(service_url: str) -> None:
    answer = post(f"{service_url}/predict", {"experience_years": 5})

    assert (answer.status, answer.body["model_version"]) == (200, 1)
    assert round(answer.body["salary"], 2) == 72861.25


def test_page_when_five_years_are_typed_then_shows_the_salary(
    open_page: Callable[[str], Page], service_url: str
) -> None:
    page = open_page(service_url)

    predict(page, "5")

    salary = page.get_by_role("heading", name="About 72,861 a year, gross")
    expect(salary).to_be_visible(timeout=1000 * DEADLINE_SECONDS)


def test_run_when_the_environment_is_the_professors_then_its_bundle_predicts(
    project: Project,
) -> None:
    project.kedro_run("--env", "professors")

    choice = BundleStore(project.root / "data" / "professors" / "06_models" / "bundles").choose()
    assert choice is not None
    (salary,) = choice.bundle.predict([["Prof", "B", 19, 18]])
    assert round(salary, 2) == 130620.66
