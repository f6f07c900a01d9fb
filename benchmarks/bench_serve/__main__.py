"""Requests a second, latency, processor time, memory and cold start, beside other servers.

Every peer serves the same model, pinned to one core; `wrk` asks from another one. A round asks each
peer in turn, another one first each time, so that whatever else the machine does meets all alike.
Before anything is timed, answers of every peer are compared with scikit-learn's.

Two workers and their load share all cores. The load tool's own processor time is known, so the
rate is told per core that it left: rate * cores / (cores - cores of the load tool).

Writes `results.json`, `table.md` and `plot.svg`, anew after each model.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training import PROJECT

from bench_serve.load import check_tools
from bench_serve.machine import describe_machine
from bench_serve.measure import Bench, Cores, Plan, Task
from bench_serve.models import (
    BOOSTING,
    DEFAULT,
    FOREST,
    LINEAR,
    PROFESSORS,
    RIDGE,
    TREE,
    Model,
    train,
)
from bench_serve.peers import ALL, LIMIT, OURS
from bench_serve.plot import draw
from bench_serve.table import CONNECTIONS, Results, tables

OUTPUT = PROJECT / "build" / "bench-serve"
SINGLE = [Task(1, connections) for connections in (1, CONNECTIONS, 64)]
BATCHES = [Task(1_000, 1), Task(10_000, 1)]
#: More connections than workers, so that all have work although one may get more of them.
SHARED = Task(1, 64)
FULL = {DEFAULT: [LINEAR, RIDGE, TREE, FOREST, BOOSTING], PROFESSORS: [LINEAR, FOREST, BOOSTING]}
SHORT = {DEFAULT: [LINEAR, FOREST]}
#: Of these only our service is measured, beside the limit: to the others they are all alike.
ALIKE = {RIDGE, TREE}
FULL_PLAN, SHORT_PLAN = Plan(rounds=7, seconds=2), Plan(rounds=3, seconds=2)


def main() -> None:
    """Measure, and print what came of it."""
    options = read_options()
    check_tools()
    cores = choose_cores()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    machine = describe_machine()
    plan = SHORT_PLAN if options.short else FULL_PLAN
    plan = Plan(options.rounds or plan.rounds, options.seconds or plan.seconds)
    results = Results([], [])
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as folder:
        for bench in measure(Path(folder), cores, plan, short=options.short):
            results = Results([*results.cells, *bench.cells], [*results.starts, *bench.starts])
            machine["load at the end"] = list(os.getloadavg())
            write(results, machine, plan)  # what there is so far
    sys.stdout.write(f"{tables(results)}\n\n{json.dumps(machine)}\n")
    sys.stdout.write(f"{OUTPUT} holds all figures and a plot\n")
    sys.exit(any(cell.failed for cell in results.cells))


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    short = "linear model and forest, default contract, 8 connections, 3 rounds: 3 minutes"
    parser.add_argument("--short", action="store_true", help=short)
    parser.add_argument("--rounds", type=int, help="how often each peer is asked; 7 by default")
    parser.add_argument("--seconds", type=int, help="how long each time; 2 by default")
    return parser.parse_args()


def choose_cores() -> Cores:
    """One core for the servers, another for the load tool and for us.

    Raises:
        SystemExit: If there is only one.
    """
    known = sorted(os.sched_getaffinity(0))
    if len(known) < 2:
        raise SystemExit("Error: this needs two cores: one for a server, one for its load")
    first, last = str(known[0]), known[-1]
    os.sched_setaffinity(0, {last})
    return Cores(first, str(last), f"{first},{last}")


def measure(folder: Path, cores: Cores, plan: Plan, *, short: bool) -> Iterator[Bench]:
    """Train the models, and measure each."""
    for contract, names in (SHORT if short else FULL).items():
        for model in train(contract, names, folder):
            yield from benches(model, cores, plan, folder / "runs", short=short)


def benches(
    model: Model, cores: Cores, plan: Plan, folder: Path, *, short: bool
) -> Iterator[Bench]:
    """Measure all of one model."""
    place = folder / f"{model.contract}-{model.name}"
    peers = (OURS, LIMIT) if model.name in ALIKE else ALL
    bench = Bench(model, peers, cores, place / "1")
    is_brief = short or model.name in ALIKE
    bench.run([Task(1, CONNECTIONS)] if is_brief else [*SINGLE, *BATCHES], plan)
    is_first = (model.contract, model.name) == (DEFAULT, LINEAR) and not short
    if is_first:
        bench.start_again(plan.rounds)
    yield bench
    if is_first:
        two = Bench(model, peers, cores, place / "2", workers=2)
        two.run([SHARED], plan)
        yield two


def write(results: Results, machine: dict[str, Any], plan: Plan) -> None:
    """Write tables, plot and all figures."""
    found = {
        "machine": machine,
        "plan": asdict(plan),
        "cells": [asdict(cell) for cell in results.cells],
        "starts": [asdict(start) for start in results.starts],
    }
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "table.md").write_text(f"{tables(results)}\n")
    (OUTPUT / "results.json").write_text(f"{json.dumps(found, indent=1)}\n")
    draw(results, OUTPUT / "plot.svg")


if __name__ == "__main__":
    main()
