"""Bundles whose predictions tell their version, good ones and bad ones."""

import json
from pathlib import Path

import pandas as pd
import skops.io

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bundle import pack, sha256
from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline

MODEL = "salaries"


def make_files(contract: Contract, version: int) -> dict[str, bytes]:
    """Files of a bundle whose model predicts 1000 * version + 10 * years."""
    years = pd.DataFrame({"experience_years": [0.0, 1.0, 2.0]})
    salary = 1000 * version + 10 * years["experience_years"]
    model = build_pipeline(contract, "linear_regression", {}, 234).fit(years, salary)
    return {
        "model.skops": skops.io.dumps(model),
        "contract.json": contract.model_dump_json().encode(),
        "metrics.json": json.dumps({"rmse": float(version)}).encode(),
        "lineage.json": b"{}",
    }


def add_bundle(folder: Path, contract: Contract, version: int) -> str:
    """Write a good bundle; gives its name."""
    model = BundleStore(folder).owner() or MODEL
    name, files = pack(model, version, make_files(contract, version))
    BundleStore(folder).write(name, files)
    return name


def add_exact(folder: Path, contract: Contract, version: int) -> str:
    """Write a good bundle that has no arrays; gives its name."""
    runtime = json.dumps({"reason": "it is one of a kind"}).encode()
    files = make_files(contract, version) | {"runtime.json": runtime}
    name, packed = pack(BundleStore(folder).owner() or MODEL, version, files)
    BundleStore(folder).write(name, packed)
    return name


def add_liar(folder: Path, contract: Contract, version: int) -> str:
    """Write a bundle that is whole, but whose model does not predict what it recorded."""
    _, files = pack(MODEL, version, make_files(contract, version))
    examples = json.loads(files["examples.json"])
    examples["predictions"][0] *= 1.001
    files["examples.json"] = json.dumps(examples).encode()
    manifest = json.loads(files["manifest.json"])
    manifest["sha256"]["examples.json"] = sha256(files["examples.json"])
    files["manifest.json"] = json.dumps(manifest).encode()
    name = f"{version}-{sha256(files['manifest.json'])[:8]}"
    BundleStore(folder).write(name, files)
    return name


def damage(folder: Path, name: str) -> None:
    """Change one byte of a bundle's model."""
    model = folder / name / "model.skops"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
