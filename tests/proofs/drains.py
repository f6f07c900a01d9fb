"""A service that is told to end, or to restart, loses no request of those who ask all the time."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proofs.swaps import CONNECTIONS, make
from proofs.tally import Tally
from salary_kedro.bundle import BundleStore
from samples import default_contract
from support import BIN, ROOT, Project, copy_project, free_port, get, wait_until
from workers import workers_of

GRACE_SECONDS = 2.0
#: Clients go on for that long after the end, so that they meet the closed port.
AFTER_SECONDS = 2.0
#: No answer and no refusal may take longer: a connection that is made while the port closes is
#: tried again by the system after a second, and refused.
HUNG_SECONDS = 10.0
REFUSED = "ConnectError"


def prove_drains(
    folder: Path, repetitions: int, chosen: int, tell: Callable[[str], None] = print
) -> Iterator[Tally]:
    """End and restart services under load, of one worker and of two in turn."""
    project = copy_project(folder / "drains")
    store, bundle = BundleStore(project.bundles), make(default_contract(), 1)
    store.write(bundle.name, bundle.files)
    store.point_to(bundle.name)
    chance, ends, restarts = random.Random(chosen), _Found(), _Found()
    for number in range(repetitions):
        with _server(project, number % 2 + 1) as (server, address):
            pause = chance.uniform(0.3, 1.5)
            restarts.take(_restart(server, address, folder, pause), refused=False)
            ends.take(_end(server, address, folder, pause), refused=True)
            ends.wrong += [f"exit code {server.returncode}"] if server.returncode else []
        tell(f"{number + 1} of {repetitions} services ended, {len(ends.wrong)} violations")
    yield restarts.tally(f"requests of {CONNECTIONS} clients while workers were restarted")
    yield ends.tally(f"requests of {CONNECTIONS} clients to {repetitions} services that ended")


class _Found:
    """What became of requests."""

    def __init__(self) -> None:
        self.results: Counter[str] = Counter()
        self.wrong: list[str] = []

    def take(self, answers: Sequence[Sequence[Any]], refused: bool) -> None:
        """Judge answers; connections may be refused once the service has ended, if at all."""
        for begun, ended, _, status, *_ in answers:
            result = "refused" if refused and str(status).startswith(REFUSED) else str(status)
            self.results[result] += 1
            if result not in ("200", "refused"):
                self.wrong.append(result)
            if ended - begun > HUNG_SECONDS:
                self.wrong.append(f"{result} after {ended - begun:.1f} s")

    def tally(self, what: str) -> Tally:
        """What came of it."""
        told = ", ".join(f"{count} {result}" for result, count in sorted(self.results.items()))
        return Tally(f"{what}: {told}", self.results.total(), self.wrong[:20])


@contextmanager
def _server(project: Project, workers: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A service; whoever asks for it ends it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = {
        **project.environment,
        "SALARY_GRACE_SECONDS": str(GRACE_SECONDS),
        "BENTOML_CONFIG_OPTIONS": f"services.salary_prediction.workers={workers}",
    }
    with (project.root / "server.log").open("w") as log:
        command = [BIN / "bentoml", "serve", "--port", str(port)]
        server = subprocess.Popen(command, cwd=project.root, env=settings, stdout=log, stderr=log)
        try:
            wait_until(lambda: get(f"{address}/readyz").status == 200, "the service")
            wait_until(lambda: len(workers_of(server)) == workers, "all workers")
            yield server, address
        finally:
            server.kill()
            server.wait()


def _restart(
    server: "subprocess.Popen[bytes]", address: str, folder: Path, pause: float
) -> list[Any]:
    """Restart the workers while clients ask; gives what became of the requests."""
    old = workers_of(server)

    def restart() -> None:
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: not workers_of(server) & old, "other workers")

    return _asked(address, folder, pause, restart)


def _end(server: "subprocess.Popen[bytes]", address: str, folder: Path, pause: float) -> list[Any]:
    """End the service while clients ask; gives what became of the requests."""

    def end() -> None:
        server.terminate()
        server.wait(timeout=90)

    return _asked(address, folder, pause, end)


def _asked(address: str, folder: Path, pause: float, act: Callable[[], None]) -> list[Any]:
    """Let clients ask until some time after something was done; gives what became of it."""
    file, stop = folder / "answers.json", folder / "stop"
    for each in (file, stop):
        each.unlink(missing_ok=True)
    command = [sys.executable, "-m", "proofs.clients", address, str(CONNECTIONS), str(stop)]
    clients = subprocess.Popen([*command, "[5.0]", str(file)], cwd=ROOT / "tests")
    try:
        wait_until(file.exists, "an answer to each of the clients")
        time.sleep(pause)  # at some moment of their asking, not always the first
        acted = time.monotonic()
        act()
        time.sleep(AFTER_SECONDS)
        stop.touch()
        clients.wait(timeout=60)
    finally:
        clients.kill()
        clients.wait()
    answers = list(json.loads(file.read_text()))
    asked_then = [begun for begun, _, _, status, *_ in answers if begun > acted and status == 200]
    assert asked_then, "nobody asked while it was done, which would prove nothing"
    return answers
