"""Texts of a drafted contract in YAML."""

import pandas as pd
import yaml
from hypothesis import given
from hypothesis import strategies as st

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.text import contract_yaml, quote


@given(st.text())
def test_quote_when_yaml_reads_a_text_then_is_the_same(text: str) -> None:
    shown = text.replace("${", "")  # what OmegaConf would read is tested through the loader

    assert yaml.safe_load(quote(shown)) == shown


def test_decided_when_a_key_is_there_already_then_the_merged_line_replaces_it() -> None:
    pay = [f"${40 + row},000" for row in range(60)]
    texts = pd.DataFrame({"x": ["a", "b"] * 30, "salary": pay})
    texts.loc[0, "salary"] = "$40,000 - $50,000"

    lines = contract_yaml(draft_contract(texts, CsvDialect()), []).splitlines()

    line = next(line for line in lines if "replace the line" in line)
    merged = yaml.safe_load(line.partition("by: ")[2])
    assert merged == {"written": {"affixes": ["$"], "ranges": "midpoint"}}


def test_decided_when_units_could_be_converted_then_says_that_the_filter_goes() -> None:
    texts = pd.DataFrame(
        {"x": ["a", "b"] * 30, "basis": ["Hourly", "Yearly"] * 30, "pay": ["20", "45000"] * 30}
    )

    text = contract_yaml(draft_contract(texts, CsvDialect()), [])

    assert "# If you decide so, and remove the filter: conversions: [{" in text
