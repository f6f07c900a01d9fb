"""The folder through which the workers of a server share their numbers, in memory."""

import atexit
import fcntl
import os
import shutil
from pathlib import Path
from uuid import uuid4

from salary_kedro.serving.metrics import SHARED_FOLDER, is_alive

#: A file system in memory; systems without it keep the metrics in BentoML's home.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder below it has a name of its own
PREFIX = "salary-prediction-"


def choose_shared_folder() -> Path | None:
    """A place in memory for the numbers of a server's workers, rather than on the disk.

    They map files: once the disk is full, the next new number kills a worker (SIGBUS), and
    each that takes its place. And in BentoML's home, where they would lie, every server that
    starts removes the files of those that run.

    Returns:
        A folder to be made; None in a worker, which has been told, and where there is no room.
    """
    if SHARED_FOLDER in os.environ or not os.access(IN_MEMORY, os.W_OK):
        return None
    return IN_MEMORY / f"{PREFIX}{uuid4().hex}"


def hold_shared_folder(ours: Path) -> None:
    """Hold the folder of a server that starts, and remove those of servers that were killed.

    A server and its workers hold a lock on theirs for as long as one of them lives.
    """
    atexit.register(shutil.rmtree, ours, ignore_errors=True)
    while (held := _lock(ours)) is None or not ours.exists():  # another took it for left behind
        ours.mkdir(exist_ok=True)
    os.set_inheritable(held, True)
    for folder in IN_MEMORY.glob(f"{PREFIX}*"):
        name = folder.name.removeprefix(PREFIX)
        if name.isdigit() and is_alive(int(name)):
            continue  # a server of a version that named it after its process and locked nothing
        if folder != ours and (left := _lock(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(left)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None if another process has done so, or it is not ours."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened
