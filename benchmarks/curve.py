"""How times and memory of validation grow with the rows: ours against the bare script, plotted.

For each number of rows, what `tables.py --part validation` measures: drafting the contract,
checking it and `data_engineering`, against one script that reads, validates and writes. Leaves
`curve.json` and `curve.svg` in `build/bench/`, written anew after each number of rows.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from training import BARE, PIPELINES, PROJECT, tell

from tables import CPU, PEAK, WALL, measure_validation, prepare_project

ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
BUILT = PROJECT / "build" / "bench"
MEASURES = (WALL, CPU, PEAK)
LABELS = {PIPELINES: "infer + check + data_engineering", BARE: "pandas + pandera + Parquet"}
#: The same figures give the same bytes.
SETTINGS = {"svg.hashsalt": "salary_kedro", "svg.fonttype": "none"}

#: By peer and measure, the median over the rounds.
Point = Mapping[str, Mapping[str, float]]


def main() -> None:
    """Measure one number of rows after the other, and draw what there is so far."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="timed runs of each, 3 if not given")
    parser.add_argument("--most", type=int, default=ROWS[-1], help="at most so many rows")
    options = parser.parse_args()
    BUILT.mkdir(parents=True, exist_ok=True)
    points: dict[int, Point] = {}
    for rows in (rows for rows in ROWS if rows <= options.most):
        tell(f"{rows:,} rows")
        points[rows] = measure(rows, options.rounds)
        (BUILT / "curve.json").write_text(json.dumps(points, indent=2), encoding="utf-8")
        draw(points, BUILT / "curve.svg")
        sys.stdout.write(f"{in_words(rows, points[rows])}\n")


def measure(rows: int, rounds: int) -> Point:
    """The medians of both peers, in a project of their own."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        home = prepare_project(Path(folder) / "project")
        measure_validation(home, ROWS[0], 0)  # compiles the sources, and makes the store
        usages = measure_validation(home, rows, max(rounds, 1))
    return {
        peer: {name: statistics.median(usage[peer][name] for usage in usages) for name in MEASURES}
        for peer in LABELS
    }


def in_words(rows: int, point: Point) -> str:
    """One line of figures."""
    told = (
        f"{name} {point[PIPELINES][name]:,.1f} against {point[BARE][name]:,.1f}: "
        f"{point[PIPELINES][name] / point[BARE][name]:.2f} times"
        for name in MEASURES
    )
    return f"{rows:,} rows: {'; '.join(told)}"


def draw(points: Mapping[int, Point], path: Path) -> None:
    """Draw all measures by the number of rows."""
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    for place, name in enumerate(MEASURES, 1):
        axes = figure.add_subplot(1, len(MEASURES), place)
        for peer, label in LABELS.items():
            axes.plot(
                list(points), [point[peer][name] for point in points.values()], "o-", label=label
            )
        axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=name)
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    with rc_context(SETTINGS):
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
