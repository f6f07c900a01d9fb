"""Which rows repeat earlier ones, of rows that lie in several parts: their keys meet by ranges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salary_kedro.partitions.cluster import Cluster
from salary_kedro.partitions.storage import open_place, write_bytes
from salary_kedro.tables.row_keys import SIZE, Keys

#: How many keys come together in one worker, about.
MEET = 4_000_000


@dataclass(frozen=True)
class KeyFile:
    """The keys of a part's rows, sorted.

    Attributes:
        path: The file: eight bytes a key.
        ends: Where each range of keys ends, in keys.
    """

    path: str
    ends: tuple[int, ...]


@dataclass(frozen=True)
class Repeated:
    """What there is to say of a range of keys.

    Attributes:
        rows: How many rows bear the key of an earlier one.
        earlier: By part, the keys that an earlier part has.
    """

    rows: int
    earlier: dict[int, Keys]


def ranges_of(rows: int) -> int:
    """Into how many ranges the keys of so many rows are put."""
    return 1 + rows // MEET


def write_keys(keys: Keys, path: str, ranges: int) -> KeyFile:
    """Write the keys of a part's rows, so that each range of them can be read by itself."""
    found = np.sort(keys)
    starts = np.arange(1, ranges, dtype=np.float64) / ranges * 2.0**64
    ends = (*np.searchsorted(found, starts.astype(np.uint64)), len(found))
    write_bytes(found.astype("<u8").tobytes(), path)
    return KeyFile(path, tuple(int(end) for end in ends))


def find_repeated(files: Sequence[KeyFile], cluster: Cluster) -> tuple[int, list[Keys]]:
    """Find the keys that more than one row bears.

    Args:
        files: The keys of each part, in the order of the parts.
        cluster: Who looks.

    Returns:
        How many rows bear the key of an earlier one; and of each part, its keys that an earlier
        part has.
    """
    ranges = range(len(files[0].ends))
    found = [*cluster.map(look_into, ranges, files=cluster.share(tuple(files)))]
    none = np.empty(0, dtype=np.uint64)
    earlier = [
        np.concatenate([none, *(part.earlier.get(number, none) for part in found)])
        for number in range(len(files))
    ]
    return sum(part.rows for part in found), earlier


def look_into(number: int, files: Sequence[KeyFile]) -> Repeated:
    """Compare one range of the keys of all parts."""
    parts = [_read(file, number) for file in files]
    keys = np.concatenate(parts)
    whose = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    different, first = np.unique(keys, return_index=True)
    first_part = whose[first][np.searchsorted(different, keys)]
    later = whose > first_part
    by_part = np.split(later, np.cumsum([len(part) for part in parts])[:-1])
    earlier = {
        place: np.unique(part[known])
        for place, (part, known) in enumerate(zip(parts, by_part, strict=True))
        if known.any()
    }
    return Repeated(len(keys) - len(different), earlier)


def _read(file: KeyFile, number: int) -> NDArray[np.uint64]:
    start = file.ends[number - 1] if number else 0
    if start == file.ends[number]:
        return np.empty(0, dtype=np.uint64)
    system, path = open_place(file.path)
    content = system.cat_file(path, start=start * SIZE, end=file.ends[number] * SIZE)
    return np.frombuffer(content, dtype="<u8").astype(np.uint64)
