"""Packed files, unpacked while they are read: .gz .bz2 .xz .zst, and .zip with one file in it."""

import bz2
import gzip
import io
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from salary_kedro.errors import UserError
from salary_kedro.tables.formats.guards import limit, too_large

#: How packed files begin, and what their names should end in.
PACKINGS = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\0": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"PK\3\4": ".zip",
    b"PK\5\6": ".zip",
}
BUFFER = 1 << 20


def packing_of(head: bytes) -> str | None:
    """How a file is packed that begins so; None if it is not."""
    return next((suffix for magic, suffix in PACKINGS.items() if head.startswith(magic)), None)


def packing(path: Path) -> str | None:
    """How a file is packed; None if it is not, is a folder, or a document that is a zip file."""
    if path.is_dir():
        return None
    with path.open("rb") as file:
        found = packing_of(file.read(8))
    return None if found == ".zip" and document_in(path) else found


def document_in(path: Path) -> str | None:
    """What kind of document a zip file is; None if it is one of files."""
    try:
        with zipfile.ZipFile(path) as file:
            names = set(file.namelist())
            kind = _first_bytes(file, "mimetype") if "mimetype" in names else ""
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError) as error:
        raise damaged(path) from error
    if "opendocument.spreadsheet" in kind:
        return "ods"
    if "xl/workbook.bin" in names:
        return "xlsb"
    if any(name.startswith("xl/") for name in names):
        return "xlsx"
    if any(name.endswith(".iwa") or name == "Index.zip" for name in names):
        return "a document of Numbers"
    if "[Content_Types].xml" in names or kind:
        return "a text document"
    return "NumPy arrays" if any(name.endswith(".npy") for name in names) else None


def _first_bytes(file: zipfile.ZipFile, name: str) -> str:
    """The beginning of a member, which may unpack to anything."""
    with file.open(name) as stream:
        return stream.read(100).decode("latin-1")


class _Bounded(io.RawIOBase):
    """A stream that refuses to go on beyond so many bytes."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream, self._path, self._most, self._done = stream, path, limit(path), 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._done

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._done += len(data)
        if self._done > self._most:
            raise too_large(self._path, self._most)
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_packed(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read what is in it, unpacked if it is packed.

    Raises:
        UserError: If it is damaged, or unpacks to more than a file of its size should.
    """
    suffix = packing(path)
    try:
        if suffix is None:
            with path.open("rb") as file:
                yield file
            return
        with _unpacking(path, suffix) as stream:
            yield cast("BinaryIO", io.BufferedReader(_Bounded(stream, path), BUFFER))
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise damaged(path) from error
    except OSError as error:
        if suffix is None or error.errno is not None:
            raise
        raise damaged(path) from error  # bz2 and zstd say it so


def damaged(path: Path) -> UserError:
    """What is said of a packed file that ends too early, or was changed."""
    return UserError(f"{path} is damaged or was not copied whole: bring it again")


@contextmanager
def _unpacking(path: Path, suffix: str) -> Iterator[Any]:
    match suffix:
        case ".gz":
            with gzip.open(path) as stream:
                yield stream
        case ".bz2":
            with bz2.open(path) as stream:
                yield stream
        case ".xz":
            with lzma.open(path) as stream:
                yield stream
        case ".zst":
            with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
                yield stream
        case _:
            with zipfile.ZipFile(path) as archive, archive.open(_only(archive, path)) as stream:
                yield stream


def _only(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """The one file in a zip file."""
    hidden = ("__MACOSX/", ".")
    files = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith(hidden)
    ]
    if len(files) != 1:
        raise UserError(
            f"{path} is a zip file of {len(files):,} files: unpack it and name the one of the table"
        )
    if files[0].flag_bits & 1:
        raise UserError(f"{path} is encrypted: pack it without a password")
    return files[0]


@contextmanager
def unpacked_file(path: Path) -> Iterator[Path]:
    """A path at which what is in a file can be read at random; a packed one is unpacked aside.

    That is in the folder for temporary files, where a process that is killed leaves it.
    """
    if packing(path) is None:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="salary-") as aside:
        with open_packed(path) as stream:
            shutil.copyfileobj(stream, aside, BUFFER)
        aside.flush()
        yield Path(aside.name)
