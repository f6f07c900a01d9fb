#!/usr/bin/env bash
# A thousands separator is dropped wherever it stands, so a decimal comma makes a salary ten times.
#
# Seen with pandas 3.1.1, DuckDB 2.0.1, Python 3.11.
# With `thousands=","`, pandas' readers and DuckDB's take the commas out of a number and look no
# further: `41,5`, as most of Europe writes forty-one and a half, is 415. No reader refuses it, and
# none warns. This project reads a group only if three digits follow it (or two, in lakhs: 12,34,567).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 duckdb==2.0.1
"$folder/venv/bin/python" - "$folder/table.csv" >"$folder/seen" <<'PYTHON'
import sys
from pathlib import Path

import duckdb
import pandas as pd

file = Path(sys.argv[1])
for cell in ("41,500", "41,5", "4,15,00", "12,34,567"):
    file.write_text(f"grade;salary\n1;{cell}\n")
    found = [
        pd.read_csv(file, sep=";", thousands=",", engine=engine)["salary"].tolist()[0]
        for engine in ("c", "python")
    ]
    rows = duckdb.read_csv(str(file), sep=";", header=True, thousands=",").fetchall()
    print(f"{cell:<9} pandas {found[0]}, its Python engine {found[1]}, DuckDB {rows[0][1]}")
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
41,500    pandas 41500, its Python engine 41500, DuckDB 41500
41,5      pandas 415, its Python engine 415, DuckDB 415
4,15,00   pandas 41500, its Python engine 41500, DuckDB 41500
12,34,567 pandas 1234567, its Python engine 1234567, DuckDB 1234567
EXPECTED
