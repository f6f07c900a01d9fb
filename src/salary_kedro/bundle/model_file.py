"""Reads fitted Pipelines from skops files, by a reviewed list of types; never a pickle.

scikit-learn and skops are imported when a model is read: the service reads none where the arrays of
its bundle predict, and so needs a third of the memory.
"""

import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salary_kedro.bundle import limits
from salary_kedro.bundle.files import (
    FileError,
    check_size,
    check_values,
    open_regular,
    open_zip,
    read_regular,
)
from salary_kedro.errors import UserError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

#: What skops does not trust by itself and our estimators need. Each is a plain holder of
#: arrays or settings inside scikit-learn, or a function; none runs code when it is restored.
TRUSTED_TYPES = [
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",  # which each BSpline holds
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.tree._tree.Tree",
]

NOT_INSTALLED = (
    "its model file needs scikit-learn and skops, which are not installed here: build the image "
    "with `make image EXACT=1`, or install what requirements-exact.lock names"
)
#: The member that describes the others, and the kind of node whose member is a zip of its own,
#: which unpacks to anything; a fitted Pipeline of ours has none.
SCHEMA = "schema.json"
#: In the description of a file: the version of scikit-learn that an estimator was saved by.
SKLEARN_VERSION = re.compile(r'"_sklearn_version": \{[^{}]*"content": "\\"([0-9][\w.]*)\\""')
NESTED = {"SparseMatrixNode"}


def read_model(source: Path | bytes) -> "Pipeline":
    """Restore a fitted Pipeline.

    How much it unpacks to is checked before any of it is unpacked.

    Raises:
        UserError: If the file is damaged, too large or holds a type that is not on the list, or
            if what reads it is not installed.
    """
    try:
        import skops.io
        from sklearn.pipeline import Pipeline
    except ModuleNotFoundError as error:
        raise UserError(NOT_INSTALLED) from error

    most = limits.max_model_bytes()
    try:
        content = source if isinstance(source, bytes) else read_regular(source, most)
        _check_content(content, most)
        model = skops.io.loads(content, trusted=TRUSTED_TYPES)
    except Exception as error:  # a damaged file fails anywhere in zip, JSON or NumPy
        raise UserError(f"the model file cannot be loaded: {error}") from error
    if not isinstance(model, Pipeline):
        raise UserError(f"the model file holds a {type(model).__name__}, not a Pipeline")
    return model


@dataclass(frozen=True)
class SavedBy:
    """What has saved a model file.

    Attributes:
        version: That of scikit-learn.
        is_boosting: Whether it holds gradient boosting, which no other minor version loads.
    """

    version: str
    is_boosting: bool


def saved_by(file: Path) -> SavedBy | None:
    """Tell what has saved a model file, without loading it; None if that cannot be told."""
    most = limits.max_model_bytes()
    try:
        with open_regular(file, most) as stream, open_zip(file.name, stream, most) as members:
            check_size(SCHEMA, members.getinfo(SCHEMA).file_size, limits.MAX_SCHEMA_BYTES)
            schema = members.read(SCHEMA).decode()
    except (OSError, UserError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    found = SKLEARN_VERSION.search(schema)
    return found and SavedBy(found[1], "GradientBoosting" in schema)


def _check_content(content: bytes, most: int) -> None:
    """Check what skops is about to unpack: it reads a member as often as the description says."""
    with open_zip(limits.MODEL, io.BytesIO(content), most) as members:
        sizes = {member.filename: member.file_size for member in members.infolist()}
        check_size(SCHEMA, sizes[SCHEMA], limits.MAX_SCHEMA_BYTES)
        schema = members.read(SCHEMA)
    check_values(SCHEMA, schema, limits.MAX_SCHEMA_VALUES)
    total = 0

    def add(node: dict[str, Any]) -> None:
        nonlocal total
        if node.get("__loader__") in NESTED:
            raise FileError(f"{limits.MODEL} holds a {node['__loader__']}, a zip in the zip")
        total += sizes.get(str(node.get("file")), 0)

    json.loads(schema, object_hook=add)
    if total > most:
        raise FileError(f"{limits.MODEL} unpacks to {total:,} bytes, more than {most:,}")


def write_model(model: "Pipeline", path: Path) -> None:
    """Write a fitted Pipeline as a skops file."""
    import skops.io

    skops.io.dump(model, path)
