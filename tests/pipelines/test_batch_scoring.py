"""Batch scoring, as nodes, on real files and bundles."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyreadstat
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.calibration import Calibration, Intervals, Numbers
from salary_kedro.contract import Contract, CsvDialect
from salary_kedro.contract.domain import Domain
from salary_kedro.contract.scoring import scoring_contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.pipelines.batch_scoring import nodes
from salary_kedro.pipelines.batch_scoring.nodes import load_production, score_rows
from salary_kedro.project.parameters import BatchScoring
from salary_kedro.tables.csv_lines import csv_table
from salary_kedro.tables.frames import learn_domain
from salary_kedro.tables.own_tables import SCORED
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.writer import ScoredTables, TooManyRejectedError
from samples import bundle_files, category, column, contract_of, straight_line
from stores import MODEL_NAME, Models, own_registry, register

YEARS = column("years", minimum=0, maximum=60)
EVERY_KIND = (
    column("hours", unit="", required=False),
    column("age", kind="integer", minimum=14, maximum=99, unit="", example=40),
    column("grade", kind="category", categories=["low", "high"], ordered=True, example="low"),
    column("city", kind="category", categories={"min_count": 1}, example="Rome"),
    column("remote", kind="boolean", true_values=["yes"], false_values=["no"], example=True),
    column("hired", kind="date", format="%d/%m/%Y", example="2020-01-31"),
    column("sex", kind="category", categories=["f", "m"], example="f", use="audit"),
)
for kind in EVERY_KIND:
    if kind["kind"] in ("category", "boolean", "date"):
        kind["unit"] = ""
#: Training rows of EVERY_KIND as a clean table.
CLEAN = pd.DataFrame(
    {
        "hours": [30.0, 40.0, np.nan, 35.0],
        "age": [20.0, 30.0, 40.0, 50.0],
        "grade": pd.Categorical(["low", "high", "low", "high"]),
        "city": pd.Categorical(["Rome", "Oslo", "Rome", "Oslo"]),
        "remote": pd.array([True, False, True, False], dtype="boolean"),
        "hired": pd.to_datetime(["2019-01-01", "2020-01-01", "2021-01-01", "2022-01-01"]).astype(
            "datetime64[ms]"
        ),
        "sex": pd.Categorical(["f", "m", "f", "m"]),
        "salary": [20000.0, 30000.0, 40000.0, 50000.0],
    }
)


def line(contract: Contract, slope: float = 1000.0) -> Pipeline:
    """A model of one input: slope times it, exactly."""
    pipeline = straight_line(contract)
    pipeline[-1].coef_, pipeline[-1].intercept_ = np.array([slope]), 0.0
    return pipeline


def make_bundle(
    folder: Path, contract: Contract, model: Pipeline, domain: Domain | None = None
) -> Bundle:
    """A bundle of version 3, written and loaded."""
    covered = domain or Domain(ranges={"years": (0.0, 10.0)})
    files = {
        **bundle_files(contract, model),
        "domain.json": covered.model_dump_json().encode(),
    }
    store = BundleStore(folder / "bundles")
    name, complete = pack("salaries", 3, files)
    store.write(name, complete)
    return store.load(name)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Predicts 1000 for each of `years`; training covered 0 to 10."""
    contract = contract_of(YEARS)
    return make_bundle(tmp_path, contract, line(contract))


def run(
    folder: Path, content: str | bytes, bundle: Bundle, names: tuple[str, str] = ("in.csv", "o.csv")
) -> dict[str, Any]:
    """Score a file of that content."""
    source = folder / names[0]
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    return score_rows(TableReader(source), ScoredTables(folder / names[1]), bundle, BatchScoring())


def texts(path: Path, **options: Any) -> list[list[str]]:
    """The cells of a CSV file, header first."""
    table = pd.read_csv(path, header=None, dtype="str", na_filter=False, **options)
    return table.to_numpy().tolist()


