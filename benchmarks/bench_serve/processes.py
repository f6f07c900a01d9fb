"""Servers as processes: started, waited for, watched, and ended with all they have started."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

START_SECONDS = 120.0
END_SECONDS = 10.0
MEGABYTE = 1e6


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Attributes:
        process: The one that was started; what it started counts too.
        port: Where it listens.
        seconds: From its start to the first good answer.
    """

    process: psutil.Process
    port: int
    seconds: float

    def all(self) -> list[psutil.Process]:
        """It and its descendants."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu(self) -> float:
        """Seconds of processor time that all of them have taken."""
        total = 0.0
        for process in self.all():
            with suppress(psutil.NoSuchProcess):  # it has ended since
                total += sum(process.cpu_times()[:2])  # user and system
        return total

    def memory(self) -> float:
        """Memory of all of them, MB; what they share counts once.

        What others on the machine share with them, such as libraries, counts in full: it would be
        theirs alone where they run alone.
        """
        own, shared = 0, Counter[str]()
        for process in self.all():
            with suppress(psutil.NoSuchProcess):  # it has ended since
                for area in process.memory_maps():
                    is_file = not area.path.startswith("[")
                    own += area.private_dirty if is_file else area.pss
                    if is_file:
                        found = Counter({area.path: area.rss - area.private_dirty})
                        shared |= found  # the most that one of them has of it
        return (own + shared.total()) / MEGABYTE

    def settle(self) -> None:
        """Wait until it has worked off what a load has left behind."""
        end = time.monotonic() + END_SECONDS
        before = self.cpu()
        while time.monotonic() < end:
            time.sleep(0.1)
            now = self.cpu()
            if now - before < 0.02:
                return
            before = now


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    probe: str,
    cores: str,
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[Running]:
    """Run a server for a while.

    Args:
        command: Starts it.
        port: Where it will listen.
        probe: Path of a GET that it answers with 200 once it can do its work.
        cores: Where it runs, as taskset takes it.
        folder: Where it runs, and its log is written.
        environment: Its variables.

    Raises:
        SystemExit: If it ends, or is not ready in time; shows its log.
    """
    log = folder / f"server-{port}.log"
    begun = time.perf_counter()
    with log.open("w") as output:
        started = psutil.Popen(
            ["taskset", "-c", cores, *command],
            cwd=folder,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches it through us
        )
    try:
        _wait(started, port, probe, begun, log)
        yield Running(psutil.Process(started.pid), port, time.perf_counter() - begun)
    finally:
        _end(started)


def _wait(started: psutil.Popen, port: int, probe: str, begun: float, log: Path) -> None:
    while not _answers(port, probe):
        late = time.perf_counter() - begun > START_SECONDS
        if late or started.poll() is not None:
            what = "was not ready in time" if late else "ended"
            told = log.read_text(errors="replace")[-2000:]
            raise SystemExit(f"Error: {' '.join(started.args)} {what}:\n{told}")
        time.sleep(0.005)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(started: psutil.Popen) -> None:
    """End a server in its own way, then whatever of its session is left, orphans too."""
    started.terminate()
    with suppress(psutil.TimeoutExpired):
        started.wait(END_SECONDS)
    with suppress(ProcessLookupError):  # nothing is left
        os.killpg(started.pid, signal.SIGKILL)
    started.wait(END_SECONDS)
