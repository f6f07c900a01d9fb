"""A real browser on Many people, Model and History, over a real service."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from python_calamine import CalamineWorkbook

from axe import violations
from histories import PROMOTED, REFUSAL, record, version
from kinds import bundle_of, professors
from pages import DEADLINE_SECONDS, running_page
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.history import ServedHistory
from services import Stoppable, real_service_to_stop

pytestmark = pytest.mark.browser

WAIT = 1000 * DEADLINE_SECONDS
PEOPLE = (
    "Rank;Discipline;Years since the PhD;yrs_service;Name\r\n"
    "Prof;A;5,0;7;=cmd()\r\n"
    "Dean;B;99;3;Bo\r\n"
    "\r\n"
    "AssocProf;B;8;3;Di\r\n"
)
#: What Streamlit itself draws: its grids, its menu, and where a file is dropped.
STREAMLIT = ("[data-testid=stDataFrame]", "[data-testid=stHeader]", "[data-testid=stFileUploader]")


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """Bundles with a current one, and a history beside them."""
    name, files = bundle_of(professors())
    store = BundleStore(tmp_path / "bundles")
    store.write(name, files)
    store.point_to(name)
    told = {"records": [REFUSAL, record(1)], "versions": [version(2), version(1)]}
    store.write_history(ServedHistory.model_validate(told), None)
    return store


@pytest.fixture
def served(store: BundleStore) -> Iterator[Stoppable]:
    """The service over the bundles."""
    with real_service_to_stop(store) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, served: Stoppable, tmp_path: Path) -> Any:
    """Opens one of the pages, in a window of some width, by a light or a dark theme."""
    with running_page(
        tmp_path, SALARY_SERVICE_URL=served.address, STREAMLIT_SERVER_HEADLESS="true"
    ) as address:
        opened: list[Page] = []

        def visit(path: str, width: int = 1280, theme: Any = "light") -> Page:
            size = {"width": width, "height": 900}
            page = browser.new_page(viewport=size, color_scheme=theme)  # type: ignore[arg-type]
            opened.append(page)
            page.set_default_timeout(WAIT)
            page.goto(f"{address}/{path}")
            expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=WAIT)
            return page

        yield visit
        for page in opened:
            page.close()


def send(page: Page, name: str, content: bytes) -> None:
    file: Any = {"name": name, "mimeType": "text/csv", "buffer": content}
    page.locator("input[type=file]").set_input_files(file)


def click_cell(page: Page, row: int = 1) -> None:
    """Click into the first column of the table that can be edited."""
    grid = page.get_by_test_id("data-grid-canvas").first
    expect(grid).to_be_visible(timeout=WAIT)
    box = grid.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 150, box["y"] + 52 + 35 * (row - 1))  # beneath the header


def paste(page: Page, rows: list[list[str]]) -> None:
    """Paste rows, as a spreadsheet copies them, into the table that can be edited."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = "\n".join("\t".join(row) for row in rows)
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    click_cell(page)
    page.keyboard.press("Control+V")


def downloaded(page: Page, button: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def expect_drawn(page: Page, path: str) -> None:
    """Wait until the last thing of a page is there."""
    last = {
        "many_people": page.get_by_role("button", name="Download as CSV", exact=True),
        "model": page.get_by_role("heading", name="Who made it from what"),
        "history": page.get_by_text("As of").or_(page.get_by_role("list")).last,
    }[path]
    expect(last).to_be_visible(timeout=WAIT)
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=WAIT
    )


Visit = Callable[..., Page]


def test_many_when_a_file_has_a_bad_row_then_marks_its_cells_and_predicts_the_others(
    visit: Visit,
) -> None:
    page = visit("many_people")
    send(page, "people.csv", PEOPLE.encode("cp1252"))
    expect(page.get_by_role("heading", name="2 of 3 people predicted")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("separated by semicolons, decimal comma")).to_be_visible()
    expect(page.get_by_text("Kept, but not used: Name.")).to_be_visible()
    problems = page.get_by_role("region", name="Rows with problems").get_by_role("cell")
    marked = [text for text in problems.all_inner_texts() if "is not allowed" in text]
    assert [text.split("\n")[0] for text in marked] == ["Dean", "99"]
    assert "it must be one of 'AsstProf', 'AssocProf', 'Prof'" in marked[0]


def test_many_when_results_are_downloaded_then_no_text_is_run_and_every_row_is_there(
    visit: Visit,
) -> None:
    page = visit("many_people")
    send(page, "people.csv", PEOPLE.encode())
    expect(page.get_by_role("heading", name="2 of 3 people predicted")).to_be_visible(timeout=WAIT)
    text = downloaded(page, "Download as CSV").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert [row["Name"] for row in rows] == ["'=cmd()", "Bo", "Di"]
    assert [bool(row["Salary, predicted"]) for row in rows] == [True, False, True]
    assert [bool(row["Problems"]) for row in rows] == [False, True, False]
    book = CalamineWorkbook.from_filelike(io.BytesIO(downloaded(page, "Download as Excel")))
    cells = book.get_sheet_by_index(0).to_python()
    assert cells[1][4] == "'=cmd()"
    assert isinstance(cells[1][5], float)
    unsafe = page.locator('[data-testid=stElementToolbar] button[aria-label^="Download as CSV"]')
    expect(unsafe.first).to_be_attached(timeout=WAIT)
    assert not any(each.is_visible() for each in unsafe.all())


