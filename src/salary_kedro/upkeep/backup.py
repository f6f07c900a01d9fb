"""All that a project's runs have made, as one checksummed archive: store, artifacts, bundles.

The archive is a plain zip of `mlflow.db`, `artifacts/` and `bundles/`, and of `backup.json`,
which holds the checksum of each file. It is one moment of the store: SQLite copies the
database while runs go on, and what it names is complete before it is named.
"""

import hashlib
import json
import lzma
import os
import shutil
import sqlite3
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.files import check_size, open_regular
from salary_kedro.bundle.store import NAME, POINTER, version_of
from salary_kedro.errors import UserError
from salary_kedro.files import other_file, scratch_folder
from salary_kedro.project.project import Project
from salary_kedro.registry.failures import LOCK_SECONDS, tell_failure
from salary_kedro.registry.mlflow_adapter import ALIASED, PLACES, TAGGED, VERSIONS
from salary_kedro.registry.relocation import plain_path
from salary_kedro.registry.stages import ALIAS, Stage
from salary_kedro.registry.store import ASIDE, database_path, is_local, reading, store_lock
from salary_kedro.upkeep.findings import Finding
from salary_kedro.upkeep.repair import repair
from salary_kedro.upkeep.retention import model_of
from salary_kedro.upkeep.transfer import FIRST_DAY, new_file

FORMAT = 1
CONTENTS, DATABASE, ARTIFACTS, BUNDLES = "backup.json", "mlflow.db", "artifacts", "bundles"
CHUNK = 1024 * 1024
#: Looks for a moment in which no version awaits its verdict, and seconds between them.
LOOKS, PAUSE = 20, 0.5

SCRATCH = ".restore-"
#: Bytes of the list of checksums, of some hundred thousand files.
MAX_CONTENTS = 64_000_000
#: How an archive's members are packed; whatever else zip knows is no archive of ours.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

#: How zip, its packers and JSON say that they were given something else.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, KeyError, IndexError, TypeError,
    AttributeError, ValueError, OverflowError, EOFError, RuntimeError, NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """What a copy of the store holds.

    Attributes:
        versions: Numbers of its versions.
        undecided: How many of them await their verdict.
        production: The production version; None if there is none.
        places: Folders that artifacts were logged in, as the store names them.
    """

    versions: frozenset[int]
    undecided: int
    production: int | None
    places: Sequence[str]


def back_up(project: Project, file: Path) -> dict[str, Any]:
    """Write an archive of store, artifacts and bundles, whole or not at all, while runs go on.

    Returns:
        `file`, `versions` (how many), `production`, `files` (how many) and `elsewhere`:
        folders that the store names outside its own, which are not in the archive.

    Raises:
        UserError: If the store is a server's, or the file exists already or cannot be written.
    """
    _refuse_server(project)
    with new_file(file) as stream, scratch_folder(file) as scratch:
        copy = scratch / DATABASE
        moment = _take(project, copy)
        root = Path(plain_path(str(project.artifacts)))
        folders = [Path(plain_path(place)) for place in moment.places]
        own = [folder for folder in folders if folder.is_relative_to(root)]
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
            sums = {DATABASE: _add(target, DATABASE, copy)}
            sums |= _add_artifacts(target, root, own)
            sums |= _add_bundles(target, project, moment.versions)
            contents = {
                "format": FORMAT,
                "when": datetime.now(UTC).isoformat(timespec="seconds"),
                "model_name": project.model_name,
                "sha256": sums,
            }
            listed = json.dumps(contents, indent=2, sort_keys=True).encode()
            check_size(CONTENTS, len(listed), MAX_CONTENTS)
            target.writestr(_member(CONTENTS), listed)
    return {
        "file": str(file),
        "versions": len(moment.versions),
        "production": moment.production,
        "files": len(sums),
        "elsewhere": sorted(
            place for place, folder in zip(moment.places, folders, strict=True) if folder not in own
        ),
    }


def _refuse_server(project: Project) -> None:
    if not is_local(project.uri):
        raise UserError(
            "the store is not a file of this machine: back up its database (pg_dump for "
            "PostgreSQL) and its artifact store together, by their own means; "
            "`kedro models follow --once` recreates the bundle of the production version"
        )


