"""What came of a proof."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """What came of one part of the proof.

    Attributes:
        what: What was tried.
        count: How often.
        violations: What was broken, and where.
    """

    what: str
    count: int
    violations: Sequence[str]
