"""Two tables that are written in chunks, in one of many formats, and appear whole or not at all."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from salary_kedro.contract import CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.files import other_file
from salary_kedro.tables.own_tables import RAW, is_rejected, is_scored
from salary_kedro.tables.written import NAMES, Suffix, TableWriter, open_writer, suffix_of


class TooManyRejectedError(UserError):
    """So many rows were rejected that only these are kept."""


@dataclass(frozen=True)
class ScoredTables:
    """Where scored rows go, and beside them the rejected ones, in the same format.

    Attributes:
        path: The file of scored rows.
        overwrite: Whether files that hold something else may be replaced.
        spreadsheet_safe: Whether texts in CSV are made harmless to spreadsheets.
    """

    path: Path
    overwrite: bool = False
    spreadsheet_safe: bool = True

    @property
    def rejected(self) -> Path:
        """Path of the rejected rows."""
        suffix = self.path.name[-len(suffix_of(self.path)) :]
        return self.path.with_name(f"{self.path.name.removesuffix(suffix)}_rejected{suffix}")

    @property
    def raw_mark(self) -> str:
        """What is put after the name of a raw column that is also one of ours."""
        return "_raw" if suffix_of(self.path) in NAMES else RAW

    @contextmanager
    def replace(
        self, dialect: CsvDialect, source: Path
    ) -> Iterator[tuple[TableWriter, TableWriter]]:
        """Write both tables aside, then move them to their places, the scored rows last.

        Of a block that raises TooManyRejectedError, the rejected rows alone are moved.

        Args:
            dialect: How CSV is written; its encoding is always UTF-8.
            source: The file that is read meanwhile.

        Raises:
            UserError: If they cannot be written. What was there before is unchanged.
        """
        suffix = self.check(source)
        safe = self.spreadsheet_safe
        try:
            with _scratch_folder(self.path) as folder:
                drafts = [folder / path.name for path in (self.path, self.rejected)]
                try:
                    with (
                        _writer(drafts[0], suffix, dialect, safe=safe) as scored,
                        _writer(drafts[1], suffix, dialect, safe=safe) as rejected,
                    ):
                        yield scored, rejected
                except TooManyRejectedError:
                    self.check(source)
                    drafts[1].replace(self.rejected)
                    raise
                self.check(source)  # something may have appeared there meanwhile
                drafts[1].replace(self.rejected)
                drafts[0].replace(self.path)
        except OSError as error:
            if other := other_file(error, self.path) and other_file(error, self.rejected):
                raise UserError(f"{other} cannot be read ({error.strerror})") from error
            raise UserError(
                f"{self.path} cannot be written ({error.strerror or error}): its folder must be "
                f"one that you may write to, with room for it"
            ) from error

    def check(self, source: Path) -> Suffix:
        """Check that nothing would be lost that scoring has not made itself.

        Args:
            source: The file that is read.

        Returns:
            The suffix, which tells the format.

        Raises:
            UserError: Names the file that is in the way, and what to do.
        """
        suffix = suffix_of(self.path)
        for path, is_earlier in ((self.path, is_scored), (self.rejected, is_rejected)):
            if path.is_dir():
                raise UserError(f"{path} is a folder, but should be a file: name another one")
            if _is_same(path, source):
                raise UserError(
                    f"{source} would be replaced by what is made of it: name another file for "
                    f"scored_rows"
                )
            if not self.overwrite and path.exists() and not _holds(path, is_earlier):
                raise UserError(
                    f"{path} already exists and is not an earlier result of scoring: name another "
                    f"file for scored_rows, or add overwrite=true to --params to replace it"
                )
        return suffix


def _is_same(path: Path, source: Path) -> bool:
    if path.exists() and source.exists():
        return path.samefile(source)
    return path.resolve() == source.resolve()


def _holds(path: Path, is_earlier: Callable[[Path], bool]) -> bool:
    try:
        return path.is_file() and is_earlier(path)
    except OSError:
        return False


@contextmanager
def _scratch_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside a file; what a run that was killed has left there is removed."""
    folder = path.with_name(f".{path.name}.part")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(f"another run is writing {path}: wait until it has ended") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # another run may begin once the lock is free
        lock.release()


@contextmanager
def _writer(
    path: Path, suffix: Suffix, dialect: CsvDialect, *, safe: bool
) -> Iterator[TableWriter]:
    writer = open_writer(path, suffix, dialect, safe=safe)
    try:
        yield writer
    except BaseException:
        with suppress(Exception):  # what went wrong first is what is told
            writer.close()
        raise
    writer.close()