def test_score_rows_when_rows_are_good_then_keeps_their_cells_and_adds_the_salary(
    bundle: Bundle, tmp_path: Path
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    run(tmp_path, 'Id,Years,Note\n00123,5.10,"a, ""b"""\n7,2,NA\n', bundle)

    header, *rows = texts(tmp_path / "o.csv")
    added = ["salary", "low", "high", "confidence", *SCORED]
    assert header == ["Id", "Years", "Note", *added]
    assert [row[:-1] for row in rows] == [
        ["00123", "5.10", 'a, "b"', "5100", "", "", "", "", "salaries", "3"],
        ["7", "2", "NA", "2000", "", "", "", "", "salaries", "3"],
    ]
    moments = {datetime.fromisoformat(row[-1]) for row in rows}
    assert len(moments) == 1
    assert before <= moments.pop() <= datetime.now(UTC)


def test_score_rows_when_the_prediction_has_a_name_then_the_truth_keeps_its_own(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("Years,salary,predicted\n5,4900,x\n")
    named = BatchScoring(prediction_column="predicted")

    report = score_rows(
        TableReader(tmp_path / "in.csv"), ScoredTables(tmp_path / "o.csv"), bundle, named
    )

    header, row = texts(tmp_path / "o.csv")
    assert header[:4] == ["Years", "salary", "predicted (raw)", "predicted"]
    assert row[:4] == ["5", "4900", "x", "5000"]
    assert (report["predicted"], report["given"]) == ("predicted", "salary")


class TenAround(Calibration):
    """Intervals of 10 to either side; what lies evenly between their ends has even chances."""

    def intervals(self, predicted: Numbers, confidence: float | None = None) -> Intervals:
        return Intervals(predicted - 10, predicted + 10, 0.8)

    def chances(self, predicted: Numbers, actual: Numbers) -> Numbers:
        return (actual - predicted + 10) / 20


def test_score_rows_when_the_model_is_calibrated_then_adds_the_interval_of_each_row(
    bundle: Bundle, tmp_path: Path
) -> None:
    run(tmp_path, "Years\n5\n7\n", replace(bundle, calibration=TenAround()))

    assert [row[:5] for row in texts(tmp_path / "o.csv")] == [
        ["Years", "salary", "low", "high", "confidence"],
        ["5", "5000", "4990", "5010", "0.8"],
        ["7", "7000", "6990", "7010", "0.8"],
    ]


def test_score_rows_when_the_rows_bring_their_target_then_says_where_each_stands(
    bundle: Bundle, tmp_path: Path
) -> None:
    report = run(
        tmp_path,
        "Salary,Years,percentile\n5005,5,x\n,5,x\nnone,5,x\n-1,5,x\n7000,y,x\n6990,7,x\n",
        replace(bundle, calibration=TenAround(effective_rows=20)),
    )

    header, *rows = texts(tmp_path / "o.csv")
    percentile = ["percentile", "percentile_margin"]
    added = ["salary", "low", "high", "confidence", *percentile, *SCORED]
    assert header == ["Salary", "Years", "percentile (raw)", *added]
    places = [(row[0], row[header.index("percentile")]) for row in rows]
    assert places == [("5005", "75"), ("", ""), ("none", ""), ("-1", ""), ("6990", "0")]
    # Wilson's, of 75 % of 20 and of none of 20
    margins = [row[header.index("percentile_margin")] for row in rows]
    assert [margins[0][:6], *margins[1:4], margins[4][:6]] == ["17.841", "", "", "", "8.0562"]
    warned = [row[header.index("warnings")] for row in rows]
    assert warned == [
        "",
        "",
        "Salary: not a number, so that it has no percentile",
        "Salary: must be a number above 0 (a year), so that it has no percentile",
        "",
    ]
    assert (report["scored"], report["rejected"], report["given"]) == (5, 1, "Salary")


@pytest.mark.parametrize("salary", ["Salary", "Other"])
def test_score_rows_when_training_left_such_rows_out_then_warns_and_compares_them_with_none(
    salary: str, tmp_path: Path
) -> None:
    rules = {"filter": {"Money": ["USD", "US$"], "Per": ["year"]}}
    contract = contract_of(YEARS, table=rules)
    bundle = make_bundle(tmp_path, contract, line(contract))
    rows = "5005,5, USD ,year\n5005,5,EUR,year\n5005,5,US$,hour\n5005,5,,hour\n"

    report = run(
        tmp_path,
        f"{salary},Years,Money,Per\n{rows}",
        replace(bundle, calibration=TenAround(effective_rows=20)),
    )

    header, *found = texts(tmp_path / "o.csv")
    no_percentile = ", so that it has no percentile" if salary == "Salary" else ""
    money, per = "predicted as if it were 'USD' or 'US$'", "predicted as if it were 'year'"
    assert [row[header.index("warnings")] for row in found] == [
        "",
        f"Money 'EUR': {money}{no_percentile}",
        f"Per 'hour': {per}{no_percentile}",
        f"Money '': {money}; Per 'hour': {per}{no_percentile}",
    ]
    assert (report["scored"], report["warned"]) == (4, 3)
    if salary == "Salary":
        assert [row[header.index("percentile")] for row in found] == ["75", "", "", ""]


def test_score_rows_when_the_model_cannot_place_a_target_then_leaves_the_percentile_empty(
    bundle: Bundle, tmp_path: Path
) -> None:
    run(tmp_path, "Salary,Years\n5005,5\n", bundle)

    header, row = texts(tmp_path / "o.csv")
    assert row[header.index("percentile")] == ""


@pytest.mark.parametrize("suffix", [".dta", ".sav", ".xlsx", ".parquet"])
@pytest.mark.parametrize("calibration", [TenAround(), Calibration()])
def test_score_rows_when_the_file_is_of_another_format_then_holds_the_interval_as_numbers(
    calibration: Calibration, suffix: str, bundle: Bundle, tmp_path: Path
) -> None:
    run(
        tmp_path,
        "Years\n5\n",
        replace(bundle, calibration=calibration),
        ("in.csv", f"o{suffix}"),
    )

    (chunk,) = TableReader(tmp_path / f"o{suffix}").chunks(contract_of(YEARS), 10)
    found = chunk.cells.select(["low", "high", "confidence"]).to_pandas().astype(float)
    known = [4990, 5010, 0.8] if isinstance(calibration, TenAround) else [np.nan] * 3
    np.testing.assert_array_equal(found.to_numpy(), [known])


def test_score_rows_when_rows_break_the_contract_then_rejects_those_with_line_and_reasons(
    bundle: Bundle, tmp_path: Path
) -> None:
    report = run(tmp_path, 'Id,Years\n1,"\nx"\n2,\n3,5\n4,61\n', bundle)

    assert [row[:3] for row in texts(tmp_path / "o.csv")[1:]] == [["3", "5", "5000"]]
    assert texts(tmp_path / "o_rejected.csv") == [
        ["line", "reasons", "Id", "Years"],
        ["2", "Years: not a number", "1", "\nx"],
        ["4", "Years: missing", "2", ""],
        ["6", "Years: must be a number from 0 to 60 (units)", "4", "61"],
    ]
    assert report == {
        "scored": 1,
        "rejected": 3,
        "left_out": 0,
        "warned": 0,
        "model_version": 3,
        "scored_file": f"{tmp_path}/o.csv",
        "rejected_file": f"{tmp_path}/o_rejected.csv",
        "predicted": "salary",
        "given": None,
    }


def test_score_rows_when_too_many_are_rejected_then_says_that_the_file_is_of_an_earlier_run(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("Years\n1\n")
    tables = ScoredTables(tmp_path / "o.csv")
    reader = TableReader(tmp_path / "in.csv")
    score_rows(reader, tables, bundle, BatchScoring(max_rejected_share=0))
    before = tables.path.read_bytes()
    (tmp_path / "in.csv").write_text("Years\n1\nx\n")

    with pytest.raises(UserError) as caught:
        score_rows(reader, tables, bundle, BatchScoring(max_rejected_share=0))

    assert str(caught.value) == (
        f"1 of 2 rows break the contract, more than the allowed share of 0%, so {tables.path} is "
        f"not written (what it holds is of an earlier run): {tables.rejected} lists each line "
        f"with its reasons; correct the rows, or raise batch_scoring.max_rejected_share"
    )
    assert tables.path.read_bytes() == before


def test_score_rows_when_more_are_rejected_than_may_be_then_keeps_those_alone(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("Years\n1\n2\n3\nx\n61\n")
    tables = ScoredTables(tmp_path / "o.csv")
    reader = TableReader(tmp_path / "in.csv")

    with pytest.raises(UserError) as caught:
        score_rows(reader, tables, bundle, BatchScoring(max_rejected_share=0.25))

    assert str(caught.value) == (
        f"2 of 5 rows break the contract, more than the allowed share of 25%, so {tables.path} is "
        f"not written: {tables.rejected} lists each line with its reasons; correct the rows, or "
        f"raise batch_scoring.max_rejected_share"
    )
    assert [row[0] for row in texts(tables.rejected)[1:]] == ["5", "6"]
    assert not tables.path.exists()
    report = score_rows(reader, tables, bundle, BatchScoring(max_rejected_share=0.4))
    assert (report["scored"], report["rejected"]) == (3, 2)


@pytest.mark.parametrize(
    ("rows", "given"),
    [
        ("Years,Salary\n5,6\n", "Salary"),
        ("Years,salary\n5,6\n", "salary (raw)"),
        ("salary,Salary,Years\n7,6,5\n", "Salary"),
        ("Years,SALARY\n5,6\n", "SALARY"),
        ("Years,Salary (raw)\n5,6\n", None),
    ],
)
def test_score_rows_when_the_rows_hold_the_target_then_says_which_column_is_which(
    rows: str, given: str | None, bundle: Bundle, tmp_path: Path
) -> None:
    report = run(tmp_path, rows, bundle)

    assert (report["predicted"], report["given"]) == ("salary", given)
    scored = pd.read_csv(tmp_path / "o.csv")
    assert scored["salary"].tolist() == [5000]
    assert given is None or scored[given].tolist() == [6]


def test_score_rows_when_values_lie_outside_the_training_range_then_warns(
    bundle: Bundle, tmp_path: Path
) -> None:
    report = run(tmp_path, "Years\n10\n10.5\n", bundle)

    assert [row[5] for row in texts(tmp_path / "o.csv")[1:]] == [
        "",
        "Years is outside the training range: 0 to 10 units",
    ]
    assert report["warned"] == 1


def test_score_rows_when_the_file_has_many_chunks_then_scores_all_in_order(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "CHUNK_ROWS", 2)

    report = run(tmp_path, "Years\n1\n2\nx\ny\n5\n", bundle)

    assert [row[:2] for row in texts(tmp_path / "o.csv")[1:]] == [
        ["1", "1000"],
        ["2", "2000"],
        ["5", "5000"],
    ]
    assert [row[0] for row in texts(tmp_path / "o_rejected.csv")[1:]] == ["4", "5"]
    assert (report["scored"], report["rejected"]) == (3, 2)


def test_score_rows_when_a_raw_column_bears_an_added_name_then_renames_the_raw_one(
    bundle: Bundle, tmp_path: Path
) -> None:
    run(tmp_path, "salary,Years,salary (raw),line\n9,1,8,7\nz,x,y,w\n", bundle)

    header, row = texts(tmp_path / "o.csv")
    assert header[:5] == ["salary (raw) (raw)", "Years", "salary (raw)", "line", "salary"]
    assert row[:5] == ["9", "1", "8", "7", "1000"]
    assert texts(tmp_path / "o_rejected.csv") == [
        ["line", "reasons", "salary", "Years", "salary (raw)", "line (raw)"],
        ["3", "Years: not a number", "z", "x", "y", "w"],
    ]


def test_score_rows_when_no_row_is_good_then_writes_the_rejected_ones_and_says_so(
    bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(TooManyRejectedError, match=r"^none of 1 rows keeps to the contract, so "):
        run(tmp_path, "Years\nx\n", bundle)

    assert not (tmp_path / "o.csv").exists()
    assert len(texts(tmp_path / "o_rejected.csv")) == 2


def test_score_rows_when_a_prediction_may_not_be_the_target_then_warns(tmp_path: Path) -> None:
    contract = contract_of(column("years"))
    bundle = make_bundle(tmp_path, contract, line(contract))

    report = run(tmp_path, "Years\n-1\n5\n", bundle)

    assert report["warned"] == 1
    first, second = (row[5] for row in texts(tmp_path / "o.csv")[1:])
    assert first == (
        "Years is outside the training range: 0 to 10 units; Salary is predicted as -1,000, but "
        "must be a number above 0 (a year): a model with log_scale predicts no such value"
    )
    assert second == ""


def test_score_rows_when_lines_are_no_rows_then_neither_scores_nor_rejects_them(
    tmp_path: Path,
) -> None:
    contract = contract_of(YEARS, table={"csv": {"footer": ["Total"]}})
    bundle = make_bundle(tmp_path, contract, line(contract))

    report = run(tmp_path, "Years\n1\nx\nTotal 2\n", bundle)

    assert (report["scored"], report["rejected"], report["left_out"]) == (1, 1, 1)
    assert texts(tmp_path / "o_rejected.csv")[1:] == [["3", "Years: not a number", "x"]]


def test_score_rows_when_the_first_column_is_no_input_then_lines_are_told_by_it_all_the_same(
    tmp_path: Path,
) -> None:
    job = category("job", {"min_count": 1}, example="x")
    contract = contract_of(job, YEARS, table={"csv": {"footer": ["Total"]}})
    rows = pd.DataFrame({"job": ["Total", "x"], "years": [1.0, 2.0], "salary": [1.0, 2.0]})
    model = build_pipeline(contract, "linear_regression", {}, 234, learn_domain(rows, contract))
    model.fit(*features_and_target(rows, contract))
    bundle = make_bundle(tmp_path, contract, model, learn_domain(rows, contract))

    report = run(tmp_path, "Name,Job,Years\nAnn,Total,1\nTotal,,3\n", bundle)

    assert (report["scored"], report["rejected"], report["left_out"]) == (1, 0, 1)
    assert texts(tmp_path / "o.csv")[1][:3] == ["Ann", "Total", "1"]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_score_rows_when_a_prediction_is_not_finite_then_rejects_its_row(tmp_path: Path) -> None:
    contract = contract_of(column("years"))
    bundle = make_bundle(tmp_path, contract, line(contract, slope=1e307))

    run(tmp_path, "Years\n1\n100\n", bundle)

    assert [row[0] for row in texts(tmp_path / "o.csv")[1:]] == ["1"]
    assert texts(tmp_path / "o_rejected.csv")[1:] == [
        ["3", "Salary: the model predicts no finite number", "100"]
    ]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # as bundle.py does
def test_score_rows_when_the_contract_has_every_kind_then_predicts_as_the_bundle_does(
    tmp_path: Path,
) -> None:
    contract = contract_of(*EVERY_KIND)
    domain = learn_domain(CLEAN, contract)
    model = build_pipeline(contract, "linear_regression", {}, 234, domain)
    bundle = make_bundle(
        tmp_path, contract, model.fit(*features_and_target(CLEAN, contract)), domain
    )
    header = "Hired,Remote,City,Grade,Age,Hours\n"

    run(tmp_path, f"{header}31/12/2020,yes,Bonn,high,30,\n01/02/2021,no,Oslo,low,45,38.5\n", bundle)

    expected = bundle.predict(
        [
            [None, 30, "high", "Bonn", True, "2020-12-31"],
            [38.5, 45, "low", "Oslo", False, "2021-02-01"],
        ]
    )
    rows = texts(tmp_path / "o.csv")[1:]
    np.testing.assert_allclose([float(row[6]) for row in rows], expected, rtol=1e-12)
    assert [row[10] for row in rows] == [
        "City 'Bonn' did not occur in the training data",
        "",
    ]


def test_score_rows_when_the_dialect_is_another_then_reads_and_writes_by_it(tmp_path: Path) -> None:
    dialect = {"delimiter": ";", "decimal": ",", "encoding": "cp1252"}
    contract = contract_of(YEARS, table={"csv": dialect})
    bundle = make_bundle(tmp_path, contract, line(contract, slope=0.5))

    run(tmp_path, "Größe;Years\n1,50;2,5\n;3.5\n".encode("cp1252"), bundle)

    header, row = texts(tmp_path / "o.csv", sep=";")
    assert header[:3] == ["Größe", "Years", "salary"]
    assert row[:3] == ["1,50", "2,5", "1,25"]
    assert texts(tmp_path / "o_rejected.csv", sep=";")[1:] == [
        ["3", "Years: not a number", "", "3.5"]
    ]


def test_score_rows_when_both_files_are_parquet_then_keeps_the_types(
    bundle: Bundle, tmp_path: Path
) -> None:
    raw = pd.DataFrame({"Id": [1, 2], "Years": [5.0, None], "When": pd.Timestamp("2026-01-02")})
    raw.to_parquet(tmp_path / "in.parquet")
    content = (tmp_path / "in.parquet").read_bytes()

    run(tmp_path, content, bundle, ("in.parquet", "o.parquet"))

    scored = pd.read_parquet(tmp_path / "o.parquet")
    pd.testing.assert_frame_equal(scored[["Id", "Years", "When"]], raw[:1])
    assert scored["salary"].tolist() == [5000.0]
    assert scored["model_version"].tolist() == [3]
    rejected = pd.read_parquet(tmp_path / "o_rejected.parquet")
    assert rejected[["line", "reasons", "Id"]].to_numpy().tolist() == [[2, "Years: missing", 2]]


@pytest.mark.parametrize("names", [("in.csv", "o.parquet"), ("in.parquet", "o.csv")])
def test_score_rows_when_the_formats_differ_then_goes_from_one_to_the_other(
    names: tuple[str, str], bundle: Bundle, tmp_path: Path
) -> None:
    content: str | bytes = "Years,Id\n5,7\n"
    if names[0] == "in.parquet":
        pd.DataFrame({"Years": [5], "Id": [7]}).to_parquet(tmp_path / "in.parquet")
        content = (tmp_path / "in.parquet").read_bytes()

    run(tmp_path, content, bundle, names)

    read = pd.read_csv if names[1] == "o.csv" else pd.read_parquet
    scored = read(tmp_path / names[1])  # type: ignore[operator]
    assert scored[["Years", "Id", "salary"]].astype(float).to_numpy().tolist() == [[5, 7, 5000]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty. It needs a header line"),
        ("Years\n", "has a header but no rows"),
        ("Age\n987654\n", "the table has no column 'Years'; it has 'Age'"),
        ("Years;Id\n987654;2\n", "CSV whose cells are separated by ','; write the file so"),
        ("Years\n1\n2\n3,987654\n", "line 4 has 2 fields, but 1 are expected"),
        ('Years\n1\n"987654\n', "is malformed"),
    ],
)
def test_score_rows_when_the_file_is_bad_then_says_why_and_leaves_nothing(
    content: str, message: str, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "CHUNK_ROWS", 2)

    with pytest.raises(UserError) as caught:
        run(tmp_path, content, bundle)

    assert message in str(caught.value)
    assert "987654" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundles", "in.csv"]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_score_rows_when_the_header_is_elsewhere_then_shows_no_cells_and_advises_on_csv_of_csv(
    suffix: str, bundle: Bundle, tmp_path: Path
) -> None:
    rows = pd.DataFrame({"Years": [5, 6], "Name": ["Ann Lee", "Bo"], "Pay": [987654, 987654]})
    csv = CsvDialect(skip_rows=1, encoding="utf-8")
    table = bundle.contract.table.model_copy(update={"csv": csv})
    below = replace(bundle, contract=bundle.contract.model_copy(update={"table": table}))
    if suffix == "csv":
        rows.to_csv(tmp_path / "in.csv", index=False)
    else:
        rows.to_excel(tmp_path / "in.xlsx", index=False, engine="xlsxwriter")

    with pytest.raises(UserError) as caught:
        run(tmp_path, (tmp_path / f"in.{suffix}").read_bytes(), below, (f"in.{suffix}", "o.csv"))

    message = str(caught.value)
    expected = "it has 3 columns (lines expected above the header: 1, of the header: 1)"
    assert f"the table has no column 'Years'; {expected}" in message
    assert not any(cell in message for cell in ("Ann", "987654", "5"))
    assert ("CSV" in message) == (suffix == "csv")


@pytest.mark.parametrize("suffix", ["sav", "dta"])
def test_score_rows_when_a_statistics_file_holds_the_target_then_keeps_it_under_a_name_it_may_have(
    suffix: str, bundle: Bundle, tmp_path: Path
) -> None:
    write, read = {
        "sav": (pyreadstat.write_sav, pyreadstat.read_sav),
        "dta": (pyreadstat.write_dta, pyreadstat.read_dta),
    }[suffix]
    write(
        pd.DataFrame({"Years": [5.0, -1.0], "salary": [4321.0, 4322.0]}), tmp_path / f"i.{suffix}"
    )
    names = [f"{name}.{suffix}" for name in ("i", "o", "p")]

    told = run(tmp_path, (tmp_path / names[0]).read_bytes(), bundle, (names[0], names[1]))
    again = run(tmp_path, (tmp_path / names[1]).read_bytes(), bundle, (names[1], names[2]))

    first, second = (read(tmp_path / name)[0] for name in names[1:])
    assert first[["salary_raw", "salary"]].to_numpy().tolist() == [[4321, 5000]]
    assert second[["salary_raw", "salary_raw_raw", "salary"]].to_numpy().tolist() == [
        [4321, 5000, 5000]
    ]
    assert (told["given"], again["given"]) == ("salary_raw", "salary_raw_raw")


# --- Spreadsheets -------------------------------------------------------------------------------

CITY = column(
    "city", kind="category", categories={"min_count": 1}, unit="", required=False, example="Rome"
)
AWKWARD = st.text(st.sampled_from("'=+-@\t\r＝－1.5;,\"\na ")) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")
)


def test_score_rows_when_cells_are_formulas_then_they_are_harmless_in_both_files(
    bundle: Bundle, tmp_path: Path
) -> None:
    run(tmp_path, 'Years,=Note\n5,"=1+1"\n7,-7\nx,@SUM(A1)\n-1,+a\n', bundle)

    assert [row[:2] for row in texts(tmp_path / "o.csv")] == [
        ["Years", "'=Note"],
        ["5", "'=1+1"],
        ["7", "-7"],
    ]
    assert [row[2:] for row in texts(tmp_path / "o_rejected.csv")] == [
        ["Years", "'=Note"],
        ["x", "'@SUM(A1)"],
        ["-1", "'+a"],
    ]


def test_score_rows_when_it_is_switched_off_then_cells_stay_as_they_are(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("Years,Note\n5,=1+1\n")
    tables = ScoredTables(tmp_path / "o.csv", spreadsheet_safe=False)

    score_rows(
        TableReader(tmp_path / "in.csv", spreadsheet_safe=False), tables, bundle, BatchScoring()
    )

    assert texts(tmp_path / "o.csv")[1][:2] == ["5", "=1+1"]


@pytest.fixture(scope="module")
def city_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model of years and a city, of a table in another encoding and dialect."""
    dialect = {"delimiter": ";", "decimal": ",", "encoding": "cp1252"}
    contract = contract_of(YEARS, CITY, table={"csv": dialect})
    clean = pd.DataFrame(
        {
            "years": [1.0, 2.0, 3.0, 4.0],
            "city": pd.Categorical(["=Rom", "Köln"] * 2),
            "salary": [10.0, 30.0, 30.0, 50.0],
        }
    )
    domain = learn_domain(clean, contract)
    model = build_pipeline(contract, "linear_regression", {}, 234, domain)
    model.fit(*features_and_target(clean, contract))
    return make_bundle(tmp_path_factory.mktemp("city"), contract, model, domain)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # as bundle.py does
@settings(max_examples=30)
@given(notes=st.lists(AWKWARD, min_size=1, max_size=5))
@example(notes=["=Rom", "'=Rom", "-5", "'-5", "''@", "\t=1"])
def test_score_rows_when_scored_rows_are_scored_again_then_every_cell_is_as_it_was(
    city_bundle: Bundle, notes: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = pd.DataFrame({"Years": "2,5", "City": "=Rom", "=Note": notes})
        (folder / "rows.csv").write_bytes(csv_table(pa.table(rows), CsvDialect(delimiter=";")))
        source = TableReader(folder / "rows.csv")
        for target in ("first.csv", "second.csv"):
            tables = ScoredTables(folder / target)
            score_rows(source, tables, plain_utf8(city_bundle, target), BatchScoring())
            source = TableReader(folder / target)
        chunk = next(source.chunks(scoring_contract(city_bundle.contract), 100))
        found = chunk.cells.to_pandas()

    assert found["=Note"].tolist() == notes
    assert found["City"].tolist() == ["=Rom"] * len(notes)
    assert found["warnings"].tolist() == [""] * len(notes)
    assert found["salary"].tolist() == found["salary (raw)"].tolist()


def plain_utf8(bundle: Bundle, target: str) -> Bundle:
    """The bundle; the first file is in UTF-8, which its contract does not say."""
    if target != "first.csv":
        return bundle
    csv = bundle.contract.table.csv.model_copy(update={"encoding": "utf-8"})
    table = bundle.contract.table.model_copy(update={"csv": csv})
    return replace(bundle, contract=bundle.contract.model_copy(update={"table": table}))


# --- The production model -------------------------------------------------------------------------


def test_load_production_when_it_was_never_packaged_then_exports_and_loads_it(
    settled: Any, tmp_path: Path
) -> None:
    bundle = load_production(BundleStore(tmp_path / "b"), own_registry())

    assert (bundle.model_name, bundle.version) == (MODEL_NAME, 2)
    assert BundleStore(tmp_path / "b").current() == bundle.name


def test_load_production_when_there_is_none_then_says_what_to_do(
    store: str, models: Models, tmp_path: Path
) -> None:
    register(models[5])

    with pytest.raises(UserError, match="has no production version"):
        load_production(BundleStore(tmp_path), own_registry())
