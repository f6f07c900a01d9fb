"""The draft as a page for people."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.report import open_report, report_html

ROWS = 40
HOSTILE = "<script>alert('1')</script> & \"x\""


def draft() -> Draft:
    """A draft of a table with a hostile header and a rare text."""
    table = {
        HOSTILE: ["a<b", "c&d"] * (ROWS // 2),
        "Job": ["clerk"] * 36 + ["chief of Ann"] * 4,
        "Years": [row % 9 for row in range(ROWS)],
        "Name": [f"Ann {row}" for row in range(ROWS)],
        "Salary": [30_000 + row * 13 % 41 for row in range(ROWS)],
    }
    return draft_contract(pd.DataFrame(table).astype("str"), CsvDialect())


def test_report_when_headers_and_texts_are_hostile_then_are_shown_as_they_are() -> None:
    page = report_html(draft(), f"{HOSTILE}.csv", ROWS)

    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt; &amp; &quot;x&quot;" in page
    assert "a&lt;b" in page


def test_report_when_remarks_name_keys_and_options_then_they_are_code() -> None:
    found = replace(draft(), remarks=("set `a<b`, or draft again with --target COLUMN.",))

    assert (
        "<li>set <code>a&lt;b</code>, or draft again with <code>--target COLUMN</code>.</li>"
    ) in report_html(found, "t.csv", ROWS)


def test_report_when_a_text_is_rare_or_tells_who_people_are_then_is_not_shown() -> None:
    page = report_html(draft(), "t.csv", ROWS)

    assert "chief of Ann" not in page
    assert "Ann 1" not in page
    assert 'other texts</td><td class="n">4</td>' in page


def test_report_when_it_is_read_then_needs_nothing_from_elsewhere() -> None:
    page = report_html(draft(), "t.csv", ROWS)

    assert not re.search(r"(src|href)=|url\(|@import", page)


def test_report_when_the_table_is_small_then_has_a_card_for_each_column() -> None:
    page = report_html(draft(), "t.csv", ROWS)

    assert re.findall(r'<article class="(\w+)"', page) == [
        *("target", "feature", "feature", "feature", "ignore")
    ]
    assert page.count("<svg") == 2
    assert "40 of 40 values are numbers, 40 of them different." in page


def test_picture_when_numbers_are_drawn_then_each_row_is_in_a_bin() -> None:
    picture = draft().target.picture

    assert picture is not None
    assert (sum(picture.bins), len(picture.edges)) == (ROWS, len(picture.bins) + 1)


def write(path: Path, text: str, *, force: bool = False) -> None:
    with open_report(path, force=force) as file:
        file.write(text.encode())


def test_report_when_the_file_is_an_earlier_one_then_is_replaced(tmp_path: Path) -> None:
    page = report_html(draft(), "t.csv", ROWS)

    write(tmp_path / "draft.html", page)
    write(tmp_path / "draft.html", page + "again")

    assert (tmp_path / "draft.html").read_text() == page + "again"


def test_report_when_the_file_is_something_else_then_is_replaced_by_force_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "README.md").write_text("precious")

    with pytest.raises(UserError, match=r"README.md already exists and is no earlier draft"):
        write(tmp_path / "README.md", "page")
    assert (tmp_path / "README.md").read_text() == "precious"

    write(tmp_path / "README.md", "page", force=True)
    assert (tmp_path / "README.md").read_text() == "page"


@pytest.mark.parametrize("name", ["gone/draft.html", "."])
def test_report_when_it_cannot_be_written_then_says_so_before_anything_is_done(
    name: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(UserError, match=r"--html .* (cannot be written: No such|is a folder)"),
        open_report(tmp_path / name, force=False),
    ):
        pytest.fail("it was opened")


def test_report_when_the_draft_fails_then_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"^no rows$"),
        open_report(tmp_path / "draft.html", force=False),
    ):
        raise UserError("no rows")

    assert list(tmp_path.iterdir()) == []
