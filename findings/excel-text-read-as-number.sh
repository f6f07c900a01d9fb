#!/usr/bin/env bash
# A text cell `0042` of an Excel file is the number 42 to pandas.read_excel.
#
# Seen with pandas 3.1.1, openpyxl 3.1.5, python-calamine 0.8.1, Python 3.11.
# Excel knows which cells are texts, and so do the readers beneath pandas. pandas then parses what
# they give as it does a CSV: employee numbers, occupation codes and postcodes lose their zeros,
# with either engine. dtype=str keeps them, but then every number is a text too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pandas==3.1.1 openpyxl==3.1.5 python-calamine==0.8.1
cd "$folder"
venv/bin/python - >seen <<'PYTHON'
import openpyxl
import pandas as pd
from python_calamine import CalamineWorkbook

book = openpyxl.Workbook()
for row in (["code", "salary"], ["0042", 41000.5], ["0815", 52000]):
    book.active.append(row)
book.save("wages.xlsx")
print("openpyxl", [cell.value for cell in openpyxl.load_workbook("wages.xlsx").active["A"]][1:])
rows = CalamineWorkbook.from_path("wages.xlsx").get_sheet_by_index(0).to_python()
print("calamine", [row[0] for row in rows][1:])
for engine in ("openpyxl", "calamine"):
    print("pandas by", engine, pd.read_excel("wages.xlsx", engine=engine)["code"].tolist())
PYTHON
diff - seen <<'EXPECTED' && echo "as described"
openpyxl ['0042', '0815']
calamine ['0042', '0815']
pandas by openpyxl [42, 815]
pandas by calamine [42, 815]
EXPECTED
