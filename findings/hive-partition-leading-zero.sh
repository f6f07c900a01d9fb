#!/usr/bin/env bash
# The folder `grade=01` of a partitioned Parquet table is the number 1 to three readers, a text to one.
#
# Seen with pandas 3.1.1, pyarrow 26.0.1, polars 2.1.0, duckdb 2.0.1, Python 3.11.
# A code with leading zeros (a pay grade, an occupation, a district) that becomes the name of a
# partition is text when it is written, and comes back as a whole number: a join on the code finds
# nothing, and "01" and "1" become one group. DuckDB alone keeps the text. Each of the other readers
# has a way of its own to be told: a partitioning schema in pyarrow and pandas, hive_schema in polars.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1
cd "$folder"
venv/bin/python - >seen <<'PYTHON'
import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds

table = pd.DataFrame({"grade": ["01", "02"], "salary": [41000.0, 52000.0]})
table.to_parquet("wages", partition_cols=["grade"])
print("pandas", sorted(pd.read_parquet("wages")["grade"].astype(object)))
print("pyarrow", sorted(ds.dataset("wages", partitioning="hive").to_table()["grade"].to_pylist()))
print("polars", sorted(pl.read_parquet("wages/**/*.parquet", hive_partitioning=True)["grade"]))
query = "select distinct grade from read_parquet('wages/**/*.parquet', hive_partitioning=true) order by 1"
print("duckdb", [row[0] for row in duckdb.sql(query).fetchall()])
PYTHON
diff - seen <<'EXPECTED' && echo "as described"
pandas [1, 2]
pyarrow [1, 2]
polars [1, 2]
duckdb ['01', '02']
EXPECTED
