"""Keys of rows that lie in several parts."""

from pathlib import Path

import numpy as np

from parted import OwnProcess
from salary_kedro.partitions.repeats import find_repeated, write_keys

RANGES = 3


def test_keys_when_parts_share_some_then_are_told_of_each_later_part(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    some = chance.integers(0, 2**64, 50, dtype=np.uint64)
    parts = [chance.choice(some, rows) for rows in (20, 0, 35, 1, 40)]
    files = [
        write_keys(part, f"{tmp_path}/{number}.keys", RANGES) for number, part in enumerate(parts)
    ]

    repeats, earlier = find_repeated(files, OwnProcess())

    known: set[int] = set()
    for part, found in zip(parts, earlier, strict=True):
        assert found.tolist() == sorted(known & set(part.tolist()))
        known |= set(part.tolist())
    assert repeats == sum(map(len, parts)) - len(known)
