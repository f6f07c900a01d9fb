"""Puts a drafted environment into the place of an earlier one; what a kill left is undone."""

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from salary_kedro.bundle.places import data_folder
from salary_kedro.errors import UserError

#: Name of the copy of the table, without its suffix.
TABLE = "salary_data"
#: Of the hidden names that an environment's files have before or after their time.
DIGITS = "[0-9a-f]" * 32


def raw_folder(env: str, root: Path) -> Path:
    """The folder of an environment's raw table."""
    return root / data_folder(env) / "01_raw"


def interrupted(env: str, root: Path) -> dict[Path, Path]:
    """What a killed `infer --force` has moved away, and where it belongs; empty if none was."""
    conf = root / "conf" / env
    asides = [] if os.path.lexists(conf) else sorted(conf.parent.glob(f".{env}.{DIGITS}.old"))
    for aside in asides[:1]:
        end = aside.name.removeprefix(f".{env}")
        tables = raw_folder(env, root).glob(f".{TABLE}.*{end}")
        moves = {table: table.with_name(table.name[1:].removesuffix(end)) for table in tables}
        return {**moves, aside: conf}
    return {}


def restore_interrupted(env: str, root: Path) -> None:
    """Move back what a killed `infer --force` has moved away, and remove what else it left.

    Raises:
        UserError: If that cannot be done.
    """
    conf, raw = root / "conf" / env, raw_folder(env, root)
    try:
        for aside, place in interrupted(env, root).items():
            aside.replace(place)
        for kind in ("old", "part"):
            for folder in conf.parent.glob(f".{env}.{DIGITS}.{kind}"):
                shutil.rmtree(folder)
            for table in raw.glob(f".{TABLE}.*.{DIGITS}.{kind}"):
                remove(table)
    except OSError as error:
        raise UserError(
            f"{conf} was being replaced when a command was killed, and cannot be brought into "
            f"order ({error.strerror or error}): see to {error.filename or conf.parent}"
        ) from error


def beside(path: Path, digits: str, kind: str) -> Path:
    """A hidden name beside a file or folder."""
    return path.with_name(f".{path.name}.{digits}.{kind}")


def swap(new: Mapping[Path, Path], digits: str) -> None:
    """Put files or folders into the places of others; what fails is undone.

    The first is gone while it goes on: if the process is killed, that tells what to undo.

    Args:
        new: What belongs into each place.
        digits: Of the names that others have meanwhile.
    """
    asides = {place: beside(place, digits, "old") for place in new}
    with ExitStack() as undo:
        for place, aside in asides.items():
            if os.path.lexists(place):
                place.rename(aside)
                undo.callback(aside.rename, place)
        for place, made in reversed([*new.items()]):
            made.rename(place)
            undo.callback(place.rename, made)
        undo.pop_all()
    for aside in asides.values():
        remove(aside)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there; of a link, the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
