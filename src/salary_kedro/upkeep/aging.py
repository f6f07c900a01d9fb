"""Which models an upgrade of scikit-learn has left behind, or would."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from salary_kedro.bundle.limits import MODEL
from salary_kedro.bundle.model_file import SavedBy, read_model, saved_by
from salary_kedro.errors import UserError
from salary_kedro.promotion.logged import find_arrays
from salary_kedro.upkeep.findings import Finding, advice


@dataclass(frozen=True)
class Aged:
    """A model, as an upgrade of scikit-learn finds it.

    Attributes:
        number: Its version.
        saved: What has saved it.
        loads: Whether its exact form loads here.
        has_arrays: Whether it has arrays, which load under any.
    """

    number: int
    saved: SavedBy
    loads: bool
    has_arrays: bool


def is_outlived(folder: Path) -> bool:
    """Whether a model's exact form is another scikit-learn's, and its arrays predict in its place.

    Args:
        folder: That of the logged model.
    """
    saved = saved_by(folder / MODEL)
    return saved is not None and _is_other(saved) and find_arrays(folder) is not None


def check_aging(folders: Mapping[int, Path]) -> Iterator[Finding]:
    """No model is lost to an upgrade of scikit-learn, nor would be to the next.

    Args:
        folders: Those of the logged models, by version.
    """
    aged = [*_look(folders)]
    here = version("scikit-learn")
    if lost := [model for model in aged if not model.loads and not model.has_arrays]:
        yield advice(
            f"scikit-learn {here} cannot load the model of {_list(lost)}, and there are no arrays",
            "these versions cannot be compared, served or rolled back to here",
            "install the scikit-learn that saved them, or train again: `kedro run`",
        )
    if outlived := [model for model in aged if not model.loads and model.has_arrays]:
        yield advice(
            f"scikit-learn {here} cannot load the model of {_list(outlived)}; arrays predict",
            "these versions are served and compared by arrays alone, and cannot be exported to be "
            "imported here",
            "nothing need be done; `kedro run` trains one of this scikit-learn",
        )
    if endangered := [model for model in aged if model.loads and not model.has_arrays]:
        yield advice(
            f"another minor version of scikit-learn may not load the model of {_list(endangered)}, "
            f"and there are no arrays",
            "gradient boosting that one has saved no other loads; an upgrade would leave these "
            "versions behind",
            "before an upgrade, `kedro models export N FILE` and `kedro models import FILE` make "
            "a version with arrays of each that is to be kept",
        )


def _look(folders: Mapping[int, Path]) -> Iterator[Aged]:
    """The models that an upgrade has left behind or endangers; damaged ones are none of them."""
    for number, folder in sorted(folders.items()):
        saved = saved_by(folder / MODEL)
        if saved is None or not (_is_other(saved) or saved.is_boosting):
            continue
        loads = not _is_other(saved) or _loads(folder)
        yield Aged(number, saved, loads, find_arrays(folder) is not None)


def _is_other(saved: SavedBy) -> bool:
    """Whether another minor version than the installed one has saved a model."""
    return saved.version.split(".")[:2] != version("scikit-learn").split(".")[:2]


def _loads(folder: Path) -> bool:
    with warnings.catch_warnings():  # that another version has saved it is known
        warnings.simplefilter("ignore")
        try:
            read_model(folder / MODEL)
        except UserError:
            return False
    return True


def _list(models: Iterable[Aged]) -> str:
    told = [f"version {model.number} (saved by {model.saved.version})" for model in models]
    return ", ".join(told)
