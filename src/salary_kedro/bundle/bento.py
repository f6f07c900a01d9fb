"""Builds the Bento of one bundle."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bentoml
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

        A Bento of that tag that is in the Bento store already is left as it is.

        Returns:
            The Bento's tag.
        """
        tag = f"{bento_name}:{bundle_name}"
        if _exists(tag):
            return tag
        with tempfile.TemporaryDirectory() as folder:
            self._gather(Path(folder), bundles, bundle_name)
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


def _exists(tag: str) -> bool:
    try:
        bentoml.bentos.get(tag)
    except NotFound:
        return False
    return True
