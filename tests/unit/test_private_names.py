"""What a library keeps to itself stands in that library's adapter, and nowhere else."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT

PACKAGE = "src/salary_kedro"
#: The adapters, and the libraries whose inside each may know.
ADAPTERS = {
    "benchmarks/registry.py": {"mlflow"},  # copies versions by the thousand
    "benchmarks/training.py": {"mlflow"},  # compares what two stores hold
    f"{PACKAGE}/bundle/model_file.py": {"scipy", "sklearn"},  # a list of types to be reviewed
    f"{PACKAGE}/bundle/runtime/sklearn_adapter.py": {"sklearn"},
    f"{PACKAGE}/cli/kedro_errors.py": {"kedro"},
    f"{PACKAGE}/modelling/sklearn_adapter.py": {"sklearn"},
    f"{PACKAGE}/registry/mlflow_adapter.py": {"mlflow"},
    f"{PACKAGE}/serving/bentoml_adapter.py": {"bentoml"},
    f"{PACKAGE}/serving/circus_adapter.py": {"bentoml", "circus"},
    f"{PACKAGE}/serving/prometheus_adapter.py": {"prometheus_client"},
    f"{PACKAGE}/serving/uvicorn_adapter.py": {"uvicorn"},
}
#: Modules that no documentation names, though their names begin with no underscore.
UNDOCUMENTED = (
    "bentoml.serving", "circus", "kedro_mlflow.config", "kedro_mlflow.framework.hooks.utils",
    "mlflow.store", "mlflow.utils", "prometheus_client.values", "uvicorn.protocols",
    "uvicorn.server",
)  # fmt: skip
#: What is documented in spite of its name: by Python, Kedro and Kedro-Viz.
DOCUMENTED = {
    "__future__", "_asdict", "os._exit", "kedro_datasets._typing", "AbstractDataset._describe",
    "AbstractDataset._exists", "AbstractDataset._release",
}  # fmt: skip
TABLES = "alembic_version|experiments|logged_models|model_version\\w*|registered_model\\w*|runs"
SQL = re.compile(rf"\b(?:FROM|INTO|UPDATE)\s+(?:{TABLES}|trace_tags)\b")
DOTTED = re.compile(r"[a-z]\w*(\.\w+)*\._[a-z]\w*(\.\w+)*")


def private_names(source: str) -> list[tuple[str, str]]:
    """What a module touches that is private to a library: the library, or `any`; the name."""
    tree = ast.parse(source)
    imported = dict(_imports(tree))
    found = [(name.partition(".")[0], name) for name in imported.values() if _is_private(name)]
    for node in ast.walk(tree):
        match node:
            case ast.Attribute():
                found += [("any", name) for name in _attribute(node)]
            case ast.Constant(value=str(text)):
                found += _named_in(text)
            case ast.Assign(targets=[ast.Attribute() as target]):
                found += [("any", name) for name in _replaced(target, imported)]
            case ast.ClassDef():
                found += [("any", name) for name in _overridden(node, imported)]
    return found


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What each imported name stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.asname or each.name, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


def _is_private(name: str) -> bool:
    """Whether an import is of what no documentation names."""
    if name.startswith("salary_kedro") or any(name.startswith(known) for known in DOCUMENTED):
        return False
    begins = any(f"{name}.".startswith(f"{module}.") for module in UNDOCUMENTED)
    return begins or any(part.startswith("_") for part in name.split("."))


def _attribute(node: ast.Attribute) -> Iterator[str]:
    """A private attribute of something else than the object itself or its class."""
    name = ast.unparse(node)
    is_own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
    is_private = node.attr.startswith("_") and not node.attr.endswith("__")
    is_documented = name in DOCUMENTED or node.attr in DOCUMENTED
    if node.attr == "__dict__" or (is_private and not is_own and not is_documented):
        yield name


def _named_in(text: str) -> Iterator[tuple[str, str]]:
    """A private class that a text names, or a table that a statement of SQL reads or writes."""
    if DOTTED.fullmatch(text):
        yield text.partition(".")[0], text
    if found := SQL.search(text):
        yield "mlflow", found[0]


def _replaced(target: ast.Attribute, imported: dict[str, str]) -> Iterator[str]:
    """What is put in the place of something of a library."""
    owner = imported.get(ast.unparse(target.value), "salary_kedro")
    if owner.partition(".")[0] not in {"salary_kedro", *sys.stdlib_module_names}:
        yield f"{owner}.{target.attr} ="


def _overridden(cls: ast.ClassDef, imported: dict[str, str]) -> Iterator[str]:
    """Private names of a class of a library that one which inherits from it defines or uses."""
    inside = [node for node in ast.walk(cls) if isinstance(node, ast.FunctionDef | ast.Attribute)]
    used = {node.name if isinstance(node, ast.FunctionDef) else node.attr for node in inside}
    for base in cls.bases:
        plain = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
        owner, _, name = plain.rpartition(".")
        module, _, name = (
            f"{imported[owner]}.{name}".rpartition(".")
            if owner in imported
            else (imported.get(plain, "").rpartition("."))
        )
        if module and not module.startswith("salary_kedro"):
            held = dir(getattr(importlib.import_module(module), name))
            private = {each for each in used.intersection(held) if re.match("_[^_]", each)}
            yield from (n for each in private if (n := f"{name}.{each}") not in DOCUMENTED)


MODULES = [
    str(path.relative_to(ROOT))
    for folder in (PACKAGE, "app", "benchmarks", "deploy")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("module", MODULES)
def test_module_when_it_is_no_adapter_of_a_library_then_touches_nothing_private_to_it(
    module: str,
) -> None:
    allowed = ADAPTERS.get(module, set())
    if allowed:
        allowed = allowed | {"any"}
    found = private_names((ROOT / module).read_text(encoding="utf-8"))

    outside = [name for library, name in found if library not in allowed]

    assert not outside, f"{module} touches what is private to a library: see docs/internals.md"


@pytest.mark.parametrize(
    "source",
    [
        "from bentoml._internal.context import server_context",
        "from mlflow.store.db.base_sql_model import Base",
        "import mlflow.utils.rest_utils",
        "estimator._validate_params()",
        (
            "from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook\n"
            "class Hook(MlflowHook):\n    def _log_param(self): pass"
        ),
        "import uvicorn\nuvicorn.Server = None",
        "request.__dict__",
        "TYPES = ['sklearn.tree._tree.Tree']",
        "connection.execute('SELECT * FROM model_versions')",
    ],
)
def test_private_names_when_a_module_touches_one_then_finds_it(source: str) -> None:
    assert len(private_names(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "self._cache = os._exit",
        (
            "from kedro.io.core import AbstractDataset\n"
            "class Own(AbstractDataset):\n    def _describe(self): return self._path"
        ),
        "from salary_kedro.bundle import _names",
        "import os\nos.environ['KEY'] = ''",
        "print('runs from here')",
    ],
)
def test_private_names_when_all_is_public_or_ours_then_finds_none(source: str) -> None:
    assert not private_names(source)


def test_adapters_when_listed_then_each_is_a_module() -> None:
    assert set(ADAPTERS) <= {Path(module).as_posix() for module in MODULES}
