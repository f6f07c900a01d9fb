"""Reads fitted Pipelines from skops files, by a reviewed list of types; never a pickle.

scikit-learn and skops are imported when a model is read: the process that only supervises the
service's workers imports this too, reads none, and so needs a third of the memory.
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from salary_kedro.errors import UserError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

#: What skops does not trust by itself and our estimators need. Each is a plain holder of
#: arrays or settings inside scikit-learn; none runs code when it is restored.
TRUSTED_TYPES = [
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.tree._tree.Tree",
]


def import_reader() -> None:
    """Import what reads models ahead of time, so that the first one need not wait for it."""
    importlib.import_module("skops.io")


def read_model(source: Path | bytes) -> "Pipeline":
    """Restore a fitted Pipeline.

    Raises:
        UserError: If the file is damaged or holds a type that is not on the list.
    """
    import skops.io
    from sklearn.pipeline import Pipeline

    load = skops.io.loads if isinstance(source, bytes) else skops.io.load
    try:
        model = load(source, trusted=TRUSTED_TYPES)
    except Exception as error:  # a damaged file fails anywhere in zip, JSON or NumPy
        raise UserError(f"the model file cannot be loaded: {error}") from error
    if not isinstance(model, Pipeline):
        raise UserError(f"the model file holds a {type(model).__name__}, not a Pipeline")
    return model
