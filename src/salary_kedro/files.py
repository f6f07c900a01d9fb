"""Writes files and folders whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from glob import escape
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

#: Within a scratch folder: what its process has taken out of the place that it is to write.
FORMER = "former"
#: How file systems say that they have no hard links: FAT, exFAT, many that are shared.
_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)


def write_whole(path: Path, content: bytes, *, replace: bool = True, mode: int = 0o666) -> None:
    """Write a file aside, then put it into its place; see `whole_file`."""
    with whole_file(path, replace=replace, mode=mode) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, *, replace: bool = True, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a file aside, and put it into its place at the end.

    Args:
        path: The file.
        replace: Whether it may replace a file that is there.
        mode: Who may do what with it, of which it has what the umask leaves.

    Raises:
        FileExistsError: It is there, and may not be replaced.
        OSError: It cannot be written; nothing is left of it then.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with open(part, "xb", opener=partial(os.open, mode=mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(path)
        else:
            _put_new(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Make a hidden folder beside a path, for this process alone, and remove it at the end.

    Before that, those of processes that were killed are removed. What such a one had moved to
    `FORMER` in its folder goes back to the path, if nothing has taken its place.
    """
    from filelock import FileLock  # serving, which only reads, does without it

    path.parent.mkdir(parents=True, exist_ok=True)
    for lock in path.parent.glob(f".{escape(path.name)}.*.lock"):
        _remove_left(lock, path)
    folder = path.with_name(f".{path.name}.{uuid4().hex}.part")
    with FileLock(folder.with_suffix(".lock")) as held:
        try:
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            Path(held.lock_file).unlink(missing_ok=True)


def _remove_left(lock: Path, path: Path) -> None:
    """Remove the scratch folder that belongs to a lock file, unless a process holds that."""
    from filelock import FileLock, Timeout

    folder = lock.with_suffix(".part")
    with suppress(Timeout, OSError), FileLock(lock, timeout=0):
        if (folder / FORMER).exists() and not path.exists():
            (folder / FORMER).rename(path)
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)


def other_file(error: OSError, path: Path) -> str | None:
    """The file that an error names, unless that is a file, its draft beside it or its folder."""
    if not isinstance(error.filename, str) or Path(error.filename) in (path, *path.parents):
        return None
    drafts = path.with_name(f".{path.name}.")  # how `whole_file` and its like begin the name
    return None if error.filename.startswith(str(drafts)) else error.filename


def _put_new(part: Path, path: Path) -> None:
    """Give a file its name, and never take it from another, as a rename would."""
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        path.open("xb").close()  # the name is ours now
        part.replace(path)
