"""Failures of the machine, told in one line wherever they arise."""

import errno
import os
import re
import sqlite3
from collections.abc import Iterator

#: How long a lock on a store is waited for, the project's own and SQLite's alike.
LOCK_SECONDS = 120
FULL = (
    "the disk is full{where}: make room and run it again; nothing that was there before is harmed"
)
LOCKED = (
    "the store is locked by another program, and was not free within {seconds} s: end that "
    "program, or wait for it, and run it again"
)
READ_ONLY = "{what} is read-only: make it writable, or work on a copy"
#: How SQLite begins what it says of each.
_FULL = ("database or disk is full",)
_LOCKED = ("database is locked", "database table is locked")
_READ_ONLY = ("attempt to write a readonly database",)
#: How errors of a full disk are quoted by others, `shutil.Error` and servers among them.
_NO_SPACE = tuple(f"[Errno {n}] {os.strerror(n)}" for n in (errno.ENOSPC, errno.EDQUOT))
_QUOTED = "(sqlite3.OperationalError) "  # by SQLAlchemy


def tell_failure(error: BaseException, seconds: int) -> str | None:
    """Say what the machine could not do, if that is what went wrong.

    Args:
        error: What went wrong.
        seconds: How long a locked store is waited for.

    Returns:
        One sentence; None for an error of another kind.
    """
    for link in chain(error):
        number = link.errno if isinstance(link, OSError) else None
        name = link.filename if isinstance(link, OSError) else None
        is_full = number in (errno.ENOSPC, errno.EDQUOT) or any(s in str(link) for s in _NO_SPACE)
        if is_full or _says(link, _FULL):
            return FULL.format(where=f", at {name}" if name else "")
        if _says(link, _LOCKED):
            return LOCKED.format(seconds=seconds)
        if number == errno.EROFS or _says(link, _READ_ONLY):
            return READ_ONLY.format(what=name or "the store")
    return None


def _says(error: BaseException, sentences: tuple[str, ...]) -> bool:
    """Whether SQLite says one of some sentences, or is quoted with it; a table may hold it too."""
    text = str(error)
    if isinstance(error, sqlite3.Error):
        return text.startswith(sentences)
    return any(f"{_QUOTED}{sentence}" in text for sentence in sentences)


def without_passwords(text: str) -> str:
    """A text without the user and password of each address in it: libraries quote them whole."""
    return re.sub(r"//[^/\s]*@", "//", text)


def chain(error: BaseException, *, contexts: bool = True) -> Iterator[BaseException]:
    """An error, and all that it arose from, or with `contexts` in the handling of."""
    seen: list[BaseException] = []  # under a debugger, OmegaConf makes an error its own cause
    link: BaseException | None = error
    while link is not None and link not in seen:
        seen.append(link)
        yield link
        link = link.__cause__ or (link.__context__ if contexts else None)
