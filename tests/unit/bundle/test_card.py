"""The model card: what it says in words and numbers, and that its page is harmless."""

import json
from datetime import UTC, datetime
from typing import Any

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.card import ModelCard, Promotion, card_json, make_card, parse_card
from salary_kedro.bundle.card_page import card_html
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.profile import Profile
from salary_kedro.bundle.report import Fit, FitCell, Report
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain

PARAMETERS = json.dumps({"data_science": {"model": "random_forest", "random_state": 234}})

PROMOTED = Promotion(
    when=datetime(2026, 3, 1, tzinfo=UTC), why="better", action="promotion", before=2
)


def card(contract: Contract, **changes: Any) -> ModelCard:
    told = {
        "contract": contract,
        "domain": Domain(ranges={"experience_years": (1.1, 10.5)}),
        "metrics": {"rmse": 6311.26, "r2": None},
        "lineage": Lineage(git_commit="abc", parameters=PARAMETERS),
        "calibration": Calibration(),
        "report": Report(),
        "profile": Profile(),
        **changes,
    }
    return make_card(**told)


def test_card_when_it_is_of_no_version_yet_then_tells_what_training_knows(
    contract: Contract,
) -> None:
    told = json.loads(card_json(card(contract)))
    assert (told["model_version"], told["promoted"], told["claimed"]) == (None, None, False)
    assert (told["model"], told["lineage"]) == ("random_forest", {"git_commit": "abc"})
    assert told["parameters"]["data_science"]["random_state"] == 234
    assert told["domain"]["ranges"] == {"experience_years": [1.1, 10.5]}
    assert "professional experience 1.1 to 10.5" in told["not_for"][2]


def test_parse_card_when_written_then_is_the_card(contract: Contract) -> None:
    written = card(contract, model_version=3, promoted=PROMOTED)
    assert parse_card(card_json(written)) == written


def test_card_when_its_parameters_were_cut_then_has_none(contract: Contract) -> None:
    cut = card(contract, lineage=Lineage(parameters=PARAMETERS[:20]))
    assert (cut.model, cut.parameters) == (None, {})


def test_card_html_when_parameters_are_of_another_shape_then_shows_them_as_they_are(
    contract: Contract,
) -> None:
    strange = card(contract, lineage=Lineage(parameters='{"data_science": "x"}'))
    assert "parameter data_science" in card_html(strange).decode()


def test_card_html_when_texts_hold_markup_then_shows_it_as_text(contract: Contract) -> None:
    page = card_html(card(contract, lineage=Lineage(git_commit="<script>x</script>"))).decode()
    assert "<script" not in page
    assert "&lt;script&gt;x" in page


def test_card_html_when_made_then_loads_nothing(contract: Contract) -> None:
    page = card_html(card(contract)).decode()
    assert "://" not in page
    assert "src=" not in page
    assert page.count("href=") == 1  # an empty icon, so that browsers ask for none


def test_card_html_when_there_are_cells_then_draws_each_with_its_rows(contract: Contract) -> None:
    cells = (
        FitCell(
            predicted_low=50_000,
            predicted_high=60_000,
            actual_low=40_000,
            actual_high=60_000,
            rows=7,
        ),
        FitCell(
            predicted_low=60_000,
            predicted_high=70_000,
            actual_low=60_000,
            actual_high=80_000,
            rows=5,
        ),
    )
    fit = Fit(rows=12, min_rows=5, withheld=0, cells=cells, bands=())
    page = card_html(card(contract, report=Report(fit=fit))).decode()
    assert page.count('<rect class="mark"') == 2
    # From 40,000 to 80,000 on 300 units: the first begins 75 to the right of the axis at 70.
    assert 'x="145.0" y="150.0" width="75.0" height="150.0"' in page
    assert "<title>7 rows</title>" in page


def test_card_html_when_metrics_are_counts_or_large_shares_then_writes_each_its_way(
    contract: Contract,
) -> None:
    told = {"rows_train": 28.0, "rows_holdout": 1200.0, "mape": 81.847, "interval_coverage": None}
    page = card_html(card(contract, metrics=told)).decode()
    for cell in ("28", "1,200", "8,184.7 %", "unknown"):
        assert f">{cell}</td>" in page
