"""A real browser on the really running page."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from kinds import all_kinds, professors
from pages import DEADLINE_SECONDS, predict, running_page
from salary_kedro.contract import Contract

pytestmark = pytest.mark.browser


def test_page_when_other_years_are_typed_then_shows_another_salary(
    open_page: Callable[[str], Page], service_url: str
) -> None:
    page = open_page(service_url)
    predict(page, "7.5")
    salary = page.get_by_role("heading", name="a year, gross")
    expect(salary).to_be_visible(timeout=1000 * DEADLINE_SECONDS)
    expect(salary).not_to_contain_text("72,861")


def test_page_when_the_service_is_stopped_then_says_how_to_start_it(
    open_page: Callable[[str], Page], closed_url: str
) -> None:
    sentence = open_page(closed_url).get_by_text("The prediction service is not running")
    expect(sentence).to_contain_text("make serve", timeout=1000 * DEADLINE_SECONDS)


def test_streamlit_run_when_the_home_is_empty_then_starts_without_a_prompt(tmp_path: Path) -> None:
    for opener in ("xdg-open", "open"):  # stand in for what opens a person's browser
        shutil.copy(shutil.which("true"), tmp_path / opener)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with running_page(tmp_path, STREAMLIT_SERVER_HEADLESS="false", PATH=path) as address:
        assert httpx.get(address, trust_env=False).is_success


# --- Where it listens, and for whom ---------------------------------------------------------

WIDE = ("--server.address", "0.0.0.0", "--server.headless", "true")  # noqa: S104 - that is the case
SECRET, PASSWORD = "s3cret-token", "correct horse battery"
CLOSED = "This page is closed. Whoever runs it finds the reason in its log."


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder whose own Streamlit settings are as careless as can be."""
    folder = tmp_path / "elsewhere"
    (folder / ".streamlit").mkdir(parents=True)
    (folder / ".streamlit" / "config.toml").write_text(
        '[client]\nshowErrorDetails = "full"\n[browser]\ngatherUsageStats = true\n'
        '[server]\naddress = "0.0.0.0"\nenableCORS = false\nenableXsrfProtection = false\n'
        "enableAgentApi = true\nenableStaticServing = true\n"
    )
    return folder


def listening(port: int) -> set[str]:
    """The addresses at which a port is open."""
    found = psutil.net_connections("tcp")
    return {each.laddr.ip for each in found if each.status == "LISTEN" and each.laddr.port == port}


def test_streamlit_run_when_started_elsewhere_then_listens_to_this_machine_alone(
    tmp_path: Path, elsewhere: Path
) -> None:
    with running_page(tmp_path, cwd=elsewhere, STREAMLIT_SERVER_HEADLESS="true") as address:
        assert listening(int(address.rpartition(":")[2])) == {"127.0.0.1"}


def test_streamlit_run_when_started_elsewhere_then_other_sites_and_programs_are_refused(
    tmp_path: Path, elsewhere: Path
) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with (
        running_page(tmp_path, cwd=elsewhere, STREAMLIT_SERVER_HEADLESS="true") as address,
        httpx.Client(base_url=address, trust_env=False) as visitor,
    ):
        stranger = {**upgrade, "Origin": "http://stranger.example"}
        assert visitor.get("/_stcore/stream", headers=stranger).status_code == 403
        health = visitor.get("/_stcore/health", headers={"Origin": "http://stranger.example"})
        assert "access-control-allow-origin" not in health.headers
        assert visitor.post("/_stcore/agent/interact", json={}).status_code in (403, 404)


def test_page_when_others_reach_it_with_a_token_then_is_closed_and_its_log_says_why(
    browser: Browser, tmp_path: Path, scripted_url: str, received: list[object]
) -> None:
    token = {"SALARY_SERVICE_URL": scripted_url, "SALARY_TOKEN": SECRET}
    with running_page(tmp_path, *WIDE, **token) as address, browser.new_page() as page:
        page.goto(address)
        expect(page.get_by_text(CLOSED)).to_be_visible(timeout=1000 * DEADLINE_SECONDS)
        shown = page.content()
    log = (tmp_path / "streamlit.log").read_text()
    assert log.count("the page is closed: it listens at 0.0.0.0") == 1
    assert "SALARY_PAGE_PASSWORD" in log
    assert SECRET not in shown + log
    assert "SALARY_" not in shown
    assert scripted_url not in shown
    assert received == []


