"""A tenth of what `make prove` proves, by the same program."""

import os

import pytest

from machines import no_network
from servers import no_postgresql, shared_store
from support import prove

__all__ = ["shared_store"]


def test_guarantee_when_processes_are_killed_or_race_on_sqlite_then_holds() -> None:
    prove("sqlite")


def test_guarantee_when_processes_are_killed_or_race_on_a_server_then_holds(
    shared_store: str,
) -> None:
    prove("server", "--server", shared_store)


def test_guarantee_when_two_people_share_servers_from_two_machines_then_holds() -> None:
    if obstacle := no_postgresql() or no_network():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(obstacle)
    prove("team")


def test_guarantee_when_whole_runs_are_killed_or_start_at_once_then_holds() -> None:
    prove("runs")


def test_guarantee_when_any_sequence_of_operations_happens_then_holds() -> None:
    prove("machine")


def test_tables_when_nobody_has_seen_them_before_then_go_through_the_whole_loop() -> None:
    prove("tables")


def test_wages_when_packages_ship_them_then_go_through_the_loop_untouched() -> None:
    prove("wages")


def test_intervals_when_new_rows_are_predicted_then_hold_as_often_as_they_say() -> None:
    prove("intervals")


def test_pay_gaps_when_they_are_planted_then_are_found_and_else_the_gate_is_quiet() -> None:
    prove("pay_gaps")


def test_drift_when_a_field_has_moved_then_is_found_and_else_the_report_is_quiet() -> None:
    prove("drift")


def test_tournament_when_killed_or_held_again_then_ends_with_the_same_leaderboard() -> None:
    prove("tournament")


def test_parts_when_workers_are_killed_in_each_step_then_give_the_same_results() -> None:
    prove("dask")
