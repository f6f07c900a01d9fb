"""Measures the peers of one model, side by side: a round asks each of them in turn."""

import json
import math
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training import tell

from bench_serve import plain
from bench_serve.load import put_load
from bench_serve.models import Model
from bench_serve.peers import CONSTANT, OURS, Peer, variables
from bench_serve.processes import Running

#: Rows that are asked for in turn where one is sent at a time, and how many of them are checked.
SINGLE_ROWS, CHECKED_ROWS = 10_000, 200
#: Most that a salary may be off: linear models differ between one row and many in the last digits.
RELATIVE_TOLERANCE = 1e-9
WARM_SECONDS = 1
YARDSTICK = "plain Python"


@dataclass(frozen=True)
class Cores:
    """Where things run, as taskset takes it.

    Attributes:
        server: Of servers with one worker.
        load: Of the load tool, and of us.
        both: Of servers with two workers, and of their load.
    """

    server: str
    load: str
    both: str


@dataclass(frozen=True)
class Task:
    """What a round asks of each peer.

    Attributes:
        rows: Of one request.
        connections: How many wait for an answer at any time.
    """

    rows: int
    connections: int


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: How often.
        seconds: How long each peer answers in a round.
    """

    rounds: int
    seconds: int


@dataclass(frozen=True)
class Cell:
    """One peer at one task, one figure a round.

    Attributes:
        contract: Of the model.
        model: Its estimator.
        rows: Of one request.
        connections: See `Task`.
        workers: Of the peer.
        peer: Its name.
        rounds: Figures by name; times in ms, `load_cpu` in cores.
        failed: Requests that were not answered well, over all rounds.
    """

    contract: str
    model: str
    rows: int
    connections: int
    workers: int
    peer: str
    rounds: list[dict[str, float]] = field(default_factory=list)
    failed: int = 0


@dataclass(frozen=True)
class Start:
    """One start of a peer: seconds to its first good answer; memory then and after load, in MB."""

    contract: str
    model: str
    peer: str
    workers: int
    seconds: float
    idle: float
    loaded: float | None


class Bench:
    """All that is measured of one model with some peers and a number of workers.

    Attributes:
        cells: What came of it.
        starts: How the peers started.
    """

    def __init__(
        self, model: Model, peers: Sequence[Peer], cores: Cores, folder: Path, workers: int = 1
    ) -> None:
        """Measure in a folder of its own."""
        self._model, self._peers, self._workers = model, peers, workers
        self._server = cores.server if workers == 1 else cores.both
        self._load = cores.load if workers == 1 else cores.both
        self._folder = folder
        folder.mkdir(parents=True)
        self._found: dict[tuple[Task, str], list[dict[str, float]]] = {}
        self._failed: dict[tuple[Task, str], int] = {}
        self.starts: list[Start] = []

    @property
    def cells(self) -> list[Cell]:
        """One for each peer and task."""
        return [
            Cell(
                contract=self._model.contract,
                model=self._model.name,
                rows=task.rows,
                connections=task.connections,
                workers=self._workers,
                peer=peer,
                rounds=rounds,
                failed=self._failed.get((task, peer), 0),
            )
            for (task, peer), rounds in self._found.items()
        ]

    def start_again(self, rounds: int) -> None:
        """Start each peer once a round, and end it again."""
        for number in range(rounds):
            for peer in _in_turn(self._peers, number):
                with peer.start(self._model, self._workers, self._server, self._folder) as found:
                    self._note_start(peer, found, found.memory(), None)

    def run(self, tasks: Sequence[Task], plan: Plan) -> None:
        """Start all peers, check their answers, and ask them in turn."""
        model = self._model
        tell(f"{model.contract}, {model.name}, {self._workers} worker(s): starting the peers")
        with ExitStack() as stack:
            running, idle = {}, {}
            for peer in self._peers:
                start = peer.start(model, self._workers, self._server, self._folder)
                found = running[peer.name] = stack.enter_context(start)
                idle[peer.name] = found.memory()
                self._check(peer, found, {task.rows for task in tasks})
            yardstick = self._yardstick(stack, running, tasks)
            for number in range(-1, plan.rounds):  # the first warms up
                tell(f"round {number + 1} of {plan.rounds}")
                self._round(number, tasks, running, plan)
                if number >= 0 and yardstick:
                    for task, each in yardstick.items():
                        self._note(task, YARDSTICK, {"p50": 1e3 * each.seconds()})
            for peer in self._peers:
                found = running[peer.name]
                self._note_start(peer, found, idle[peer.name], found.memory())

    def _round(
        self, number: int, tasks: Sequence[Task], running: dict[str, Running], plan: Plan
    ) -> None:
        seconds = plan.seconds if number >= 0 else WARM_SECONDS
        for task in tasks:
            for peer in _in_turn(self._peers, number):
                if task.rows == 1 or peer.batch is not None:
                    found = self._ask(peer, running[peer.name], task, seconds)
                    if number >= 0:
                        self._note(task, peer.name, found)

    def _ask(self, peer: Peer, running: Running, task: Task, seconds: int) -> dict[str, float]:
        url = f"http://127.0.0.1:{running.port}{peer.path(task.rows)}"
        before = running.cpu()
        load = put_load(url, self._bodies(peer, task.rows), task.connections, seconds, self._load)
        cpu = running.cpu() - before
        running.settle()
        if load.failed or not load.requests:  # no answer in time is none
            place = task, peer.name
            self._failed[place] = self._failed.get(place, 0) + max(load.failed, 1)
        times = {name: value for name, value in asdict(load).items() if name.startswith("p")}
        answered = max(load.requests, 1)
        own = {"cpu": 1e3 * cpu / answered, "load_cpu": load.cpu / load.seconds}
        return {"rate": load.rate, **times, **own}

    def _note(self, task: Task, peer: str, found: dict[str, float]) -> None:
        self._found.setdefault((task, peer), []).append(found)

    def _note_start(self, peer: Peer, found: Running, idle: float, loaded: float | None) -> None:
        model = self._model
        self.starts.append(
            Start(
                contract=model.contract,
                model=model.name,
                peer=peer.name,
                workers=self._workers,
                seconds=found.seconds,
                idle=idle,
                loaded=loaded,
            )
        )

    def _bodies(self, peer: Peer, rows: int) -> Path:
        """A file of bodies for a peer: many of one row, or one of many."""
        file = self._folder / f"{peer.name}-{rows}.txt".replace(" ", "-")
        if not file.exists():
            made = self._model.rows(SINGLE_ROWS if rows == 1 else rows)
            groups = [[row] for row in made] if rows == 1 else [made]
            file.write_text("".join(f"{peer.body(each, single=rows == 1)}\n" for each in groups))
        return file

    def _check(self, peer: Peer, running: Running, sizes: set[int]) -> None:
        """Check that a peer predicts what scikit-learn does: for some single rows, and all batches.

        Raises:
            SystemExit: If it does not.
        """
        for rows in sizes | {1} if peer.batch else {1}:
            made = self._model.rows(CHECKED_ROWS if rows == 1 else rows)
            right = [CONSTANT] * len(made)
            if peer.predicts:
                right = plain.predict(plain.load_model(self._model.bundle / "model.skops"), made)
            bodies = self._bodies(peer, rows).read_text().splitlines()[:CHECKED_ROWS]
            url = f"http://127.0.0.1:{running.port}{peer.path(rows)}"
            told = [salary for body in bodies for salary in peer.read(_post(url, body))]
            pairs = zip(told, right, strict=True)
            wrong = [pair for pair in pairs if not math.isclose(*pair, rel_tol=RELATIVE_TOLERANCE)]
            if wrong:
                raise SystemExit(
                    f"Error: {peer.name} answers {wrong[0][0]} where scikit-learn predicts "
                    f"{wrong[0][1]} ({self._model.contract}, {self._model.name})"
                )

    def _yardstick(
        self, stack: ExitStack, running: dict[str, Running], tasks: Sequence[Task]
    ) -> dict[Task, plain.Plain]:
        """The yardstick of each task of many rows, given what our service answers."""
        made = {}
        for task in tasks:
            if task.rows > 1:
                body, answer = self._bodies(OURS, task.rows), self._folder / f"{task.rows}.json"
                url = f"http://127.0.0.1:{running[OURS.name].port}{OURS.batch}"
                answer.write_text(json.dumps(_post(url, body.read_text())))
                file, around = self._model.bundle / "model.skops", variables(self._model, 1)
                process = plain.plain(file, body, answer, self._server, around)
                made[task] = stack.enter_context(process)
                made[task].seconds()
        return made


def _in_turn(peers: Sequence[Peer], number: int) -> Iterator[Peer]:
    """The peers, another one first in each round."""
    first = number % len(peers)
    yield from peers[first:]
    yield from peers[:first]


def _post(url: str, body: str) -> Any:
    """What a server answers; anything but 200 is an error."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body.encode(), headers)  # noqa: S310 - on loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        if answer.status != 200:
            raise SystemExit(f"Error: {url} answers {answer.status}")
        return json.loads(answer.read())
