"""The service's own page at `/`, in a real browser over the real service."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from axe import violations
from bundles import add_bundle
from kinds import GOOD, all_kinds
from pages import browser
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.token import Token
from services import real_service, real_service_to_refresh

__all__ = ["browser"]
pytestmark = pytest.mark.browser

SECRET = "s3cret-token-of-a-test"  # noqa: S105 - a test's own
WAIT_MILLISECONDS = 30_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service over a model with fields of all kinds."""
    with real_service(all_kinds(), tmp_path_factory.mktemp("bundles")) as url:
        yield url


@pytest.fixture
def open_at(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens the page of a service; its errors fail the test."""
    with ExitStack() as stack:

        def open_it(address: str, **options: object) -> Page:
            page = browser.new_page(**options)
            stack.callback(page.close)
            page.set_default_timeout(WAIT_MILLISECONDS)
            expect.set_options(timeout=WAIT_MILLISECONDS)
            page.on("pageerror", lambda error: pytest.fail(f"{error}"))
            page.goto(f"{address}/")
            return page

        yield open_it


def open_all(page: Page) -> None:
    """Unfold whatever is folded; what is within is made when it is."""
    page.get_by_role("heading", name="Schemas").wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait_for_function(
        "[...document.querySelectorAll('details')].every((each) => each.childElementCount > 1)"
    )


def test_page_when_it_is_opened_then_groups_the_routes_by_name(
    open_at: Callable[..., Page], address: str
) -> None:
    page = open_at(address)
    expect(page.get_by_role("heading", level=2)).to_have_text(
        ["Predictions", "Model", "Descriptions", "Errors", "Schemas"]
    )
    model = page.get_by_role("region", name="Model", exact=True)
    expect(model.locator("summary code")).to_have_text(["/model", "/model/card", "/model/history"])


def test_page_when_send_is_clicked_then_shows_the_answer_and_asks_nobody_else(
    open_at: Callable[..., Page], address: str
) -> None:
    page, elsewhere = open_at(address), list[str]()

    def pass_or_not(route: Route) -> None:
        if route.request.url.startswith(address):
            return route.continue_()
        elsewhere.append(route.request.url)
        return route.abort()

    page.route("**", pass_or_not)
    page.goto(f"{address}/")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Status 200")).to_contain_text('"salary"')
    assert elsewhere == []


def test_page_when_a_field_is_changed_then_sends_the_new_value(
    open_at: Callable[..., Page], address: str
) -> None:
    page = open_at(address)
    page.get_by_label("Hours", exact=True).fill("37.5")
    page.get_by_label("Manager", exact=True).select_option("true")
    page.get_by_label("Bonus (optional)").fill("")
    with page.expect_request("**/predict") as asked:
        page.get_by_role("button", name="Send").click()
    sent = json.loads(asked.value.post_data or "")
    example = {name: value for name, value in GOOD.items() if name != "bonus"}
    assert {name: sent[name] for name in ("hours", "manager")} == {"hours": 37.5, "manager": True}
    assert "bonus" not in sent
    assert set(example) <= set(sent) | {"salary"}


def test_page_when_the_json_was_edited_then_fields_follow_it_and_keep_what_is_in_it(
    open_at: Callable[..., Page], address: str
) -> None:
    page = open_at(address)
    box = page.get_by_label("Request body, as JSON")
    box.fill('{"hours": 12, "manager": true, "mine": 1}')
    expect(page.get_by_label("Hours", exact=True)).to_have_value("12")
    expect(page.get_by_label("Manager", exact=True)).to_have_value("true")
    page.get_by_label("Hours", exact=True).fill("13")
    assert json.loads(box.input_value()) == {"hours": 13, "manager": True, "mine": 1}


def test_page_when_a_value_is_refused_then_says_why(
    open_at: Callable[..., Page], address: str
) -> None:
    page = open_at(address)
    page.get_by_label("Hours", exact=True).fill("500")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="422")).to_contain_text("from 1 to 80")


def test_page_when_the_service_asks_for_a_token_then_takes_it_and_opens_the_card_with_it(
    open_at: Callable[..., Page], contract: Contract, tmp_path: Path
) -> None:
    with real_service(contract, tmp_path, Settings(Token(SECRET))) as closed:
        page = open_at(closed)
        expect(page.get_by_role("status")).to_have_text("This service asks for a token.")
        page.get_by_label("Token").fill(SECRET)
        page.get_by_role("button", name="Show the routes").click()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("region", name="Status 200")).to_contain_text('"salary"')
        page.get_by_role("button", name="Show as curl").click()
        expect(page.get_by_role("region", name="As curl")).to_contain_text("$SALARY_TOKEN")
        expect(page.get_by_role("region", name="As curl")).not_to_contain_text(SECRET)
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Model card").click()
        expect(opened.value.get_by_role("heading", level=1)).to_contain_text("version 1")


def test_page_when_there_is_no_model_then_says_why_and_what_to_do_until_one_comes(
    browser: Browser, contract: Contract, tmp_path: Path
) -> None:
    with real_service_to_refresh(BundleStore(tmp_path)) as (empty, predictor):
        page = browser.new_page()
        page.clock.install()
        page.goto(f"{empty}/")
        expect(page.get_by_role("status")).to_contain_text("there is no model to serve yet")
        expect(page.get_by_role("status").locator("code")).to_have_text(["make run"])
        assert violations(page) == []
        BundleStore(tmp_path).point_to(add_bundle(tmp_path, contract, 1))
        predictor.refresh()
        page.clock.fast_forward(5_000)
        expect(page.get_by_role("heading", name="Predictions")).to_be_visible()
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_card_when_it_is_opened_then_axe_finds_nothing_and_it_never_scrolls_sideways(
    open_at: Callable[..., Page], address: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    page = open_at(address, viewport=size, color_scheme=scheme)
    page.goto(f"{address}/model/card")
    expect(page.get_by_role("heading", level=1)).to_have_text("Salary model, version 1")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_when_all_of_it_is_unfolded_then_axe_finds_nothing_and_it_never_scrolls_sideways(
    open_at: Callable[..., Page], address: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    page = open_at(address, viewport=size, color_scheme=scheme)
    open_all(page)
    page.get_by_role("button", name="Send").first.click()
    expect(page.get_by_role("region", name="Status 200")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
