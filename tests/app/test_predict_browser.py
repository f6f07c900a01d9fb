"""The page *Predict* in a real browser, over a real service."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from axe import violations
from bundles import add_bundle
from kinds import bundle_of, professors
from pages import DEADLINE_SECONDS, running_page
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving.predictor import Predictor
from services import real_service_of, real_service_to_refresh

pytestmark = pytest.mark.browser
WAIT = 1000 * DEADLINE_SECONDS


@dataclass(frozen=True)
class Following:
    """A service whose bundles change while it runs.

    Attributes:
        address: Where it is asked.
        predictor: Serves what the pointer names, once it is told to look.
        bundles: The bundles, none at first.
    """

    address: str
    predictor: Predictor
    bundles: BundleStore

    def serve(self, contract: Contract, version: int) -> None:
        """Let a version answer, which predicts 1,000 times its number and 50 for five years."""
        self.bundles.point_to(add_bundle(self.bundles.folder, contract, version))
        self.predictor.refresh()


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    """A service without a model."""
    bundles = BundleStore(tmp_path / "bundles")
    with real_service_to_refresh(bundles) as (address, predictor):
        yield Following(address, predictor, bundles)


def headline(page: Page) -> Locator:
    """The answer in short."""
    return page.get_by_role("heading", name="About")


def type_years(page: Page, years: str) -> None:
    """Type years of experience by the keyboard alone, and commit them with Enter."""
    field = page.get_by_role("spinbutton", name="Professional experience")
    field.fill(years)
    field.press("Enter")


def test_page_when_a_version_is_promoted_and_rolled_back_then_says_so_by_itself(
    open_page: Callable[[str], Page], following: Following, contract: Contract
) -> None:
    following.serve(contract, 1)
    page = open_page(following.address)
    expect(headline(page)).to_contain_text("1,050", timeout=WAIT)
    following.serve(contract, 2)
    promoted = page.get_by_text("Version 2 answers from now on, no longer version 1.").first
    expect(promoted).to_be_visible(timeout=WAIT)
    expect(headline(page)).to_contain_text("2,050", timeout=WAIT)
    following.serve(contract, 1)
    rolled_back = page.get_by_text("Version 1 answers again, no longer version 2.").first
    expect(rolled_back).to_be_visible(timeout=WAIT)
    expect(headline(page)).to_contain_text("1,050", timeout=WAIT)


def test_page_when_a_first_model_arrives_then_shows_its_form_by_itself(
    open_page: Callable[[str], Page], following: Following, contract: Contract
) -> None:
    page = open_page(following.address)
    expect(page.get_by_text("has no model yet")).to_contain_text("make run", timeout=WAIT)
    following.serve(contract, 1)
    expect(headline(page)).to_contain_text("1,050", timeout=WAIT)


def test_page_when_a_value_is_typed_then_answers_without_predict_and_says_it_politely(
    open_page: Callable[[str], Page], service_url: str
) -> None:
    page = open_page(service_url)
    said = page.locator("[aria-live=polite]").filter(has_text="About 72,861")
    expect(said).to_have_count(1, timeout=WAIT)
    type_years(page, "7.5")
    expect(headline(page)).not_to_contain_text("72,861", timeout=WAIT)
    told = re.compile(r"About [\d,]+ .*confidence between")
    expect(page.locator("[aria-live=polite]").filter(has_text=told)).to_have_count(1, timeout=WAIT)


def test_page_when_a_required_field_is_cleared_then_stays_empty_and_asks_for_it(
    open_page: Callable[[str], Page], service_url: str
) -> None:
    page = open_page(service_url)
    expect(headline(page)).to_be_visible(timeout=WAIT)
    type_years(page, "")
    expect(page.get_by_text("Please fill this in.")).to_be_visible(timeout=WAIT)
    expect(headline(page)).to_have_count(0)
    expect(page.get_by_role("spinbutton", name="Professional experience")).to_have_value("")


def test_page_when_a_value_is_out_of_bounds_then_says_so_beside_it_and_the_answer_goes(
    open_page: Callable[[str], Page], service_url: str
) -> None:
    page = open_page(service_url)
    expect(headline(page)).to_be_visible(timeout=WAIT)
    type_years(page, "61")
    expect(page.get_by_text(re.compile("must be .* 0 to 60"))).to_be_visible(timeout=WAIT)
    expect(headline(page)).to_have_count(0)


def test_share_link_when_it_is_opened_elsewhere_then_fills_in_the_same_and_leaves_the_address(
    open_page: Callable[[str], Page], browser: Browser, service_url: str
) -> None:
    page = open_page(service_url)
    expect(headline(page)).to_be_visible(timeout=WAIT)
    type_years(page, "7.5")
    assert "?" not in page.url
    page.get_by_role("button", name="Share link").click()
    expect(page.get_by_text("history of every browser")).to_be_visible()
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_test_id("stPopoverBody").locator("code")
    expect(link).to_contain_text("experience_years=7.5", timeout=WAIT)
    with browser.new_page() as other:
        other.goto(link.inner_text())
        years = other.get_by_role("spinbutton", name="Professional experience")
        expect(years).to_have_value("7.5", timeout=WAIT)
        expect(headline(other)).to_be_visible(timeout=WAIT)
        expect(other).to_have_url(re.compile(r"/$"))


@pytest.fixture
def open_as(browser: Browser, tmp_path: Path) -> Iterator[Callable[[int, str], Page]]:
    """Opens the page of the professors' model in a width and by a theme."""
    bundles = BundleStore(tmp_path / "bundles")
    name, files = bundle_of(professors(), explains=True)
    bundles.write(name, files)
    bundles.point_to(name)
    with ExitStack() as stack:

        def open_it(width: int, theme: str) -> Page:
            address = stack.enter_context(
                running_page(
                    tmp_path,
                    SALARY_SERVICE_URL=stack.enter_context(real_service_of(bundles)),
                    STREAMLIT_SERVER_HEADLESS="true",
                )
            )
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
            stack.callback(page.close)
            page.goto(address)
            expect(headline(page)).to_be_visible(timeout=WAIT)
            return page

        yield open_it


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_page_when_axe_looks_at_each_tab_then_finds_nothing(
    open_as: Callable[[int, str], Page], width: int, theme: str
) -> None:
    page = open_as(width, theme)
    expect(page.get_by_role("img", name="Prediction along")).to_be_visible(timeout=WAIT)
    assert violations(page) == []
    page.get_by_role("spinbutton", name="Years of service").fill("60")
    page.get_by_role("tab", name="What moves it").click()
    expect(page.get_by_text("Average prediction")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("Outside of what it learned from")).to_be_visible(timeout=WAIT)
    assert violations(page) == []
    page.get_by_role("tab", name="Use it from code").click()
    expect(page.get_by_text("curl http").first).to_be_visible(timeout=WAIT)
    assert violations(page) == []


def test_page_when_it_is_390_wide_then_nothing_reaches_beyond_its_side(
    open_as: Callable[[int, str], Page],
) -> None:
    page = open_as(390, "dark")
    expect(page.get_by_role("img", name="Prediction along")).to_be_visible(timeout=WAIT)
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('[data-testid=stMain] *')]"
        ".map((each) => each.getBoundingClientRect().right))"
    )
    assert widest <= 390
