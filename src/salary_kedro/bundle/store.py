"""The folder of bundles, and the pointer file that names the one to serve."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from salary_kedro.bundle.bundle import FILES, Bundle, BundleError, FolderFiles
from salary_kedro.bundle.files import FileError, read_regular
from salary_kedro.bundle.history import ServedHistory, parse_history
from salary_kedro.bundle.limits import (
    HISTORY,
    HISTORY_SIGNATURE,
    MANIFEST,
    MAX_HISTORY_BYTES,
    SIGNATURE,
    SIZES,
)
from salary_kedro.bundle.locking import held
from salary_kedro.bundle.signing import Signer, Verifier
from salary_kedro.errors import UserError
from salary_kedro.files import scratch_folder, write_whole

POINTER = "current"
#: Beside the pointer: the registered model whose versions lie here. Without it any model's may.
OWNER = "model"
MAX_OWNER_BYTES = 4_000
NAME = re.compile("([0-9]+)-([0-9a-f]{8})")
#: Longer than any name; a pointer of gigabytes must not fill the memory.
MAX_POINTER_BYTES = 200

#: Raises a BundleError for a bundle that cannot be used.
Accept = Callable[[Bundle], object]


def _any(bundle: Bundle) -> None:
    """Accept any bundle."""


@dataclass(frozen=True)
class Choice:
    """The bundle to serve.

    Attributes:
        bundle: The bundle.
        source: `current` if the pointer names it; `reserve` if it was chosen because the
            current one is bad; `kept` if it served before what the pointer now names was
            refused.
        reason: What is wrong with the current one; None if it serves.
    """

    bundle: Bundle
    source: str
    reason: str | None


@dataclass(frozen=True)
class BundleStore:
    """Bundles lie in `folder`, one sub-folder each; `current` names the one to serve.

    Attributes:
        folder: The folder.
        only: The one bundle that may be loaded; None if any may.
        verifier: Must find each bundle signed that is loaded; None if none need be.
    """

    folder: Path
    only: str | None = None
    verifier: Verifier | None = None

    def names(self) -> list[str]:
        """Names of the bundles, highest version first.

        Raises:
            BundleError: If the folder cannot be read.
        """
        try:
            names = [entry.name for entry in self.folder.iterdir() if NAME.fullmatch(entry.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BundleError(f"the bundles {self.folder} cannot be read: {error}") from error
        return sorted(names, key=lambda name: (version_of(name), name), reverse=True)

    def current(self) -> str | None:
        """Name of the bundle that the pointer names; None without a pointer.

        Raises:
            BundleError: If the pointer cannot be read or does not hold a bundle's name.
        """
        pointer = self.folder / POINTER
        try:
            name = read_regular(pointer, MAX_POINTER_BYTES).decode().strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, FileError) as error:
            raise BundleError(f"the pointer {pointer} cannot be read: {error}") from error
        if not NAME.fullmatch(name):
            raise BundleError(f"the pointer {pointer} holds {name[:40]!r}, not a bundle's name")
        return name

    def owner(self) -> str | None:
        """Name of the registered model whose versions lie here; None if that is not said.

        Raises:
            BundleError: If it cannot be read.
        """
        try:
            return read_regular(self.folder / OWNER, MAX_OWNER_BYTES).decode().strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, FileError) as error:
            raise BundleError(f"{self.folder / OWNER} cannot be read: {error}") from error

    def belong_to(self, model_name: str) -> None:
        """Say whose versions lie here, from now on; those of another model are not served."""
        self._write(OWNER, model_name)

    def point_to(self, name: str) -> None:
        """Move the pointer, in one atomic step.

        Raises:
            BundleError: If a folder is in its place.
        """
        self._write(POINTER, name)

    def _write(self, target: str, text: str) -> None:
        if (self.folder / target).is_dir():
            raise BundleError(
                f"{self.folder / target} is a folder, where the pointer must be a file: remove it"
            )
        write_whole(self.folder / target, f"{text}\n".encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let one process of this machine at a time move the pointer.

        Raises:
            UserError: Another has held the lock for minutes.
        """
        with held(self.folder / ".lock"):
            yield

    def load(self, name: str) -> Bundle:
        """Load and check one bundle.

        Raises:
            BundleError: If it is missing, altered, or does not predict what it recorded.
        """
        if self.only not in (None, name):
            raise BundleError(f"bundle {name}: only {self.only} may be served from here")
        bundle = Bundle.load(self.folder / name, self.verifier)
        if (owner := self.owner()) not in (None, bundle.model_name):
            raise BundleError(
                f"bundle {name}: it is of the model '{bundle.model_name}', and here lie those of "
                f"'{owner}'; package the production version again with `make run`"
            )
        return bundle

    def read(self, name: str) -> dict[str, bytes]:
        """Read those files of a bundle that are there, be it good or not; see `read_regular`.

        Raises:
            BundleError: If one cannot be read, is too large, or not a regular file.
        """
        source, found = FolderFiles(self.folder / name), {}
        for file in sorted(FILES):
            try:
                found[file] = source[file]
            except FileNotFoundError:
                continue
            except (OSError, FileError) as error:
                raise BundleError(f"bundle {name}: {error}") from error
        return found

    def is_good(self, name: str) -> bool:
        """Tell whether a bundle loads, see `load`."""
        try:
            self.load(name)
        except BundleError:
            return False
        return True

    def write(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write a bundle's files as a folder that appears whole or not at all.

        An earlier folder of that name is replaced: the name vouches for the content,
        so it can only hold the same files or damaged ones.
        """
        with scratch_folder(self.folder / "bundle") as scratch:  # one name, so that any is removed
            new = scratch / name
            new.mkdir()
            for file, content in files.items():
                (new / file).write_bytes(content)
            try:
                new.rename(self.folder / name)
            except OSError:
                if not (self.folder / name).is_dir():
                    raise
                if not _holds(self.folder / name, files):  # damaged: swap it for the new one
                    (self.folder / name).rename(scratch / "damaged")
                    new.rename(self.folder / name)

    def holds_signature(self, name: str, files: Mapping[str, bytes]) -> bool:
        """Whether a bundle is signed as some files are; true if those are not signed."""
        signature = {file: files[file] for file in (SIGNATURE,) if file in files}
        return _holds(self.folder / name, signature)

    def state(self) -> tuple[object, ...]:
        """What the choice depends on, cheap to look at: the pointer, and the bundle it names.

        A bundle that is still being copied, or is repaired or damaged later, looks different
        then. States are only compared, so that clocks may jump.
        """
        try:
            name = self.current()
        except BundleError as error:
            return (str(error),)
        if name is None:
            return (None,)
        return (name, *(_print_of(self.folder / name / file) for file in sorted(FILES)))

    def history_state(self) -> object:
        """What the history depends on, cheap to look at; see `state`."""
        return [_print_of(self.folder / name) for name in (HISTORY, HISTORY_SIGNATURE)]

    def history(self) -> ServedHistory | None:
        """Read the history of decisions that lies beside the bundles; None if there is none.

        Raises:
            BundleError: If it cannot be read, or is not signed as the verifier wants it.
        """
        try:
            content = read_regular(self.folder / HISTORY, MAX_HISTORY_BYTES)
            if self.verifier is not None:
                self.verifier.verify(content, self._history_signature(), HISTORY)
            return parse_history(content)
        except FileNotFoundError:
            return None
        except (OSError, UserError) as error:
            raise BundleError(f"the history of decisions cannot be told: {error}") from error

    def _history_signature(self) -> bytes | None:
        try:
            return read_regular(self.folder / HISTORY_SIGNATURE, SIZES[SIGNATURE])
        except FileNotFoundError:
            return None

    def write_history(self, history: ServedHistory, signer: Signer | None) -> None:
        """Write the history of decisions, in one atomic step, and its signature beside it.

        Between the two steps of a signed one, those who verify it keep the one before. The
        caller holds the lock.
        """
        content = history.to_json()
        if signer is not None:
            write_whole(self.folder / HISTORY_SIGNATURE, signer.sign(content))
        write_whole(self.folder / HISTORY, content)
        if signer is None:
            (self.folder / HISTORY_SIGNATURE).unlink(missing_ok=True)

    def written(self, name: str) -> float:
        """When a bundle was written here, in seconds since 1970; 0 if that is not known."""
        try:
            return (self.folder / name / MANIFEST).stat().st_mtime
        except OSError:  # moved away since it was loaded
            return 0.0

    def load_current(self, accept: Accept = _any) -> Choice | None:
        """Load the bundle that the pointer names, and no other.

        Args:
            accept: Raises a BundleError for a bundle that is good but cannot be used.

        Returns:
            None if there is no pointer.

        Raises:
            BundleError: If the pointer or the bundle is not good.
        """
        name = self.current()
        return None if name is None else Choice(self._accepted(name, accept), "current", None)

    def choose(self, accept: Accept = _any) -> Choice | None:
        """Choose the bundle to serve: the current one, else the highest good version below it.

        Args:
            accept: Raises a BundleError for a bundle that is good but cannot be used.

        Returns:
            None if there is no pointer, so nothing was ever packaged.

        Raises:
            BundleError: If neither the current bundle nor any below it is good.
        """
        name = self.current()
        if name is None:
            return None
        try:
            return Choice(self._accepted(name, accept), "current", None)
        except BundleError as error:
            reason = str(error)
            below = [other for other in self.names() if version_of(other) < version_of(name)]
            for other in below if self.only is None else []:
                try:
                    return Choice(self._accepted(other, accept), "reserve", reason)
                except BundleError as worse:
                    reason += f"; {worse}"
            raise BundleError(f"no bundle can be served: {reason}") from error

    def _accepted(self, name: str, accept: Accept) -> Bundle:
        bundle = self.load(name)
        accept(bundle)
        return bundle


def version_of(name: str) -> int:
    """Version number in a bundle's name."""
    return int(name.partition("-")[0])


def _print_of(file: Path) -> tuple[int | None, ...]:
    try:
        stat = file.lstat()
    except OSError as error:
        return (error.errno,)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    try:
        return all(
            read_regular(folder / file, len(content)) == content for file, content in files.items()
        )
    except (OSError, FileError):
        return False
