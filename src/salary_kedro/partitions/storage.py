"""Files of parts, on this machine or in an object store: each appears whole or not at all."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from salary_kedro.errors import UserError
from salary_kedro.files import whole_file
from salary_kedro.partitions.cluster import ClusterError

#: What says in a folder of parts whose it is.
OWNER = "owner"


def open_place(url: str) -> tuple[Any, str]:
    """The file system of a path or URL, and the path within it.

    Raises:
        UserError: What speaks to such a store is not installed.
    """
    try:
        system, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(f"'{url}' cannot be opened: {error}") from error
    return system, str(path)


def is_local(system: Any) -> bool:
    """Whether files of a file system can be moved to their place; stores write them whole."""
    return isinstance(system, LocalFileSystem)


def lie_within(one: str, other: str) -> bool:
    """Whether two paths or URLs are of one place, or one of them lies in the other."""
    (first, above), (second, below) = (_real(url) for url in (one, other))
    return first is second and (above.startswith(below) or below.startswith(above))


def _real(url: str) -> tuple[type, str]:
    system, path = open_place(url)
    real = os.path.realpath(path) if is_local(system) else path
    return type(system), f"{real.rstrip('/')}/"


def write_part(table: pa.Table, url: str) -> None:
    """Write a Parquet file; whoever writes the same at the same time writes it once more."""
    with _whole_file(url) as file:
        pq.write_table(table, file)


def write_bytes(content: bytes, url: str) -> None:
    """Write any other file likewise."""
    with _whole_file(url) as file:
        file.write(content)


@contextmanager
def _whole_file(url: str) -> Iterator[Any]:
    system, path = open_place(url)
    if not is_local(system):
        with system.open(path, "wb") as file:  # which is there when it is closed
            yield file
        return
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    with whole_file(Path(path)) as file:
        yield file


@contextmanager
def seen_by_workers(path: str) -> Iterator[None]:
    """Say of a file of a part that cannot be read what may be the matter; there may be many.

    Raises:
        ClusterError: It cannot be read.
    """
    try:
        yield
    except MemoryError:  # which one of Arrow's is too
        raise
    except (OSError, pa.ArrowException) as error:
        raise ClusterError(
            f"{path} cannot be read ({error}): each worker must see it, under that very name, "
            f"and whole"
        ) from error


def read_part(url: str, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file, or some of its columns."""
    system, path = open_place(url)
    with seen_by_workers(url), system.open(path, "rb") as file:
        return pq.ParquetFile(file).read(columns)


def remove(folder: str) -> None:
    """Remove a folder, if it is there."""
    system, path = open_place(folder)
    if system.exists(path):
        system.rm(path, recursive=True)


def begin_folder(above: str, owner: str) -> str:
    """Make a folder for the parts of one run, which says whose it is; empty for nobody's."""
    folder = f"{above.rstrip('/')}/{uuid4().hex}"
    write_bytes(owner.encode(), f"{folder}/{OWNER}")
    return folder


def remove_earlier(folder: str) -> None:
    """Remove what earlier runs of the same owner have begun beside a folder, and nothing else."""
    system, path = open_place(folder)
    above, _, own = path.rstrip("/").rpartition("/")
    owner = _owner(system, path)
    for found in system.ls(above, detail=False) if owner else ():
        name = found.rstrip("/").rpartition("/")[2]
        is_run = name != own and re.fullmatch("[0-9a-f]{32}", name)
        if is_run and _owner(system, found) == owner:
            system.rm(found, recursive=True)


def _owner(system: Any, folder: str) -> bytes:
    path = f"{folder.rstrip('/')}/{OWNER}"
    return bytes(system.cat_file(path)) if system.isfile(path) else b""


def remove_others(folder: str, kept: str, beginning: str) -> None:
    """Remove what is in a folder of our own and begins alike, but for one of them."""
    system, path = open_place(folder)
    mine = open_place(kept)[1].rstrip("/")
    for found in system.ls(path, detail=False) if system.exists(path) else ():
        name = found.rstrip("/")
        if name != mine and name.rpartition("/")[2].startswith(beginning):
            system.rm(found, recursive=True)
