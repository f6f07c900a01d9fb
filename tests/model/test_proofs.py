"""A tenth of what `make prove` proves, by the same program."""

import subprocess
import sys

from servers import shared_store
from support import ROOT

__all__ = ["shared_store"]


def prove(*arguments: str) -> None:
    """Run parts of the proof in a process that has opened no store, for it forks others."""
    command = [sys.executable, "-m", "proofs", "--tenth", *arguments]
    result = subprocess.run(
        command, cwd=ROOT / "tests", capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]


def test_guarantee_when_processes_are_killed_or_race_on_sqlite_then_holds() -> None:
    prove("sqlite")


def test_guarantee_when_processes_are_killed_or_race_on_a_server_then_holds(
    shared_store: str,
) -> None:
    prove("server", "--server", shared_store)


def test_guarantee_when_whole_runs_are_killed_or_start_at_once_then_holds() -> None:
    prove("runs")


def test_guarantee_when_any_sequence_of_operations_happens_then_holds() -> None:
    prove("machine")


def test_tables_when_nobody_has_seen_them_before_then_go_through_the_whole_loop() -> None:
    prove("tables")


def test_service_when_bundles_are_published_under_load_then_follows_and_fails_no_request() -> None:
    prove("swaps")
