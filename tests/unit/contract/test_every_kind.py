"""What has to follow from each kind of column, and would be missed in silence."""

import datetime
import re
from typing import Any

import pytest

from kinds import all_kinds
from salary_kedro.contract import Contract
from salary_kedro.contract.columns import KINDS, Learned
from salary_kedro.contract.compatibility import compare_contracts
from salary_kedro.contract.spelling import Conversion, Written
from samples import columns_of_every_kind, contract_of
from support import ROOT

#: Another value of each key that a column may have.
OTHER: dict[str, Any] = {
    "column": "Another",
    "name": "another",
    "label": "Another",
    "help": "Another.",
    "unit": "others",
    "required": True,
    "use": "audit",
    "missing": "indicate",
    "format": "%d.%m.%Y",
    "true_values": ("certainly",),
    "false_values": ("never",),
    "categories": Learned(min_count=7),
    "ordered": True,
    "fold": True,
    "missing_values": ("refused",),
    "written": Written(affixes=("$",)),
    "conversions": (Conversion(column="basis", factors={"Hourly": 2080}),),
    "pivot_year": 2026,
}
BOUNDS = ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")
DOCUMENTED = re.findall("`([a-z_]+)`", (ROOT / "docs" / "contract.md").read_text())


def sample(kind: str) -> Contract:
    """A contract whose one feature is of a kind."""
    return contract_of(next(item for item in columns_of_every_kind() if item["kind"] == kind))


def keys() -> list[tuple[str, str]]:
    return [(kind, key) for kind, model in KINDS.items() for key in model.model_fields]


@pytest.mark.parametrize("kind", KINDS)
def test_samples_when_there_is_a_kind_then_have_a_column_of_it(kind: str) -> None:
    assert kind in {item["kind"] for item in columns_of_every_kind()}
    assert kind in {item.kind for item in all_kinds().inputs}


@pytest.mark.parametrize(("kind", "key"), keys())
def test_compare_when_any_key_of_a_kind_differs_then_says_so(kind: str, key: str) -> None:
    before = sample(kind)
    (feature,) = before.features
    other = {**OTHER, **dict.fromkeys(BOUNDS, feature.example), "kind": "another"}
    if key == "example":
        other["example"] = datetime.date(2000, 1, 1) if kind == "date" else "another"
    changed = feature.model_copy(update={key: other[key]})

    assert compare_contracts(before, before.model_copy(update={"features": (changed,)}))


@pytest.mark.parametrize(("kind", "key"), keys())
def test_documentation_when_a_kind_has_a_key_then_names_both(kind: str, key: str) -> None:
    assert {kind, key} <= set(DOCUMENTED)