def _take(project: Project, copy: Path) -> Moment:
    """Copy the store, at a moment in which no version awaits its verdict if one comes soon."""
    for look in range(LOOKS):
        with store_lock(project.uri), reading(project.uri) as source, closing(_new(copy)) as target:
            source.backup(target)
        with closing(sqlite3.connect(copy)) as connection:
            moment = _look_at(connection, project.model_name)
        if moment.undecided == 0 or look == LOOKS - 1:
            break
        time.sleep(PAUSE)
    return moment


def _new(copy: Path) -> sqlite3.Connection:
    copy.unlink(missing_ok=True)
    return sqlite3.connect(copy)


def _look_at(connection: sqlite3.Connection, model: str) -> Moment:
    production = connection.execute(ALIASED, [model, ALIAS]).fetchone()
    ((undecided,),) = connection.execute(TAGGED, [model, Stage.STAGING])
    return Moment(
        versions=frozenset(int(number) for (number,) in connection.execute(VERSIONS, [model])),
        undecided=undecided,
        production=None if production is None else int(production[0]),
        places=[place for (place,) in connection.execute(PLACES)],
    )


def _add_artifacts(target: zipfile.ZipFile, root: Path, folders: Sequence[Path]) -> dict[str, str]:
    files = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    names = {f"{ARTIFACTS}/{path.relative_to(root).as_posix()}": path for path in files}
    for name, path in names.items():
        if not _is_utf8(name):
            raise UserError(f"an archive holds names in UTF-8 alone: rename {str(path)!r}")
    return {name: _add(target, name, path) for name, path in sorted(names.items())}


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # the bytes that were none are kept as surrogates
        return False
    return True


def _add_bundles(
    target: zipfile.ZipFile, project: Project, versions: frozenset[int]
) -> dict[str, str]:
    sums = {}
    for name in _own_bundles(project):
        files = _read_bundle(project.bundles, name) if version_of(name) in versions else {}
        for file, content in files.items():
            member = f"{BUNDLES}/{name}/{file}"
            target.writestr(_member(member), content)
            sums[member] = hashlib.sha256(content).hexdigest()
    return sums


def _own_bundles(project: Project) -> list[str]:
    """Names of the bundles that are not of another model; those of several may lie together."""
    bundles = project.bundles
    return [n for n in bundles.names() if model_of(bundles, n) in (None, project.model_name)]


def _read_bundle(bundles: BundleStore, name: str) -> dict[str, bytes]:
    """The files of a bundle; none if it was removed meanwhile."""
    files = bundles.read(name)
    # Packaging recreates a removed one if it is needed.
    return files if (bundles.folder / name).is_dir() else {}


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, FIRST_DAY)
    member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return member


def _add(target: zipfile.ZipFile, name: str, path: Path) -> str:
    """Add a file of any size; its checksum is of what was added."""
    with target.open(_member(name), "w", force_zip64=True) as member:
        return _copy(_chunks(path), member)


def _chunks(path: Path) -> Iterator[bytes]:
    """Read a file; what fails then is told of it, and not of what is written meanwhile."""
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except FileNotFoundError as error:
        raise UserError(f"{path} was removed while it was backed up: try again") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from error


