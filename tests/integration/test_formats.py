"""Every format of docs/formats.md: drafted from, checked, run, scored and written, for real."""

import bz2
import gzip
import json
import lzma
import os
import pickle
import re
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pyreadstat
import pytest
from click.testing import CliRunner

from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.cli.contract import contract as contract_command
from salary_kedro.errors import UserError
from salary_kedro.pipelines.batch_scoring.nodes import score_rows
from salary_kedro.project.parameters import BatchScoring
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.writer import ScoredTables
from support import ROOT, Project, copy_project

ROWS = 240
COLUMNS = ["GRADE", "YEARS", "HIRED", "CODE", "UNIONIST", "SALARY"]


def table() -> pd.DataFrame:
    """A table with a column of each kind, of which every format can hold all."""
    rng = np.random.default_rng(234)
    years = rng.integers(0, 30, ROWS)
    days = pd.to_datetime("2010-01-01") + pd.to_timedelta(rng.integers(0, 3000, ROWS), "D")
    return pd.DataFrame(
        {
            "GRADE": rng.choice(["low", "mid", "high"], ROWS),
            "YEARS": years,
            "HIRED": days.astype("datetime64[ms]"),
            "CODE": [f"{row % 7:04d}" for row in range(ROWS)],
            "UNIONIST": rng.integers(0, 2, ROWS).astype(bool),
            "SALARY": (30_000.25 + 1000 * years + rng.normal(0, 500, ROWS)).round(2),
        }
    )


def csv() -> bytes:
    return table().to_csv(index=False).encode()


def texts() -> pd.DataFrame:
    """The table without truth values, which statistics packages have none of."""
    return table().assign(UNIONIST=table()["UNIONIST"].astype(str))


LABELS = {
    "GRADE": {1: "low", 2: "mid", 3: "high"},
    "UNIONIST": {0: "False", 1: "True"},
}


def codes() -> pd.DataFrame:
    """The table as surveys hold it: codes for categories."""
    grades = {label: float(code) for code, label in LABELS["GRADE"].items()}
    frame = table()
    return frame.assign(
        GRADE=frame["GRADE"].map(grades), UNIONIST=frame["UNIONIST"].astype("float64")
    )


def write_zstd(path: Path) -> None:
    with pa.output_stream(str(path), compression="zstd") as file:
        file.write(csv())


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("salaries.csv", csv())


