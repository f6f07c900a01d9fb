"""Proves the guarantees by brute force: `python -m proofs` prints counts and violations."""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proofs.drains import prove_drains
from proofs.drift import prove_drift
from proofs.hostile import prove_hostile
from proofs.intervals import prove_intervals
from proofs.kill_points import prove_kill_points
from proofs.machine import prove_machine
from proofs.parts import prove_parts
from proofs.pay_gaps import prove_pay_gaps
from proofs.races import prove_races
from proofs.swaps import prove_swaps
from proofs.tables import prove_tables
from proofs.tally import Tally
from proofs.team import no_team, prove_team
from proofs.tournament import prove_tournament
from proofs.wage_tables import prove_wage_tables
from proofs.whole_runs import prove_killed_runs, prove_runs_at_once
from proofs.worlds import World, make_world
from servers import no_postgresql, shared_server
from support import forget_settings

KILL_POINTS, RACES, EXAMPLES, KILLED_RUNS, ROUNDS_AT_ONCE, TABLES = 500, 50, 50, 12, 2, 30
DRAINS = 20
HOSTILE, HOSTILE_EXAMPLES = 10_000, 5_000
PARTS = (
    "sqlite",
    "server",
    "team",
    "machine",
    "runs",
    "server-runs",
    "tables",
    "wages",
    "swaps",
    "drains",
    "hostile",
    "intervals",
    "pay_gaps",
    "drift",
    "tournament",
    "dask",
)
#: Size of the table in parts, in full and in a tenth.
GIGABYTES, FEW_GIGABYTES = 20.0, 0.05
#: A tenth is a fiftieth of a team's: each of its commands speaks with three servers.
LESS_OF_TEAM = 5
IN_A_TENTH = tuple(part for part in PARTS if part != "server-runs")


@dataclass(frozen=True)
class Order:
    """What is to be proven, and how thoroughly.

    Attributes:
        folder: Where the stores and the copies of the project go.
        seed: Decides on everything random.
        share: Share of the full counts.
        server: Tracking URI of a running server; None starts one.
        gigabytes: Size of the table that is handled in parts.
    """

    folder: Path
    seed: int
    share: float
    server: str | None
    gigabytes: float = GIGABYTES

    def count(self, full: int) -> int:
        """A share of a full count, at least 1."""
        return max(1, round(full * self.share))


def prove_on_sqlite(order: Order) -> Iterator[Tally]:
    """Kill points and races, on SQLite."""
    yield from _prove_world(order, make_world(order.folder / "sqlite"))


def prove_on_server(order: Order) -> Iterator[Tally]:
    """Kill points and races, on an MLflow server on PostgreSQL."""
    with _server(order) as uri:
        yield from _prove_world(order, make_world(order.folder / "server", uri))


def prove_by_team(order: Order) -> Iterator[Tally]:
    """Two people on two machines: kill points, races and whole runs on a team's servers."""
    if obstacle := no_team():
        yield Tally("two people on two machines", 0, [f"cannot be tried here: {obstacle}"])
        return
    share = order.share if order.share == 1 else order.share / LESS_OF_TEAM
    yield from prove_team(order.folder, share, order.seed, tell)


def _prove_world(order: Order, world: World) -> Iterator[Tally]:
    yield prove_kill_points(world, order.count(KILL_POINTS), order.seed, tell)
    yield prove_races(world, order.count(RACES), order.seed, tell)


def prove_by_machine(order: Order) -> Iterator[Tally]:
    """The state machines, on SQLite."""
    world = make_world(order.folder / "machine")
    for kind in ("local", "shared"):
        yield prove_machine(world, kind, order.count(EXAMPLES), order.seed)


def prove_whole_runs(order: Order) -> Iterator[Tally]:
    """Whole runs, killed and at once, on SQLite."""
    yield prove_killed_runs(order.folder, order.count(KILLED_RUNS), order.seed, tell)
    yield prove_runs_at_once(order.folder, order.count(ROUNDS_AT_ONCE), tell=tell)


def prove_runs_on_server(order: Order) -> Iterator[Tally]:
    """Whole runs at once, on an MLflow server on PostgreSQL, in which there is no model yet."""
    with _server(order) as uri:
        yield prove_runs_at_once(order.folder / "on-server", 1, uri, tell)


def prove_any_table(order: Order) -> Iterator[Tally]:
    """Tables never seen before, through the whole loop."""
    yield prove_tables(order.folder, order.count(TABLES), order.seed, tell)


def prove_real_wages(order: Order) -> Iterator[Tally]:
    """Real wage tables that packages ship, through the whole loop."""
    yield from prove_wage_tables(order.folder, order.share, tell)


