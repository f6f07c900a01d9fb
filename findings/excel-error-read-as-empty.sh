#!/usr/bin/env bash
# A cell that holds an error, such as #DIV/0!, is the empty text to python-calamine.
#
# Seen with python-calamine 0.9.1, pandas 3.1.1, openpyxl 3.1.5, Python 3.11.
# Empty cells are the empty text too, so nothing tells a formula that broke from a cell that nobody has
# filled; nor does pandas, which makes both missing by either engine. openpyxl alone gives the error's
# name. To count errors without it, count the cells of type `e` in the XML of the sheet.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pandas==3.1.1 openpyxl==3.1.5 python-calamine==0.9.1
cd "$folder"
venv/bin/python - >seen <<'PYTHON'
import openpyxl
import pandas as pd
from python_calamine import CalamineWorkbook

book = openpyxl.Workbook()
for row in (["name", "salary"], ["a", 41000], ["b", "#DIV/0!"], ["c", "#N/A"], ["d", None]):
    book.active.append(row)
print("types", [cell.data_type for cell in book.active["B"]][1:])
book.save("wages.xlsx")
print("openpyxl", [cell.value for cell in openpyxl.load_workbook("wages.xlsx").active["B"]][1:])
rows = CalamineWorkbook.from_path("wages.xlsx").get_sheet_by_index(0).to_python()
print("calamine", [row[1] for row in rows][1:])
for engine in ("openpyxl", "calamine"):
    print("pandas by", engine, pd.read_excel("wages.xlsx", engine=engine)["salary"].tolist())
PYTHON
diff - seen <<'EXPECTED' && echo "as described"
types ['n', 'e', 'e', 'n']
openpyxl [41000, '#DIV/0!', '#N/A', None]
calamine [41000.0, '', '', '']
pandas by openpyxl [41000.0, nan, nan, nan]
pandas by calamine [41000.0, nan, nan, nan]
EXPECTED