def test_page_when_another_site_rebinds_its_name_in_a_browser_then_is_closed_to_it(
    browser: Browser, tmp_path: Path, scripted_url: str, received: list[object]
) -> None:
    settings = {
        "SALARY_SERVICE_URL": scripted_url,
        "SALARY_TOKEN": SECRET,
        "STREAMLIT_SERVER_HEADLESS": "true",
    }
    with running_page(tmp_path, **settings) as address, browser.new_page() as page:
        page.goto(address.replace("127.0.0.1", "stranger.example"))
        expect(page.get_by_text(CLOSED)).to_be_visible(timeout=1000 * DEADLINE_SECONDS)
        assert received == []
        page.goto(address)
        press_and_wait(page)


def test_page_when_others_reach_it_with_a_password_then_asks_for_that_first(
    browser: Browser, tmp_path: Path, scripted_url: str, received: list[object]
) -> None:
    settings = {
        "SALARY_SERVICE_URL": scripted_url,
        "SALARY_TOKEN": SECRET,
        "SALARY_PAGE_PASSWORD": PASSWORD,
    }
    with running_page(tmp_path, *WIDE, **settings) as address, browser.new_page() as page:
        page.set_default_timeout(1000 * DEADLINE_SECONDS)
        page.goto(address)
        page.get_by_label("Password", exact=True).fill("wrong password")
        page.get_by_role("button", name="Enter").click()
        refusal = page.get_by_text("That is not the password. Try again.")
        expect(refusal).to_be_visible(timeout=1000 * DEADLINE_SECONDS)
        assert received == []
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Enter").click()
        press_and_wait(page)


UPLOAD = """
async (session) => {
    const token = document.cookie.match(/_streamlit_xsrf=([^;]+)/)[1];
    const form = new FormData();
    form.append("file", new Blob(["x".repeat(100000)]), "x");
    const headers = {"X-Xsrftoken": decodeURIComponent(token)};
    const url = `/_stcore/upload_file/${session}/x`;
    return (await fetch(url, {method: "PUT", body: form, headers})).status;
}
"""


def test_page_when_a_visitor_was_not_let_in_to_send_files_then_keeps_none(
    browser: Browser, tmp_path: Path, scripted_url: str
) -> None:
    sessions: list[str] = []

    def remember(frame: bytes | str) -> None:
        message = ForwardMsg.FromString(bytes(frame)) if isinstance(frame, bytes) else ForwardMsg()
        sessions.append(message.new_session.initialize.session_id)

    service = {"SALARY_SERVICE_URL": scripted_url, "STREAMLIT_SERVER_HEADLESS": "true"}
    with running_page(tmp_path, **service) as address, browser.new_page() as page:
        page.on("websocket", lambda socket: socket.on("framereceived", remember))
        page.goto(address)
        press_and_wait(page)
        assert page.evaluate(UPLOAD, max(sessions)) == 403


# --- Columns of every kind ----------------------------------------------------------------

#: What Markdown, Streamlit's own signs and HTML would show as something else.
LITERAL = [
    "$5 or $6",
    "*a* _b_ **c** ~~d~~ `e` [f](http://g.h)",
    ":red[x] :material/info: :smile: :streamlit:",
    "a -- b -> c >= d",
    "# one",
    "- two",
    "3. three",
    "> four",
    "&amp; <b>five</b>",
    "naïve 🙂 :)",
    "back\\slash | C#/C++ 10:30 ${x}",
]


def field(page: Page, kind: str, label: str) -> Locator:
    """The widget of a kind, such as `NumberInput`, that bears a label."""
    return page.get_by_test_id(f"st{kind}").filter(has_text=label)


def type_date(page: Page, label: str, **parts: str) -> None:
    """Type a day into the parts of a date field."""
    for part, value in parts.items():
        page.get_by_role("spinbutton", name=f"{part}, {label}").press_sequentially(value)


