#!/usr/bin/env bash
# A folder of Parquet whose first part holds whole salaries: DuckDB rounds the decimals of the others.
#
# Seen with duckdb 2.0.1, pandas 3.1.1, pyarrow 26.0.1, polars 2.1.0, Python 3.11.
# A column whose values happen to be whole in one month is written as integers, and as decimals in
# the next. Four readers of one folder: three refuse it, and DuckDB takes the type of the first
# part, rounds the rest, and says nothing. `union_by_name=true` makes it widen the type instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    duckdb==2.0.1 pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0
cd "$folder"
mkdir wages
venv/bin/python - >seen <<'PYTHON'
import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds

pd.DataFrame({"salary": [41000]}).to_parquet("wages/january.parquet")
pd.DataFrame({"salary": [50000.75]}).to_parquet("wages/march.parquet")


def tell(name, read):
    try:
        print(name, sorted(read()))
    except Exception as error:
        print(name, type(error).__name__)


tell("pandas", lambda: pd.read_parquet("wages")["salary"].tolist())
tell("pyarrow", lambda: ds.dataset("wages").to_table()["salary"].to_pylist())
tell("polars", lambda: pl.read_parquet("wages/*.parquet")["salary"].to_list())
for option in ("", ", union_by_name=true"):
    query = f"select salary from read_parquet('wages/*.parquet'{option})"
    tell("duckdb" + option, lambda: [row[0] for row in duckdb.sql(query).fetchall()])
PYTHON
diff - seen <<'EXPECTED' && echo "as described"
pandas ArrowInvalid
pyarrow ArrowInvalid
polars SchemaError
duckdb [41000, 50001]
duckdb, union_by_name=true [41000.0, 50000.75]
EXPECTED
