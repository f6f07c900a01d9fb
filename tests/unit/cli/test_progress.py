"""The lines that a run shows while it works."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from salary_kedro.cli import progress as progress_module
from salary_kedro.cli.progress import Progress
from support import untimed


def test_progress_when_steps_run_side_by_side_then_each_time_stands_by_its_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(2)

    progress.start("one")
    progress.start("two")
    progress.end("one")
    progress.end("two")

    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["[ 1/2] one", "[ 2/2] two"]
    assert untimed("\n".join(lines[2:])) == "[ 1/2] one\n[ 2/2] two\n"
    assert progress.taken.keys() == {"one", "two"}


def test_progress_when_something_else_is_printed_then_that_begins_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(1)

    progress.start("one")
    progress.close()
    progress.close()

    assert capsys.readouterr().err == "[ 1/1] one\n"


def test_progress_when_a_step_logs_a_warning_then_that_begins_a_line_in_this_run_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = logging.StreamHandler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [console])
    Progress(1).attach()  # an earlier run's, whose line is not this one's
    progress = Progress(1)
    progress.attach()

    progress.start("one")
    logging.getLogger("step").warning("it is restored")
    progress.end("one")

    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["[ 1/1] one", "it is restored"]
    assert untimed("\n".join(lines[2:])) == "[ 1/1] one\n"
    assert len(console.filters) == 1


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The bars that a terminal shows."""
    shown: list[Any] = []

    def new_bar(total: int) -> Any:
        shown.append(make_bar(total))
        return shown[-1]

    make_bar = progress_module._new_bar
    monkeypatch.setattr(progress_module, "_new_bar", new_bar)
    monkeypatch.setattr(progress_module.PROGRESS, "handlers", [])
    yield shown
    for bar in shown:
        bar.stop()


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Progress:
    """What shows a run of one step there."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress_module.PROGRESS.setLevel(logging.INFO)
    progress = Progress(1)
    progress.attach()
    return progress


def advance(done: int) -> None:
    """Log what a search does."""
    extra = {"done": done, "total": 9, "note": f"ridge, RMSE {10 - done}"}
    progress_module.PROGRESS.info("trial %d", done, extra=extra)


def test_progress_when_a_long_step_advances_on_a_terminal_then_a_bar_shows_how_far_it_is(
    bars: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = on_a_terminal(monkeypatch)

    progress.start("search")
    advance(1)
    advance(4)
    (bar,) = bars
    (task,) = bar.tasks
    told = (task.completed, task.total, task.fields["note"])
    progress.end("search")

    assert told == (4, 9, "ridge, RMSE 6")
    assert not bar.live.is_started
    lines = untimed(capsys.readouterr().err).splitlines()
    assert lines[0] == "[ 1/1] search"
    assert lines[-1].endswith("[ 1/1] search")


def test_progress_when_a_long_step_is_interrupted_then_its_bar_can_be_ended(
    bars: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = on_a_terminal(monkeypatch)
    progress.start("search")
    advance(1)

    progress_module.end_bars()

    assert not bars[0].live.is_started


def test_progress_when_there_is_no_terminal_then_a_long_step_shows_nothing(
    bars: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress(1)
    progress.attach()

    progress.start("search")
    advance(1)
    progress.end("search")

    assert bars == []
    assert untimed(capsys.readouterr().err) == "[ 1/1] search\n"
