"""Builds the Bento of one bundle."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bentoml
import yaml
from bentoml.exceptions import BentoMLException, NotFound

from salary_kedro.bundle.store import BundleStore
from salary_kedro.locations import BUNDLES

BENTOFILE = "bentofile.yaml"
LOCK = "requirements-serving.lock"


@dataclass(frozen=True)
class BentoProject:
    """The project folder that Bentos are built from; it holds bentofile.yaml."""

    root: Path

    def build(self, bundles: BundleStore, bundle_name: str, bento_name: str) -> str:
        """Build the Bento `<bento_name>:<bundle_name>`, with that bundle alone inside.

        One that is in the Bento store already is left as it is if it holds the project's code
        and lock as they are now; else it is built anew.

        Returns:
            The Bento's tag.
        """
        tag = f"{bento_name}:{bundle_name}"
        with tempfile.TemporaryDirectory() as folder:
            self._gather(Path(folder), bundles, bundle_name)
            if _exists(tag):
                if _is_made_of(Path(folder), Path(bentoml.bentos.get(tag).path)):
                    return tag
                bentoml.bentos.delete(tag)
            try:
                bentoml.bentos.build_bentofile(
                    str(Path(folder) / BENTOFILE),
                    name=bento_name,
                    version=bundle_name,
                    build_ctx=folder,
                )
            except BentoMLException:
                if not _exists(tag):  # another run may have built it meanwhile
                    raise
        return tag

    def _gather(self, folder: Path, bundles: BundleStore, bundle_name: str) -> None:
        """Put what the Bento is made of into one folder: BentoML walks all of its context."""
        for name in (BENTOFILE, LOCK):
            shutil.copy(self.root / name, folder)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(self.root / "src", folder / "src", ignore=ignore)
        shutil.copytree(bundles.folder / bundle_name, folder / "data" / BUNDLES / bundle_name)
        BundleStore(folder / "data" / BUNDLES).point_to(bundle_name)


def _is_made_of(folder: Path, bento: Path) -> bool:
    """Whether a Bento holds the files of a project folder as they are, chosen as it says."""
    held = bento / "src"
    chosen, wanted = (
        yaml.safe_load((place / BENTOFILE).read_text(encoding="utf-8")) for place in (held, folder)
    )
    if any(chosen[key] != wanted[key] for key in ("include", "exclude")):
        return False
    files = (path for path in held.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return all(
        _are_equal(path, folder / "src" / name, folder / name)
        for path in files
        if (name := path.relative_to(held)) != Path(BENTOFILE)  # which BentoML writes anew
    )


def _are_equal(held: Path, *origins: Path) -> bool:
    return any(origin.is_file() and origin.read_bytes() == held.read_bytes() for origin in origins)


def _exists(tag: str) -> bool:
    try:
        bentoml.bentos.get(tag)
    except NotFound:
        return False
    return True