def write_excel(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(COLUMNS)
    for row in table().itertuples(index=False):
        book.active.append(list(row))
    book.save(path)


def write_ods(path: Path) -> None:
    """As LibreOffice does, but with nothing around the cells."""
    rows = [COLUMNS, *table().itertuples(index=False)]
    lines = "".join(
        f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in rows
    )
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    sheet = f'<table:table table:name="Pay">{lines}</table:table>'
    body = f"<office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body>"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr(
            "content.xml", f"<office:document-content{spaces}>{body}</office:document-content>"
        )
        file.writestr("META-INF/manifest.xml", "<manifest/>")


def ods_cell(value: Any) -> str:
    match value:
        case str():
            kind, attribute, shown = "string", "", value
        case bool() | np.bool_():
            kind, attribute, shown = "boolean", f' office:boolean-value="{str(value).lower()}"', ""
        case pd.Timestamp():
            kind, attribute, shown = "date", f' office:date-value="{value.date()}"', ""
        case _:
            kind, attribute, shown = "float", f' office:value="{value}"', ""
    return (
        f'<table:table-cell office:value-type="{kind}"{attribute}><text:p>{shown}</text:p>'
        f"</table:table-cell>"
    )


def write_stata(path: Path) -> None:
    pyreadstat.write_dta(codes(), str(path), variable_value_labels=LABELS)


def write_packed_stata(path: Path) -> None:
    write_stata(path.with_name("plain.dta"))
    path.write_bytes(gzip.compress(path.with_name("plain.dta").read_bytes()))


def write_spss(path: Path, *, compress: bool = False) -> None:
    pyreadstat.write_sav(codes(), str(path), variable_value_labels=LABELS, compress=compress)


def write_arrow(path: Path) -> None:
    found = pa.Table.from_pandas(table())
    with pa.ipc.new_file(str(path), found.schema) as file:
        file.write_table(found, max_chunksize=100)


def write_stream(path: Path) -> None:
    found = pa.Table.from_pandas(table())
    with pa.ipc.new_stream(str(path), found.schema) as file:
        file.write_table(found, max_chunksize=100)


def write_json_lines(path: Path) -> None:
    rows = table().assign(HIRED=table()["HIRED"].dt.strftime("%Y-%m-%d")).to_dict("records")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_folder(path: Path) -> None:
    found = pa.Table.from_pandas(table(), preserve_index=False)
    pq.write_to_dataset(found, path, partition_cols=["GRADE", "CODE"])


#: By format, what writes a file of it.
READ: dict[str, Callable[[Path], object]] = {
    "CSV": lambda path: path.write_bytes(csv()),
    "CSV, packed by gzip": lambda path: path.write_bytes(gzip.compress(csv())),
    "CSV, packed by bzip2": lambda path: path.write_bytes(bz2.compress(csv())),
    "CSV, packed by xz": lambda path: path.write_bytes(lzma.compress(csv())),
    "CSV, packed by zstd": write_zstd,
    "CSV in a zip file": write_zip,
    "Excel": write_excel,
    "Excel with macros": write_excel,
    "OpenDocument": write_ods,
    "Stata": write_stata,
    "Stata, packed by gzip": write_packed_stata,
    "SPSS": write_spss,
    "SPSS, compressed": lambda path: write_spss(path, compress=True),
    "SPSS, portable": lambda path: pyreadstat.write_por(texts(), str(path)),
    "SAS transport, versions 5 and 8": lambda path: pyreadstat.write_xport(texts(), str(path)),
    "Parquet": lambda path: table().to_parquet(path),
    "Folder of Parquet": write_folder,
    "Arrow, Feather 2": write_arrow,
    "Arrow stream": write_stream,
    "ORC": lambda path: pa.orc.write_table(pa.Table.from_pandas(table()), str(path)),
    "JSON Lines": write_json_lines,
}


def write_sqlite(path: Path) -> None:
    store = sqlite3.connect(path)
    table().to_sql("pay", store)
    store.close()


def write_numbers(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("Index/Document.iwa", b"\0\x10")


FIXED = "name   age  salary\nAnn     30   40000\nBert    41   52000\nCleo    29   39000\n"
#: By format that is refused, its content or what writes it, and what is said of it.
REFUSED: dict[str, tuple[str | bytes | Callable[[Path], object], str]] = {
    "Fixed width": (FIXED, "is text in columns of fixed width"),
    "JSON document": ('[{"age": 3},\n {"age": 4}]\n', "is one JSON document"),
    "JSON-stat": ('{"version": "2.0", "class": "dataset", "dimension": {}}', "is a JSON-stat file"),
    "PC-Axis": ('CHARSET="ANSI";\nAXIS-VERSION="2013";\nDATA=\n1 2;\n', "is a PC-Axis file"),
    "ARFF": ("% pay\n@RELATION pay\n@ATTRIBUTE age NUMERIC\n@DATA\n3\n", "is an ARFF file"),
    "HTML": ("<!DOCTYPE html>\n<html><table><tr><td>3</table></html>", "is an HTML page"),
    "XML": ('<?xml version="1.0"?>\n<rows><row age="3"/></rows>', "is an XML file"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF document"),
    "Pickle": (lambda path: path.write_bytes(pickle.dumps(table())), "is a pickle of Python"),
    "R": (gzip.compress(b"X\n\0\0\0\3\0\4\2\0"), "is R's own format"),
    "SQLite file": (write_sqlite, "is a SQLite database"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0\0\0\0", "is an HDF5 file"),
    "Feather 1": (b"FEA1\0\0\0\0", "is a Feather file of version 1"),
    "Numbers": (write_numbers, "is a document of Numbers"),
    "Encrypted workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "is encrypted",
    ),
}


def documented() -> dict[str, list[str]]:
    """By format, its suffix and what becomes of it, as docs/formats.md says."""
    text = (ROOT / "docs" / "formats.md").read_text()
    rows = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
    cells = [row.split(" | ") for row in rows[2:]]
    return {name: [suffix.strip("`"), *found] for name, suffix, *found in cells}


TABLE = documented()
WRITTEN = [name for name in READ if TABLE[name][-1] == "right"]


def path_of(name: str, folder: Path) -> Path:
    suffix = TABLE[name][0]
    return folder / ("salaries" + (suffix if suffix.startswith(".") else ""))


def test_table_of_formats_when_it_is_read_then_has_what_is_tested() -> None:
    refused = ["refused"] * 5
    assert list(TABLE) == [*READ, *REFUSED]
    assert {name: found[1:] for name, found in TABLE.items() if name in REFUSED} == dict.fromkeys(
        REFUSED, refused
    )
    assert {tuple(TABLE[name][1:5]) for name in READ} == {("right",) * 4}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose environment `csv` was drafted from the CSV file, and has run."""
    project = copy_project(tmp_path_factory.mktemp("formats") / "project")
    file = project.root / "salaries.csv"
    file.write_bytes(csv())
    told("infer", file, "--env", "csv", project=project)
    done = project.run("kedro", "run", "--env", "csv")
    assert done.returncode == 0, done.stderr
    return project


def told(*arguments: object, project: Project) -> Any:
    """What a command of `kedro contract` prints, as JSON."""
    before = Path.cwd()
    os.chdir(project.root)
    try:
        done = CliRunner().invoke(contract_command, [*map(str, arguments), "--json"])
    finally:
        os.chdir(before)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def clean(project: Project, env: str) -> pd.DataFrame:
    return pd.read_parquet(project.root / "data" / env / "03_primary" / "salaries.parquet")


def model(project: Project) -> Bundle:
    folder = project.root / "data/csv/06_models/bundles"
    return BundleStore(folder).load((folder / "current").read_text().strip())


def score(file: Path, target: Path, bundle: Bundle) -> list[float]:
    """Score a file, and read the predictions from what was written."""
    report = score_rows(TableReader(file), ScoredTables(target), bundle, BatchScoring())
    assert (report["scored"], report["rejected"]) == (ROWS, 0)
    return predictions(target, bundle)


def predictions(file: Path, bundle: Bundle) -> list[float]:
    chunks = TableReader(file).chunks(bundle.contract, 100)
    name = bundle.contract.target.name
    return [float(cell) for chunk in chunks for cell in chunk.cells.column(name).to_pylist()]


@pytest.fixture(scope="module")
def expected(own: Project) -> list[float]:
    """The predictions for the rows of the CSV file, in the order of the file."""
    bundle = model(own)
    return score(own.root / "salaries.csv", own.root / "expected.csv", bundle)


@pytest.fixture
def env(request: pytest.FixtureRequest) -> str:
    return "e" + re.sub(r"\W", "", str(request.node.callspec.params["name"])).lower()


@pytest.mark.parametrize("name", READ)
def test_format_when_it_is_read_then_gives_what_the_csv_file_gives(
    name: str, own: Project, env: str, expected: list[float], tmp_path: Path
) -> None:
    file = path_of(name, tmp_path)
    READ[name](file)

    drafted = told("infer", file, "--env", env, project=own)
    report = told("check", "--env", env, project=own)
    run = own.run("kedro", "run", "--env", env, "--pipelines", "data_engineering")
    scored = score(file, tmp_path / "scored.parquet", model(own))

    columns = {row["column"]: (row["kind"], row["use"]) for row in drafted["columns"]}
    assert columns == {
        "GRADE": ("category", "feature"),
        "YEARS": ("integer", "feature"),
        "HIRED": ("date", "feature"),
        "CODE": ("category", "feature"),
        "UNIONIST": ("boolean", columns["UNIONIST"][1]),
        "SALARY": ("number", "target"),
    }
    assert (report["rows"], report["rejected"]) == (ROWS, 0)
    assert run.returncode == 0, run.stderr
    order = list(clean(own, "csv").columns)
    by = ["salary", "hired"]
    found = clean(own, env)[order].sort_values(by, ignore_index=True)
    wanted = clean(own, "csv").sort_values(by, ignore_index=True)
    pd.testing.assert_frame_equal(found, wanted, check_categorical=False)
    assert sorted(scored) == pytest.approx(sorted(expected), rel=1e-12)


@pytest.mark.parametrize("name", WRITTEN)
def test_format_when_it_is_written_then_can_be_scored_again(
    name: str, own: Project, expected: list[float], tmp_path: Path
) -> None:
    bundle, file = model(own), path_of(name, tmp_path)

    first = score(own.root / "salaries.csv", file, bundle)
    again = score(file, tmp_path / "again.csv", bundle)

    assert first == pytest.approx(expected, rel=1e-12)
    assert again == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in TABLE if name not in WRITTEN])
def test_format_when_it_is_not_written_then_lists_what_is(
    name: str, own: Project, tmp_path: Path
) -> None:
    file = path_of(name, tmp_path)
    if name in ("Encrypted workbook", "Feather 1"):  # by their names they are written
        return
    with pytest.raises(UserError, match=r"its name must end in \.csv, \.csv\.gz"):
        score(own.root / "salaries.csv", file, model(own))


@pytest.mark.parametrize("name", REFUSED)
def test_format_when_it_is_refused_then_says_what_it_is_and_a_way(
    name: str, own: Project, tmp_path: Path
) -> None:
    content, says = REFUSED[name]
    file = path_of(name, tmp_path)
    if callable(content):
        content(file)
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    for words in (["infer", str(file), "--env", "refused"], ["check", str(file), "--env", "csv"]):
        before = Path.cwd()
        os.chdir(own.root)
        done = CliRunner().invoke(contract_command, words)
        os.chdir(before)
        (line,) = [line for line in done.output.splitlines() if line.startswith("Error: ")]
        assert done.exit_code == 1
        assert says in line
        assert "csv: {delimiter" not in line
        assert "Remove it" not in line
    with pytest.raises(UserError, match=re.escape(says)):
        score(file, tmp_path / "scored.csv", model(own))
    assert not (own.root / "conf" / "refused").exists()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
