"""Bounds what a YAML file may grow to, before anything expands it.

A few lines of anchors and aliases can stand for millions of values, and OmegaConf makes an
object of each.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import yaml

#: Most values of a file, and most of these that aliases repeat.
MAX_VALUES, MAX_REPEATED = 100_000, 5_000
MAX_DEPTH = 50
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BoundsError(Exception):
    """A YAML file that stands for too much: the message says why, in half a sentence."""


@dataclass
class _Count:
    """What is known of a file up to where it was read.

    Attributes:
        anchors: How many values each anchor stands for, by name.
        open: Of each collection that is being read: its anchor, and its values so far.
        repeated: Values that aliases repeat.
    """

    anchors: dict[str, int] = field(default_factory=dict)
    open: list[tuple[str | None, int]] = field(default_factory=lambda: [(None, 0)])
    repeated: int = 0

    def add(self, values: int) -> None:
        anchor, before = self.open[-1]
        self.open[-1] = (anchor, before + values)

    def close(self) -> None:
        anchor, values = self.open.pop()
        if anchor:
            self.anchors[anchor] = values
        self.add(values)

    def repeat(self, anchor: str) -> None:
        if anchor not in self.anchors:  # it is unknown, which YAML itself refuses, or holds itself
            raise BoundsError(f"its alias *{anchor} stands for something that it is part of")
        self.repeated += self.anchors[anchor]
        self.add(self.anchors[anchor])


def check_bounds(text: str) -> None:
    """Count what a YAML text stands for, without expanding it.

    What is not YAML is left to who reads it: no reader expands it either.

    Raises:
        BoundsError: It stands for more values than are allowed, or nests too deep.
    """
    count = _Count()
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=LOADER):
            _add(event, count)
            _check(count)


def _add(event: yaml.Event, count: _Count) -> None:
    if isinstance(event, yaml.AliasEvent):
        count.repeat(event.anchor or "")
    elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
        count.open.append((event.anchor, 1))
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionEndEvent):
        count.close()


def _check(count: _Count) -> None:
    if len(count.open) > MAX_DEPTH:
        raise BoundsError(f"it nests deeper than the allowed {MAX_DEPTH} levels")
    if count.repeated > MAX_REPEATED:
        raise BoundsError(
            f"its aliases (*name) repeat more than the allowed {MAX_REPEATED:,} values"
        )
    if sum(values for _, values in count.open) > MAX_VALUES:
        raise BoundsError(f"it holds more than the allowed {MAX_VALUES:,} values")
