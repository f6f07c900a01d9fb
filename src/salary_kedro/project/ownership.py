"""What the project owns: a file that a person names for output is none of it."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from salary_kedro.bundle.places import DEFAULT_ENVS, OWN_FOLDERS, bento_home, data_folder
from salary_kedro.errors import UserError
from salary_kedro.project.loader import LOADER_ARGS, SQLITE, ProjectConfigLoader
from salary_kedro.project.places import local_path
from salary_kedro.project.project import Project

#: Folder under a data folder in which people may choose names of their own.
OUTPUT = "07_model_output"
#: Folders beside it that the pipelines keep for themselves.
LAYERS = (
    "01_raw", "02_intermediate", "03_primary", "04_feature", "05_model_input", "06_models",
    "08_reporting", *OWN_FOLDERS,
)  # fmt: skip
CODE = ("app", "benchmarks", "deploy", "docs", "findings", "src", "tests")
#: Files and hidden folders in the project's own folder that are part of it.
FILES = (
    ".*", "*.lock", "*.md", "*.toml", "*.yaml", "*.yml", "Containerfile", "LICENSE", "Makefile",
)  # fmt: skip
#: Datasets whose paths a person names for each run.
NAMED = ("rows_to_score", "scored_rows", "true_salaries")

Identity = tuple[int, int, str]


@dataclass(frozen=True)
class Place:
    """A file, or a folder with all that is in it.

    Attributes:
        path: Where it is; it need not exist.
        owner: Whose it is, in a few words.
    """

    path: Path
    owner: str


def refuse_owned(path: Path, project: Project, remedy: str) -> None:
    """Refuse to write where the project keeps what is its own, however the path is spelled.

    Args:
        path: The file to be written.
        project: The environment that is at work.
        remedy: What to do instead.

    Raises:
        UserError: Names the path, and whose it is.
    """
    if place := find_owner(path, list(owned_places(project.root.resolve(), project.loader))):
        raise UserError(f"{path} belongs to {place.owner} and is never overwritten: {remedy}")


def find_owner(path: Path, places: list[Place]) -> Place | None:
    """Find the place that a path lies in, or that it is another name of."""
    target = path.resolve()
    names = {_identity(step) for step in (target, *target.parents)}
    found = (place for place in places if _identity(place.path.resolve()) in names)
    return next(found, None) or _find_linked(target, places)


def _identity(path: Path) -> Identity:
    """The same for every name of a file or folder, be it there yet or not."""
    for step in (path, *path.parents):
        try:
            found = step.stat()
        except OSError:
            continue
        return found.st_dev, found.st_ino, path.relative_to(step).as_posix().casefold()
    return 0, 0, path.as_posix().casefold()


def _find_linked(target: Path, places: Iterable[Place]) -> Place | None:
    """Find the place that holds another hard link of a file."""
    if not target.is_file() or target.stat().st_nlink == 1:
        return None
    inode = target.stat().st_ino
    for place in places:
        for folder, _, names in os.walk(place.path):
            files = (Path(folder, name) for name in names)
            if any(file.lstat().st_ino == inode and file.samefile(target) for file in files):
                return place
    return None


def owned_places(root: Path, loader: ProjectConfigLoader) -> Iterator[Place]:
    """All that the project owns, in every environment; what tells most comes first.

    Raises:
        UserError: If nobody can tell what another environment owns.
    """
    conf, own = Path(loader.conf_source), data_folder(loader.env)
    yield from _configured(root, loader, "")
    for env in _environments(conf):
        if data_folder(env) != own:
            yield from _of_another(root, conf, env)
    yield from (Place(root / own / layer, "the pipelines") for layer in LAYERS)
    yield from (Place(folder, "the configuration") for folder in {root / "conf", conf})
    yield from (Place(root / folder, "the project's own files") for folder in CODE)
    yield from (
        Place(path, "the project's own files") for kind in FILES for path in root.glob(kind)
    )
    yield Place(Path(sys.prefix), "the Python environment")
    yield from (Place(bento_home() / name, "the Bento store") for name in ("bentos", "models"))


def _environments(conf: Path) -> list[str]:
    """Names of all environments; the default one is `local`."""
    names = sorted(path.name for path in conf.glob("*") if path.is_dir())
    return ["local", *(name for name in names if name not in DEFAULT_ENVS and _is_usable(name))]


def _is_usable(env: str) -> bool:
    try:
        return bool(data_folder(env))
    except UserError:
        return False


def _of_another(root: Path, conf: Path, env: str) -> Iterator[Place]:
    whose = f" of the environment '{env}'"
    loader = ProjectConfigLoader(str(conf), env, **LOADER_ARGS).without_contract()
    try:
        yield from _configured(root, loader, whose)
    except (UserError, MissingConfigException, OmegaConfBaseException, YAMLError, OSError) as error:
        text = " ".join(str(error).split())
        raise UserError(
            f"what the environment '{env}' owns is not known, because conf/{env} cannot be read "
            f"({text}): correct or remove it"
        ) from error
    folder = root / data_folder(env)
    inner = [*LAYERS, OUTPUT] if env in DEFAULT_ENVS else [""]  # other data lie in the default's
    yield from (Place(folder / name, f"the data{whose}") for name in inner)


def _configured(root: Path, loader: ProjectConfigLoader, whose: str) -> Iterator[Place]:
    for name, entry in loader["catalog"].items():
        if isinstance(entry, Mapping) and (whose or name not in NAMED):
            yield from _catalogued(root, name, entry, whose)
    tracking = loader.tracking()
    if tracking.uri.startswith(SQLITE):
        database = tracking.uri.removeprefix(SQLITE)
        for suffix in ("", "-wal", "-shm", "-journal", ".lock"):
            yield Place(Path(f"{database}{suffix}"), f"the MLflow store{whose}")
    if folder := tracking.artifacts and local_path(tracking.artifacts):
        yield Place(root / folder, f"the MLflow store{whose}")


def _catalogued(root: Path, name: str, entry: Mapping[str, Any], whose: str) -> Iterator[Place]:
    inner = entry.get("dataset")
    for level in (entry, inner if isinstance(inner, Mapping) else {}):
        for key in ("filepath", "path"):
            path = level.get(key) and local_path(str(level[key]))
            if path is None or not path:
                continue
            fixed = path.as_posix().partition("{")[0]  # a pattern owns the folder it fills
            place = path if fixed == path.as_posix() else Path(f"{fixed}x").parent
            if (root / place).resolve() not in (root, *root.parents):
                yield Place(root / place, f"'{name}' of the catalog{whose}")
