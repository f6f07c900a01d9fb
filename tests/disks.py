"""Small disks that run full, disks that cannot be written, and stores that others lock."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of a size; what the folder holds is on it."""
    folder.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def resize(disk: Path, kilobytes: int) -> None:
    """Make room on a small disk, or take it away."""
    mount("-o", f"remount,size={kilobytes}k", disk)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody can write to a folder, not even root."""
    mount("--bind", folder, folder)
    try:
        mount("-o", "remount,bind,ro", folder)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def mount(*arguments: str | Path) -> None:
    """Mount something; skips the test where this user may not, except in CI."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        assert not os.environ.get("CI"), f"CI must be able to mount: {done.stderr}"
        pytest.skip(f"this user may not mount: {done.stderr}")


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process writes to a SQLite database, and does not end."""
    command = [sys.executable, "-c", LOCKER, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            process.communicate()
