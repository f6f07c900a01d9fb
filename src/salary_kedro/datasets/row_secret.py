"""The key by which training rows are fingerprinted."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from kedro.io.core import AbstractDataset, DatasetError

from salary_kedro.bundle.files import FileError, read_regular
from salary_kedro.bundle.secret_files import find_secret, read_secret
from salary_kedro.errors import UserError

NAME = "SALARY_ROW_KEY"
#: Bytes of a key that people give; and of one that is made.
LEAST, MOST, MADE = 16, 4096, 32


class RowSecretDataset(AbstractDataset[None, bytes]):
    """A secret of 32 bytes: what `SALARY_ROW_KEY` holds, or the file `SALARY_ROW_KEY_FILE` names.

    If neither is set, it is a file of the project that is made once, which its owner alone can
    read. Those who share a store need the same one: else whether a model has seen their rows
    stays unknown.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path.

        Args:
            filepath: Path of the project's own file.
            metadata: Of no effect here; other tools read it.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> bytes:
        """Give the secret.

        Raises:
            DatasetError: If it cannot be read or made, or is too short.
        """
        try:
            where, content = self._find()
        except UserError as error:
            raise DatasetError(str(error)) from error
        content = content.strip()
        if len(content) < LEAST:
            raise DatasetError(
                f"{where} holds {len(content)} bytes, but at least {LEAST} are needed: "
                f"`openssl rand -hex 32` makes a key"
            )
        return hashlib.blake2b(content, digest_size=MADE).digest()

    def _find(self) -> tuple[str, bytes]:
        """Where the secret is, for errors, and what is there."""
        given = find_secret(NAME, os.environ)
        if isinstance(given, str):
            return NAME, os.fsencode(given)  # the bytes that were set, be they UTF-8 or not
        if given is not None:
            return str(given), read_secret(NAME, given, MOST)
        try:
            return str(self._path), read_regular(_own_file(self._path), MOST, links=True)
        except (OSError, FileError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise UserError(f"{self._path} cannot be made or read: {why}") from error

    def save(self, data: None) -> None:
        """Refuse: the key is made once and never replaced."""
        raise DatasetError("the key of row fingerprints is not written by a pipeline")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


def _own_file(path: Path) -> Path:
    """The project's own file, which appears whole: of several that make one, the first counts."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        part.touch(mode=0o600, exist_ok=False)
        try:
            part.write_text(f"{secrets.token_hex(MADE)}\n", encoding="ascii")
            _put(part, path)
        finally:
            part.unlink(missing_ok=True)
    return path


def _put(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # another process was first
    except OSError:  # a file system without links
        with suppress(FileExistsError), open(path, "xb", opener=_private) as file:
            file.write(part.read_bytes())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
