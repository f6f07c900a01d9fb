"""Tournaments as real processes: whole, killed half-way and resumed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import BIN, Project

TOURNAMENT = ("--pipelines", "tournament")
#: Longer than any of them takes.
SECONDS = 3_000


@dataclass(frozen=True)
class Tournament:
    """A tournament of an environment in a copy of the project.

    Attributes:
        project: The copy.
        env: The environment.
        parameters: What `--params` says of it.
    """

    project: Project
    env: str
    parameters: str

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [
            str(BIN / "kedro"),
            "run",
            "--env",
            self.env,
            *TOURNAMENT,
            "--params",
            self.parameters,
        ]

    @property
    def output(self) -> Path:
        """The folder of what it finds."""
        return self.project.root / "data" / self.env / "07_model_output"

    @property
    def leaderboard(self) -> bytes:
        """The table of its trials."""
        return (self.output / "leaderboard.csv").read_bytes()

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Its trials, in their order."""
        found: list[dict[str, Any]] = json.loads((self.output / "search.json").read_text())[
            "trials"
        ]
        return found

    def scored(self) -> int:
        """How many scores are kept so far."""
        scores = self.output / "trial_scores.jsonl"
        return scores.read_bytes().count(b'"score"') if scores.is_file() else 0

    def run(self, *arguments: str) -> str:
        """Hold it to its end; gives what it printed."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.project.root,
            env=self.project.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self, when: Callable[[], bool]) -> list[int]:
        """Start it, and kill it, but not its workers, with -9 at a moment.

        Returns:
            The processes that it had started.
        """
        process = subprocess.Popen(
            self.command,
            cwd=self.project.root,
            env=self.project.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + SECONDS
        while not when() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        workers = children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it had ended before it could be killed"
        return workers


def children(pid: int) -> list[int]:
    """The processes that one has started."""
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]
