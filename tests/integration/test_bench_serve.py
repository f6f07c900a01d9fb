"""`make bench-serve`: what the load tool prints is read, and ratios are those of the rounds."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from containers import give_up
from support import Project

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PRINTED = """\
Running 2s test @ http://127.0.0.1:4711/predict
  1 threads and 8 connections
  2501 requests in 2.00s, 0.50MB read
  Non-2xx or 3xx responses: 3
Requests/sec:   1250.50
{"requests": 2501, "microseconds": 2000000, "p50": 5100, "p99": 9900, "p99_9": 12000, \
"refused": 3, "broken": 1}
"""


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


def test_load_when_wrk_has_printed_then_is_read_in_seconds_and_milliseconds() -> None:
    from bench_serve.load import parse

    found = parse(PRINTED, cpu=0.5)

    assert (found.requests, found.seconds, found.rate) == (2501, 2.0, 1250.5)
    assert (found.p50, found.p99, found.p99_9) == (5.1, 9.9, 12.0)
    assert (found.failed, found.cpu) == (4, 0.5)


def test_load_when_wrk_did_not_tell_its_figures_then_shows_what_it_printed() -> None:
    from bench_serve.load import parse

    with pytest.raises(SystemExit, match="did not tell its figures: unable to connect"):
        parse("unable to connect", cpu=0.0)


def test_ratio_when_rounds_differ_then_is_the_median_of_each_rounds_own() -> None:
    from bench_serve.measure import Cell
    from bench_serve.table import ratio

    ours = Cell("default", "ridge", 1, 8, 1, "this service", [{"rate": n} for n in (300, 50, 80)])
    peer = replace(ours, peer="other", rounds=[{"rate": n} for n in (100, 100, 20)])

    assert ratio(ours, peer, "rate") == 3  # of 3, 0.5 and 4; the ratio of the medians is 0.8


def test_ratio_when_a_peer_failed_requests_then_there_is_none() -> None:
    from bench_serve.measure import Cell
    from bench_serve.table import ratio

    ours = Cell("default", "ridge", 1, 8, 1, "this service", [{"rate": 300.0}])

    assert ratio(ours, replace(ours, failed=1), "rate") is None


def test_table_when_a_cell_is_there_then_tells_its_share_of_the_limit_and_our_lead() -> None:
    from bench_serve.measure import Cell
    from bench_serve.table import Results, tables

    figures = {"rate": 400.0, "p50": 2.0, "p99": 6.0, "p99_9": 8.0, "cpu": 1.5, "load_cpu": 0.1}
    ours = Cell("default", "ridge", 1, 8, 1, "this service", [figures])
    limit = replace(ours, peer="FastAPI no-op", rounds=[figures | {"rate": 1000.0, "p99": 3.0}])

    told = tables(Results([ours, limit], [])).splitlines()

    ours_told = "default, ridge | 8 | this service | 400"
    limit_told = "default, ridge | 8 | FastAPI no-op | 1,000"
    assert told[0] == "### This service, 8 connections, one worker"
    assert told[4] == "| default, ridge | 400 | 0.40 × | 2.00 × | – | – | – |"
    assert told[6] == "### One row a request, one worker"
    assert told[10:] == [
        f"| {ours_told} | 0.400 × | 1.00 × | 2.00 | 6.00 | 2.00 × | 8.00 | 1.50 |",
        f"| {limit_told} | 1.000 × | 0.40 × | 2.00 | 3.00 | 1.00 × | 8.00 | 1.50 |",
    ]


def test_two_workers_when_the_load_tool_took_half_a_core_then_the_rate_is_told_without_it() -> None:
    from bench_serve.measure import Cell
    from bench_serve.table import whole_rate

    cell = Cell("default", "ridge", 1, 64, 2, "this service", [{"rate": 900.0, "load_cpu": 0.5}])

    assert whole_rate(cell) == 1200  # 600 a core, of two


def test_bench_when_wrk_is_missing_then_says_how_to_get_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench_serve", "--short"],
        cwd=BENCHMARKS,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        "Error: `wrk`, which measures, is not installed. Debian, Ubuntu: apt install wrk; "
        "Fedora: dnf install wrk\n"
    )


def test_bench_when_a_cell_is_measured_then_both_servers_answered_well(
    _trained: Project,  # noqa: PT019 - its value is used
    tmp_path: Path,
) -> None:
    from bench_serve.measure import Bench, Cores, Plan, Task
    from bench_serve.models import Model
    from bench_serve.peers import LIMIT, OURS

    if shutil.which("wrk") is None:
        give_up("wrk is not installed (Debian, Ubuntu: apt install wrk)")
    bundles = _trained.bundles
    bundle = bundles / (bundles / "current").read_text().strip()
    model = Model(
        "default", "linear", _trained.root, bundles, bundle, _trained.store, "models:/a/1"
    )
    bench = Bench(model, [OURS, LIMIT], Cores("0", "0", "0"), tmp_path / "bench")

    bench.run([Task(1, 2)], Plan(rounds=1, seconds=1))

    assert [(cell.peer, cell.failed) for cell in bench.cells] == [
        ("this service", 0),
        ("FastAPI no-op", 0),
    ]
    assert all(cell.rounds[0]["rate"] > 0 for cell in bench.cells)
