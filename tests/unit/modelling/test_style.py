"""What all figures have in common."""

import pytest

from salary_kedro.modelling.style import MAX_LABEL, Subject, blank, label, short
from samples import column, contract_of


def test_title_when_drawn_then_names_model_error_unit_and_rows() -> None:
    figure = blank("Residuals", Subject("ridge", 6311.26, 1200, "a year, gross"))

    title = figure.get_suptitle()
    assert title == "Residuals\nridge · RMSE 6,311 a year, gross · n = 1,200"


@pytest.mark.parametrize(("rmse", "text"), [(52.34, "52.3"), (float("nan"), "unknown")])
def test_title_when_drawn_then_writes_the_error_as_the_model_card_does(
    rmse: float, text: str
) -> None:
    assert str(Subject("ridge", rmse, 9)) == f"ridge · RMSE {text} · n = 9"


def test_label_when_there_is_a_unit_then_names_it() -> None:
    contract = contract_of(column("age"), column("grade", unit=""))

    assert [label(item) for item in contract.inputs] == ["Age (units)", "Grade"]


def test_label_when_it_is_long_then_is_cut() -> None:
    assert short("x" * 100) == "x" * (MAX_LABEL - 1) + "…"
