"""How tables write numbers: currency signs, thousands, ranges, bounds, units."""

from typing import Any

import pandas as pd
import pytest

from salary_kedro.contract import ContractError, CsvDialect
from salary_kedro.tables.drafting.draft import Draft, TargetDraft
from salary_kedro.tables.drafting.infer import draft_contract

ROWS = 40


def draft(cells: list[str], header: str = "salary", delimiter: str = ",") -> Draft:
    """Draft from a column of these cells, repeated to 40 rows, beside years and a salary."""
    repeated = (cells * ROWS)[:ROWS]
    columns = {"years": [str(row % 9) for row in range(ROWS)]}
    columns["salary"] = [str(30_000 + row * 13 % 41) for row in range(ROWS)]
    texts = pd.DataFrame({**columns, header: repeated})
    return draft_contract(texts, CsvDialect(delimiter=delimiter))


def target(cells: list[str], delimiter: str = ",") -> TargetDraft:
    """Draft from salaries that are written so."""
    return draft(cells, delimiter=delimiter).target


def proposed(cells: list[str]) -> dict[str, Any]:
    """The keys of a column that is no target."""
    return next(each.keys for each in draft(cells, "X").features if each.column.column == "X")


@pytest.mark.parametrize(
    ("cells", "written", "example"),
    [
        (["$40000", "$42000"], {"affixes": ["$"]}, 41_000),
        (["41000 USD", "50000 usd"], {"affixes": ["USD"]}, 46_000),
        (["41k", "42K"], {"factors": {"k": 1000}}, 42_000),
        (["$53k", "$ 91 K"], {"affixes": ["$"], "factors": {"k": 1000}}, 72_000),
        (["6 LPA", "8 lpa"], {"factors": {"lpa": 100_000}}, 700_000),
        (["₹ 450000 /yr", "₹550000/yr"], {"affixes": ["/yr", "₹"]}, 500_000),
        (["(500)", "700"], {"parentheses": "negative"}, 100),
        (["12%", "14 %"], {"affixes": ["%"]}, 13),
        (["25+", *["20"] * 39], {"values": {"25+": 25}}, 20),
        (["<1", *["20"] * 39], {"values": {"<1": 0.5}}, 20),
    ],
)
def test_spelling_when_signs_stand_beside_numbers_then_the_contract_says_so(
    cells: list[str], written: dict[str, Any], example: float
) -> None:
    found = target(cells).keys

    assert (found["written"], found["example"]) == (written, example)


@pytest.mark.parametrize(
    ("cells", "delimiter", "marks", "example"),
    [
        (["41,000", "43,000"], ",", (".", ","), 42_000),
        ([" 41,000 ", "43,000 "], ",", (".", ","), 42_000),
        (["12,34,567", "8,00,000"], ",", (".", ","), 1_000_000),
        (["$41,000.50", "$43,000"], ",", (".", ","), 42_000),
        (["€ 3.200,50", "€ 2.200,50"], ";", (",", "."), 2_700),
        (["41\u00a0000", "43\u00a0000"], ";", (".", " "), 42_000),
        (["41\u202f000,5", "43\u202f000"], ";", (",", " "), 42_000),
        (["41’000", "43'000"], ";", (".", "'"), 42_000),
        (["45.000", "55.000"], ";", (",", "."), 50_000),
        (["45.000", "55.000"], ",", (".", None), 50),
    ],
)
def test_spelling_when_marks_group_digits_then_the_dialect_says_so(
    cells: list[str], delimiter: str, marks: tuple[str, str | None], example: float
) -> None:
    found = draft(cells, delimiter=delimiter)

    assert (found.table.csv.decimal, found.table.csv.thousands) == marks
    assert found.target.keys["example"] == example


@pytest.mark.parametrize(
    ("delimiter", "reading"), [(";", "what groups thousands"), (",", "the decimal mark")]
)
def test_spelling_when_a_mark_could_be_either_then_says_how_it_is_read(
    delimiter: str, reading: str
) -> None:
    found = target(["45.000", "52.500"], delimiter)

    assert f"'.' is read as {reading}, though it could be either: see `csv`." in found.remarks


@pytest.mark.parametrize(
    ("cells", "currency", "period"),
    [
        (["€3000"], "EUR", ""),
        (["41000 USD", "$42000"], "USD", ""),
        (["$20/hr"], "", "hour"),
        (["3000 per month"], "", "month"),
    ],
)
def test_spelling_when_cells_name_currency_and_period_then_the_target_has_them(
    cells: list[str], currency: str, period: str
) -> None:
    found = target(cells).keys

    assert (found["currency"], found["period"]) == (currency, period)


