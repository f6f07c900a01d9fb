"""Trees, against a walk from node to node as it is written in a textbook."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from salary_kedro.bundle.runtime import walking
from salary_kedro.bundle.runtime.form import Nodes, Trees
from salary_kedro.bundle.runtime.walking import Forest

COLUMNS = 3
VALUES = st.sampled_from([0.0, -1.5, 2.25, 0.1, 1e300, -np.inf, np.inf, np.nan])
PLAIN = Trees(start=0.5, divisor=3, exponential=False, most=None)


@st.composite
def forests(draw: st.DrawFn) -> Nodes:
    """Some trees of any shape."""
    sizes: list[int] = []
    features: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        tree, waiting = [], 1
        while waiting:
            is_leaf = len(tree) > 20 or draw(st.booleans())
            tree.append(-1 if is_leaf else draw(st.integers(0, COLUMNS - 1)))
            waiting += -1 if is_leaf else 1
        sizes.append(len(tree))
        features += tree
    numbers = [
        draw(st.floats(-9, 9) if feature < 0 else VALUES.filter(lambda v: not np.isnan(v)))
        for feature in features
    ]
    missing = draw(st.lists(st.integers(0, 1), min_size=len(features), max_size=len(features)))
    return Nodes(
        np.array(sizes),
        np.array(features, dtype=np.int32),
        np.array(numbers),
        np.array(missing, dtype=np.uint8),
    )


def by_the_book(nodes: Nodes, row: list[float]) -> float:
    """The sum of the trees, children counted as they are stored."""
    total = PLAIN.start
    for start, end in zip(nodes.ends[:-1], nodes.ends[1:], strict=True):
        features, place = nodes.features[start:end], 0
        while features[place] >= 0:
            value = row[features[place]]
            goes_left = value <= nodes.numbers[start + place]
            if np.isnan(value):
                goes_left = bool(nodes.missing_left[start + place])
            inner = int((features[:place] >= 0).sum())
            place = 2 * inner + (1 if goes_left else 2)
        total += float(nodes.numbers[start + place])
    return total / PLAIN.divisor


@settings(max_examples=60)
@given(forests(), st.lists(st.lists(VALUES, min_size=COLUMNS, max_size=COLUMNS), min_size=1))
def test_add_when_rows_are_many_or_one_then_is_the_sum_by_the_book(
    nodes: Nodes, rows: list[list[float]]
) -> None:
    forest = Forest(nodes, PLAIN)
    expected = [by_the_book(nodes, row) for row in rows]

    np.testing.assert_array_equal(forest.add(np.array(rows)), expected)
    assert [forest.add_row(row) for row in rows] == expected


@pytest.mark.parametrize(("name", "value"), [("MAX_TUPLES", 0), ("BLOCK", 2), ("FEW_ROWS", 0)])
def test_add_when_there_are_too_many_nodes_or_rows_at_once_then_gives_the_same(
    name: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stairs = Nodes(
        np.array([5, 1]),
        np.array([0, -1, 0, -1, -1, -1], dtype=np.int32),
        np.array([3.0, 10, 7, 20, 30, 1]),
        np.zeros(6, dtype=np.uint8),
    )
    monkeypatch.setattr(walking, name, value)
    forest = Forest(stairs, PLAIN)
    rows: NDArray[np.float64] = np.array([[3.0], [3.1], [7.0], [8.0], [1.0]])

    expected = [(0.5 + leaf + 1) / 3 for leaf in (10, 20, 20, 30, 10)]
    assert forest.add(rows).tolist() == expected
    assert [forest.add_row(row) for row in rows.tolist()] == expected
