"""A service under load moves from bundle to bundle: nothing fails, nothing is mixed up or late.

Bundles are trained beforehand and published through the store's own `write` and `point_to`,
which is how packaging publishes a production version after a promotion or a rollback. Meanwhile
workers are killed, and silent connections are opened up to the limit of open files.
"""

import json
import math
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import skops.io

from bundles import MODEL
from proofs.floods import flood
from proofs.tally import Tally
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bundle import pack, sha256
from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline
from samples import default_contract
from support import ROOT, copy_project, get, wait_until
from workers import workers_of

CONNECTIONS, WORKERS, SECONDS = 64, 2, 120.0
PROMOTIONS, ROLLBACKS, CORRUPT, KILLS = 50, 20, 10, 5
#: Files that a worker may open, and connections that ask for nothing: more than one worker holds.
FILES, SILENT = 1_024, 1_100
#: A probe must be answered within that time; a busy machine gets more when a share is tried.
PROBE_SECONDS, PROBE_SECONDS_IF_SHORT = 1.0, 5.0
#: A request may have been on its way to a worker that was killed so shortly before.
KILLED_SECONDS = 0.1
#: A version may answer so long after another was published in its place.
PATIENCE_SECONDS = 2.0
#: Memory may differ so much between the first and the last minute; noise weighs more when
#: only seconds are compared.
GROWTH, GROWTH_IF_SHORT = 0.05, 0.15
WARM_UP_SECONDS = 5.0
ROWS = [0.0, 0.5, 1.1, 2.0, 3.2, 4.0, 5.0, 7.5, 10.5, 12.0, 20.0, 33.3, 40.0, 59.0, 60.0]
KINDS = {
    "linear_regression": {},
    "decision_tree": {},
    "random_forest": {"n_estimators": 5},
}
GOOD = ("promotion", "rollback")
DAMAGES = ("flipped", "missing", "half-copied", "wrong examples", "oversized")
OVERSIZED_BYTES = 8_000_000_000


@dataclass(frozen=True)
class Made:
    """A bundle, ready to be published, with what its own Pipeline predicts for `ROWS`."""

    name: str
    version: int
    files: dict[str, bytes]
    expected: list[float]


@dataclass(frozen=True)
class Event:
    """A publication: when the pointer was written, and the version to be served from then on.

    Attributes:
        moment: Monotonic time, in seconds, just after the pointer was written.
        kind: `promotion`, `rollback`, or what is wrong with the bundle.
        pointer: Name of the bundle that was published.
        good: Name of the bundle that is to answer.
    """

    moment: float
    kind: str
    pointer: str
    good: str


@dataclass
class Watch:
    """What is seen of a running server.

    Attributes:
        memory: Moments, and the resident bytes of its largest worker.
        said: When it was asked for `/model`, when it answered, and what.
        probed: The same for `/livez`, with the status.
    """

    memory: list[tuple[float, int]] = field(default_factory=list)
    said: list[tuple[float, float, Any]] = field(default_factory=list)
    probed: list[tuple[float, float, int]] = field(default_factory=list)


def make(contract: Contract, version: int) -> Made:
    """Train a model on salaries that are this version's alone, and pack it."""
    years = np.linspace(0, 60, 120)
    table = pd.DataFrame({"experience_years": years})
    salaries = pd.Series(1e5 * version + 100 * years + np.sin(years))
    kind = list(KINDS)[version % len(KINDS)]
    model = build_pipeline(contract, kind, KINDS[kind], 234).fit(table, salaries)
    files = {
        "model.skops": skops.io.dumps(model),
        "contract.json": contract.model_dump_json().encode(),
        "domain.json": b"{}",
        "metrics.json": json.dumps({"rmse": 1.0}).encode(),
        "lineage.json": b"{}",
    }
    name, complete = pack(MODEL, version, files)
    expected = model.predict(np.array(ROWS).reshape(-1, 1)).tolist()
    return Made(name, version, complete, expected)


