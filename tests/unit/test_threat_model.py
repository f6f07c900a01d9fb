"""docs/threat-model.md promises nothing without a test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^\| (?!\| shown by)(?!---).+\|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/.]+\.py)::(\w+)`")


def test_page_when_read_then_every_party_has_promises() -> None:
    parties = PAGE.split("\n## ")[1:]

    assert [party.partition("\n")[0] for party in parties if "\n| " not in party] == []
    assert PROMISES


@pytest.mark.parametrize("promise", PROMISES)
def test_promise_when_it_is_made_then_its_tests_are_there(promise: str) -> None:
    named = NAMED.findall(promise)

    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), (file, test)
