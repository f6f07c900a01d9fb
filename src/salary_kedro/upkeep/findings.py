"""What an examination finds."""

from dataclasses import dataclass
from typing import Literal

FIX = "`kedro models doctor --fix`"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or could be better.

    Attributes:
        severity: `broken` if an invariant does not hold, else `advice`.
        what: What was found.
        why_it_matters: What comes of it.
        remedy: What to do.
    """

    severity: Literal["broken", "advice"]
    what: str
    why_it_matters: str
    remedy: str


def broken(what: str, why_it_matters: str, remedy: str = f"{FIX} repairs it") -> Finding:
    """An invariant that does not hold."""
    return Finding("broken", what, why_it_matters, remedy)


def advice(what: str, why_it_matters: str, remedy: str) -> Finding:
    """Something that could be better."""
    return Finding("advice", what, why_it_matters, remedy)
