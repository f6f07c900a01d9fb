"""Spreadsheets and statistics files: reading a whole table against its library's own read.

- `excel`: 100,000 rows of 10 columns, against python-calamine's own rows.
- `spss`: 300,000 rows of 9 columns with labels, against pyreadstat's own read.

Rounds alternate between the peers, each in a process of its own. CPU seconds are judged; peak
memory beyond the imports is told beside that of the library, and of the table as pandas holds it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyreadstat
import xlsxwriter
from pandas import DataFrame

MEGABYTE = 1 << 20
#: Most CPU time that ours may take, as a multiple of the library's.
LIMIT = 1.5
LABELS = {f"code{place}": {code: f"label {code}" for code in range(1, 6)} for place in range(3)}
CONTRACT = """
from salary_kedro.contract import Contract
def column(name, kind, **keys):
    return {"column": name, "name": name, "label": name, "unit": "", "kind": kind, **keys}
texts = {"categories": {"min_count": 1}, "example": "a"}
"""
#: What each peer runs between two looks at the clock; both import the same.
OURS = """
from salary_kedro.tables.whole import read_table
table = read_table(path, contract)
"""
SCRIPT = """
import json, resource, sys, time
from pathlib import Path
import pandas, python_calamine, pyreadstat
import salary_kedro.tables.whole
{contract}
path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF)
start = time.process_time()
{body}
seconds = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before.ru_maxrss
size = table.memory_usage(deep=True).sum() if hasattr(table, "memory_usage") else 0
print(json.dumps({{"seconds": seconds, "peak": peak * 1024, "size": int(size)}}))
"""
PEERS = {
    "excel": {
        "contract": CONTRACT
        + 'contract = Contract(features=[column("text0", "category", **texts)], '
        'target=column("number0", "number", example=1) | {"unit": "a year"})',
        "library": "table = python_calamine.load_workbook(path).get_sheet_by_index(0).to_python()",
    },
    "spss": {
        "contract": CONTRACT
        + 'codes = [column(f"code{n}", "category", **texts) for n in range(3)]\n'
        'contract = Contract(features=codes, target=column("number0", "number", example=1) | '
        '{"unit": "a year"})',
        "library": "table, _ = pyreadstat.read_sav(str(path))",
    },
}


def write_excel(path: Path, rows: int) -> None:
    """Six columns of numbers, four of texts."""
    rng = np.random.default_rng(234)
    columns = [rng.normal(size=rows).round(3).tolist() for _ in range(6)]
    columns += [rng.choice(["junior", "mid", "senior"], rows).tolist() for _ in range(3)]
    columns.append([f"title {row}" for row in range(rows)])
    names = [*(f"number{place}" for place in range(6)), *(f"text{place}" for place in range(4))]
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, names)
        for place, row in enumerate(zip(*columns, strict=True), start=1):
            sheet.write_row(place, 0, row)


def write_spss(path: Path, rows: int) -> None:
    """Four columns of numbers, three of labelled codes, a text and a day."""
    rng = np.random.default_rng(234)
    numbers = {f"number{place}": rng.normal(size=rows).round(2) for place in range(4)}
    codes = {name: rng.integers(1, 6, rows).astype("float64") for name in LABELS}
    texts = {"town": rng.choice(["Rome", "Oslo", "Bern"], rows)}
    days = {"hired": np.datetime64("2000-01-01") + rng.integers(0, 9000, rows)}
    frame = DataFrame({**numbers, **codes, **texts, **days})
    pyreadstat.write_sav(frame, str(path), variable_value_labels=LABELS)


def measure(path: Path, contract: str, body: str) -> dict[str, Any]:
    """Read a file once, in a process of its own."""
    script = SCRIPT.format(contract=contract, body=body)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def compare(name: str, path: Path, rounds: int) -> bool:
    """Measure ours and the library's in turn, tell both, and judge CPU time."""
    peer = PEERS[name]
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "library": []}
    for _ in range(rounds):
        for who, body in (("ours", OURS), ("library", peer["library"])):
            found[who].append(measure(path, peer["contract"], body))
    middle = {
        who: {key: median(one[key] for one in runs) for key in runs[0]}
        for who, runs in found.items()
    }
    ours, library = middle["ours"], middle["library"]
    ratio = ours["seconds"] / library["seconds"]
    sys.stdout.write(
        f"{name}: CPU {ours['seconds']:.2f} s, library {library['seconds']:.2f} s: {ratio:.2f} "
        f"times (at most {LIMIT}); peak {ours['peak'] / MEGABYTE:.0f} MB, library "
        f"{library['peak'] / MEGABYTE:.0f} MB, table {ours['size'] / MEGABYTE:.0f} MB in pandas\n"
    )
    return bool(ratio <= LIMIT)


def main() -> None:
    """Run both comparisons; exit with 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        excel, spss = Path(folder, "table.xlsx"), Path(folder, "table.sav")
        write_excel(excel, 100_000)
        write_spss(spss, 300_000)
        good = [compare("excel", excel, rounds), compare("spss", spss, rounds)]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
