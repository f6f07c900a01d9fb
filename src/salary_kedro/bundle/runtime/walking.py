"""Walks trees: in Python for one row, in NumPy for many, to the last bit alike."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salary_kedro.bundle.runtime.form import LEAF, Nodes, Trees

Numbers = NDArray[np.float64]
#: Up to so many nodes are kept as Python's own tuples too, of about 130 bytes each.
MAX_TUPLES = 200_000
#: Rows that are walked at once: what they need stays in the processor's cache.
BLOCK_ROWS = 8_192
#: Below so many rows each is walked by itself.
FEW_ROWS = 48


class Forest:
    """Trees that are added up, each row alike in whatever number rows come.

    Several threads may ask at once.
    """

    def __init__(self, nodes: Nodes, model: Trees) -> None:
        """Prepare trees that were checked, see `form`."""
        self._nodes, self._model = nodes, model
        self._ends = [*map(int, nodes.ends)]
        self._roots = _as_tuples(nodes) if len(nodes.features) <= MAX_TUPLES else None

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
        found = np.empty(len(columns))
        if self._roots is not None and len(columns) < FEW_ROWS and not np.isnan(columns).any():
            found[:] = [self._add_row(row) for row in columns.tolist()]
            return found
        for start in range(0, len(columns), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            found[block] = self._add_block(columns[block])
        return found

    def add_row(self, row: list[float]) -> float:
        """The same for one row."""
        if self._roots is None or any(map(math.isnan, row)):
            return float(self.add(np.array([row]))[0])
        return self._add_row(row)

    def _add_row(self, row: list[float]) -> float:
        total = self._model.start
        for root in self._roots or ():
            node = root
            while node.__class__ is tuple:
                column, threshold, first, second = node
                node = first if row[column] <= threshold else second
            total += node
        return total / self._model.divisor

    def _add_block(self, rows: Numbers) -> Numbers:
        total = np.full(len(rows), self._model.start)
        flat, begins = np.ascontiguousarray(rows).ravel(), np.arange(len(rows)) * rows.shape[1]
        has_missing = bool(np.isnan(flat).any())
        for start, end in pairwise(self._ends):
            tree = Nodes(
                np.array([end - start]),
                self._nodes.features[start:end],
                self._nodes.numbers[start:end],
                self._nodes.missing_left[start:end],
            )
            total += _walk(tree, flat, begins, has_missing)
        return total / self._model.divisor


def _walk(tree: Nodes, flat: Numbers, begins: NDArray[np.intp], has_missing: bool) -> Numbers:
    """The leaf of one tree for each row, which goes down a level at a time; leaves go nowhere."""
    is_inner = tree.features != LEAF
    rank = np.cumsum(is_inner)
    first = np.where(is_inner, 2 * rank - 1, np.arange(len(rank)))
    columns = np.where(is_inner, tree.features, 0).astype(np.intp)
    thresholds = np.where(is_inner, tree.numbers, np.inf)
    if_missing = is_inner & (tree.missing_left == 0)
    node, column = np.zeros(len(begins), np.intp), np.empty(len(begins), np.intp)
    value, threshold = np.empty(len(begins)), np.empty(len(begins))
    goes = np.empty(len(begins), bool)
    for _ in range(_depth(rank)):
        np.take(columns, node, out=column, mode="clip")
        column += begins
        np.take(flat, column, out=value, mode="clip")
        np.take(thresholds, node, out=threshold, mode="clip")
        np.greater(value, threshold, out=goes)
        if has_missing:
            np.copyto(goes, if_missing[node], where=np.isnan(value))
        np.take(first, node, out=column, mode="clip")
        np.add(column, goes, out=node)
    return tree.numbers[node]


def _depth(rank: NDArray[np.intp]) -> int:
    """How many steps it is from the root to the deepest leaf, by the count of inner nodes."""
    depth, last = 0, 0  # the last node of a level
    while (end := 2 * int(rank[last])) > last:
        depth, last = depth + 1, end
    return depth


def _as_tuples(nodes: Nodes) -> list[Any]:
    """The root of each tree: a leaf's value, or column, threshold and both children."""
    features, numbers = nodes.features.tolist(), nodes.numbers.tolist()
    roots, ends = [], nodes.ends.tolist()
    for start, end in pairwise(ends):
        made: list[Any] = [None] * (end - start)
        inner = [place for place in range(end - start) if features[start + place] != LEAF]
        child = 2 * len(inner) - 1
        for place in range(end - start - 1, -1, -1):
            feature, number = features[start + place], numbers[start + place]
            if feature == LEAF:
                made[place] = number
            else:
                made[place] = (feature, number, made[child], made[child + 1])
                child -= 2
        roots.append(made[0])
    return roots
