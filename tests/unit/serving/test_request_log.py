"""The sampled log of requests."""

import logging
import os
import random
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinds import all_kinds, category
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain, DomainCheck
from salary_kedro.errors import UserError
from salary_kedro.serving import request_log
from salary_kedro.serving.request_log import Bounds, RequestLog, read_request_log, sample
from samples import column, contract_of

EVERY = {"share": 1.0}
#: Long ago.
HOUR = datetime(2020, 11, 30, 14, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
#: Of what the clock must have gone on by: in tests it always or never has.
ALWAYS, NEVER = 1e-9, 1e12
YEARS = Contract.model_validate({**contract_of(column("years")).model_dump(), "request_log": EVERY})


def with_rules(contract: Contract, **rules: Any) -> Contract:
    return Contract.model_validate({**contract.model_dump(), "request_log": rules})


def served(contract: Contract, version: int = 7) -> Any:
    """What has answered; training covered 0 to 10 of the first input."""
    bundle = SimpleNamespace(
        contract=contract, name=f"{version}-0123abcd", model_name="salaries", version=version
    )
    domain = Domain(ranges={contract.inputs[0].name: (0.0, 10.0)})
    return SimpleNamespace(bundle=bundle, check=DomainCheck(domain, contract))


def written(folder: Path) -> list[dict[str, Any]]:
    """The rows of all parts."""
    parts = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    return [row for part in parts for row in part.to_pylist()]


def count_rows(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the metric counts from now on."""
    counted: list[tuple[str, int]] = []
    metrics = SimpleNamespace(count=lambda outcome, rows: counted.append((outcome, rows)))
    monkeypatch.setattr(request_log, "request_log_metrics", lambda: metrics)
    return counted


@pytest.fixture
def log(tmp_path: Path) -> RequestLog:
    return RequestLog(tmp_path)


def note(
    log: RequestLog,
    contract: Contract,
    years: list[float],
    actuals: list[float | None] | None = None,
) -> None:
    """Rows of one input that are answered together."""
    salaries, sent = np.array(years), actuals or [None] * len(years)
    log.note_columns(served(contract), [years], salaries, None, sent)


def look(log: RequestLog) -> None:
    """What its thread does twice while the service runs: what is complete is written then."""
    log._write_due(everything=False)
    log._write_due(everything=False)


def write(log: RequestLog) -> None:
    """What its thread does when the process ends."""
    log.start()
    log.close()


def test_part_when_all_rows_are_logged_then_holds_every_kind_as_it_was_checked(
    log: RequestLog, tmp_path: Path
) -> None:
    contract = with_rules(all_kinds(), **EVERY)
    row = [5, None, 3, "Junior", None, "Analyst", True, None, "2026-11-23"]

    log.note(served(contract), row, 100.5, (90.0, 110.0), None)
    write(log)

    (found,) = written(tmp_path)
    hour = found.pop("hour")
    assert found == {
        "model_name": "salaries",
        "model_version": 7,
        "bundle": "7-0123abcd",
        "input_hours": 5.0,
        "input_bonus": None,
        "input_level": 3.0,
        "input_grade": "Junior",
        "input_site": None,
        "input_job": "Analyst",
        "input_manager": True,
        "input_remote": None,
        "input_hired": MONDAY,
        "predicted": 100.5,
        "low": 90.0,
        "high": 110.0,
        "warned": False,
    }
    assert (hour.minute, hour.second, hour.microsecond) == (0, 0, 0)


def test_part_when_the_contract_names_fields_then_holds_no_others(
    log: RequestLog, tmp_path: Path
) -> None:
    both = contract_of(column("years"), category("town", "Bern", "Basel"))
    contract = with_rules(both, **EVERY, fields=["town"])

    log.note(served(contract), [5.0, "Bern"], 1.0, None, 2.0)
    write(log)

    (found,) = written(tmp_path)
    assert [name for name in found if name.startswith("input_")] == ["input_town"]
    assert found["low"] is None
    assert "actual" not in found


def test_part_when_the_contract_asks_for_the_salary_then_holds_what_was_sent(
    log: RequestLog, tmp_path: Path
) -> None:
    contract = with_rules(contract_of(column("years")), **EVERY, salary=True)

    note(log, contract, [5.0, 6.0], [70_000.0, None])
    write(log)

    assert {(row["input_years"], row["actual"]) for row in written(tmp_path)} == {
        (5.0, 70_000.0),
        (6.0, None),
    }


def test_part_when_training_did_not_cover_a_value_then_the_row_is_marked(
    log: RequestLog, tmp_path: Path
) -> None:
    contract = with_rules(contract_of(column("years")), **EVERY)

    note(log, contract, [5.0, 11.0])
    write(log)

    marks = {row["input_years"]: row["warned"] for row in written(tmp_path)}
    assert marks == {5.0: False, 11.0: True}


def test_part_when_the_target_may_not_be_as_predicted_then_the_row_is_marked(
    log: RequestLog, tmp_path: Path
) -> None:
    note(log, YEARS, [0.0, 5.0])  # what is predicted, too; it must be above 0

    write(log)

    marks = {row["input_years"]: row["warned"] for row in written(tmp_path)}
    assert marks == {0.0: True, 5.0: False}


def test_part_when_rows_come_one_after_the_other_then_their_order_is_lost(
    log: RequestLog, tmp_path: Path
) -> None:
    contract = with_rules(contract_of(column("years")), **EVERY)

    answering = served(contract)
    for years in range(50):
        log.note(answering, [float(years)], 1.0, None, None)
    write(log)

    found = [row["input_years"] for row in written(tmp_path)]
    assert found != sorted(found) == list(range(50))


def test_part_when_two_bundles_answer_then_each_has_its_own(
    log: RequestLog, tmp_path: Path
) -> None:
    contract = with_rules(contract_of(column("years")), **EVERY)
    other = with_rules(contract_of(category("town", "Bern")), **EVERY)
    first, second = served(contract, 7), served(other, 8)

    log.note(first, [5.0], 1.0, None, None)
    log.note(second, ["Bern"], 1.0, None, None)
    write(log)

    assert {row["model_version"] for row in written(tmp_path)} == {7, 8}
    assert len([*tmp_path.iterdir()]) == 2


def test_part_when_it_is_complete_then_it_is_written_before_the_end(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, seconds=ALWAYS)
    note(log, YEARS, [5.0])

    look(log)

    assert len(written(tmp_path)) == 1


def test_part_when_it_is_not_complete_then_it_waits(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, seconds=NEVER)
    note(log, YEARS, [5.0])

    look(log)

    assert written(tmp_path) == []


def test_part_when_it_has_as_many_rows_as_it_may_then_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "PART_ROWS", 2)
    log = RequestLog(tmp_path, seconds=NEVER)

    note(log, YEARS, [1.0, 2.0])
    look(log)

    assert len(written(tmp_path)) == 2


def test_part_when_the_clock_passes_five_minutes_then_it_is_written_whenever_it_began(
    log: RequestLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute, second, rows in [(54, 59.5, 0), (55, 0.5, 1), (59, 59.5, 1), (60, 0.5, 3)]:
        moment = HOUR.timestamp() + 60 * minute + second
        monkeypatch.setattr(request_log.time, "time", lambda moment=moment: moment)
        look(log)
        assert len(written(tmp_path)) == rows
        note(log, YEARS, [1.0])

    assert {row["hour"] for row in written(tmp_path)} == {HOUR}


def test_part_when_a_request_adds_to_one_that_is_complete_then_its_row_is_there(
    tmp_path: Path,
) -> None:
    log = RequestLog(tmp_path, seconds=ALWAYS)
    answering = served(YEARS)
    log.note(answering, [1.0], 1.0, None, None)
    (part,) = log._parts.values()  # which a request has just found

    log._write_due(everything=False)
    part.add([2.0], 1.0, None, None)
    log._write_due(everything=False)

    assert {row["input_years"] for row in written(tmp_path)} == {1.0, 2.0}


def test_note_when_rows_come_faster_than_they_are_written_then_they_are_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "MOST_ROWS", 2)
    counted = count_rows(monkeypatch)
    log = RequestLog(tmp_path)

    note(log, YEARS, [1.0] * 5)
    write(log)

    assert counted == [("dropped", 3), ("written", 2)]


def test_note_when_the_share_is_a_quarter_then_so_many_single_rows_are_logged(
    log: RequestLog, tmp_path: Path
) -> None:
    random.seed(234)
    answering = served(with_rules(YEARS, share=0.25))

    for _ in range(4_000):
        log.note(answering, [5.0], 1.0, None, None)
    write(log)

    assert abs(len(written(tmp_path)) - 1_000) < 137  # 5 · sqrt(4,000 · 0.25 · 0.75)


def test_note_columns_when_some_rows_are_chosen_then_their_values_stay_together(
    log: RequestLog, tmp_path: Path
) -> None:
    random.seed(234)
    contract = with_rules(
        contract_of(column("years"), category("town", "Bern", "Basel")), share=0.5, salary=True
    )
    years = [float(place) for place in range(200)]
    towns = [["Bern", "Basel"][place % 2] for place in range(200)]
    intervals = [(year - 1, year + 1) for year in years]

    log.note_columns(served(contract), [years, towns], np.array(years), intervals, years)
    write(log)

    found = written(tmp_path)
    assert 60 < len(found) < 140
    for row in found:
        year = row["input_years"]
        assert row["input_town"] == towns[int(year)]
        assert (row["predicted"], row["low"], row["high"], row["actual"]) == (
            year,
            year - 1,
            year + 1,
            year,
        )


def test_write_when_the_disk_is_full_then_the_service_goes_on_and_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    log = RequestLog(tmp_path, seconds=ALWAYS)
    caplog.set_level(logging.INFO, "salary_kedro.serving")
    with monkeypatch.context() as patch:
        patch.setattr(request_log, "write_whole", refuse)
        for _ in range(2):
            note(log, YEARS, [1.0])
            look(log)
    note(log, YEARS, [2.0])
    look(log)

    assert [record.getMessage() for record in caplog.records] == [
        (
            f"the request log cannot be written to {tmp_path} (No space left on device): rows are "
            f"lost until it can"
        ),
        f"the request log is written to {tmp_path} again",
    ]
    assert [row["input_years"] for row in written(tmp_path)] == [2.0]


def test_write_when_a_value_is_none_that_can_be_written_then_the_other_parts_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    counted = count_rows(monkeypatch)
    log = RequestLog(tmp_path, seconds=ALWAYS)

    note(log, YEARS, [1.0])
    log.note(served(YEARS), ["a secret"], 1.0, None, None)
    note(log, YEARS, [2.0, 3.0])
    look(log)

    assert counted == [("written", 1), ("dropped", 1), ("written", 2)]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"the request log cannot be written to {tmp_path} (ValueError): rows are lost until it can"
    ]


def part_of(folder: Path, hour: datetime, size: int) -> Path:
    """A file that is named as a part of that hour."""
    path = folder / f"{hour:%Y-%m-%dT%HZ}-1-0123abcd-{size}.parquet"
    path.write_bytes(b"x" * size)
    return path


def test_write_when_the_disk_is_full_then_old_parts_make_room_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = part_of(tmp_path, HOUR, 10)
    counted = count_rows(monkeypatch)

    def fill(path: Path, content: bytes, mode: int) -> None:
        if old.exists():
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr(request_log, "write_whole", fill)
    log = RequestLog(tmp_path, seconds=ALWAYS)
    note(log, YEARS, [1.0])
    look(log)

    assert counted == [("written", 1)]


def test_write_when_another_worker_deletes_the_part_then_it_counts_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = count_rows(monkeypatch)
    monkeypatch.setattr(request_log, "write_whole", lambda *_, mode: None)
    log = RequestLog(tmp_path, seconds=ALWAYS)

    note(log, YEARS, [1.0])
    look(log)

    assert counted == [("written", 1)]


def test_write_when_parts_are_kept_as_long_as_can_be_then_they_stay(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, Bounds(days=request_log.MOST_DAYS), seconds=ALWAYS)
    old = part_of(tmp_path, HOUR.replace(year=1970), 10)

    note(log, YEARS, [1.0])
    look(log)

    assert old.exists()
    assert len([*tmp_path.iterdir()]) == 2


def test_write_when_a_part_alone_is_too_large_then_it_stays_until_the_next(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, Bounds(most_bytes=1), seconds=ALWAYS)
    for years in (1.0, 2.0):
        note(log, YEARS, [years])
        look(log)
        log._remove_old()

        assert [row["input_years"] for row in written(tmp_path)] == [years]


def test_log_when_parts_are_too_old_or_too_many_then_the_oldest_go(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    parts = [part_of(tmp_path, now - timedelta(days=days), 90 + days) for days in (1, 20, 29, 31)]
    other = tmp_path / "somebody.parquet"
    other.write_bytes(b"s" * 1000)

    RequestLog(tmp_path, Bounds(days=30, most_bytes=1000))._remove_old()
    assert {*tmp_path.iterdir()} == {*parts[:3], other}

    RequestLog(tmp_path, Bounds(days=30, most_bytes=201))._remove_old()
    assert {*tmp_path.iterdir()} == {*parts[:2], other}


def test_log_when_no_request_comes_then_what_is_too_old_goes_all_the_same(
    log: RequestLog, tmp_path: Path
) -> None:
    old = part_of(tmp_path, HOUR, 10)

    write(log)

    assert not old.exists()


def test_log_when_a_worker_was_killed_then_what_it_left_goes_after_an_hour(
    log: RequestLog, tmp_path: Path
) -> None:
    names = ["old", "new"]
    left = [tmp_path / f".2026-11-30T14Z-1-0123abcd-{name}.parquet.1.part" for name in names]
    for path in left:
        path.touch()
    os.utime(left[0], (time.time() - 3601,) * 2)

    log._remove_old()

    assert [*tmp_path.iterdir()] == [left[1]]


def test_part_when_it_is_written_then_its_owner_alone_can_read_it(
    log: RequestLog, tmp_path: Path
) -> None:
    note(log, YEARS, [5.0])
    write(log)

    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_part_when_it_is_written_then_its_file_tells_the_hour_alone(
    log: RequestLog, tmp_path: Path
) -> None:
    note(log, YEARS, [5.0])
    write(log)

    (path,) = tmp_path.iterdir()
    assert path.stat().st_mtime % 3600 == 0
    metadata = pq.read_metadata(path).metadata
    assert metadata[b"salary_kedro.request_log"] == b"1"


def test_sample_when_the_share_is_a_tenth_then_about_a_tenth_is_chosen_evenly() -> None:
    random.seed(234)

    places = [*sample(100_000, 0.1)]

    assert places == sorted(set(places))
    assert places[0] >= 0
    assert places[-1] < 100_000
    # 5 standard deviations of a binomial: sqrt(100,000 · 0.1 · 0.9) = 95; sqrt(9,000 ...) = 67
    assert abs(len(places) - 10_000) < 475
    assert abs(sum(place < 50_000 for place in places) - 5_000) < 335


def test_sample_when_rows_come_alone_then_each_has_the_same_chance() -> None:
    random.seed(234)

    chosen = sum(len([*sample(1, 0.25)]) for _ in range(20_000))

    assert abs(chosen - 5_000) < 306  # 5 · sqrt(20,000 · 0.25 · 0.75)


def test_sample_when_the_share_is_all_then_every_row_is_chosen() -> None:
    assert [*sample(3, 1.0)] == [0, 1, 2]


def test_read_request_log_when_nothing_asks_for_it_then_there_is_none() -> None:
    assert read_request_log({}) is None


def test_read_request_log_when_the_folder_is_new_then_its_owner_alone_can_read_it(
    tmp_path: Path,
) -> None:
    found = read_request_log({"SALARY_REQUEST_LOG": f"{tmp_path}/a/log"})

    assert found is not None
    assert (tmp_path / "a" / "log").stat().st_mode & 0o777 == 0o700
    assert [*(tmp_path / "a" / "log").iterdir()] == []


def test_read_request_log_when_the_folder_cannot_be_written_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as raised:
        read_request_log({"SALARY_REQUEST_LOG": f"{tmp_path}/file/log"})

    assert str(raised.value) == (
        f"SALARY_REQUEST_LOG is '{tmp_path}/file/log', where nothing can be written (Not a "
        f"directory): name a folder that the service may write to, or unset it"
    )


def test_read_request_log_when_a_bento_would_hold_the_log_then_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bento.yaml").touch()
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    with pytest.raises(UserError) as raised:
        read_request_log({"SALARY_REQUEST_LOG": "log"})

    assert str(raised.value) == (
        "SALARY_REQUEST_LOG is 'log': for a Bento it must be an absolute path"
    )
    assert not (tmp_path / "src" / "log").exists()


def test_read_request_log_when_pyarrow_is_missing_then_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as raised:
        read_request_log({"SALARY_REQUEST_LOG": str(tmp_path)})

    assert str(raised.value) == (
        "SALARY_REQUEST_LOG asks for a log of requests, but pyarrow, which writes it, is not "
        "installed here: `pip install pyarrow`, or unset SALARY_REQUEST_LOG"
    )


@pytest.mark.parametrize("days", ["month", "0", "36501", "0000000036501", "-1", "²"])
def test_read_request_log_when_the_days_are_none_that_can_be_kept_then_says_what_they_must_be(
    days: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as raised:
        read_request_log({"SALARY_REQUEST_LOG": str(tmp_path), "SALARY_REQUEST_LOG_DAYS": days})

    assert str(raised.value) == (
        f"SALARY_REQUEST_LOG_DAYS is '{days}'; it must be a whole number, 1 to 36500"
    )


def test_as_parquet_when_no_row_is_given_a_value_then_the_kinds_stay() -> None:
    contract = all_kinds()
    hour = datetime(2026, 11, 30, 14, tzinfo=UTC)
    columns = [[hour], *[[None]] * 9, [1.0], [None], [None], [False], [None]]

    content = request_log.as_parquet(served(contract).bundle, columns)

    kinds = pq.read_schema(pa.BufferReader(content)).types
    assert kinds[4:13] == [
        *(pa.float64(),) * 3,
        *(pa.string(),) * 3,
        *(pa.bool_(),) * 2,
        pa.date32(),
    ]