def test_spelling_when_salaries_are_ranges_then_a_run_waits_for_a_decision() -> None:
    found = draft(["$40-50k", "$50K - $60K"])

    assert found.target.keys["example"] == 50_000
    assert found.target.keys["written"] == {"affixes": ["$"], "factors": {"k": 1000}}
    assert found.target.proposals == ("written: {ranges: midpoint}",)
    assert found.table.max_rejected_share == 0.05
    assert found.target.remarks[-1] == (
        "40 cells are ranges, such as 40-50k, and rejected unless you set `ranges: midpoint` "
        "under `written`."
    )


def test_spelling_when_a_few_are_paid_by_the_hour_then_nothing_is_converted_silently() -> None:
    found = draft([*["$20/hr"] * 10, *["$40000"] * 30])

    assert found.target.keys["written"] == {"affixes": ["$"]}
    assert found.target.proposals == ('written: {factors: {"/hr": 2080}}',)
    assert found.table.max_rejected_share == 0.05
    assert "10 cells are in $ pay by the hour" in found.target.remarks[-1]


def test_spelling_when_currencies_are_mixed_then_the_rarer_wait_for_a_rate() -> None:
    found = draft([*["€50"] * 10, *["$40"] * 30])

    assert found.target.keys["written"] == {"affixes": ["$"]}
    assert found.target.proposals == ('written: {factors: {"€": RATE}}',)


@pytest.mark.parametrize(
    ("cells", "affixes", "currency", "waiting"),
    [
        ([*["$50,100"] * 60, *["CAD 65,000"] * 30], ["$"], "", 1 / 3),
        ([*["$50,100"] * 50, *["USD 65,000"] * 30, *["AUD 70,000"] * 20], ["$"], "", 0.5),
        ([*["$50,100"] * 10, *["USD 65,000"] * 80, *["C$ 70,000"] * 10], ["USD"], "USD", 0.2),
        ([*["$50,100"] * 30, *["USD 65,000"] * 30, *["€70,000"] * 40], ["$", "USD"], "USD", 0.4),
        ([*["¥50,100"] * 60, *["CNY 65,000"] * 40], ["¥"], "", 0.4),
    ],
)
def test_spelling_when_dollars_may_be_of_several_countries_then_the_rarer_wait(
    cells: list[str], affixes: list[str], currency: str, waiting: float
) -> None:
    texts = pd.DataFrame({"years": [str(row % 9) for row in range(len(cells))], "salary": cells})
    found = draft_contract(texts, CsvDialect())

    assert found.target.keys["written"] == {"affixes": affixes}
    assert found.target.keys["currency"] == currency
    assert found.target.waiting_share == pytest.approx(waiting)
    assert found.table.max_rejected_share == 0.05
    assert "units are never mixed" in found.target.remarks[-1]


@pytest.mark.parametrize(
    ("cells", "written", "minimum", "maximum"),
    [
        (["12 m", "42 m"], {"affixes": ["m"]}, 5, 45),
        (["3 cr", "13 cr"], {"affixes": ["cr"]}, 0, 15),
        (["12 m", "42"], {"affixes": ["m"]}, 5, 45),
        (["12k", "42k"], {"factors": {"k": 1000}}, 5_000, 45_000),
        (["12 million", "42 m"], {"factors": {"m": 1e6, "million": 1e6}}, 5e6, 45e6),
        (["$12m", "$42m"], {"affixes": ["$"], "factors": {"m": 1e6}}, 5e6, 45e6),
    ],
)
def test_spelling_when_a_feature_has_units_then_only_sure_factors_multiply(
    cells: list[str], written: dict[str, Any], minimum: float, maximum: float
) -> None:
    found = proposed(cells)

    assert found["written"] == written
    assert (found["minimum"], found["maximum"]) == (minimum, maximum)


def test_spelling_when_a_unit_may_be_a_factor_then_says_so() -> None:
    feature = next(each for each in draft(["12 m"], "X").features if each.column.column == "X")

    assert "'m' is taken for a unit" in feature.remarks[-1]


