"""From logged requests to a report, as nodes, on real files and bundles."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import ndtri

from kinds import category
from request_logs import HOUR, log_rows
from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.profile import CategoryProfile, Errors, NumberProfile, Profile
from salary_kedro.bundle.report import Coverage
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.profile import learn_profile
from salary_kedro.modelling.since import ErrorsSince
from salary_kedro.pipelines.monitoring import nodes
from salary_kedro.pipelines.monitoring.comparing import (
    cells_of,
    name_cells,
    rows_for,
    served_intervals,
)
from salary_kedro.pipelines.monitoring.nodes import (
    measure_drift,
    measure_errors,
    report_monitoring,
    shadow_challenger,
)
from salary_kedro.pipelines.monitoring.words import overall, say_errors
from salary_kedro.project.parameters import Monitoring
from salary_kedro.registry.registry import Registry
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.request_log import LoggedRequests, RequestLogReader
from samples import bundle_files, clean_column, column, contract_of, day

PARAMETERS = Monitoring()
NO_ERRORS: dict[str, Any] = {"sources": [], "file": None}
TOWNS = ["Bern", "Basel"]
YEARS = column("years", minimum=0, maximum=60)


def contract(**rules: Any) -> Contract:
    return contract_of(YEARS, category("town", *TOWNS), request_log={"share": 1.0, **rules})


def people(rows: int, seed: int, shift: float = 0.0) -> list[list[Any]]:
    """Years and town of people: normal about 20 by 5, and nine of ten in Bern."""
    random = np.random.default_rng(seed)
    years = np.clip(random.normal(20 + 5 * shift, 5, rows), 0, 60)
    towns = random.choice(TOWNS, rows, p=[0.9, 0.1])
    return [[float(year), str(town)] for year, town in zip(years, towns, strict=True)]


def make_bundle(folder: Path, made_for: Contract, *, slope: float = 1000.0) -> Bundle:
    """A bundle of version 3 that predicts so much a year; trained on 300 people."""
    rows = pd.DataFrame(people(300, 1), columns=["years", "town"])
    salaries = rows.assign(salary=slope * rows["years"])
    pipeline = build_pipeline(made_for, "linear_regression", {}, 234)
    pipeline.fit(*features_and_target(salaries, made_for))
    unseen = pd.DataFrame({"repeat": 0, "predicted": slope * rows["years"]})
    unseen["actual"] = unseen["predicted"] + np.where(np.arange(300) % 2, 1000.0, -1000.0)
    holdout = slope * np.array([years for years, _ in people(300, 5)])
    profile = learn_profile(rows, unseen, made_for, holdout)
    files = {
        **bundle_files(made_for, pipeline),
        "profile.json": profile.model_dump_json().encode(),
    }
    store = BundleStore(folder / "bundles")
    name, complete = pack("salaries", 3, files)
    store.write(name, complete)
    return store.load(name)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path, contract())


@pytest.fixture
def log(tmp_path: Path) -> RequestLogReader:
    return RequestLogReader(tmp_path / "log")


def drift_of(log: RequestLogReader, bundle: Bundle, **changes: Any) -> dict[str, Any]:
    return measure_drift(log, bundle, NO_ERRORS, Monitoring(**changes))


def verdicts(drift: dict[str, Any]) -> dict[str, str]:
    return {item["field"]: item["verdict"] for item in drift["findings"]}


# --- Drift ------------------------------------------------------------------------------


def test_drift_when_requests_are_as_in_training_then_all_is_quiet(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(2000, 2))

    found = drift_of(log, bundle)

    assert verdicts(found) == {"years": "quiet", "town": "quiet", "predictions": "quiet"}
    assert (found["rows"], found["first"]) == (2000, "2026-11-30T14:00:00+00:00")


def test_drift_when_a_field_has_moved_by_a_third_then_says_so_in_words(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(2000, 2, shift=0.35))

    found = drift_of(log, bundle)

    assert verdicts(found) == {"years": "shifted", "town": "quiet", "predictions": "shifted"}
    words = found["findings"][0]["words"]
    assert words.startswith("years: higher than in training by 0.")
    assert words.endswith(" standard deviations; more than chance explains")


def test_drift_when_a_field_is_a_day_then_cells_are_days(tmp_path: Path) -> None:
    dated = contract_of(YEARS, day("hired"), request_log={"share": 1.0})
    days = pd.Series(pd.date_range("2020-01-01", periods=20, freq="7D").repeat(10))
    rows = pd.DataFrame(
        {"years": 1.0, "hired": clean_column([*days.dt.strftime("%F")], dated.inputs[1])}
    )
    known = pd.DataFrame({"repeat": 0, "predicted": [1.0] * 200, "actual": 0.0})
    profile = learn_profile(rows, known, dated)
    logged = LoggedRequests(rows, pd.DataFrame({"predicted": [1.0] * 200}), {}, ())

    baseline, _ = cells_of(logged, dated, profile)["hired"]

    # ten bins of two days each: the first ends between 8 and 15 January
    assert baseline.names[0] == "up to 2020-01-11"
    assert baseline.names[-1].startswith("above 2020-05-")


def test_drift_when_requests_are_few_then_there_is_no_verdict(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(99, 2))

    found = drift_of(log, bundle)

    assert set(verdicts(found).values()) == {"unknown"}
    report, _ = report_monitoring(bundle, found, NO_ERRORS, NO_SHADOW, PARAMETERS)
    assert (report["verdict"], report["words"]) == (
        "unknown",
        "too few rows for a verdict: it takes 100 logged ones (monitoring.min_rows)",
    )


def test_drift_when_other_versions_have_answered_then_they_are_set_aside(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(200, 2))
    log_rows(log.path, replace(bundle, version=2), people(50, 2), name="2.parquet")
    other = replace(bundle, model_name="wages")
    log_rows(log.path, other, people(30, 2), name="3.parquet")

    found = drift_of(log, bundle)

    assert found["rows"] == 200
    assert found["others"] == {"version 2": 50, "version 3 of wages": 30}


def test_drift_when_the_log_is_long_then_goes_back_so_many_days(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(200, 2))
    log_rows(log.path, bundle, people(70, 3), hour=HOUR - timedelta(days=7), name="1.parquet")

    assert drift_of(log, bundle, days=7)["rows"] == 200
    assert drift_of(log, bundle, days=8)["rows"] == 270
    assert drift_of(log, bundle, days=None)["rows"] == 270


def test_drift_when_fields_are_not_logged_then_names_them(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, contract(fields=["town"]))
    log = RequestLogReader(tmp_path / "log")
    log_rows(log.path, bundle, people(200, 2))

    found = drift_of(log, bundle)

    assert (found["not_logged"], list(verdicts(found))) == (["years"], ["town", "predictions"])


# --- What is wrong with a log -------------------------------------------------------------


def refusal(log: RequestLogReader, bundle: Bundle) -> str:
    with pytest.raises(UserError) as raised:
        drift_of(log, bundle)
    return str(raised.value)


def test_drift_when_there_is_no_log_then_says_how_to_get_one(
    log: RequestLogReader, bundle: Bundle
) -> None:
    assert refusal(log, bundle) == (
        f"there is no log of requests in {log.path}: serve with SALARY_REQUEST_LOG set to a "
        f"folder, and run with the same setting"
    )


def test_drift_when_the_log_is_empty_then_says_when_it_is_written(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log.path.mkdir()

    assert refusal(log, bundle) == (
        f"the log of requests in {log.path} is empty: a service writes a part every five minutes, "
        f"and when it ends"
    )


def test_drift_when_no_part_can_be_read_then_says_why(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log.path.mkdir()
    (log.path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    pq.write_table(pa.table({"x": [1]}), log.path / "b.parquet")

    assert refusal(log, bundle) == (
        f"no file in {log.path} is a part of a log: a.parquet cannot be read (ArrowInvalid): "
        f"delete it, nor 1 more"
    )


def test_drift_when_some_files_are_no_parts_then_the_others_count(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(200, 2), name="m.parquet")
    pq.write_table(pa.table({"x": [1]}), log.path / "n.parquet")
    (log.path / "o.parquet").write_bytes(b"")
    fewer = replace(bundle, contract=contract(fields=["town"]))
    log_rows(log.path, fewer, people(10, 2), name="p.parquet")

    found = drift_of(log, bundle)

    assert found["rows"] == 200
    assert found["unusable"] == [
        "n.parquet is a Parquet file of somebody else: move it away",
        "o.parquet cannot be read (ArrowInvalid): delete it",
        "p.parquet lacks the column input_years, which the model's contract has: move it away",
    ]


def test_drift_when_a_column_is_of_another_kind_then_the_file_is_not_used(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(200, 2), name="a.parquet")
    part = pq.read_table(log.path / "a.parquet")
    texts = part.set_column(
        part.column_names.index("input_years"), "input_years", pa.array(["20"] * 200)
    )
    pq.write_table(texts, log.path / "b.parquet")

    assert drift_of(log, bundle)["unusable"] == ["b.parquet holds no number as years: move it away"]


def test_drift_when_production_has_not_answered_yet_then_says_who_has(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, replace(bundle, version=2), people(50, 2))

    assert refusal(log, bundle) == (
        "the log holds no request of version 3, which is production, but 50 of version 2: wait "
        "until that version has answered"
    )


def test_drift_when_the_bundle_is_of_an_earlier_release_then_says_what_to_do(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(200, 2))

    assert refusal(log, replace(bundle, profile=Profile())) == (
        "version 3 was trained before releases recorded what its training rows were like, or on "
        "too few of them: train it again, and promote that version"
    )


def test_drift_when_true_salaries_alone_are_known_then_goes_on_without_a_log(
    log: RequestLogReader, bundle: Bundle
) -> None:
    found = measure_drift(log, bundle, {"sources": [{}], "file": None}, PARAMETERS)

    assert found["findings"] == []
    assert found["problem"].startswith("there is no log of requests")


# --- Once salaries are known ----------------------------------------------------------------


def table(folder: Path, error: float, rows: int = 200) -> TableReader:
    """True salaries that lie so far from what is predicted, to both sides."""
    known = pd.DataFrame(people(rows, 4), columns=["Years", "Town"])
    signs = np.where(np.arange(rows) % 2, error, -error)
    path = folder / "true.csv"
    known.assign(Salary=1000 * known["Years"] + signs).to_csv(path, index=False)
    return TableReader(path)


def test_errors_when_a_file_brings_salaries_then_compares_with_training(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    (found,) = measure_errors(log, table(tmp_path, 3000), bundle, PARAMETERS)["sources"]

    assert (found["source"], found["worse"]) == ("the salaries in true.csv", True)
    assert found["words"] == (
        "RMSE 3,000.0 (3,000.0 to 3,000.0) on 200 rows; 1,000.0 of rows unseen in "
        "training, more than chance explains"
    )


def test_errors_when_they_are_as_in_training_then_says_so(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    (found,) = measure_errors(log, table(tmp_path, 1000), bundle, PARAMETERS)["sources"]

    assert found["worse"] is False
    assert found["words"].endswith(
        "1,000.0 of rows unseen in training, no more than chance explains"
    )


def test_errors_when_salaries_are_few_then_there_is_no_verdict(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    (found,) = measure_errors(log, table(tmp_path, 1000, 19), bundle, PARAMETERS)["sources"]

    assert (found["worse"], found["words"]) == (None, "19 rows, fewer than 20: no verdict")


def test_errors_when_there_is_no_file_then_says_so(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    found = measure_errors(log, TableReader(tmp_path / "true.csv"), bundle, PARAMETERS)

    assert found == {"sources": [], "file": f"there is no file true.csv in {tmp_path.name}"}


def test_errors_when_the_file_that_was_asked_for_is_not_there_then_is_refused(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    asked = Monitoring(true_salaries="true.csv")
    table = TableReader(tmp_path / "true.csv", parameter="true_salaries")
    with pytest.raises(UserError) as raised:
        measure_errors(log, table, bundle, asked)

    assert str(raised.value) == (
        f"there is no file {tmp_path}/true.csv: pass --params true_salaries=FILE, or put the file "
        f"there"
    )


def test_errors_when_salaries_may_be_logged_but_there_is_no_log_then_the_file_alone_counts(
    log: RequestLogReader, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path, contract(salary=True))

    found = measure_errors(log, table(tmp_path, 1000), bundle, PARAMETERS)["sources"]

    assert [item["source"] for item in found] == ["the salaries in true.csv"]


def test_errors_when_the_file_lacks_the_salary_then_is_refused(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "true.csv").write_text("Years,Town\n5,Bern\n")
    with pytest.raises(UserError, match="'Salary'"):
        measure_errors(log, TableReader(tmp_path / "true.csv"), bundle, PARAMETERS)


def test_errors_when_clients_sent_salaries_then_these_count_too(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, contract(salary=True))
    log = RequestLogReader(tmp_path / "log")
    rows = people(40, 4)
    sent = [1000 * years + 1000 if place % 2 else None for place, (years, _) in enumerate(rows)]
    log_rows(log.path, bundle, rows, actuals=sent)

    found = measure_errors(log, TableReader(tmp_path / "none.csv"), bundle, PARAMETERS)

    (source,) = found["sources"]
    assert source["source"] == "the salaries that clients sent"
    assert source["figures"]["rows"] == 20
    assert source["figures"]["rmse"] == pytest.approx(1000)


def test_errors_when_there_are_two_sources_then_each_comparison_has_its_part_of_false_alarms(
    tmp_path: Path,
) -> None:
    bundle = make_bundle(tmp_path, contract(salary=True))
    log = RequestLogReader(tmp_path / "log")
    log_rows(log.path, bundle, people(40, 4), actuals=[1000.0] * 40)
    known = table(tmp_path, 1170)

    def judge(false_alarms: float) -> dict[str, Any]:
        asked = Monitoring(false_alarms=false_alarms)
        return cast("dict[str, Any]", measure_errors(log, known, bundle, asked)["sources"][0])

    # half of them are for the fields, the rest for RMSE and coverage of two sources: an eighth
    p_value = judge(0.01)["figures"]["p_value"]
    assert judge(7 * p_value)["worse"] is False
    assert judge(9 * p_value)["worse"] is True


@pytest.mark.parametrize(
    ("share", "p_coverage", "is_worse", "words"),
    [
        (0.87, 1e-9, True, "fewer than chance explains"),
        (0.89, 1e-9, False, "fewer than chance explains, but too little to matter"),
        (0.87, 0.1, False, "no fewer than chance explains"),
    ],
)
def test_errors_when_intervals_hold_fewer_then_must_be_by_more_than_chance_and_enough(
    share: float, p_coverage: float, is_worse: bool, words: str
) -> None:
    coverage = Coverage(rows=1000, share=share, low=0.86, high=0.9)
    found = ErrorsSince(1000, 1.0, 1.0, 1.0, None, None, coverage, p_coverage)

    worse, told = say_errors(found, 0.9, 0.0025, PARAMETERS)

    assert worse is is_worse
    assert told.endswith(f"; intervals of 90% hold {share:.1%} (86.0% to 90.0%), {words}")


@pytest.mark.parametrize(("worse", "share"), [(None, 0.01), (False, 0.005)])
def test_drift_when_errors_are_judged_too_then_has_half_of_the_false_alarms(
    worse: bool | None, share: float, log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(2000, 2))

    years = measure_drift(log, bundle, {"sources": [{"worse": worse}]}, PARAMETERS)["findings"][0]

    # two tests each of years and predictions, one of towns; 300 training rows
    sides = ndtri(1 - share / 5 / 2) + ndtri(0.8)
    assert years["detectable"] == pytest.approx(sides * np.sqrt(1 / 300 + 1 / 2000))


# --- Shadow -----------------------------------------------------------------------------------

NO_SHADOW: dict[str, Any] = {"challenger": None, "words": [], "figures": None}
QUIET: dict[str, Any] = {"problem": None, "findings": []}


def shadow(
    log: RequestLogReader,
    production: Bundle,
    challenger: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    **changes: Any,
) -> dict[str, Any]:
    """Compare with a challenger that is version 4."""
    monkeypatch.setattr(nodes, "pack_version", lambda registry, number: (challenger,))
    monkeypatch.setattr(nodes.Bundle, "parse", lambda found: found)
    registry = cast("Registry", SimpleNamespace(version=lambda number: None))
    parameters = Monitoring(challenger=4, **changes)
    return shadow_challenger(log, production, registry, QUIET, parameters)


def test_shadow_when_no_challenger_is_named_then_nothing_is_compared(
    log: RequestLogReader, bundle: Bundle
) -> None:
    registry = cast("Registry", None)

    assert shadow_challenger(log, bundle, registry, QUIET, PARAMETERS) == NO_SHADOW


def test_shadow_when_the_challenger_is_production_then_says_so(
    log: RequestLogReader, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = replace(bundle, version=4)
    log_rows(log.path, served, people(150, 2))

    found = shadow(log, served, served, monkeypatch)

    assert found["words"][0] == "version 4 is production itself"


def test_shadow_when_a_challenger_predicts_more_then_says_how_much(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenger = make_bundle(tmp_path / "other", contract(), slope=1200.0)
    log_rows(log.path, bundle, [[20.0, "Bern"]] * 150)

    found = shadow(log, bundle, challenger, monkeypatch)

    assert found["challenger"] == 4
    assert found["words"] == [
        "version 4 differs by +4,000.0 on average (+4,000.0 to +4,000.0)",
        "by the median +4,000.0; of nine rows in ten +4,000.0 to +4,000.0",
        "100.0% of its predictions differ by more than 10%",
        f"most by years: +4,000.0 where it is {found['figures']['most'][0]['cell']} (150 rows)",
        "most by town: +4,000.0 where it is Bern (150 rows)",
    ]


def test_shadow_when_rows_break_the_challengers_contract_then_are_left_out(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = contract_of(column("years", minimum=0, maximum=30), category("town", *TOWNS))
    challenger = make_bundle(tmp_path / "other", narrow)
    log_rows(log.path, bundle, [[20.0, "Bern"]] * 150 + [[40.0, "Bern"]] * 50)

    found = shadow(log, bundle, challenger, monkeypatch)

    assert found["figures"]["rows"] == 150
    assert found["words"][-1] == "50 rows break its contract"


def test_shadow_when_the_challenger_takes_other_fields_then_is_refused(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_bundle(tmp_path / "other", contract())
    more = contract_of(YEARS, category("town", *TOWNS), column("staff"))
    log_rows(log.path, bundle, people(150, 2))

    with pytest.raises(UserError) as raised:
        shadow(log, bundle, replace(other, contract=more), monkeypatch)

    assert str(raised.value) == (
        "version 4 takes staff, which the log does not hold: name another challenger, or log these "
        "fields (request_log in the contract)"
    )


def test_shadow_when_rows_are_many_then_predicts_the_last_ones(
    log: RequestLogReader, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_rows(log.path, bundle, people(150, 2))
    log_rows(log.path, bundle, people(80, 3), hour=HOUR - timedelta(hours=1), name="1.parquet")

    found = shadow(log, bundle, bundle, monkeypatch, shadow_rows=150)

    assert (found["figures"]["rows"], found["figures"]["mean"]) == (150, 0.0)


def test_shadow_when_rows_are_few_then_says_so(
    log: RequestLogReader, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_rows(log.path, bundle, people(99, 2))

    found = shadow(log, bundle, bundle, monkeypatch)

    assert found["words"] == ["99 rows for version 4, fewer than 100"]


def test_rows_for_when_a_challenger_requires_what_was_left_out_then_such_rows_are_left_out() -> (
    None
):
    strict = contract_of(YEARS, day("hired", required=False))
    logged = pd.DataFrame(
        {
            "years": [20.0, np.nan, 61.0, 30.0],
            "hired": clean_column(["2026-11-23"] * 3 + [None], strict.inputs[1]),
        }
    )

    rows, kept = rows_for(strict, logged)

    assert rows == [[20.0, date(2026, 11, 23)], [30.0, None]]
    assert [type(hired) for _, hired in rows] == [date, type(None)]
    assert kept.tolist() == [0, 3]


def test_name_cells_when_a_number_is_an_edge_or_missing_then_lies_as_it_is_counted() -> None:
    profile = Profile(
        fields={
            "years": NumberProfile(edges=(10.0, 20.0), counts=(5, 5, 5), missing=5),
            "town": CategoryProfile(categories={"Bern": 9}, missing=5, others=5),
        }
    )
    values = pd.DataFrame(
        {"years": [10.0, 10.5, np.nan, 99.0], "town": ["Bern", "Basel", None, "Bern"]}
    )
    logged = LoggedRequests(values, pd.DataFrame(), {}, ())

    found = {name: [*cells] for name, cells in name_cells(logged, contract(), profile).items()}

    assert found == {
        "years": ["up to 10", "10 to 20", "(no value)", "above 20"],
        "town": ["Bern", "(any other)", "(no value)", "Bern"],
    }


def test_served_intervals_when_one_row_had_none_then_none_is_compared() -> None:
    answers = pd.DataFrame({"low": [1.0, np.nan], "high": [2.0, np.nan]})

    assert served_intervals(answers, 0.9) is None
    assert served_intervals(answers[:1], 0.9) is not None


# --- The report -------------------------------------------------------------------------------


def test_report_when_something_differs_then_says_how_to_train_again(
    log: RequestLogReader, bundle: Bundle
) -> None:
    log_rows(log.path, bundle, people(2000, 2, shift=1.0))

    report, page = report_monitoring(
        bundle, drift_of(log, bundle), NO_ERRORS, NO_SHADOW, PARAMETERS
    )

    assert (report["verdict"], report["retrain"]) == ("drift", "kedro run")
    assert report["words"] == "requests differ from the training rows in years, predictions"
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert "<code>kedro run</code>" in page
    assert (page.count(">training</th>"), page.count(">holdout</th>")) == (2, 1)


def test_report_when_a_field_was_not_judged_then_names_it() -> None:
    assert overall([], [], 2, ["grade"]) == (
        "quiet",
        (
            "nothing differs from training by more than chance explains and enough to matter; "
            "not judged: grade"
        ),
    )


@pytest.mark.parametrize(("error", "worse"), [(1040.0, False), (1060.0, True)])
def test_errors_when_rows_are_many_then_must_be_larger_by_enough_to_matter(
    error: float, worse: bool, log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    training = Errors(rows=1_000_000, mean_square=1e6, spread=1.4e6)
    sure = replace(bundle, profile=bundle.profile.model_copy(update={"errors": training}))

    (found,) = measure_errors(log, table(tmp_path, error, 20_000), sure, PARAMETERS)["sources"]

    assert found["worse"] is worse
    assert "more than chance explains" in found["words"]


def test_report_when_salaries_say_that_the_model_is_worse_then_says_so(
    log: RequestLogReader, bundle: Bundle, tmp_path: Path
) -> None:
    errors = measure_errors(log, table(tmp_path, 3000), bundle, PARAMETERS)
    drift = measure_drift(log, bundle, errors, PARAMETERS)

    report, page = report_monitoring(bundle, drift, errors, NO_SHADOW, PARAMETERS)

    assert report["words"] == "by the salaries in true.csv, the model is worse than in training"
    assert "there is no log of requests" in page


def test_page_when_texts_look_like_markup_then_shows_them_as_they_are(tmp_path: Path) -> None:
    town = "<script>alert(1)</script>"
    strange = contract_of(YEARS, category("town", town, "Zürich"), request_log={"share": 1.0})
    rows = [[float(place % 30), [town, "Zürich"][place % 2]] for place in range(300)]
    profile = learn_profile(
        pd.DataFrame(rows, columns=["years", "town"]),
        pd.DataFrame({"repeat": 0, "predicted": np.arange(300.0), "actual": 0.0}),
        strange,
    )
    bundle = replace(make_bundle(tmp_path, contract()), contract=strange, profile=profile)
    log = RequestLogReader(tmp_path / "log")
    log_rows(log.path, bundle, rows)

    _, page = report_monitoring(bundle, drift_of(log, bundle), NO_ERRORS, NO_SHADOW, PARAMETERS)

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Z&#252;rich" in page
    assert page.isascii()
    assert "http" not in page


def test_page_when_requests_hold_texts_that_training_never_met_then_shows_none_of_them(
    tmp_path: Path,
) -> None:
    learned = contract_of(
        YEARS, category("town", *TOWNS, categories={"min_count": 1}), request_log={"share": 1.0}
    )
    bundle = make_bundle(tmp_path, learned)
    log = RequestLogReader(tmp_path / "log")
    log_rows(log.path, bundle, [*people(300, 2), *[[20.0, "Jane Doe"]] * 200])

    report, page = report_monitoring(
        bundle, drift_of(log, bundle), NO_ERRORS, NO_SHADOW, PARAMETERS
    )

    assert "town" in report["words"]
    assert "(any other)" in page
    assert "Jane" not in page + json.dumps(report)
