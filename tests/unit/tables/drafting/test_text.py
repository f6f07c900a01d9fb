"""Texts of a drafted contract in YAML."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from salary_kedro.tables.drafting.text import quote


@given(st.text())
def test_quote_when_yaml_reads_a_text_then_is_the_same(text: str) -> None:
    shown = text.replace("${", "")  # what OmegaConf would read is tested through the loader

    assert yaml.safe_load(quote(shown)) == shown
