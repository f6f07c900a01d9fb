"""One bundle: written once, checked whenever it is read."""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from salary_kedro.bundle.model_file import read_model
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain
from salary_kedro.contract.encoding import Row, encode_rows
from salary_kedro.contract.examples import example_rows
from salary_kedro.errors import UserError

if TYPE_CHECKING:  # where no model is read, none of scikit-learn is: see model_file
    from sklearn.pipeline import Pipeline

MANIFEST = "manifest.json"
#: A bundle packed before releases recorded it does without.
DOMAIN = "domain.json"
FORMAT = 1
#: Recorded and replayed predictions may differ by rounding alone.
RELATIVE_TOLERANCE = 1e-9

# The Pipeline is fitted on named columns and addresses them by position, as rows come here.
warnings.filterwarnings("ignore", message="X does not have valid feature names", module="sklearn")


class BundleError(UserError):
    """A bundle that is missing, incomplete, altered or does not predict what it recorded."""


@dataclass(frozen=True)
class Bundle:
    """A loaded, checked bundle.

    Attributes:
        name: Folder name, `<version>-<first 8 of its sha256>`.
        model_name: Name of the registered model.
        version: Its version number.
        model: The fitted Pipeline; takes an array of shape (rows, features).
        contract: The contract the model was trained by.
        domain: What its training rows covered.
        metrics: Its metrics at training, by name; None for one that is not a number.
        lineage: What it was made from.
    """

    name: str
    model_name: str
    version: int
    model: "Pipeline"
    contract: Contract
    domain: Domain
    metrics: Mapping[str, float | None]
    lineage: Mapping[str, Any]

    def predict(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Predict the target of rows, each with the features in the contract's order.

        A missing optional value is None. Returns shape (rows,), in the target's unit.
        """
        return predict_rows(self.model, rows, self.contract)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a bundle and check all of it: checksums, contract, model, recorded examples.

        Raises:
            BundleError: Says what is wrong with it.
        """
        try:
            return cls._load(folder)
        except Exception as error:  # what is damaged can fail anywhere
            raise BundleError(f"bundle {folder.name}: {_say(error)}") from error

    @classmethod
    def _load(cls, folder: Path) -> Self:
        files = _read_checked(folder)
        manifest = json.loads(files[MANIFEST])
        if folder.name.partition("-")[0] != str(manifest["version"]):
            raise BundleError(f"its folder's name does not begin with {manifest['version']}")
        model = read_model(files["model.skops"])
        contract = Contract.parse(files["contract.json"])
        _replay(model, contract, json.loads(files["examples.json"]))
        return cls(
            name=folder.name,
            model_name=manifest["model_name"],
            version=manifest["version"],
            model=model,
            contract=contract,
            domain=Domain.model_validate_json(files.get(DOMAIN, b"{}")),
            metrics=json.loads(files["metrics.json"]),
            lineage=json.loads(files["lineage.json"]),
        )


def predict_rows(model: "Pipeline", rows: Sequence[Row], contract: Contract) -> NDArray[np.float64]:
    """Predict rows that are given by position."""
    return np.asarray(model.predict(encode_rows(rows, contract)), dtype=np.float64)


def pack(model_name: str, version: int, files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Complete a bundle's files with recorded examples and a manifest.

    Args:
        model_name: Name of the registered model.
        version: Its version number.
        files: `model.skops`, `contract.json`, `domain.json`, `metrics.json` and
            `lineage.json`.

    Returns:
        The bundle's name, `<version>-<first 8 of the manifest's sha256>`, and all its files.
    """
    contract = Contract.parse(files["contract.json"])
    model = read_model(files["model.skops"])
    complete = {**files, "examples.json": _dump(_record_examples(model, contract))}
    checksums = {name: sha256(content) for name, content in sorted(complete.items())}
    manifest = _dump(
        {"format": FORMAT, "model_name": model_name, "version": version, "sha256": checksums}
    )
    return f"{version}-{sha256(manifest)[:8]}", {**complete, MANIFEST: manifest}


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def _read_checked(folder: Path) -> dict[str, bytes]:
    """Read a bundle's files; the folder's name vouches for the manifest, that for the others."""
    manifest = (folder / MANIFEST).read_bytes()
    if sha256(manifest)[:8] != folder.name.rpartition("-")[2]:
        raise BundleError(f"{MANIFEST} was altered: its checksum is not the one in the name")
    content = json.loads(manifest)
    if content["format"] != FORMAT:
        raise BundleError(f"format {content['format']!r} is not known; this version reads {FORMAT}")
    files = {MANIFEST: manifest}
    for name, expected in content["sha256"].items():
        files[name] = (folder / name).read_bytes()
        if sha256(files[name]) != expected:
            raise BundleError(f"{name} was altered: its checksum is not the one in {MANIFEST}")
    return files


def _record_examples(model: "Pipeline", contract: Contract) -> dict[str, Any]:
    """Predictions for rows made from the contract alone, never from anybody's data."""
    rows = example_rows(contract)
    return {"rows": rows, "predictions": predict_rows(model, rows, contract).tolist()}


def _replay(model: "Pipeline", contract: Contract, examples: Mapping[str, Any]) -> None:
    """Check that the model still predicts what was recorded."""
    predicted = predict_rows(model, examples["rows"], contract)
    if not np.allclose(predicted, examples["predictions"], rtol=RELATIVE_TOLERANCE, atol=0):
        raise BundleError("the model does not predict its recorded examples")


def _dump(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()


def _say(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{Path(str(error.filename)).name} is missing"
    return f"{error}" if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
