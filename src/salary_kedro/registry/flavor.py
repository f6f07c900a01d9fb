"""How a model is saved for MLflow: as scikit-learn's, and as a function that keeps a contract.

MLflow takes this module for a flavor: it calls `save_model`.
"""

import ast
import functools
import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.model_file import TRUSTED_TYPES
from salary_kedro.contract import Contract
from salary_kedro.contract.examples import example_rows
from salary_kedro.registry.mlflow_adapter import requirements_as_given

REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "scikit-learn", "skops")
ROOT = Path(__file__).parents[1]
PACKAGE, LOADER = __name__.partition(".")[0], f"{__package__}.pyfunc"
IMPORT = re.compile(rf"^( *from )({PACKAGE}[\w.]*)(?= import )", re.MULTILINE)


def save_model(
    path: str,
    mlflow_model: Model,
    *,
    model: Pipeline,
    contract: Contract,
    files: Sequence[Path],
    validate_serving_input: bool = True,
) -> None:
    """Save a model into a folder, as MLflow asks a flavor to.

    Loaded by `mlflow.pyfunc` it checks rows by its contract, predicts and warns; loaded by
    `mlflow.sklearn` it is the bare Pipeline. Neither reads a pickle.

    Args:
        path: The folder, which does not exist yet.
        mlflow_model: MLflow's description of it, which is completed.
        model: The fitted Pipeline.
        contract: The contract it was trained by.
        files: What else lies beside it, `contract.json` and `domain.json` among them.
        validate_serving_input: Of no effect here; MLflow itself reads it.
    """
    with tempfile.TemporaryDirectory() as folder, requirements_as_given():
        package = ship(Path(folder))
        mlflow.sklearn.save_model(
            model,
            path,
            mlflow_model=mlflow_model,
            code_paths=[str(package)],
            signature=model_signature(contract),
            input_example=input_example(contract),
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            serialization_format="skops",
            skops_trusted_types=TRUSTED_TYPES,
            extra_files=[str(file) for file in files],
        )
    loader = LOADER.replace(PACKAGE, package.name, 1)
    mlflow_model.flavors[mlflow.pyfunc.FLAVOR_NAME][mlflow.pyfunc.MAIN] = loader
    mlflow_model.save(str(Path(path) / "MLmodel"))


def ship(folder: Path) -> Path:
    """Write the loader, and what it imports of this package, as a package of its own.

    Its name tells its content: models of several releases load in one process, and beside an
    installed one.

    Returns:
        The package's folder, `salary_model_<first 8 of its sha256>`.
    """
    sources = _sources()
    digest = hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()
    package = folder / f"salary_model_{digest[:8]}"
    for name, text in sources.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        renamed = IMPORT.sub(lambda found: found[0].replace(PACKAGE, package.name, 1), text)
        file.write_text(renamed, encoding="utf-8")
    return package


@functools.cache
def _sources() -> dict[str, str]:
    """Text of the loader and of all it imports of this package, by path within the package."""
    found: dict[str, str] = {}
    waiting = [LOADER, str(__package__)]
    while waiting:
        file = _file(waiting.pop())
        name = file.relative_to(ROOT).as_posix()
        if name not in found:
            found[name] = file.read_text(encoding="utf-8")
            waiting += _imported(found[name])
    return found


def _file(module: str) -> Path:
    place = ROOT.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _imported(text: str) -> Iterator[str]:
    """The modules of this package that a source imports, and the packages that hold them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and IMPORT.match(f"from {node.module} import "):
            named = [f"{node.module}.{name.name}" for name in node.names]
            modules = [str(node.module), *(name for name in named if _file(name).is_file())]
            yield from modules
            yield from (module.rpartition(".")[0] or PACKAGE for module in modules)


def input_example(contract: Contract) -> pd.DataFrame:
    """Five rows made from the contract alone, as requests hold them."""
    return pd.DataFrame(example_rows(contract), columns=contract.feature_names)


def model_signature(contract: Contract) -> ModelSignature:
    """Derive the MLflow signature: named columns in; the target, its interval and warnings out.

    The inputs are of any type for MLflow, which would refuse whole numbers for numbers and
    let through what is out of range: the model itself checks them, by its contract.
    """
    any_type = AnyType()  # type: ignore[no-untyped-call] # MLflow's own
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(any_type, feature.name, required=feature.required) for feature in contract.inputs
    ]
    answers: list[ColSpec | TensorSpec] = [
        ColSpec("double", contract.target.name),
        *(ColSpec("double", name, required=False) for name in ("low", "high", "confidence")),
        ColSpec(Array("string"), "warnings"),
    ]
    return ModelSignature(Schema(inputs), Schema(answers))
