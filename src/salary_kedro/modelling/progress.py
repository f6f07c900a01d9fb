"""Tells how far long work has come."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: Where a long step logs how far it is: records with `done`, `total` and `note`, which a run
#: shows as a bar on a terminal.
PROGRESS = logging.getLogger("salary_kedro.progress")
#: Seconds between two words; what takes less is over before anybody wonders.
PAUSE = 10.0
MINUTE = 60.0


def tell_progress(items: Iterable[T], total: int, noun: str) -> Iterator[T]:
    """Give items as they come; every few seconds, log how many are done and what is left.

    Args:
        items: What is worked on, one after the other.
        total: How many there are.
        noun: What they are called, as "folds".
    """
    begun = told = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - told >= PAUSE:
            told, left = now, (now - begun) / done * (total - done)
            PROGRESS.info(
                "%s of %s %s, about %s left",
                f"{done:,}",
                f"{total:,}",
                noun,
                _say(left),
                extra={"done": done, "total": total, "note": noun},
            )
        yield item


def _say(seconds: float) -> str:
    """Seconds as people estimate them."""
    return f"{seconds:.0f} s" if seconds < 2 * MINUTE else f"{seconds / MINUTE:.0f} min"
