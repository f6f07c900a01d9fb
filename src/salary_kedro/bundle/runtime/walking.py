"""Walks trees: in Python for one row, in NumPy for many, to the last bit alike."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salary_kedro.bundle.runtime.form import LEAF, Nodes, Trees

Numbers = NDArray[np.float64]
#: Up to so many nodes are kept as Python's own tuples too, of about 130 bytes each: a third of
#: the time for one row.
MAX_TUPLES = 200_000
#: Up to so many nodes are numbered by 32 bits: twice their count is one as well.
MAX_INT32 = 2**30 - 1
#: Rows times trees that are walked at once: what they need stays in the processor's cache.
BLOCK = 8_192
#: Up to so many rows each is walked by itself.
FEW_ROWS = 3


class Forest:
    """Trees that are added up, one after the other, however many rows come.

    Several threads may ask at once.
    """

    def __init__(self, nodes: Nodes, model: Trees) -> None:
        """Prepare trees that were checked, see `form`."""
        self._nodes, self._model = nodes, model
        self._starts, count = nodes.ends[:-1], len(nodes.features)
        kind = np.dtype(np.int32 if count <= MAX_INT32 else np.int64)
        is_inner, before = nodes.features != LEAF, np.zeros(count + 1, kind)
        np.cumsum(is_inner, out=before[1:], dtype=kind)
        #: The first child; a leaf leads to itself, as nothing is above its threshold.
        self._first = 2 * before[:-1]  # less those of other trees
        ahead = (self._starts + 1 - 2 * before[self._starts]).astype(kind)
        self._first += np.repeat(ahead, nodes.sizes)
        np.copyto(self._first, np.arange(count, dtype=kind), where=~is_inner)
        self._thresholds = np.where(is_inner, nodes.numbers, np.inf)
        self._depths = [_depth(before, start, end) for start, end in pairwise(nodes.ends.tolist())]
        self._roots = self._as_tuples() if count <= MAX_TUPLES else None

    def thresholds(self, column: int) -> Numbers:
        """The values that the trees tell a column apart by, ascending."""
        return np.unique(self._nodes.numbers[self._nodes.features == column])

    def looks_at(self, column: int) -> bool:
        """Whether any tree looks at a column."""
        return bool((self._nodes.features == column).any())

    def add(self, columns: Numbers) -> Numbers:
        """The sum of the trees for rows, in their own scale.

        Args:
            columns: Shape (rows, columns), NaN for what is missing.

        Returns:
            Shape (rows,).
        """
        if len(columns) <= FEW_ROWS and not np.isnan(columns).any():
            return np.array([self._add_row(row) for row in columns.tolist()])
        found = np.empty(len(columns))
        for start in range(0, len(columns), BLOCK):
            block = slice(start, start + BLOCK)
            found[block] = self._add_block(columns[block])
        return found

    def add_row(self, row: list[float]) -> float:
        """The same for one row."""
        if any(map(math.isnan, row)):
            return float(self._add_block(np.array([row]))[0])
        return self._add_row(row)

    def _add_row(self, row: list[float]) -> float:
        total = self._model.start
        if self._roots is None:
            return self._walk_row(row, total) / self._model.divisor
        for root in self._roots:
            node = root
            while node.__class__ is tuple:
                column, threshold, first, second = node
                node = first if row[column] <= threshold else second
            total += node
        return total / self._model.divisor

    def _walk_row(self, row: list[float], total: float) -> float:
        columns: Any = memoryview(self._nodes.features)  # type: ignore[arg-type] # NumPy's are buffers
        thresholds: Any = memoryview(self._thresholds)  # type: ignore[arg-type]
        first: Any = memoryview(self._first)  # type: ignore[arg-type]
        for start in self._starts.tolist():
            node = start
            while (child := first[node]) != node:
                node = child + (row[columns[node]] > thresholds[node])
            total += float(self._nodes.numbers[node])
        return total

    def _add_block(self, rows: Numbers) -> Numbers:
        total = np.full(len(rows), self._model.start)
        flat, begins = np.ascontiguousarray(rows).ravel(), np.arange(len(rows)) * rows.shape[1]
        at_once = max(1, BLOCK // len(rows))
        for tree in range(0, len(self._starts), at_once):
            roots = self._starts[tree : tree + at_once]
            depth = max(self._depths[tree : tree + at_once])
            leaves = self._walk(
                flat, np.tile(begins, len(roots)), np.repeat(roots, len(rows)), depth
            )
            for values in self._nodes.numbers[leaves].reshape(len(roots), len(rows)):
                total += values
        return total / self._model.divisor

    def _walk(
        self, flat: Numbers, begins: NDArray[np.intp], node: NDArray[np.intp], depth: int
    ) -> NDArray[np.intp]:
        """Go down from roots to leaves, each a level at a time.

        Args:
            flat: The columns of all rows, one row after the other.
            begins: Where in them each row begins that is walked.
            node: Where each walk begins.
            depth: How many levels it may be to the deepest leaf.
        """
        place, value, threshold = np.empty_like(node), np.empty(len(node)), np.empty(len(node))
        column, child = np.empty(len(node), np.int32), np.empty(len(node), self._first.dtype)
        goes, has_missing = np.empty(len(node), bool), bool(np.isnan(flat).any())
        for _ in range(depth):
            np.take(self._nodes.features, node, out=column, mode="clip")
            np.add(column, begins, out=place)
            np.take(flat, place, out=value, mode="clip")  # of a leaf whatever: it goes nowhere
            np.take(self._thresholds, node, out=threshold, mode="clip")
            np.greater(value, threshold, out=goes)
            if has_missing:
                is_right = (self._nodes.missing_left[node] == 0) & (self._first[node] != node)
                np.copyto(goes, is_right, where=np.isnan(value))
            np.take(self._first, node, out=child, mode="clip")
            np.add(child, goes, out=node)
        return node

    def _as_tuples(self) -> list[Any]:
        """The root of each tree: a leaf's value, or column, threshold and both children."""
        made: list[Any] = self._nodes.numbers.tolist()
        columns, first = self._nodes.features.tolist(), self._first.tolist()
        for node in range(len(made) - 1, -1, -1):
            if (child := first[node]) != node:
                made[node] = (columns[node], made[node], made[child], made[child + 1])
        return [made[start] for start in self._starts.tolist()]


def _depth(before: NDArray[Any], start: int, end: int) -> int:
    """How many levels are below the root of a tree, by the count of inner nodes before each."""
    depth, last = 0, start  # the last node of a level
    while (below := start + 2 * int(before[last + 1] - before[start])) < end and below > last:
        depth, last = depth + 1, below
    return depth
