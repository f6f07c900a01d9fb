"""Environments of their own, each made of one lock file."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from support import BIN, ROOT


def python_of(extra: str) -> Path:
    """The Python of an environment of one lock file, which is made once for each content of it.

    Skips the test where its packages cannot be had, such as without a network; fails it in CI.
    """
    lock = ROOT / f"requirements-{extra}.lock"
    folder = ROOT / ".venv" / f"{extra}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "made").exists():
            _make(folder, lock)
    return folder / "bin" / "python"


def _make(folder: Path, lock: Path) -> None:
    install = ["pip", "install", "-q", "--require-hashes", "-p", folder, "-r", lock]
    for words in (["venv", "-q", "--clear", "-p", BIN / "python", folder], install):
        done = subprocess.run([BIN / "uv", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = f"{lock.name} cannot be installed: {done.stderr.strip()}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    (folder / "made").touch()
