"""Secrets and keys: held by a variable, or by the file that its sister `<name>_FILE` names."""

from collections.abc import Mapping
from pathlib import Path

from salary_kedro.bundle.files import FileError, read_regular
from salary_kedro.errors import UserError


def find_secret(name: str, environment: Mapping[str, str]) -> str | Path | None:
    """What a variable holds, or the file that its sister names; None if neither is set.

    Raises:
        UserError: If both are set, or the file's path is relative.
    """
    text, file = environment.get(name), environment.get(f"{name}_FILE")
    if text is not None and file is not None:
        raise UserError(f"both {name} and {name}_FILE are set; unset one of them")
    if file is None:
        return text
    if not Path(file).is_absolute():  # BentoML moves to the folder of what it serves
        raise UserError(f"{name}_FILE is '{file}': it must be an absolute path")
    return Path(file)


def read_secret(name: str, path: Path, most: int) -> bytes:
    """Read the file that the sister of a variable names.

    Args:
        name: The variable's name, for errors.
        path: The file, or a link to it: secrets are mounted as links.
        most: The most bytes that it may have.

    Raises:
        UserError: If it cannot be read, is not a regular file, or larger.
    """
    try:
        return read_regular(path, most, links=True)
    except (OSError, FileError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{name}_FILE names '{path}', which cannot be read: {why}") from error
