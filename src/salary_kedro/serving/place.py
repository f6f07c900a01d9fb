"""Where the bundles that are served lie: `SALARY_BUNDLES`, the project's folder, a Bento's own.

BentoML goes to the folder that it serves before it imports the service from it: to a project's
root, or to the folder `src` of a Bento. That folder, and not the one that this code happens to
be imported from, says whose bundles are meant; and the code must be the same one's.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from salary_kedro.bundle.places import (
    BUNDLES,
    DEFAULT_ENVS,
    bento_home,
    bundles_override,
    data_folder,
)
from salary_kedro.bundle.store import NAME, BundleStore
from salary_kedro.errors import UserError

#: The folder that holds this package: `src` of a project, or of a Bento.
CODE = Path(__file__).resolve().parents[2]

#: Packages what is in production, and builds its Bento if that is not of it any more.
#: No Bento says of which environment it is; `--env` is for another than the default one.
BUILD_BENTO = "`kedro run --pipelines packaging` (with the --env that it was built in, if any)"


@dataclass(frozen=True)
class Place:
    """Where bundles are looked for.

    Attributes:
        kind: `SALARY_BUNDLES` if that variable names the folder; `project` or `bento` if it is
            the folder of the one that is served.
        folder: The folder of bundles.
        bento: Tag of the Bento that is served; None for a project.
        only: The one bundle that may be served from there; None if any may that the pointer
            names.
    """

    kind: Literal["SALARY_BUNDLES", "project", "bento"]
    folder: Path
    bento: str | None = None
    only: str | None = None


def find_place(here: Path | None = None, code: Path = CODE) -> Place:
    """Find the bundles of what is served.

    Args:
        here: The folder that BentoML serves; the working directory by default. If it is neither
            a project nor a Bento, what holds the code is served.
        code: The folder that holds the code.

    Raises:
        UserError: If the code is of another project or Bento; if a Bento holds another bundle
            than its tag names; if there is no such environment.
    """
    here = (here or Path.cwd()).resolve()
    if not (is_bento(here) or _is_project(here)):
        here = code if is_bento(code) else code.parent
    if code not in (here, here / "src"):
        raise UserError(_foreign(here, code))
    if is_bento(here):
        return _of_bento(here)
    if folder := bundles_override():
        return Place("SALARY_BUNDLES", Path(folder))
    return Place("project", here / data_folder(_known_environment(here)) / BUNDLES)


def is_bento(folder: Path) -> bool:
    """Whether a folder is the one of a Bento that BentoML serves."""
    return folder.name == "src" and (folder.parent / "bento.yaml").is_file()


def _is_project(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("pyproject.toml", "bentofile.yaml"))


def _foreign(here: Path, code: Path) -> str:
    if is_bento(here):
        how = "run `make run` once where that environment is, or serve it in one of its own"
        return (
            f"the Bento {_tag(here)} would be served by the code in {code}, not by its own: {how}"
        )
    how = f"serve it with its own environment: {here}/.venv/bin/bentoml serve"
    return f"the project {here} would be served by the code in {code}, not by its own: {how}"


def _tag(source: Path) -> str:
    """Tag of the Bento whose folder `src` this is."""
    about = yaml.safe_load((source.parent / "bento.yaml").read_text(encoding="utf-8"))
    return f"{about['name']}:{about['version']}"


def _of_bento(source: Path) -> Place:
    tag = _tag(source)
    _check_folder(source.parent, tag)
    if override := os.environ.get("SALARY_BUNDLES"):
        if not Path(override).is_absolute():  # the folder it was meant from is left by now
            raise UserError(
                f"SALARY_BUNDLES is '{override}': for a Bento it must be an absolute path"
            )
        return Place("SALARY_BUNDLES", Path(override), tag)
    folder, version = source / "data" / BUNDLES, tag.partition(":")[2]
    if not NAME.fullmatch(version):  # built by hand, for any bundle
        return Place("bento", folder, tag)
    if (held := BundleStore(folder).current()) != version:
        raise UserError(
            f"the Bento {tag} holds the bundle {held}, not its own: rebuild it with "
            f"{BUILD_BENTO}, or name another folder of bundles in SALARY_BUNDLES"
        )
    return Place("bento", folder, tag, version)


def _check_folder(folder: Path, tag: str) -> None:
    """Check that a Bento lies in the Bento store under its own name, if it lies there at all."""
    asked = f"{folder.parent.name}:{folder.name}"
    if folder.parents[1] == (bento_home() / "bentos").resolve() and asked != tag:
        raise UserError(
            f"what is in the Bento store as {asked} is the Bento {tag}: remove {folder}, and "
            f"rebuild it with {BUILD_BENTO}"
        )


def environment() -> str:
    """The environment that `KEDRO_ENV` names; nothing for the default one."""
    env = os.environ.get("KEDRO_ENV", "")
    return "" if env in DEFAULT_ENVS else env


def _known_environment(project: Path) -> str:
    env = environment()
    if env and not (project / "conf" / env).is_dir():
        raise UserError(
            f"KEDRO_ENV, which `make serve ENV=` sets, names '{env}', but there is no environment "
            f"conf/{env}: correct or unset it"
        )
    return env
