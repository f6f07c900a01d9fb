"""Lines of a table that are no rows, as they are recognised."""

import pytest

from salary_kedro.tables.drafting.edges import Edges, find_edges

BODY = [["Ann", "1", "300"], ["Bob", "2", "310"], ["Al", "3", "320"], ["Cy", "4", "305"]]
HEADER = ["name", "years", "salary"]


def edges(*above: list[str], below: list[list[str]] | None = None) -> Edges:
    """What is found around four rows of three columns."""
    return find_edges([*above, HEADER, *BODY, *(below or [])], [])


@pytest.mark.parametrize(
    ("above", "skipped"),
    [
        ([], 0),
        ([["Salaries of 2024", "", ""]], 1),
        ([["Salaries of 2024"]], 1),
        ([["Salaries"], [], ["as of May", "", ""], []], 4),
        ([["sep=;"]], 1),
    ],
)
def test_edges_when_titles_stand_above_then_are_skipped(
    above: list[list[str]], skipped: int
) -> None:
    found = edges(*above)

    assert (found.skip_rows, found.header_rows, found.comment) == (skipped, 1, None)
    assert bool(found.remarks) == bool(skipped)


def test_edges_when_comments_stand_above_then_are_comments() -> None:
    found = edges(["# by HR"], ["# 2024"])

    assert (found.skip_rows, found.comment) == (0, "#")


@pytest.mark.parametrize("first", ["#", "#id", "# of years"])
def test_edges_when_the_first_column_is_called_hash_then_it_is_no_comment(first: str) -> None:
    found = find_edges([[first, "years", "salary"], *BODY, ["#1", "3", "300"]], [])

    assert (found.skip_rows, found.comment) == (0, None)


@pytest.mark.parametrize(
    "second",
    [["", "years", "USD"], ["", "(years)", "($)"], ["text", "n", "usd/year"]],
)
def test_edges_when_a_line_of_units_follows_the_header_then_it_belongs_to_it(
    second: list[str],
) -> None:
    found = find_edges([HEADER, second, *BODY], [])

    assert (found.skip_rows, found.header_rows) == (0, 2)


@pytest.mark.parametrize(
    "upper", [["Person", "", "Pay"], ["Person", "Person", ""], ["Person", "Work", "Pay"]]
)
def test_edges_when_the_header_has_two_lines_then_both_belong_to_it(upper: list[str]) -> None:
    assert find_edges([upper, HEADER, *BODY], []).header_rows == 2


@pytest.mark.parametrize("name", ["", "\u200b"])
@pytest.mark.parametrize("second", [["A2", "Bob", "310.5"], ["A2", "Bob", ""]])
def test_edges_when_a_column_has_no_name_then_the_row_below_is_no_header(
    name: str, second: list[str]
) -> None:
    rows = [["A1", "Ann", "300.5"], second, ["A3", "Cy", "305.5"], ["A4", "Al", "302.5"]]

    assert find_edges([[name, "name", "salary"], *rows], []) == Edges()
    assert find_edges([[name, "name", "salary"], *rows[1:]], []) == Edges()


def test_edges_when_a_header_of_two_lines_names_a_year_then_both_belong_to_it() -> None:
    body = [["Ann", "low", "300.5"], ["Bob", "high", "310.5"], ["Cy", "low", "305.5"]]

    found = find_edges([["Person", "", "Pay"], ["name", "level", "2020"], *body], [])

    assert (found.skip_rows, found.header_rows) == (0, 2)


@pytest.mark.parametrize(
    "first",
    [["Bob", "n/v", "300"], ["Bob", "1", "$300"], ["Bob", "n/v", "n/v"], ["Bob", "", ""]],
)
def test_edges_when_the_first_row_is_odd_then_it_is_a_row(first: list[str]) -> None:
    assert find_edges([HEADER, first, *BODY], []) == Edges()


@pytest.mark.parametrize(
    ("below", "footer"),
    [
        ([["Total", "", "7814275"]], ("Total",)),
        ([["", "", ""], ["TOTAL:", "10", "1235"]], ("TOTAL",)),
        ([["Summe", "", "1235"], ["Quelle: Amt für Statistik", "", ""]], ("Summe", "Quelle")),
        ([["* preliminary", "", ""]], ("*",)),
        ([["*preliminary", "", ""]], ("*preliminary",)),
        ([["Total 2024", "", "1235"]], ("Total",)),
        ([["Total (all)", "", "1235"]], ("Total",)),
        ([["Total of all", "", ""]], ("Total",)),
        ([["Total Rewards", "", "300"]], ()),
        ([["Total Rewards Analyst", "3", "300"]], ()),
        ([["Totally", "", "300"]], ()),
        ([["Source", "3", "300"]], ()),
        ([["Dan", "3", "300"]], ()),
    ],
)
def test_edges_when_the_last_lines_sum_up_or_tell_then_are_a_footer(
    below: list[list[str]], footer: tuple[str, ...]
) -> None:
    assert edges(below=below).footer == footer
