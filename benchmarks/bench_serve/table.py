"""Tables of what was measured, in Markdown: medians, and ratios of what was measured together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench_serve.measure import YARDSTICK, Cell, Start
from bench_serve.peers import BENTO, BY_HAND, LIMIT, MLFLOW, OURS

NONE = "–"
#: Connections of the summary, and of the plot.
CONNECTIONS = 8


@dataclass(frozen=True)
class Results:
    """All that was measured."""

    cells: Sequence[Cell]
    starts: Sequence[Start]

    def beside(self, cell: Cell, peer: str) -> Cell | None:
        """Another peer at the same task."""
        task = place(cell)
        found = (each for each in self.cells if place(each) == task and each.peer == peer)
        return next(found, None)


def place(cell: Cell) -> tuple[str, str, int, int, int]:
    """What tells a task from all others."""
    return cell.contract, cell.model, cell.rows, cell.connections, cell.workers


def middle(cell: Cell, figure: str) -> float:
    """Median of a figure over all rounds."""
    return median(each[figure] for each in cell.rounds)


def ratio(cell: Cell, other: Cell | None, figure: str) -> float | None:
    """Median of the rounds' ratios of a figure; None if there is no other, or one has failed."""
    if other is None or cell.failed or other.failed:
        return None
    pairs = zip(cell.rounds, other.rounds, strict=True)
    return median(one[figure] / another[figure] for one, another in pairs)


def tables(results: Results) -> str:
    """All tables."""
    parts = [
        (f"This service, {CONNECTIONS} connections, one worker", _summary(results)),
        ("One row a request, one worker", _singles(results)),
        ("Many rows a request, one connection, one worker", _batches(results)),
        ("Two workers against one, 64 connections", _workers(results)),
        ("Starts", _starts(results)),
    ]
    return "\n\n".join(f"### {title}\n\n{lines}" for title, lines in parts if lines)


def _ours(results: Results) -> list[Cell]:
    """Our service with one worker, one row a request and the connections of the summary."""
    task = 1, CONNECTIONS, 1
    return [
        cell
        for cell in results.cells
        if (cell.rows, cell.connections, cell.workers) == task and cell.peer == OURS.name
    ]


def _summary(results: Results) -> str:
    head = ("model", "requests/s", "of the limit", "p99 to the limit's",
            *(f"to {peer.name}" for peer in (BENTO, BY_HAND, MLFLOW)))  # fmt: skip
    rows = []
    for cell in _ours(results):
        limit = results.beside(cell, LIMIT.name)
        others = (results.beside(cell, peer.name) for peer in (BENTO, BY_HAND, MLFLOW))
        rows.append(
            (
                *(_model(cell), _rate(cell), _times(ratio(cell, limit, "rate"))),
                _times(ratio(cell, limit, "p99")),
                *(_times(ratio(cell, other, "rate"), 1) for other in others),
            )
        )
    return _markdown(head, rows)


def _singles(results: Results) -> str:
    head = ("model", "connections", "server", "requests/s", "of the limit", "this service is",
            "p50, ms", "p99, ms", "p99 to the limit's", "p99.9, ms", "CPU, ms")  # fmt: skip
    rows = []
    for cell in results.cells:
        if cell.rows == 1 and cell.workers == 1:
            ours, limit = results.beside(cell, OURS.name), results.beside(cell, LIMIT.name)
            rows.append(
                (
                    *(_model(cell), str(cell.connections), cell.peer, _rate(cell)),
                    _times(ratio(cell, limit, "rate"), 3),
                    NONE if ours is None else _times(ratio(ours, cell, "rate")),
                    *(f"{middle(cell, name):.2f}" for name in ("p50", "p99")),
                    _times(ratio(cell, limit, "p99")),
                    *(f"{middle(cell, name):.2f}" for name in ("p99_9", "cpu")),
                )
            )
    return _markdown(head, rows)


def _batches(results: Results) -> str:
    head = ("model", "rows", "server", "p50, ms", "this service is", "CPU, ms")
    rows = []
    for cell in results.cells:
        if cell.rows > 1:
            ours = results.beside(cell, OURS.name)
            faster = None if ours is None else ratio(cell, ours, "p50")
            cpu = NONE if cell.peer == YARDSTICK else f"{middle(cell, 'cpu'):.1f}"
            time = f"failed: {cell.failed}" if cell.failed else f"{middle(cell, 'p50'):.1f}"
            rows.append((_model(cell), f"{cell.rows:,}", cell.peer, time, _times(faster), cpu))
    return _markdown(head, rows)


def _workers(results: Results) -> str:
    head = ("model", "server", "one worker", "two workers", "cores of the load tool",
            "two workers, its share out", "to one")  # fmt: skip
    rows = []
    for cell in results.cells:
        one = Cell(*place(cell)[:4], 1, cell.peer)
        alone = results.beside(one, cell.peer)
        if cell.workers == 2 and alone is not None:
            whole = whole_rate(cell)
            failed = cell.failed or alone.failed
            times = NONE if failed else _times(whole / middle(alone, "rate"))
            rows.append(
                (
                    *(_model(cell), cell.peer, _rate(alone), _rate(cell)),
                    *(f"{middle(cell, 'load_cpu'):.2f}", f"{whole:,.0f}", times),
                )
            )
    return _markdown(head, rows)


def whole_rate(cell: Cell) -> float:
    """The rate of two workers if the load tool had taken nothing of their two cores."""
    return median(each["rate"] * 2 / (2 - each["load_cpu"]) for each in cell.rounds)


def _starts(results: Results) -> str:
    head = ("model", "server", "starts", "ready after, s", "this service to it", "idle, MB",
            "after load, MB")  # fmt: skip
    groups: dict[tuple[str, str, str], list[Start]] = {}
    for start in results.starts:
        if start.workers == 1:
            groups.setdefault((start.contract, start.model, start.peer), []).append(start)
    rows = []
    for (contract, model, peer), starts in groups.items():
        seconds, ours = (
            median(start.seconds for start in groups[contract, model, name])
            for name in (peer, OURS.name)
        )
        loaded = [start.loaded for start in starts if start.loaded is not None]
        rows.append(
            (
                *(f"{contract}, {model}", peer, str(len(starts)), f"{seconds:.2f}"),
                *(f"{ours / seconds:.2f}", f"{median(start.idle for start in starts):.0f}"),
                f"{median(loaded):.0f}" if loaded else NONE,
            )
        )
    return _markdown(head, rows)


def _model(cell: Cell) -> str:
    return f"{cell.contract}, {cell.model}"


def _rate(cell: Cell) -> str:
    return f"failed: {cell.failed}" if cell.failed else f"{middle(cell, 'rate'):,.0f}"


def _times(value: float | None, digits: int = 2) -> str:
    return NONE if value is None else f"{value:.{digits}f} ×"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(_line(cells) for cells in lines) if len(lines) > 2 else ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