def damaged(made: Made, how: str) -> tuple[str, dict[str, bytes]]:
    """The name and files of a bundle that must never be served."""
    files = dict(made.files)
    if how == "flipped":
        model = bytearray(files["model.skops"])
        model[len(model) // 2] ^= 1
        files["model.skops"] = bytes(model)
    elif how == "missing":
        del files["contract.json"]
    elif how == "half-copied":
        kept = sorted(files)[: len(files) // 2]
        files = {name: files[name][: len(files[name]) // 2] for name in kept}
    else:
        examples = json.loads(files["examples.json"])
        examples["predictions"][0] *= 1.001
        files["examples.json"] = json.dumps(examples).encode()
        manifest = json.loads(files["manifest.json"])
        manifest["sha256"]["examples.json"] = sha256(files["examples.json"])
        files["manifest.json"] = json.dumps(manifest).encode()
        return f"{made.version}-{sha256(files['manifest.json'])[:8]}", files
    return made.name, files


def prove_swaps(
    folder: Path, share: float, chosen: int, tell: Callable[[str], None] = print
) -> Iterator[Tally]:
    """Predict over many connections while bundles are published, good and bad."""
    full_counts = (PROMOTIONS, ROLLBACKS, CORRUPT, KILLS)
    counts = [max(1, round(full * share)) for full in full_counts]
    seconds, contract = SECONDS * share, default_contract()
    good = [make(contract, version) for version in range(1, counts[0] + 2)]
    bad = [make(contract, 1000 + number) for number in range(counts[2])]
    tell(f"{len(good) + len(bad)} models trained")
    project = copy_project(folder / "swaps")
    store = BundleStore(project.bundles)
    _publish(store, good[0].name, good[0].files)
    options = f"services.salary_prediction.workers={WORKERS}"
    with project.serve(files=FILES, BENTOML_CONFIG_OPTIONS=options) as address:
        wait_until(lambda: len(_serving(address)) == WORKERS, "the service to be ready")
        file = folder / "answers.json"
        with (
            _clients(address, seconds + WARM_UP_SECONDS, file),
            flood(address, SILENT),
            _watch(address) as watch,
        ):
            begun = time.monotonic() + WARM_UP_SECONDS
            schedule = _schedule(counts, random.Random(chosen))
            publisher = Publisher(store, good, bad, address)
            events = publisher.publish_all(schedule, begun, seconds, tell)
        final = _see_metrics(address, events[-1].good)
    answers = json.loads(file.read_text())
    made = {bundle.name: bundle for bundle in good}
    answers, lost = _without_killed(answers, publisher.kills)
    watch.said = _without_killed(watch.said, publisher.kills)[0]
    probed = _without_killed(watch.probed, publisher.kills)[0]
    yield _judge_answers(answers, events, made, counts)
    yield _judge_lost(lost, len(publisher.kills))
    yield _judge_moves(answers, events, made)
    yield _judge_words(watch.said, events, final)
    yield _judge_probes(probed, PROBE_SECONDS if share == 1 else PROBE_SECONDS_IF_SHORT)
    yield _judge_memory(watch.memory, begun, seconds, GROWTH if share == 1 else GROWTH_IF_SHORT)


def _schedule(counts: Sequence[int], chance: random.Random) -> list[str]:
    """What happens one after the other; the last is a promotion, so that the end is certain."""
    promotions, rollbacks, corrupt, kills = counts
    damages = [DAMAGES[number % len(DAMAGES)] for number in range(corrupt)]
    kinds = ["promotion"] * (promotions - 1) + ["rollback"] * rollbacks + damages
    chance.shuffle(kinds)
    for _ in range(kills):  # a worker that starts while the pointer names nothing good serves
        good = [place for place, kind in enumerate(kinds) if kind in GOOD]  # a reserve
        kinds.insert(chance.choice(good) + 1, "kill")
    return [*kinds, "promotion"]


def _publish(store: BundleStore, name: str, files: dict[str, bytes] | None = None) -> float:
    """Publish as packaging does; gives the moment after the pointer was written."""
    if files is not None:
        store.write(name, files)
    with store.lock():
        store.point_to(name)
    return time.monotonic()


@dataclass
class Publisher:
    """Publishes bundles, good and bad, and kills workers.

    Attributes:
        store: Where the service looks for bundles.
        good: Those to be promoted, the first of which is served.
        bad: Those to be damaged.
        address: The service.
        kills: Moments at which workers were killed.
    """

    store: BundleStore
    good: Sequence[Made]
    bad: list[Made]
    address: str
    kills: list[float] = field(default_factory=list)

    def publish_all(
        self, schedule: Sequence[str], begun: float, seconds: float, tell: Callable[[str], None]
    ) -> list[Event]:
        """Publish at even intervals, which leave the last one time enough to be followed."""
        events = [Event(0.0, "start", self.good[0].name, self.good[0].name)]
        promoted, pause = [self.good[0]], threading.Event()
        step = (seconds - PATIENCE_SECONDS) / len(schedule)
        for number, kind in enumerate(schedule):
            pause.wait(begun + number * step - time.monotonic())
            if kind == "kill":
                self._kill()
            elif kind == "promotion":
                promoted.append(self.good[len(promoted)])
                name = promoted[-1].name
                moment = _publish(self.store, name, promoted[-1].files)
                events.append(Event(moment, kind, name, name))
            elif kind == "rollback":
                name = promoted[number % len(promoted)].name
                events.append(Event(_publish(self.store, name), kind, name, name))
            else:
                events.append(self._spoil(kind, events[-1].good))
            tell(f"{number + 1} of {len(schedule)} publications")
        pause.wait(begun + seconds - time.monotonic())
        return events

    def _spoil(self, kind: str, good: str) -> Event:
        """Publish a bundle that must never be served."""
        name, files = damaged(self.bad.pop(), kind)
        self.store.write(name, files)
        if kind == "oversized":  # a file with a hole, which takes no room
            model = next((self.store.folder / name).glob("model.*"))
            model.chmod(0o644)
            os.truncate(model, OVERSIZED_BYTES)
        return Event(_publish(self.store, name), kind, name, good)

    def _kill(self) -> None:
        """Kill a worker, and wait for the one that takes its place."""
        killed = min(_serving(self.address))
        self.kills.append(time.monotonic())
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(_serving(self.address) - {killed}) == WORKERS, "a worker again")


def _serving(address: str) -> set[int]:
    """The workers that serve, by what the metrics say."""
    lines = str(get(f"{address}/metrics").body).splitlines()
    found = (re.match(r'salary_model_current\{pid="(\d+)"\}', line) for line in lines)
    return {int(match[1]) for match in found if match}


@contextmanager
def _clients(address: str, seconds: float, file: Path) -> Iterator[None]:
    """Connections that ask until the block's time is over; leaving it waits for the last answer."""
    command = [sys.executable, "-m", "proofs.clients", address, str(CONNECTIONS), str(seconds)]
    process = subprocess.Popen([*command, json.dumps(ROWS), str(file)], cwd=ROOT / "tests")
    try:
        yield
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()


@contextmanager
def _watch(address: str) -> Iterator[Watch]:
    """Look at the server several times a second."""
    watch, over = Watch(), threading.Event()

    def look() -> None:
        while not over.wait(0.25):
            watch.memory.append((time.monotonic(), _memory()))
            begun = time.monotonic()
            answer = get(f"{address}/model")
            watch.said.append(
                (begun, time.monotonic(), answer.body if answer.status == 200 else answer)
            )

    def probe() -> None:
        while not over.wait(0.1):
            begun = time.monotonic()
            status = get(f"{address}/livez").status
            watch.probed.append((begun, time.monotonic(), status))

    threads = [threading.Thread(target=each) for each in (look, probe)]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _memory() -> int:
    """Resident bytes of the largest worker of the server, which this process has started."""
    sizes = [0]
    for worker in workers_of(psutil.Process()):
        with suppress(psutil.NoSuchProcess):
            sizes.append(psutil.Process(worker).memory_info().rss)
    return max(sizes)


def _see_metrics(address: str, name: str) -> list[str]:
    """What is wrong with the metrics, when one bundle is served for long enough."""
    lines = [
        line
        for line in str(get(f"{address}/metrics").body).splitlines()
        if line.startswith("salary_model_served{")
    ]
    ones = [line for line in lines if float(line.rpartition(" ")[2]) == 1]
    if len(ones) == WORKERS and all(f'bundle="{name}"' in line for line in ones):
        return []
    return [f"the metrics do not say that {WORKERS} workers serve {name} alone: {ones}"]


def _allowed(events: Sequence[Event], begun: float, ended: float) -> set[str]:
    """The bundles that may answer a request: to be served at some time from 2 s before it on."""
    found = set()
    for event, following in zip(events, [*events[1:], None], strict=True):
        superseded = math.inf if following is None else following.moment
        if event.moment <= ended and superseded >= begun - PATIENCE_SECONDS:
            found.add(event.good)
    return found


def _judge_answers(
    answers: Sequence[Any], events: Sequence[Event], made: dict[str, Made], counts: Sequence[int]
) -> Tally:
    """Every answer must be a prediction of the version it names, which must not be too old."""
    versions = {bundle.version: bundle for bundle in made.values()}
    violations = []
    for begun, ended, row, status, version, salary in answers:
        if status != 200:
            violations.append(f"request failed: {status} {version}")
        elif version not in versions:
            violations.append(f"version {version} answered, which is not good")
        elif not math.isclose(salary, versions[version].expected[row], rel_tol=1e-9):
            violations.append(f"version {version} answered {salary} for {ROWS[row]} years")
        elif versions[version].name not in _allowed(events, begun, ended):
            violations.append(f"version {version} answered too late, {begun - events[0].moment}")
    what = (
        "answers over {} connections while there were {} promotions, {} rollbacks, {} bad bundles, "
        "{} killed workers"
    )
    return Tally(what.format(CONNECTIONS, *counts), len(answers), violations[:20])


def _without_killed(results: Sequence[Any], kills: Sequence[float]) -> tuple[list[Any], list[Any]]:
    """Results without those that failed in a worker which was killed just then, and these."""
    kept: list[Any] = []
    lost: list[Any] = []
    for result in results:
        begun, ended = result[:2]
        told = result[3] if len(result) > 3 else result[2]
        gone = isinstance(told, str) or told == 0 or getattr(told, "status", 200) == 0
        at_hand = any(begun <= kill + KILLED_SECONDS and ended >= kill for kill in kills)
        (lost if gone and at_hand else kept).append(result)
    return kept, lost


def _judge_lost(lost: Sequence[Any], kills: int) -> Tally:
    """A worker that is killed can lose what each connection had asked it, and no more."""
    what = f"requests lost in {kills} workers that were killed in the midst of them"
    most = kills * CONNECTIONS
    return Tally(what, len(lost), [f"more than {most}"] if len(lost) > most else [])


def _judge_probes(probed: Sequence[tuple[float, float, int]], most: float) -> Tally:
    """Probes must be answered, and in time, under silent connections up to the limit of files."""
    slowest = max(ended - begun for begun, ended, _ in probed)
    what = f"probes beside {SILENT:,} silent connections, the slowest took {slowest:.2f} s"
    wrong = [
        f"/livez: {status} after {ended - begun:.2f} s"
        for begun, ended, status in probed
        if status != 200 or ended - begun > most
    ]
    return Tally(what, len(probed), wrong[:20])


def _judge_moves(answers: Sequence[Any], events: Sequence[Event], made: dict[str, Made]) -> Tally:
    """How long after each good publication the last answer of an old version came."""
    names = {bundle.version: bundle.name for bundle in made.values()}
    delays = []
    for event, following in zip(events[1:], [*events[2:], None], strict=True):
        until = math.inf if following is None else following.moment
        late = [
            ended - event.moment
            for _, ended, _, status, version, _ in answers
            if status == 200 and event.moment < ended < until and names.get(version) != event.good
        ]
        if event.kind in GOOD:
            delays.append(max(late, default=0.0))
    what = (
        f"moves of all {WORKERS} workers, of which half took {statistics.median(delays):.2f} s "
        f"and the slowest {max(delays):.2f} s"
    )
    slow = [delay for delay in delays if delay > PATIENCE_SECONDS]
    return Tally(
        what, len(delays), [f"an old version answered for {delay:.2f} s" for delay in slow]
    )


def _judge_words(
    said: Sequence[tuple[float, float, Any]], events: Sequence[Event], final: Sequence[str]
) -> Tally:
    """What `/model` says must have been so at some time from 2 s before it was asked on."""
    violations = list(final)
    for begun, ended, body in said:
        near = [
            event
            for event, following in zip(events, [*events[1:], None], strict=True)
            if event.moment <= ended
            and (following is None or following.moment >= begun - PATIENCE_SECONDS)
        ]
        if not any(_tells_truth(body, event) for event in near):
            violations.append(f"/model said {body} after {near}")
    return Tally("times that /model told what is served and why", len(said), violations[:20])


def _tells_truth(body: Any, event: Event) -> bool:
    if not isinstance(body, dict) or body["bundle"] != event.good:
        return False
    if event.pointer == event.good:
        return (body["source"], body["reason"]) == ("current", None)
    return body["source"] == "kept" and event.pointer in body["reason"]


def _judge_memory(
    samples: Sequence[tuple[float, int]], begun: float, seconds: float, bound: float
) -> Tally:
    """The second half's median must not be much more than the first half's."""
    middle = begun + seconds / 2
    halves = (
        [size for moment, size in samples if begun <= moment < middle],
        [size for moment, size in samples if middle <= moment],
    )
    first, second = (statistics.median(half) / 1e6 for half in halves)
    what = f"looks at the memory of the largest worker: {first:.0f} MB, then {second:.0f} MB"
    grown = second / first - 1 > bound
    return Tally(what, len(samples), [f"grown by more than {bound:.0%}"] if grown else [])