def test_spelling_when_the_target_is_named_then_its_factors_are_of_money() -> None:
    texts = pd.DataFrame({"years": ["1", "2"] * 20, "X": ["1.5 m", "2.5 m"] * 20})
    found = draft_contract(texts, CsvDialect(), target="X")

    assert (found.target.keys["written"], found.target.keys["example"]) == (
        {"factors": {"m": 1e6}},
        2e6,
    )


def hundred(cells: list[str]) -> TargetDraft:
    """Draft from a hundred salaries."""
    texts = pd.DataFrame({"years": [str(row % 9) for row in range(100)], "salary": cells})
    found = draft_contract(texts, CsvDialect())
    assert found.table.max_rejected_share == 0.05
    return found.target


@pytest.mark.parametrize(
    ("cells", "written", "minimum", "waiting"),
    [
        # the square root of 40 times 40,000; of 0.16 times 16
        ([*["40k"] * 50, *["40"] * 50], {"factors": {"k": 1000}}, 1300, 0.5),
        ([*["$40k"] * 98, *["$30"] * 2], {"affixes": ["$"], "factors": {"k": 1000}}, 1300, 0.02),
        ([*["16%"] * 60, *["0.12"] * 40], {"affixes": ["%"]}, 1.6, 0.4),
    ],
)
def test_spelling_when_numbers_may_lack_a_sign_then_wait(
    cells: list[str], written: dict[str, Any], minimum: float, waiting: float
) -> None:
    found = hundred(cells)

    assert (found.keys["written"], found.keys["minimum"]) == (written, minimum)
    assert "exclusive_minimum" not in found.keys
    assert found.waiting_share == pytest.approx(waiting)
    assert "units are never mixed" in found.remarks[-1]


@pytest.mark.parametrize(
    ("cells", "example", "proposal"),
    [
        ([*["40k"] * 3, *["40"] * 97], 40, 'written: {factors: {"k": 1}}'),
        ([*["12%"] * 3, *["0.12"] * 97], 0.12, 'written: {factors: {"%": 0.01}}'),
    ],
)
def test_spelling_when_the_rarer_have_a_sign_then_those_wait(
    cells: list[str], example: float, proposal: str
) -> None:
    found = hundred(cells)

    assert "written" not in found.keys
    assert found.keys["example"] == example
    assert found.waiting_share == pytest.approx(0.03)
    assert found.proposals == (proposal,)
    assert found.remarks[-1].startswith("3 cells are written with ")


@pytest.mark.parametrize(
    "cells",
    [
        [*["40k"] * 50, *["40000"] * 50],
        [*["40k"] * 50, *["0"] * 50],
        [*["1.2 million"] * 50, *["50000"] * 50],
        [*["16%"] * 50, *["12"] * 50],
    ],
)
def test_spelling_when_numbers_without_a_sign_are_as_large_then_none_waits(
    cells: list[str],
) -> None:
    found = hundred(cells)

    assert found.waiting_share == 0
    assert found.keys.get("minimum", 0) == 0
    assert not any("without" in remark for remark in found.remarks)


def test_spelling_when_nothing_tells_small_numbers_apart_then_says_how_they_are_read() -> None:
    found = hundred([*["0.5%"] * 20, *["30%"] * 40, *["0.5"] * 40])

    assert (found.waiting_share, found.keys["written"]) == (0, {"affixes": ["%"]})
    assert "40 cells are small numbers without '%', and read as they stand: " in found.remarks[-1]


def test_spelling_when_a_feature_mixes_signs_then_its_minimum_tells_them_apart() -> None:
    found = proposed([*["40k"] * 39, "40"])

    assert (found["written"], found["minimum"]) == ({"factors": {"k": 1000}}, 35_000)


def test_spelling_when_decimal_marks_are_mixed_then_is_refused_with_the_shapes() -> None:
    with pytest.raises(ContractError, match=r"'9,999\.99' \(20\), '9\.999,99' \(20\)"):
        draft(["1.234,56", "1,234.56"])


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["3E2", "4E1"], "category"),
        (["25-34", "35-44"], "category"),
        (["11-1011", "13-2051"], "category"),
        (["Grade 5", "Grade 6"], "category"),
        (["3 years", "10+ years", "< 1 year"], "number"),  # half a year
        (["12%", "13%"], "integer"),
    ],
)
def test_spelling_when_a_feature_is_written_so_then_only_numbers_are_numbers(
    cells: list[str], kind: str
) -> None:
    assert proposed(cells)["kind"] == kind
