"""Builds the Bento of one bundle."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import bentoml
import yaml
from bentoml.exceptions import NotFound

from salary_kedro.bundle.bundle import FolderFiles, parse_metrics
from salary_kedro.bundle.limits import (
    HISTORY,
    HISTORY_SIGNATURE,
    LINEAGE,
    MANIFEST,
    METRICS,
    RUNTIME,
)
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.locking import held
from salary_kedro.bundle.places import BUNDLES, bento_home
from salary_kedro.bundle.store import BundleStore

BENTOFILE = "bentofile.yaml"
#: What a Bento holds, of the packages to install.
LOCK = "requirements-serving.lock"
#: What it is a copy of where scikit-learn predicts.
EXACT_LOCK = "requirements-exact.lock"
RUN_ID = "run_id"
HISTORY_FILES = (HISTORY, HISTORY_SIGNATURE)
#: In BentoML's folder; held while its Bento store is changed.
LOCK_FILE = ".salary_kedro.lock"
#: Characters of a label's value: as tags, labels are meant to be short and plain.
MAX_LABEL = 100


@dataclass(frozen=True)
class BentoProject:
    """The project folder that Bentos are built from; it holds bentofile.yaml.

    Attributes:
        root: The folder.
        exact: Whether a Bento always gets scikit-learn, so that it can serve any bundle; else
            only if its own needs that.
    """

    root: Path
    exact: bool = False

    def build(
        self, bundles: BundleStore, bundle_name: str, bento_name: str, run_id: str | None = None
    ) -> str:
        """Build the Bento `<bento_name>:<bundle_name>`, with that bundle alone inside.

        One that is in the Bento store already is left as it is if it holds the project's code
        and lock as they are now, and is labelled alike; else it is rebuilt.

        Args:
            bundles: Holds the bundle.
            bundle_name: Its name.
            bento_name: The Bento's name.
            run_id: The MLflow run that trained the model, for the labels; by default what the
                labels of the Bento say that is rebuilt.

        Returns:
            The Bento's tag.
        """
        tag = f"{bento_name}:{bundle_name}"
        with tempfile.TemporaryDirectory() as folder, _bento_store():
            self._gather(Path(folder), bundles, bundle_name)
            old = _find(tag)
            held = dict(old.info.labels) if old else {}
            labels = labels_of(bundles.folder / bundle_name, run_id or held.get(RUN_ID))
            if old:
                if held == labels and _is_made_of(Path(folder), Path(old.path), bundle_name):
                    return tag
                _delete(tag)
            bentoml.bentos.build_bentofile(
                str(Path(folder) / BENTOFILE),
                name=bento_name,
                version=bundle_name,
                labels=labels,
                build_ctx=folder,
            )
        return tag

    def remove(self, bundle_name: str, bento_name: str) -> None:
        """Remove the Bento of a bundle, if there is one."""
        with _bento_store():
            _delete(f"{bento_name}:{bundle_name}")

    def _gather(self, folder: Path, bundles: BundleStore, bundle_name: str) -> None:
        """Put what the Bento is made of into one folder: BentoML walks all of its context."""
        shutil.copy(self.root / BENTOFILE, folder)
        needed = self.exact or needs_scikit_learn(bundles.folder / bundle_name)
        shutil.copy(self.root / (EXACT_LOCK if needed else LOCK), folder / LOCK)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(self.root / "src", folder / "src", ignore=ignore)
        shutil.copytree(bundles.folder / bundle_name, folder / "data" / BUNDLES / bundle_name)
        BundleStore(folder / "data" / BUNDLES).point_to(bundle_name)
        with bundles.lock():  # for they belong together
            for name in HISTORY_FILES:
                with suppress(FileNotFoundError):
                    shutil.copy(bundles.folder / name, folder / "data" / BUNDLES)


@contextmanager
def _bento_store() -> Iterator[None]:
    """Let one process at a time change the Bento store, which projects share."""
    with held(bento_home() / LOCK_FILE):
        yield


def _delete(tag: str) -> None:
    with suppress(NotFound):  # it was built elsewhere, or removed already
        bentoml.bentos.delete(tag)


def labels_of(bundle: Path, run_id: str | None) -> dict[str, str]:
    """What a bundle says about its model, as labels: names and short, plain texts.

    Args:
        bundle: The bundle's folder.
        run_id: The MLflow run that trained the model, if it is known.
    """
    files = FolderFiles(bundle)
    manifest, lineage = json.loads(files[MANIFEST]), Lineage.parse(files[LINEAGE])
    values: Mapping[str, object] = {
        "model_name": manifest["model_name"],
        "model_version": manifest["version"],
        "rmse": parse_metrics(files[METRICS]).get("rmse"),
        **{name: value for name, value in lineage.texts().items() if name != "parameters"},  # long
        RUN_ID: run_id,
    }
    return {name: _label(str(value)) for name, value in values.items() if value is not None}


def needs_scikit_learn(bundle: Path) -> bool:
    """Whether a bundle's model has no arrays that were found to predict as scikit-learn does."""
    try:
        return json.loads(FolderFiles(bundle)[RUNTIME]).get("agreement") is None
    except FileNotFoundError:
        return True  # releases before this one made none


def _label(text: str) -> str:
    """Letters, digits, `-`, `_` and `.` alone, with a letter or a digit at both ends."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:MAX_LABEL].strip("._-")


def _is_made_of(folder: Path, bento: Path, bundle: str) -> bool:
    """Whether a Bento holds the files of a project folder as they are, chosen as it says."""
    held = bento / "src"
    chosen, wanted = (
        yaml.safe_load((place / BENTOFILE).read_text(encoding="utf-8")) for place in (held, folder)
    )
    if any((chosen.get(key) or []) != (wanted.get(key) or []) for key in ("include", "exclude")):
        return False
    inside = Path("data") / BUNDLES / bundle
    if _names(held / inside) != _names(folder / inside):  # signed since, say
        return False
    files = (path for path in held.rglob("*") if path.is_file() and path.suffix != ".pyc")
    # BentoML rewrites the one; the others tell what was decided until the Bento was built.
    besides = {Path(BENTOFILE), *(Path("data") / BUNDLES / name for name in HISTORY_FILES)}
    return all(
        _are_equal(path, folder / "src" / name, folder / name)
        for path in files
        if (name := path.relative_to(held)) not in besides
    )


def _are_equal(held: Path, *origins: Path) -> bool:
    return any(origin.is_file() and origin.read_bytes() == held.read_bytes() for origin in origins)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _find(tag: str) -> bentoml.Bento | None:
    try:
        return bentoml.bentos.get(tag)
    except NotFound:
        return None
