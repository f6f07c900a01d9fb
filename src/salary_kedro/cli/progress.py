"""Shows which step of a run is under way, how far a long one is, and how long each took."""

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

from salary_kedro.cli.console import echo, seconds
from salary_kedro.modelling.progress import PROGRESS

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress:
    """A line a step on the standard error: its name when it begins, its time when it ends.

    Steps may run side by side, in threads: a line that another one follows stays without a time,
    and the time comes in a line of its own. So does the time of a step that logged something.
    """

    def __init__(self, steps: int) -> None:
        """Begin to count.

        Args:
            steps: How many there will be.
        """
        self._steps, self._begun = steps, time.perf_counter()
        self._started: dict[str, tuple[int, float]] = {}
        self._open: str | None = None
        self._bar: Bar | None = None
        self._lock = threading.Lock()
        #: Seconds that each step took, by its name.
        self.taken: dict[str, float] = {}

    def attach(self) -> None:
        """Let what is logged to the standard error begin a line of its own, in this run alone."""
        for handler in logging.getLogger().handlers:
            if type(handler) is logging.StreamHandler:
                handler.filters[:] = [f for f in handler.filters if not isinstance(f, _Break)]
                handler.addFilter(_Break(self))
        PROGRESS.handlers[:] = [_Long(self)] if sys.stderr.isatty() else []

    def start(self, name: str) -> None:
        """Show that a step begins."""
        with self._lock:
            self._end_line()
            self._end_bar()
            self._started[name] = len(self._started) + 1, time.perf_counter()
            echo(self._label(name), err=True, newline=False)
            self._open = name

    def end(self, name: str) -> None:
        """Show how long a step took; what it gave is saved after that."""
        with self._lock:
            self._end_bar()
            took = self.taken[name] = time.perf_counter() - self._started[name][1]
            if self._open != name:
                self._end_line()
                echo(self._label(name), err=True, newline=False)
            echo(f"  {seconds(took)}", err=True)
            self._open = None

    def close(self) -> None:
        """End the line of the step under way: something else is to be printed."""
        with self._lock:
            self._end_bar()
            self._end_line()

    def advance(self, done: int, total: int, note: str) -> None:
        """Show how far the step under way is, in a bar below its line.

        Args:
            done: How much of it is done.
            total: How much there is.
            note: What is known so far.
        """
        with self._lock:
            self._end_line()
            if self._bar is None:
                self._bar = _new_bar(total)
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, note=note)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _end_line(self) -> None:
        if self._open is not None:
            echo(err=True)
            self._open = None

    def times(self) -> dict[str, float]:
        """Seconds that each step took; and all of it up to now, as `""`."""
        return {**self.taken, "": time.perf_counter() - self._begun}

    def _label(self, name: str) -> str:
        return f"[{self._started[name][0]:>2}/{self._steps}] {name}"


def end_bars() -> None:
    """Take away what a step that was interrupted has left on the terminal."""
    for handler in PROGRESS.handlers:
        handler.close()


class _Break(logging.Filter):
    """Ends the line of the step under way before a handler writes."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        self._progress.close()
        return True


class _Long(logging.Handler):
    """Shows how far a long step is; where there is no terminal, the log alone tells it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Move the bar."""
        done, total, note = (getattr(record, name) for name in ("done", "total", "note"))
        self._progress.advance(done, total, note)

    def close(self) -> None:
        """Take the bar away, which hides the terminal's cursor."""
        self._progress.close()
        super().close()


def _new_bar(total: int) -> "Bar":
    """A bar that leaves nothing behind; rich is slow to import."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("", total=total, note="")
    bar.start()
    return bar