def _copy(chunks: Iterable[bytes], target: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


@contextmanager
def _folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A hidden folder within a folder, for a while; that it cannot be removed undoes nothing."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def restore(project: Project, file: Path, force: bool = False) -> dict[str, Any]:
    """Put what an archive holds where the project keeps it, after checking all of it.

    The store is told its new place; versions that awaited their verdict are archived, for
    no run decides on them any more; the production version is packaged.

    Args:
        project: Where to; nothing may be there, unless forced.
        file: An archive of `back_up`.
        force: Set aside what is there.

    Returns:
        `file`, `production`, `versions` (how many), `fixed` (what was repaired),
        `left` (what could not be) and `set_aside` (where what was there is now).

    Raises:
        UserError: If the store is a server's, something is already there, the archive is not
            whole or of another model, or it cannot be put into place; nothing is changed then.
    """
    _refuse_server(project)
    _refuse_to_replace(project, force)
    database = database_path(project.uri)
    with _archive(file, project.model_name) as (source, sums), store_lock(project.uri):
        _refuse_to_replace(project, force)  # a run may have begun meanwhile
        _check_room(source, database.parent)
        for stale in database.parent.glob(f"{SCRATCH}{database.name}-*"):  # of one that was killed
            shutil.rmtree(stale, ignore_errors=True)
        with _folder(database.parent, f"{SCRATCH}{database.name}-") as scratch:
            _unpack(source, sums, scratch)
            moment = _check_database(scratch / DATABASE, project.model_name)
            set_aside = _exchange(project, scratch)
    fixed, left = _repair(project, file, set_aside)
    return {
        "file": str(file),
        "production": moment.production,
        "versions": len(moment.versions),
        "fixed": fixed,
        "left": [finding.what for finding in left],
        "set_aside": set_aside,
    }


def _repair(
    project: Project, file: Path, set_aside: Sequence[str]
) -> tuple[list[str], list[Finding]]:
    """Repair what was restored; whatever ends that, the user learns where things are."""
    try:
        return repair(project)
    except (Exception, KeyboardInterrupt) as error:  # MLflow, SQLite, the machine, a person
        text = tell_failure(error, LOCK_SECONDS) or " ".join(str(error).split())
        places = f"; what was there is set aside in {', '.join(set_aside)}" if set_aside else ""
        raise UserError(
            f"{file} is restored, but not repaired ({text or type(error).__name__}): "
            f"put that right, then run `kedro models doctor --fix`{places}"
        ) from error


def _refuse_to_replace(project: Project, force: bool) -> None:
    if force:
        return
    artifacts = Path(plain_path(str(project.artifacts)))
    places = {
        database_path(project.uri): database_path(project.uri).exists(),
        artifacts: artifacts.is_dir() and any(artifacts.iterdir()),
        project.bundles.folder: bool(project.bundles.names()),
    }
    if taken := [str(place) for place, there in places.items() if there]:
        raise UserError(
            f"there is something already in {', '.join(taken)}: restore into a new project or "
            f"environment, or add --force to set it aside"
        )


@contextmanager
def _archive(file: Path, model: str) -> Iterator[tuple[zipfile.ZipFile, Mapping[str, str]]]:
    """Open an archive of a model, and read the checksums of its members."""
    try:
        with _open(file) as source:
            contents = json.loads(_read_contents(source))
            if contents["format"] != FORMAT:
                raise UserError(
                    f"{file}: its format {contents['format']!r} is not known; this project reads "
                    f"{FORMAT}"
                )
            if contents["model_name"] != model:
                raise UserError(
                    f"{file} holds versions of '{str(contents['model_name'])[:80]}', but this "
                    f"environment's model is '{model}': restore it into an environment whose "
                    f"registry.model_name is that"
                )
            sums: dict[str, str] = dict(contents["sha256"])
            _check_names(source.namelist(), sums)
            yield source, sums
    except DAMAGE as error:
        raise UserError(
            f"{file} is not an archive that `kedro models backup` wrote, or it was cut short or "
            f"altered ({' '.join(str(error).split())})"
        ) from error
    except OSError as error:
        where = other_file(error, file)
        at = f", at {where}" if where else ""
        raise UserError(f"{file} cannot be restored ({error.strerror or error}{at})") from error


@contextmanager
def _open(file: Path) -> Iterator[zipfile.ZipFile]:
    with open_regular(file, sys.maxsize, links=True) as stream, zipfile.ZipFile(stream) as source:
        yield source


def _read_contents(source: zipfile.ZipFile) -> bytes:
    """Read the list of members; Python unpacks no more of one than is announced."""
    if odd := [m.filename for m in source.infolist() if m.compress_type not in METHODS]:
        raise ValueError(f"{odd[0][:80]!r} is packed in another way")
    check_size(CONTENTS, source.getinfo(CONTENTS).file_size, MAX_CONTENTS)
    return source.read(CONTENTS)


def _check_names(names: Sequence[str], sums: Mapping[str, str]) -> None:
    if sorted(names) != sorted([*sums, CONTENTS]):
        raise ValueError(f"{CONTENTS} lists other files")
    for name in sums:
        parts = PurePosixPath(name).parts
        known = name == DATABASE or (
            len(parts) > 1
            and (
                parts[0] == ARTIFACTS
                or (parts[0] == BUNDLES and len(parts) == 3 and bool(NAME.fullmatch(parts[1])))
            )
        )
        plain = "/".join(parts) == name and ".." not in parts
        plain &= not any(os.sep in part for part in parts)  # where `\\` parts folders
        if not known or not plain:
            raise ValueError(f"it holds {name[:80]!r}")
    if DATABASE not in sums:
        raise ValueError(f"it lacks {DATABASE}")


def _check_room(source: zipfile.ZipFile, folder: Path) -> None:
    needed, free = (
        sum(member.file_size for member in source.infolist()),
        shutil.disk_usage(folder).free,
    )
    if needed > free:
        raise UserError(f"it unpacks to {needed:,} bytes, but {folder} has room for {free:,}")


def _unpack(source: zipfile.ZipFile, sums: Mapping[str, str], folder: Path) -> None:
    for name, expected in sums.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with source.open(name) as member, path.open("wb") as target:
            found = _copy(iter(partial(member.read, CHUNK), b""), target)
        if found != expected:
            raise ValueError(f"{name} was altered: its checksum is not the one in {CONTENTS}")


def _check_database(database: Path, model: str) -> Moment:
    try:
        with closing(sqlite3.connect(database)) as connection:
            if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise ValueError(f"{DATABASE} is damaged")
            return _look_at(connection, model)
    except sqlite3.Error as error:
        raise ValueError(f"{DATABASE} is no store ({error})") from error


def _exchange(project: Project, unpacked: Path) -> list[str]:
    """Put what was unpacked into its places, the store last; set aside what is there.

    All of it lies beside its place before anything is moved, and what fails then is undone.

    Returns:
        Where what was there is now.
    """
    artifacts, bundles = Path(plain_path(str(project.artifacts))), project.bundles.folder
    draft = f"{SCRATCH}{database_path(project.uri).name}-"
    near_, within_ = _folder(artifacts.parent, draft), _folder(bundles, SCRATCH)
    with near_ as near, within_ as within, ExitStack() as undo:
        for name, place in ((ARTIFACTS, near), (BUNDLES, within)):
            (unpacked / name).mkdir(exist_ok=True)
            shutil.move(unpacked / name, place)
        aside = [
            _move(*step, undo) for step in _asides(project).items() if os.path.lexists(step[0])
        ]
        for bundle in (within / BUNDLES).iterdir():
            _move(bundle, bundles / bundle.name, undo)
        _move(near / ARTIFACTS, artifacts, undo)
        _move(unpacked / DATABASE, database_path(project.uri), undo)
        undo.pop_all()
    return list(map(str, aside))


def _move(old: Path, new: Path, undo: ExitStack) -> Path:
    new.parent.mkdir(exist_ok=True)
    old.rename(new)
    undo.callback(new.rename, old)
    return new


def _asides(project: Project) -> dict[Path, Path]:
    """Where each of what may be there is moved to; SQLite finds its log beside the store."""
    database, artifacts = database_path(project.uri), Path(plain_path(str(project.artifacts)))
    stamp = datetime.now(UTC).strftime(f"{ASIDE}%Y%m%dT%H%M%S.%f")
    moves = {
        database.with_name(f"{database.name}{suffix}"): database.with_name(
            f"{database.name}.{stamp}{suffix}"
        )
        for suffix in ("", "-wal", "-shm")
    }
    moves[artifacts] = artifacts.with_name(f"{artifacts.name}.{stamp}")
    bundles, names = project.bundles, _own_bundles(project)
    if _owner(bundles) in (None, project.model_name):
        names.append(POINTER)  # nothing vouches for what it names; packaging sets it again
    return moves | {bundles.folder / n: bundles.folder / f".{stamp}" / n for n in names}


def _owner(bundles: BundleStore) -> str | None:
    try:
        return bundles.owner()
    except BundleError:
        return None
