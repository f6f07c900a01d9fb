"""A lock between the processes of one machine, for which nobody waits without a word."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from salary_kedro.errors import UserError

#: Seconds until it is said what is waited for, and until that is given up.
SILENT_SECONDS, MOST_SECONDS = 5, 600


@contextmanager
def held(path: Path, silent: float = SILENT_SECONDS, most: float = MOST_SECONDS) -> Iterator[None]:
    """Hold a lock file, whose folder is made.

    Args:
        path: The file.
        silent: Seconds until one line says what is waited for.
        most: Seconds, after these, until it is given up.

    Raises:
        UserError: Another process has held it all the time.
    """
    from filelock import FileLock, Timeout  # serving, which only reads, does without it

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        try:
            lock.acquire(timeout=silent)
        except Timeout:
            sys.stderr.write(f"Waiting for {path}, which another run holds ...\n")
            lock.acquire(timeout=most)
    except Timeout as error:
        raise UserError(
            f"another run has held the lock {path} for {silent + most:g} s: wait for it, or end it"
        ) from error
    try:
        yield
    finally:
        lock.release()
