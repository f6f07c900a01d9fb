"""Drafts a contract from a table, for a person to edit."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from salary_kedro.contract.model import ContractError, CsvDialect, TableRules
from salary_kedro.tables.csv_arguments import KNOWN_MISSING
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.described import UNKNOWN, Described
from salary_kedro.tables.drafting.draft import Draft, TargetDraft
from salary_kedro.tables.drafting.facts import look
from salary_kedro.tables.drafting.features import propose, with_input
from salary_kedro.tables.drafting.sniff import find_marks, find_missing, without_missing
from salary_kedro.tables.drafting.target import as_target, find_target, made_from_target

LEAK = "It rises or falls exactly with the target and seems to be derived from it."


def draft_contract(
    texts: pd.DataFrame,
    dialect: CsvDialect,
    target: str | None = None,
    described: Mapping[str, Described] = MappingProxyType({}),
) -> Draft:
    """Draft a contract from the rows of a table.

    Args:
        texts: Texts, under the file's headers; an empty text, a missing
            value and what pandas knows as one count as missing.
        dialect: How the file is written, as far as it is known; marks of numbers and of
            missing values are looked for.
        target: Header of the column to predict; None to find it by its header.
        described: By header, what the file itself says about columns.

    Raises:
        ContractError: If there is no row, no target or nothing to learn from; says what
            to do.
    """
    if texts.empty:
        raise ContractError("the table has a header but no rows: bring at least one row of data")
    dialect, missing = _complete(texts, dialect)
    names = headers.field_names(texts.columns)
    facts = [
        look(header, name, texts[header], dialect, missing, described.get(header, UNKNOWN))
        for header, name in zip(texts.columns, names, strict=True)
    ]
    position = find_target(facts, target)
    chosen = as_target(facts[position])
    leaks = made_from_target(texts, facts, position)
    drafts = [propose(fact) for fact in facts if fact is not facts[position]]
    features = [draft.ignored(LEAK) if draft.column.column in leaks else draft for draft in drafts]
    return Draft(with_input(features), chosen, _rules(dialect, chosen), _about(texts, dialect))


def _complete(texts: pd.DataFrame, dialect: CsvDialect) -> tuple[CsvDialect, list[str]]:
    """Find how numbers and missing values are written."""
    known = [without_missing(texts[name].value_counts(), ()).index for name in texts.columns]
    decimal, thousands = find_marks(known, dialect.delimiter)
    found = dialect.model_copy(update={"decimal": decimal, "thousands": thousands})
    if missing := find_missing(known, found):
        found = found.model_copy(update={"missing": (*_usual_missing(texts), *missing)})
    return found, missing


def _usual_missing(texts: pd.DataFrame) -> list[str]:
    """Texts in the table that pandas reads as missing, but for empty ones."""
    found: set[str] = set()
    for name in texts.columns:
        found.update(texts[name][texts[name].isin(KNOWN_MISSING)].unique())
    return sorted(found)


def _about(texts: pd.DataFrame, dialect: CsvDialect) -> tuple[str, ...]:
    usual = _usual_missing(texts)
    if not usual or dialect.missing:
        return ()
    shown = ", ".join(usual)
    return (
        f"Cells that contain {shown} are read as missing; table.csv.missing can list other texts.",
    )


def _rules(dialect: CsvDialect, target: TargetDraft) -> TableRules:
    """Rules of the table; rows without a target are rejected, and must be allowed to be."""
    lacking = math.ceil(target.missing_share * 100 + 1) / 100 if target.missing_share else 0
    share = min(max(0.05, lacking), 1)
    return TableRules(max_rejected_share=share, csv=dialect)
