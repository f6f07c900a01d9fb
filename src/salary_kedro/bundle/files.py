"""Reads files that may be anything, without harm."""

import errno
import io
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from salary_kedro.bundle import limits
from salary_kedro.errors import UserError

_END = struct.Struct("<4s4H2LH")
_LINK = "{} is a symbolic link; copy what it points to"
#: What Python raises of a damaged zip beside BadZipFile: a way of packing that is not known or asks
#: for a password (RuntimeError), and members that end early or do not unpack.
_DAMAGED = (RuntimeError, EOFError, zlib.error, lzma.LZMAError)
_END_MARK, _ZIP64_MARK = b"PK\x05\x06", b"PK\x06\x07"


class FileError(UserError):
    """A file that is of the wrong kind, too large or not what it should hold."""


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """Open a folder, to read files in it and in no other, whatever becomes of its name.

    Raises:
        FileError: If it is a symbolic link.
        OSError: If it cannot be opened.
    """
    if folder.is_symlink():
        raise FileError(_LINK.format("it"))
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_regular(
    path: Path | str, most: int, folder: int | None = None, *, links: bool = False
) -> Iterator[BinaryIO]:
    """Open a regular file of limited size; nothing else is read or waited for.

    Args:
        path: The file.
        most: The most bytes that it may have.
        folder: Handle of the folder that a relative path is meant from.
        links: Whether the path may be a symbolic link to such a file.

    Raises:
        FileError: If it is not a regular file, or larger.
        OSError: If it cannot be opened.
    """
    name, more = Path(path).name, os.O_NONBLOCK if links else os.O_NONBLOCK | os.O_NOFOLLOW

    def opener(file: str, flags: int) -> int:
        return os.open(file, flags | more, dir_fd=folder)

    with _no_link(name):  # given a handle, `open` would leave one of a folder open
        file = open(path, "rb", opener=opener)  # noqa: SIM115 - closed below
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise FileError(f"{name} is not a regular file")
        check_size(name, status.st_size, most)
        yield file


@contextmanager
def _no_link(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:  # what O_NOFOLLOW says
            raise FileError(_LINK.format(name)) from error
        if error.errno == errno.ENXIO:  # a socket
            raise FileError(f"{name} is not a regular file") from error
        raise


def read_regular(
    path: Path | str, most: int, folder: int | None = None, *, links: bool = False
) -> bytes:
    """Read a regular file of limited size, see `open_regular`."""
    with open_regular(path, most, folder, links=links) as file:
        content = file.read(most + 1)  # it may have grown
    check_size(Path(path).name, len(content), most)
    return content


def check_size(name: str, size: int, most: int) -> None:
    """Check the size of a file in bytes.

    Raises:
        FileError: If it is more than is allowed.
    """
    if size > most:
        hint = f"; {limits.MAX_MODEL_MB} allows more" if name in limits.OF_THE_MODEL else ""
        raise FileError(f"{name} has {size:,} bytes, more than the allowed {most:,}{hint}")


@contextmanager
def open_zip(name: str, file: BinaryIO, most: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose members, unpacked, are of limited size altogether.

    The zip's own directory is read only if it is small; what it says of the members binds those
    who read them, for Python unpacks no more of a member than is announced.

    Args:
        name: What it is called in errors.
        file: The zip.
        most: The most bytes that its members may have.

    Raises:
        FileError: If they have more, or the zip is not as simple as what is written here.
        zipfile.BadZipFile: If it is damaged, or no zip.
    """
    size = _check_end(name, file)
    try:
        with zipfile.ZipFile(file) as opened:
            _check_unpacked(name, sum(member.file_size for member in opened.infolist()), size, most)
            yield opened
    except _DAMAGED as error:
        raise zipfile.BadZipFile(f"{error}" or type(error).__name__) from error


def _check_unpacked(name: str, total: int, size: int, most: int) -> None:
    """Check how much a zip of some size unpacks to."""
    if total > most:
        raise FileError(f"{name} unpacks to {total:,} bytes, more than {most:,}")
    if total > max(limits.MAX_ZIP_RATIO * size, limits.SMALL_ZIP_BYTES):
        times = limits.MAX_ZIP_RATIO
        raise FileError(f"{name} unpacks to {total:,} bytes, more than {times} times its size")


def _check_end(name: str, file: BinaryIO) -> int:
    """Check the last record of a zip, before Python reads the directory that it announces."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size - 20))
    last = file.read()
    mark, *_, directory, _, comment = _END.unpack(last[-_END.size :].rjust(_END.size, b"\0"))
    if mark != _END_MARK or comment:  # Python would look for another record
        raise zipfile.BadZipFile("File is not a zip file")
    if last[: -_END.size].startswith(_ZIP64_MARK) or directory > limits.MAX_ZIP_DIRECTORY:
        raise FileError(f"{name} holds more files than a model or a version can have")
    return size


def read_json(kind: Any, content: bytes, name: str, values: int = limits.MAX_JSON_VALUES) -> Any:
    """Read JSON as exactly a type, with finite numbers alone.

    Args:
        kind: The type.
        content: The text.
        name: The file that it comes from.
        values: How many values it may hold, small ones in it included.

    Raises:
        FileError: Says where it is something else.
    """
    check_values(name, content, values)
    try:
        return TypeAdapter(kind).validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([name, *map(str, first["loc"])])
        raise FileError(f"{place} is not what an export writes: {first['msg']}") from error


def check_values(name: str, content: bytes, most: int) -> None:
    """Check how many values a JSON text can hold, before any of them is made.

    Raises:
        FileError: If there may be more than is allowed.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > most:
        raise FileError(f"{name} holds more than {most:,} values")
