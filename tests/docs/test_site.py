"""The pages of docs/ as a site: whole, and of nothing from elsewhere."""

import functools
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from axe import violations
from pages import browser
from support import BIN, ROOT

__all__ = ["browser"]

#: MkDocs Material's own, in its palette and its code.
THEIRS = ("color-contrast", "scrollable-region-focusable", "label", "landmark-unique")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it; a warning would fail that."""
    folder = tmp_path_factory.mktemp("site")
    command = [str(BIN / "mkdocs"), "build", "--quiet", "--strict", "--site-dir", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_site_when_opened_then_asks_for_nothing_elsewhere_and_fits_the_screen(
    site: Path, size: tuple[int, int], browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    for name in ("index", "tutorial", "promotion", "commands"):
        page.goto((site / f"{name}.html").as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size[0], name

    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_site_when_it_is_served_then_its_search_finds_pages(
    site: Path, size: tuple[int, int], browser: Browser
) -> None:
    handler = functools.partial(Quiet, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(f"http://127.0.0.1:{server.server_port}/", wait_until="networkidle")  # with its index
    if size[0] < 400:
        page.locator("label[for=__search]").first.click()

    page.get_by_role("textbox", name="Search").press_sequentially("conformal")  # it heeds keys

    found = page.locator(".md-search-result__item", has_text="How sure a prediction is")
    expect(found.first).to_be_attached()  # the title of intervals.md
    page.close()
    server.shutdown()
    server.server_close()


def test_site_when_looked_at_by_axe_then_our_pages_have_nothing_wrong(
    site: Path, browser: Browser
) -> None:
    page = browser.new_page()
    page.goto((site / "tutorial.html").as_uri())

    found = violations(page)

    assert [one for one in found if one.rule not in THEIRS] == []
    page.close()
