"""Failures of the machine, told in one line wherever they arise."""

import errno
import re
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


def tell_failure(error: BaseException, seconds: int) -> str | None:
    """Say what the machine could not do, if that is what went wrong.

    Args:
        error: What went wrong.
        seconds: How long a locked store is waited for.

    Returns:
        One sentence; None for an error of another kind.
    """
    for link in chain(error):
        text = str(link).lower()
        number = link.errno if isinstance(link, OSError) else None
        if number in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in text or "no space" in text:
            name = getattr(link, "filename", None)
            return FULL.format(where=f", at {name}" if name else "")
        if "database is locked" in text or "database table is locked" in text:
            return LOCKED.format(seconds=seconds)
        if number == errno.EROFS or "readonly database" in text:
            return READ_ONLY.format(what=getattr(link, "filename", None) or "the store")
    return None


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
