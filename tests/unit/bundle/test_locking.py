"""Locks between processes: who waits says so, and gives up in the end."""

import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from salary_kedro.bundle.locking import held
from salary_kedro.errors import UserError


def test_held_when_the_lock_is_free_then_holds_it_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(tmp_path / "new" / "lock", silent=0, most=0):
        assert (tmp_path / "new" / "lock").is_file()

    assert capsys.readouterr().err == ""


def test_held_when_another_holds_the_lock_then_says_so_once_and_gives_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lock"

    with (
        FileLock(path),
        pytest.raises(UserError, match=f"^another run has held the lock {path} for 0 s: wait for"),
        held(path, silent=0, most=0),
    ):
        pass

    assert capsys.readouterr().err == f"Waiting for {path}, which another run holds ...\n"


def test_held_when_the_lock_becomes_free_while_it_waits_then_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    others = FileLock(path)
    others.acquire()
    # The line that says what is waited for ends what the other does.
    monkeypatch.setattr(sys.stderr, "write", lambda line: others.release())

    with held(path, silent=0, most=60), pytest.raises(Timeout):
        others.acquire(timeout=0)


def test_held_when_it_ends_by_an_error_then_the_lock_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(KeyError), held(path):
        raise KeyError

    with FileLock(path, timeout=0):
        pass
