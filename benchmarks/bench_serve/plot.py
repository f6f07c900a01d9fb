"""A plot of the requests a second of each peer, by model."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from bench_serve.peers import ALL
from bench_serve.table import CONNECTIONS, Results, middle

WIDTH = 0.8 / len(ALL)
#: The same figures give the same bytes.
SETTINGS = {"svg.hashsalt": "salary_kedro", "svg.fonttype": "none"}


def draw(results: Results, path: Path) -> None:
    """Draw bars of the median rates with one row a request, and write them to a file."""
    cells = [
        cell
        for cell in results.cells
        if (cell.rows, cell.workers, cell.connections) == (1, 1, CONNECTIONS) and not cell.failed
    ]
    labels = list(dict.fromkeys(f"{cell.contract}\n{cell.model}" for cell in cells))
    figure = Figure(figsize=(1.5 + 1.4 * len(labels), 4.5), layout="constrained")
    axes = figure.add_subplot()
    for number, peer in enumerate(ALL):
        rates = {
            f"{cell.contract}\n{cell.model}": middle(cell, "rate")
            for cell in cells
            if cell.peer == peer.name
        }
        places = [labels.index(label) + (number - 2) * WIDTH for label in rates]
        axes.bar(places, list(rates.values()), WIDTH, label=peer.name)
    axes.set(yscale="log", ylabel="requests/s", title=f"One worker, {CONNECTIONS} connections")
    axes.set_xticks(range(len(labels)), labels)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3)
    with rc_context(SETTINGS):
        figure.savefig(path, metadata={"Date": None})
