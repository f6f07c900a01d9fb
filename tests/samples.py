"""Small contracts, models and bundles that tests make for themselves."""

import hashlib
import json
from typing import Any

import pandas as pd
import skops.io
import yaml
from hypothesis import strategies as st
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from support import ROOT

TARGET = {
    "column": "Salary",
    "name": "salary",
    "kind": "number",
    "unit": "a year",
    "exclusive_minimum": 0,
    "example": 50000,
    "label": "Salary",
}

#: Hyperparameters with which the slow estimators are quick to fit.
QUICK: dict[str, dict[str, int]] = {
    "random_forest": {"n_estimators": 3},
    "hist_gradient_boosting": {"max_iter": 3},
}


def column(name: str, /, **changes: Any) -> dict[str, Any]:
    """A column of a contract: any number, unless told otherwise."""
    plain = {"column": name.title(), "name": name, "kind": "number", "unit": "units"}
    return {**plain, "example": 5, "label": name.title(), **changes}


def contract_of(*features: dict[str, Any], **changes: Any) -> Contract:
    """A contract with the given features, and a salary above 0 to predict."""
    return Contract.model_validate({"features": features, "target": TARGET, **changes})


def default_contract() -> Contract:
    """The default environment's contract, as the project ships it."""
    content = yaml.safe_load((ROOT / "conf" / "base" / "contract.yml").read_text())
    return Contract.model_validate(content["contract"])


def raw_salaries() -> pd.DataFrame:
    """The project's own raw table, with a fingerprint."""
    table = pd.read_csv(ROOT / "data" / "01_raw" / "salary_data.csv")
    table.attrs["sha256"] = "abc"
    return table


def constant(value: float) -> Pipeline:
    """A fitted model that predicts one value, exactly."""
    model = Pipeline([("model", DummyRegressor(strategy="constant", constant=value))])
    return model.fit([[0.0]], [value])


def straight_line(contract: Contract, slope: float = 1000.0, intercept: float = 0.0) -> Pipeline:
    """A fitted linear regression over the contract's one feature."""
    name = contract.feature_names[0]
    rows = pd.DataFrame({name: [0.0, 60.0], contract.target.name: [0.0, 60 * slope]})
    rows[contract.target.name] += intercept
    model = build_pipeline(contract, "linear_regression", {}, 234)
    return model.fit(*features_and_target(rows, contract))


def bundle_files(contract: Contract, model: Pipeline | None = None) -> dict[str, bytes]:
    """The four files that a bundle is packed from."""
    return {
        "model.skops": skops.io.dumps(model or straight_line(contract)),
        "contract.json": contract.model_dump_json().encode(),
        "metrics.json": b'{"rmse": 10.5}',
        "lineage.json": b'{"git_commit": "abc"}',
    }


def seal(files: dict[str, bytes], version: int = 1) -> tuple[str, dict[str, bytes]]:
    """Give files a manifest that vouches for them, whatever they hold."""
    manifest = {
        "format": 1,
        "model_name": "salaries",
        "version": version,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    return seal_manifest(files, json.dumps(manifest).encode(), version)


def seal_manifest(
    files: dict[str, bytes], manifest: bytes, version: int = 1
) -> tuple[str, dict[str, bytes]]:
    """Name files after their manifest, whatever that holds."""
    name = f"{version}-{hashlib.sha256(manifest).hexdigest()[:8]}"
    return name, {**files, "manifest.json": manifest}


_texts = st.text(min_size=1, max_size=10)


@st.composite
def _columns(draw: st.DrawFn, position: int, *, feature: bool) -> dict[str, Any]:
    """A valid column: an example first, then bounds around it."""
    kind = draw(st.sampled_from(["number", "integer"]))
    whole = st.integers(-1000, 1000).map(float)
    example = draw(whole if kind == "integer" else st.floats(-1e6, 1e6))
    gaps = st.none() | (st.integers(1, 1000) if kind == "integer" else st.floats(0.5, 1e6))
    below, above, far_below, far_above = (draw(gaps) for _ in range(4))
    found = {
        "column": f"{draw(_texts)}{position}",
        "name": f"column_{position}",
        "kind": kind,
        "unit": draw(_texts),
        "label": draw(_texts),
        "help": draw(st.text(max_size=10)),
        "example": example,
        "minimum": None if below is None else example - below,
        "maximum": None if above is None else example + above,
        "exclusive_minimum": None if far_below is None else example - far_below,
        "exclusive_maximum": None if far_above is None else example + far_above,
    }
    return {**found, "required": draw(st.booleans())} if feature else found


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """Any valid contract of one to three features."""
    count = draw(st.integers(1, 3))
    return Contract.model_validate(
        {
            "features": [draw(_columns(position, feature=True)) for position in range(count)],
            "target": draw(_columns(count, feature=False)),
            "table": {"max_rejected_share": draw(st.floats(0, 1))},
        }
    )
