"""Contracts with columns of every kind, and bundles trained by them."""

import json
from typing import Any, assert_never

import pandas as pd
import skops.io

from salary_kedro.bundle.bundle import pack
from salary_kedro.contract import Boolean, Category, Column, Contract, Date, Integer, Number
from salary_kedro.modelling.background import learn_background
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.frames import encode_frame, learn_domain
from samples import column, contract_of

MODEL = "salaries"
#: Texts that YAML, Markdown or a template would read as something else.
AWKWARD = ("No", "1e3", "${x}", '"*quoted*" $5 or $6', "two\nlines", "naïve 🙂")


def category(name: str, *categories: str, **changes: Any) -> dict[str, Any]:
    """A column of listed texts, the first of which is the example."""
    listed = {"kind": "category", "unit": "", "categories": categories}
    return column(name, **{**listed, "example": categories[0], **changes})


def learned(name: str, example: str, **changes: Any) -> dict[str, Any]:
    """A column of texts that are learned, each in two rows at least."""
    return column(
        name,
        **{"kind": "category", "unit": "", "categories": {"min_count": 2}, **changes},
        example=example,
    )


def all_kinds(*more: dict[str, Any]) -> Contract:
    """A contract with an input of every kind, required and optional, and columns of no input."""
    return contract_of(
        column("hours", unit="hours a week", minimum=1, maximum=80, example=40),
        column("bonus", exclusive_minimum=0, required=False, missing="indicate"),
        column("level", kind="integer", unit="", minimum=1, maximum=9),
        category("grade", "Junior", "Senior", "Principal", ordered=True),
        category("site", *AWKWARD, required=False),
        learned("job", "Analyst", label="Job title"),
        column("manager", kind="boolean", unit="", example=False),
        column("remote", kind="boolean", unit="", example=True, required=False),
        column(
            "hired",
            kind="date",
            unit="",
            minimum="2000-01-01",
            exclusive_maximum="2027-01-01",
            example="2015-06-30",
        ),
        category("sex", "f", "m", use="audit"),
        learned("note", "any", use="ignore"),
        *more,
    )


#: One row of `all_kinds` as a client sends it, inside of what `raw_rows` covers.
GOOD: dict[str, Any] = {
    "hours": 40,
    "bonus": 5.5,
    "level": 5,
    "grade": "Senior",
    "site": "${x}",
    "job": "Analyst",
    "manager": False,
    "remote": True,
    "hired": "2015-06-30",
}


def professors() -> Contract:
    """A contract like that of academic salaries: two categories, two whole numbers, an audit."""
    years = {"kind": "integer", "unit": "years", "minimum": 0, "maximum": 70}
    return contract_of(
        category("rank", "AsstProf", "AssocProf", "Prof", ordered=True, label="Rank"),
        category("discipline", "A", "B", help="A: theoretical, B: applied departments."),
        column("yrs_since_phd", **years, label="Years since the PhD"),
        column("yrs_service", **years, label="Years of service"),
        category("sex", "Female", "Male", use="audit"),
    )


def raw_rows(contract: Contract) -> pd.DataFrame:
    """Forty raw rows: each category in turn, numbers and dates from 1 to 9 over their minimum.

    Hired from 2010 on; the salary is 1000 times the number of the row.
    """
    table = {column.column: [_cell(column, i) for i in range(40)] for column in contract.features}
    return pd.DataFrame({**table, contract.target.column: [1000.0 * (i + 1) for i in range(40)]})


def _cell(column: Column, row: int) -> Any:
    match column:
        case Category():
            listed = column.listed or (column.example, "Driver")
            return listed[row % len(listed)]
        case Boolean():
            return "true" if row % 2 else "false"
        case Date():
            return f"20{10 + row % 9}-0{1 + row % 8}-15"
        case Number() | Integer():
            return float(1 + row % 9) if column.example < 10 else 30.0 + row % 9 * 2
    assert_never(column)


def bundle_of(
    contract: Contract, version: int = 1, *, explains: bool = False
) -> tuple[str, dict[str, bytes]]:
    """Name and files of a bundle whose linear regression was fitted to `raw_rows`."""
    clean = read_columns(raw_rows(contract), contract)
    domain = learn_domain(clean, contract)
    model = build_pipeline(contract, "linear_regression", {}, 234, domain)
    model.fit(encode_frame(clean, contract), clean[contract.target.name])
    files = {
        "model.skops": skops.io.dumps(model),
        "contract.json": contract.model_dump_json().encode(),
        "domain.json": domain.model_dump_json().encode(),
        "metrics.json": json.dumps({"rmse": 1000.0}).encode(),
        "lineage.json": b"{}",
    }
    if explains:
        files["background.json"] = learn_background(clean, contract).model_dump_json().encode()
    return pack(MODEL, version, files)