def choose(page: Page, label: str, text: str) -> None:
    """Choose from a list."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=text, exact=True).click()


def press_and_wait(page: Page) -> None:
    """Click Predict, and wait for the salary."""
    page.get_by_role("button", name="Predict").click()
    salary = page.get_by_role("heading", name="About")
    expect(salary).to_be_visible(timeout=1000 * DEADLINE_SECONDS)


def warnings(page: Page) -> Locator:
    """The texts of the warnings."""
    return page.get_by_test_id("stAlert").get_by_test_id("stMarkdownContainer")


def expect_shown(found: Locator, texts: list[str]) -> None:
    """Wait until elements say just that to a person, whatever else in them takes no room."""
    spaced = ["\u2060?".join(re.escape(letter) for letter in text) for text in texts]
    patterns = [re.compile(rf"^\s*{text}\s*$") for text in spaced]
    expect(found).to_have_text(patterns, timeout=1000 * DEADLINE_SECONDS)


def test_page_when_the_contract_has_every_kind_then_each_has_its_widget(
    open_page: Callable[[str], Page], serve: Callable[[Contract], str]
) -> None:
    page = open_page(serve(all_kinds()))
    kinds = {
        "Hours (1 to 80 hours a week)": "NumberInput",
        "Bonus": "NumberInput",
        "Level": "NumberInput",
        "Grade": "ButtonGroup",
        "Site": "Selectbox",
        "Job title": "Selectbox",
        "Manager": "Checkbox",
        "Remote": "ButtonGroup",
        "Hired": "DateInput",
    }
    for label, kind in kinds.items():
        expect(field(page, kind, label)).to_have_count(1, timeout=1000 * DEADLINE_SECONDS)


LOG_SCALE = "a model with log_scale predicts no such value"


def test_page_when_every_kind_is_filled_in_then_shows_the_salary_and_the_warnings(
    open_page: Callable[[str], Page], serve: Callable[[Contract], str]
) -> None:
    page = open_page(serve(all_kinds()))
    page.get_by_role("spinbutton", name="Hours").fill("80")
    page.get_by_role("spinbutton", name="Level").fill("7")
    page.get_by_role("radio", name="Principal").click()
    choose(page, "Site", "${x}")
    job = page.get_by_role("combobox", name="Job title")
    job.fill("Astronaut $5")
    job.press("Enter")
    field(page, "Checkbox", "Manager").locator("label").click()
    page.get_by_role("radio", name="No", exact=True).click()
    type_date(page, "Hired", year="2016", month="02", day="29")
    press_and_wait(page)
    asked = page.get_by_text("Hours: 80 hours a week")
    expect(asked).to_have_text(
        "Hours: 80 hours a week, Level: 7, Grade: Principal, Site: ${x}, "
        "Job title: Astronaut $5, Manager: yes, Remote: no, Hired: 2016-02-29"
    )
    expect_shown(
        warnings(page),
        [
            "Hours is outside the training range: 30 to 46 hours a week",
            "Job title 'Astronaut $5' did not occur in the training data",
            f"Salary is predicted as -130,347, but must be a number above 0 (a year): {LOG_SCALE}",
        ],
    )


def test_page_when_it_is_for_professors_then_their_form_gives_a_salary(
    open_page: Callable[[str], Page], serve: Callable[[Contract], str]
) -> None:
    page = open_page(serve(professors()))
    page.get_by_role("radio", name="Prof", exact=True).click()
    page.get_by_role("radio", name="B", exact=True).click()
    page.get_by_role("spinbutton", name="Years since the PhD").fill("9")
    page.get_by_role("spinbutton", name="Years of service").fill("60")
    press_and_wait(page)
    expect(page.get_by_text("Rank: Prof, Discipline: B")).to_have_text(
        "Rank: Prof, Discipline: B, Years since the PhD: 9 years, Years of service: 60 years"
    )
    expect_shown(
        warnings(page),
        ["Years of service is outside the training range: 1 to 9 years"],
    )


def test_page_when_labels_and_warnings_look_like_markdown_then_shows_them_as_they_are(
    open_page: Callable[[str], Page],
    scripted_url: str,
    model: dict,
    answers: dict,
    prediction: dict,
) -> None:
    features = model["contract"]["features"]
    box = {"kind": "boolean", "unit": "", "required": True, "example": False}
    features += [{**box, "name": f"x{i}", "label": text} for i, text in enumerate(LITERAL)]
    answers["/predict"] = (200, prediction | {"warnings": LITERAL})
    page = open_page(scripted_url)
    press_and_wait(page)
    expect_shown(page.get_by_test_id("stCheckbox"), LITERAL)
    expect_shown(warnings(page), LITERAL)


@pytest.fixture
def offline(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page of a browser that reaches this machine alone, and what it wanted from elsewhere."""
    page, elsewhere = browser.new_page(), list[str]()
    page.set_default_timeout(1000 * DEADLINE_SECONDS)

    def pass_or_not(route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1", "data:")):
            return route.continue_()
        elsewhere.append(route.request.url)
        return route.abort()

    page.route("**", pass_or_not)
    yield page, elsewhere
    page.close()


def test_page_when_it_is_offline_then_shows_form_and_pictures_and_wants_nothing_from_elsewhere(
    offline: tuple[Page, list[str]], service_url: str, tmp_path: Path
) -> None:
    page, elsewhere = offline
    with running_page(
        tmp_path, SALARY_SERVICE_URL=service_url, STREAMLIT_SERVER_HEADLESS="true"
    ) as address:
        page.goto(address)
        expect(page.get_by_test_id("stNumberInput")).to_have_count(2)
        expect(page).to_have_title("Salary prediction")
        press_and_wait(page)
        expect(page.get_by_role("img", name="on a scale from")).to_be_visible()
        expect(page.get_by_role("img", name="Prediction along")).to_be_visible()
        page.wait_for_load_state("networkidle")
    assert elsewhere == []
