"""Scored rows in a folder of Parquet files, which appears whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salary_kedro.errors import UserError
from salary_kedro.files import FORMER, scratch_folder
from salary_kedro.partitions.storage import is_local, lie_within, open_place
from salary_kedro.tables.own_tables import RAW
from salary_kedro.tables.writer import TooManyRejectedError

#: What says that all files are there, as Spark and Hadoop call it; and, by what it holds, that we
#: have made them.
DONE, OURS = "_SUCCESS", b"scored by salary_kedro\n"


@dataclass(frozen=True)
class Drafts:
    """Where parts are written, before they are in their place.

    Attributes:
        scored: Folder of the scored rows.
        rejected: Folder of the rejected ones.
    """

    scored: str
    rejected: str


@dataclass(frozen=True)
class ScoredParts:
    """Where scored rows go, a file a part; and beside that folder one of the rejected rows.

    Attributes:
        path: The folder of scored rows, here or in an object store.
        overwrite: Whether a folder that holds something else may be replaced.
    """

    path: str
    overwrite: bool = False
    raw_mark = RAW

    @property
    def rejected(self) -> str:
        """The folder of rejected rows."""
        return f"{self.path.rstrip('/')}_rejected"

    def check(self, source: str) -> None:
        """Check that nothing would be lost that scoring has not made itself.

        Raises:
            UserError: Names what is in the way, and what to do.
        """
        for folder in (self.path, self.rejected):
            system, path = open_place(folder)
            if lie_within(folder, source):
                raise UserError(
                    f"{folder} and {source} lie within each other: name another folder for "
                    f"scored_rows"
                )
            if self.overwrite or not system.exists(path):
                continue
            if not _is_ours(system, path) and (system.isfile(path) or system.ls(path)):
                raise UserError(
                    f"{folder} already exists and is not an earlier result of scoring: name "
                    f"another folder for scored_rows, or add overwrite=true to --params to replace "
                    f"it"
                )

    def keeps_earlier(self) -> bool:
        """Whether scored rows of an earlier run are there until others take their place."""
        system, path = open_place(self.path)
        return is_local(system) and bool(system.exists(path))

    @contextmanager
    def replace(self, source: str) -> Iterator[Drafts]:
        """Let both folders be written aside, then put them into their places, the scored rows last.

        Of a block that raises TooManyRejectedError, the rejected rows alone are moved.

        An object store has no folders to be moved: there files go to their place at once, and
        `_SUCCESS` comes last, without which they are no result.

        Args:
            source: What is read meanwhile.
        """
        self.check(source)
        system, path = open_place(self.path)
        if is_local(system):
            with scratch_folder(Path(path)) as folder:
                yield from self._moved(system, folder, source)
        else:
            yield from self._in_place(system)

    def _moved(self, system: Any, folder: Path, source: str) -> Iterator[Drafts]:
        drafts = Drafts(f"{folder}/scored", f"{folder}/rejected")
        try:
            yield drafts
        except TooManyRejectedError:
            _publish(system, drafts.rejected, self.rejected)
            raise
        self.check(source)  # something may have appeared there meanwhile
        _publish(system, drafts.rejected, self.rejected)
        _publish(system, drafts.scored, self.path)

    def _in_place(self, system: Any) -> Iterator[Drafts]:
        unfinished = [self.path, self.rejected]
        for folder in unfinished:
            _clear(folder)
        try:
            try:
                yield Drafts(*unfinished)
            except TooManyRejectedError:
                _publish(system, self.rejected, unfinished.pop())
                raise
            _publish(system, self.rejected, self.rejected)
            _publish(system, self.path, self.path)
            unfinished.clear()
        finally:
            for folder in unfinished:
                _clear(folder)


def _clear(folder: str) -> None:
    """Remove a folder, first what says that it is a result."""
    system, path = open_place(folder)
    for found in (f"{path}/{DONE}", path):
        if system.exists(found):
            system.rm(found, recursive=True)


def _is_ours(system: Any, path: str) -> bool:
    done = f"{path}/{DONE}"
    return bool(system.isfile(done)) and bytes(system.cat_file(done)) == OURS


def _publish(system: Any, draft: str, folder: str) -> None:
    """Say that a folder is whole, and put it into its place."""
    source, target = open_place(draft)[1], open_place(folder)[1]
    if is_local(system):
        system.makedirs(source, exist_ok=True)
    system.pipe_file(f"{source}/{DONE}", OURS)
    if source != target:
        _swap(Path(source), Path(target))


def _swap(source: Path, target: Path) -> None:
    """Put a draft into the place of a folder, which leaves with the scratch folder.

    Of a process killed between the two steps, the scored rows go back to their place later.
    """
    if target.exists():
        target.rename(source.with_name(FORMER if source.name == "scored" else "replaced"))
    source.rename(target)
