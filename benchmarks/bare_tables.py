"""The peers of benchmarks/tables.py: the same work on tables, written as bare scripts.

`python bare_tables.py validate CONTRACT RAW PARQUET` reads a table with pandas, validates it by the
pandera schema that the contract gives, and writes Parquet.
`python bare_tables.py score BUNDLE ROWS SCORED` reads rows in chunks, predicts with the bundle's
Pipeline, and writes.
"""

import sys
from pathlib import Path

import pandas as pd
import skops.io

CHUNK_ROWS = 50_000
EPOCH = pd.Timestamp("1970-01-01")
NAMES = {
    "Id": "id",
    "Job Title": "job_title",
    "Level": "level",
    "Country": "country",
    "Years": "years",
    "Age": "age",
    "Remote": "remote",
    "Hired": "hired",
    "Score": "score",
    "Salary": "salary",
}


def main() -> None:
    """Do what the command line asks for."""
    task, *paths = sys.argv[1:]
    {"validate": validate, "score": score}[task](*(Path(path) for path in paths))


def validate(contract: Path, raw: Path, parquet: Path) -> None:
    """Read, validate, write."""
    from salary_kedro.contract import Contract
    from salary_kedro.tables.problems import table_schema

    table = pd.read_csv(raw).rename(columns=NAMES).drop(columns="id")
    table["remote"] = table["remote"].map({"yes": True, "no": False}).astype("boolean")
    table["hired"] = pd.to_datetime(table["hired"], format="%Y-%m-%d").astype("datetime64[ms]")
    table["age"] = table["age"].astype("float64")
    schema = table_schema(Contract.parse(contract.read_bytes()))
    schema.validate(table, lazy=True).to_parquet(parquet)


def score(bundle: Path, rows: Path, scored: Path) -> None:
    """Read, predict, write, chunk by chunk."""
    model = skops.io.load(
        bundle / "model.skops",
        trusted=skops.io.get_untrusted_types(file=bundle / "model.skops"),
    )
    texts = {"Job Title": "object", "Level": "object", "Country": "object"}
    for number, chunk in enumerate(pd.read_csv(rows, chunksize=CHUNK_ROWS, dtype=texts)):
        inputs = chunk.rename(columns=NAMES)[list(model.feature_names_in_)]
        inputs["remote"] = inputs["remote"].map({"yes": 1.0, "no": 0.0})
        hired = pd.to_datetime(inputs["hired"], format="%Y-%m-%d")
        inputs["hired"] = (hired - EPOCH).dt.days.astype("float64")
        inputs["age"] = inputs["age"].astype("float64")
        chunk["salary"] = model.predict(inputs)
        chunk.to_csv(scored, mode="a" if number else "w", header=number == 0, index=False)


if __name__ == "__main__":
    main()