def prove_hot_swap(order: Order) -> Iterator[Tally]:
    """A service under load, while bundles are published."""
    yield from prove_swaps(order.folder, order.share, order.seed, tell)


def prove_graceful_ends(order: Order) -> Iterator[Tally]:
    """Services that end and restart under load."""
    yield from prove_drains(order.folder, order.count(DRAINS), order.seed, tell)


def prove_against_hostile(order: Order) -> Iterator[Tally]:
    """Hostile requests to a real service."""
    counts = order.count(HOSTILE), order.count(HOSTILE_EXAMPLES)
    yield from prove_hostile(order.folder, *counts, order.seed, tell)


def prove_how_sure(order: Order) -> Iterator[Tally]:
    """Coverage and width of intervals, and percentiles."""
    yield from prove_intervals(order.folder, order.share, order.seed, tell)


def prove_gaps_in_pay(order: Order) -> Iterator[Tally]:
    """Planted pay gaps, and none."""
    yield from prove_pay_gaps(order.share, order.seed, tell)


def prove_what_moved(order: Order) -> Iterator[Tally]:
    """Requests that drifted, and such that did not."""
    yield from prove_drift(order.share, order.seed, tell)


def prove_tournaments(order: Order) -> Iterator[Tally]:
    """Tournaments, whole, repeated, and killed on their way."""
    yield from prove_tournament(order.folder, order.share, order.seed, tell)


def prove_in_parts(order: Order) -> Iterator[Tally]:
    """A table larger than the memory of any process, whose workers are killed."""
    yield from prove_parts(order.folder, order.gigabytes, tell)


PROOFS: Mapping[str, Callable[[Order], Iterator[Tally]]] = dict(
    zip(
        PARTS,
        (
            prove_on_sqlite,
            prove_on_server,
            prove_by_team,
            prove_by_machine,
            prove_whole_runs,
            prove_runs_on_server,
            prove_any_table,
            prove_real_wages,
            prove_hot_swap,
            prove_graceful_ends,
            prove_against_hostile,
            prove_how_sure,
            prove_gaps_in_pay,
            prove_what_moved,
            prove_tournaments,
            prove_in_parts,
        ),
        strict=True,
    )
)


@contextmanager
def _server(order: Order) -> Iterator[str]:
    if order.server is not None:
        yield order.server
    elif obstacle := no_postgresql():
        raise SystemExit(obstacle)
    else:
        with (
            tempfile.TemporaryDirectory(dir=order.folder) as folder,
            shared_server(Path(folder)) as uri,
        ):
            yield uri


def tell(progress: str) -> None:
    """Show progress."""
    print(f"\r{progress}", end="", file=sys.stderr, flush=True)  # noqa: T201 - it is a program


def main() -> int:
    """Prove what is asked for; gives 1 if anything was violated."""
    parser = argparse.ArgumentParser(prog="proofs", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them by default")
    parser.add_argument("--tenth", action="store_true", help="a tenth of the counts")
    parser.add_argument("--seed", type=int, default=234, help="repeats what another run has tried")
    parser.add_argument("--server", help="tracking URI of an MLflow server; one is started if not")
    parser.add_argument("--gigabytes", type=float, help="size of the table of `dask`, 20 in full")
    parser.add_argument("--folder", help="where to work; a folder for temporary files by default")
    asked = parser.parse_args()
    forget_settings(os.environ)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    parts = asked.parts or (IN_A_TENTH if asked.tenth else PARTS)
    gigabytes = asked.gigabytes or (FEW_GIGABYTES if asked.tenth else GIGABYTES)
    with tempfile.TemporaryDirectory(prefix="proofs-", dir=asked.folder) as folder:
        share = 0.1 if asked.tenth else 1
        order = Order(Path(folder), asked.seed, share, asked.server, gigabytes)
        return report(order, parts)


def report(order: Order, parts: tuple[str, ...]) -> int:
    """Print a line for each part of the proof, and all violations; gives the exit code."""
    lines, violations = [], []
    for part in parts:
        begun = time.monotonic()
        for tally in PROOFS[part](order):
            seconds, begun = time.monotonic() - begun, time.monotonic()
            lines.append(
                f"{tally.count:>6} {len(tally.violations):>10} {seconds:>8.0f}  {tally.what}"
            )
            violations += [f"{tally.what}: {violation}" for violation in tally.violations]
    head = f"{'count':>6} {'violations':>10} {'seconds':>8}  seed {order.seed}"
    print("", file=sys.stderr)  # noqa: T201 - ends the line of the progress
    print("\n".join([head, *lines, *violations]))  # noqa: T201 - it is a program
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