def test_many_when_the_template_is_sent_back_then_its_example_is_predicted(visit: Visit) -> None:
    page = visit("many_people")
    template = downloaded(page, "Excel template")
    send(page, "people.xlsx", template)
    expect(page.get_by_role("heading", name="1 of 1 people predicted")).to_be_visible(timeout=WAIT)


def test_many_when_rows_are_pasted_then_all_are_asked_about(visit: Visit) -> None:
    page = visit("many_people")
    page.get_by_text("Type or paste").click()
    paste(page, [["Prof", "A", "5", "7"]] * 6 + [["Dean", "A", "5", "7"]])
    expect(page.get_by_role("heading", name="6 of 7 people predicted")).to_be_visible(timeout=WAIT)


@pytest.mark.parametrize("is_sent", [True, False], ids=["sent", "pasted"])
@pytest.mark.parametrize("is_down", [True, False], ids=["outage", "another page"])
def test_many_when_the_table_was_not_in_view_for_a_while_then_it_is_as_it_was_edited(
    is_sent: bool, is_down: bool, visit: Visit, served: Stoppable
) -> None:
    page = visit("many_people")
    if is_sent:
        send(
            page, "people.csv", b"rank,discipline,yrs_since_phd,yrs_service\nProf,A,5,7\nDean,B,9,3"
        )
    else:
        page.get_by_text("Type or paste").click()
        paste(page, [["Prof", "A", "5", "7"], ["Dean", "B", "9", "3"]])
    expect(page.get_by_role("heading", name="1 of 2 people predicted")).to_be_visible(timeout=WAIT)
    click_cell(page, row=2)
    page.keyboard.press("Enter")
    page.locator("#portal textarea").fill("Prof")
    page.locator("#portal textarea").press("Enter")
    done = page.get_by_role("heading", name="2 of 2 people predicted")
    expect(done).to_be_visible(timeout=WAIT)
    leave(page, served, is_down=is_down)
    expect(done).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("people is still here, as you have edited it")).to_have_count(
        int(is_sent)
    )


def leave(page: Page, served: Stoppable, *, is_down: bool) -> None:
    """Let the table be out of view for a while."""
    if is_down:
        with served.away():
            expect(page.get_by_text("make serve").first).to_be_visible(timeout=WAIT)
        return
    page.get_by_role("link", name="Model").click()
    expect(page.get_by_role("heading", name="Who made it from what")).to_be_visible(timeout=WAIT)
    page.get_by_role("link", name="Many people").click()


def test_many_when_there_are_ten_thousand_then_all_are_predicted(visit: Visit) -> None:
    page = visit("many_people")
    rows = [f"Prof,{'AB'[row % 2]},{row % 10},{row % 9}" for row in range(10_000)]
    send(
        page, "people.csv", "\n".join(["rank,discipline,yrs_since_phd,yrs_service", *rows]).encode()
    )
    done = page.get_by_role("heading", name="10,000 of 10,000 people predicted")
    expect(done).to_be_visible(timeout=WAIT)


def test_many_when_a_file_is_no_table_then_says_so_in_words(visit: Visit) -> None:
    page = visit("many_people")
    send(page, "people.csv", b"height,weight\n1,2\n")
    expect(page.get_by_text("no column of people.csv is known")).to_be_visible(timeout=WAIT)


def test_many_when_another_version_answers_then_it_is_announced_and_the_rows_asked_again(
    visit: Visit, store: BundleStore, served: Stoppable
) -> None:
    page = visit("many_people")
    send(page, "people.csv", PEOPLE.encode())
    expect(page.get_by_text("Predicted by version 1.")).to_be_visible(timeout=WAIT)
    name, files = bundle_of(professors(), version=2)
    store.write(name, files)
    store.point_to(name)
    served.predictor.refresh()
    expect(page.get_by_text("Version 2 answers from now on")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("Predicted by version 2.")).to_be_visible(timeout=WAIT)


def test_history_when_a_version_was_refused_then_its_sentence_is_in_view_without_scrolling(
    visit: Visit,
) -> None:
    page = visit("history")
    expect(page.get_by_text("a loss of 50.0 is not distinguishable").first).to_be_in_viewport(
        timeout=WAIT
    )
    expect(page.get_by_text(PROMOTED.partition(": ")[2]).first).to_be_in_viewport()


@pytest.mark.parametrize("path", ["many_people", "model", "history"])
def test_pages_when_they_are_on_a_phone_then_nothing_scrolls_sideways(
    path: str, visit: Visit
) -> None:
    page = visit(path, width=390)
    if path == "many_people":
        send(page, "people.csv", PEOPLE.encode())
    expect_drawn(page, path)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") == 390


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (390, "dark")])
@pytest.mark.parametrize("path", ["many_people", "model", "history"])
def test_pages_when_axe_looks_at_them_then_nothing_of_ours_is_amiss(
    path: str, width: int, theme: str, visit: Visit
) -> None:
    page = visit(path, width, theme)
    if path == "many_people":
        send(page, "people.csv", PEOPLE.encode())
    expect_drawn(page, path)
    assert violations(page, STREAMLIT) == []
