"""Small contracts, models and bundles that tests make for themselves."""

import hashlib
import io
import json
from datetime import date, timedelta
from typing import Any, assert_never

import pandas as pd
import skops.io
import yaml
from hypothesis import strategies as st
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Boolean, Category, Column, Contract, Date, Integer, Number
from salary_kedro.contract.columns import KINDS
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.names import ModelName
from salary_kedro.modelling.search import Trial
from salary_kedro.tables.csv_arguments import csv_arguments
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


def default_contract(environment: str = "base") -> Contract:
    """An environment's contract, the default's unless told otherwise, as the project ships it."""
    content = yaml.safe_load((ROOT / "conf" / environment / "contract.yml").read_text())
    return Contract.model_validate(content["contract"])


def read_raw(text: str, contract: Contract) -> pd.DataFrame:
    """Read a raw file's content, as the catalog does."""
    content = io.BytesIO(text.encode(contract.table.csv.encoding))
    return pd.read_csv(content, **csv_arguments(contract))


def raw_salaries() -> pd.DataFrame:
    """The project's own raw table."""
    return pd.read_csv(ROOT / "data" / "01_raw" / "salary_data.csv")


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


def trial(number: int, rmse: float | None, model: ModelName = "ridge", **settings: Any) -> Trial:
    """A trial of a tournament, tuned if it has settings; it failed if it has no RMSE."""
    return Trial(
        number=number,
        model=model,
        settings=settings,
        tuned=bool(settings),
        cv_rmse_mean=rmse,
        cv_rmse_sd=None if rmse is None else 2,
        seconds=3,
        problem="ValueError: no" if rmse is None else "",
    )


def bundle_files(contract: Contract, model: Pipeline | None = None) -> dict[str, bytes]:
    """The five files that a bundle is packed from."""
    return {
        "model.skops": skops.io.dumps(model or straight_line(contract)),
        "contract.json": contract.model_dump_json().encode(),
        "domain.json": b"{}",
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


def columns_of_every_kind() -> tuple[dict[str, Any], ...]:
    """One optional feature of each kind."""
    return (
        column("age", required=False, minimum=0, maximum=100),
        column("children", kind="integer", required=False),
        category("level", ["junior", "senior"], required=False),
        category("title", {"min_count": 2}, required=False, example="clerk"),
        boolean("remote", required=False, true_values=["yes", "y"], false_values=["no"]),
        day("hired", required=False, minimum="2000-01-01", format="%d/%m/%Y"),
    )


def category(name: str, categories: Any, /, **changes: Any) -> dict[str, Any]:
    """A column of texts; the first listed one is the example."""
    example = categories[0] if categories and isinstance(categories, list) else "any"
    found = column(name, kind="category", categories=categories, example=example, unit="")
    return {**found, **changes}


def boolean(name: str, /, **changes: Any) -> dict[str, Any]:
    """A column of booleans."""
    return {**column(name, kind="boolean", example=True, unit=""), **changes}


def day(name: str, /, **changes: Any) -> dict[str, Any]:
    """A column of dates."""
    return {**column(name, kind="date", example="2020-02-29", unit=""), **changes}


#: Texts as they are met in tables, and as YAML, CSV and OmegaConf have their own ways with.
AWKWARD_TEXTS = (
    *("No", "1e3", "007", "1.0", "true", "None", "NA", "null", "${x}", "\\${x}", "???", "~"),
    *('"quoted"', "it's", "two\nlines", "two\r\nlines", " padded ", " ", "a;b,c\td", "#x"),
    *("Zürich", "日本", "\U0001f600", "{brace}", "%d", "<b>"),
)
texts = st.sampled_from(AWKWARD_TEXTS) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=10
)
_days = st.dates(date(1900, 1, 1), date(2100, 1, 1))


def _bounds(draw: st.DrawFn, example: Any, gaps: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Bounds around an example, some of them open."""
    below, above, far_below, far_above = (draw(st.none() | gaps) for _ in range(4))
    return {
        "minimum": None if below is None else example - below,
        "maximum": None if above is None else example + above,
        "exclusive_minimum": None if far_below is None else example - far_below,
        "exclusive_maximum": None if far_above is None else example + far_above,
    }


def _values(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """What the columns of a kind have of their own: an example first, then what allows it."""
    if kind == "category":
        listed = draw(st.lists(texts, min_size=1, max_size=5, unique=True))
        if draw(st.booleans()):
            return {"categories": listed, "example": listed[-1], "ordered": draw(st.booleans())}
        return {"categories": {"min_count": draw(st.integers(1, 5))}, "example": listed[0]}
    if kind == "boolean":
        yes, no = draw(st.lists(texts, min_size=2, max_size=2, unique=True))
        return {"true_values": [yes], "false_values": [no], "example": draw(st.booleans())}
    if kind == "date":
        example: Any = draw(_days)
        formats = st.sampled_from(["%Y-%m-%d", "%d/%m/%Y", "%d %b %Y", "%Y%m%d"])
        gaps: Any = st.integers(1, 1000).map(timedelta)
        return {**_bounds(draw, example, gaps), "example": example, "format": draw(formats)}
    assert kind in {"number", "integer"}, f"say what columns of kind '{kind}' have of their own"
    whole = st.integers(-1000, 1000).map(float)
    example = draw(whole if kind == "integer" else st.floats(-1e6, 1e6))
    gaps = st.integers(1, 1000) if kind == "integer" else st.floats(0.5, 1e6)
    return {**_bounds(draw, example, gaps), "example": example}


@st.composite
def _columns(draw: st.DrawFn, position: int, *, feature: bool) -> dict[str, Any]:
    """A valid column."""
    kind = draw(st.sampled_from([*KINDS] if feature else ["number", "integer"]))
    found = {
        "column": f"{draw(texts)}{position}",
        "name": f"column_{position}",
        "kind": kind,
        "unit": draw(texts),
        "label": draw(texts),
        "help": draw(st.text(max_size=10)),
        **_values(draw, kind),
    }
    if not feature:
        return found
    required = draw(st.booleans())
    use = "feature" if position == 0 else draw(st.sampled_from(["feature", "audit", "ignore"]))
    if not required and kind != "category":
        found["missing"] = draw(st.sampled_from(["impute", "indicate"]))
    return {**found, "required": required, "use": use}


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """Any valid contract of one to four features, with or without a weight."""
    count = draw(st.integers(1, 4))
    weights = [column("weight", use="weight", exclusive_minimum=0)] if draw(st.booleans()) else []
    features = [draw(_columns(position, feature=True)) for position in range(count)]
    return Contract.model_validate(
        {
            "features": [*features, *weights],
            "target": draw(_columns(count, feature=False)),
            "table": {
                "max_rejected_share": draw(st.floats(0, 1)),
                "duplicates": draw(st.sampled_from(["keep", "reject"])),
            },
        }
    )


def values_of(feature: Column) -> st.SearchStrategy[Any]:
    """Values that a feature allows, as a request holds them; None if it is optional."""
    match feature:
        case Category():
            found: Any = st.sampled_from(feature.listed) if feature.listed else texts
        case Boolean():
            found = st.booleans()
        case Date():
            found = _days.filter(feature.allows)
        case Integer():
            found = st.integers(-1000, 1000).map(float)
        case Number():
            found = st.floats(-1e6, 1e6)
        case _:
            assert_never(feature)
    found = found.filter(feature.allows) | st.just(feature.example)
    return found if feature.required else st.none() | found


@st.composite
def contracts_and_rows(draw: st.DrawFn) -> tuple[Contract, list[list[Any]]]:
    """A contract, and up to five rows of its inputs."""
    contract = draw(contracts())
    rows = st.tuples(*(values_of(feature) for feature in contract.inputs)).map(list)
    return contract, draw(st.lists(rows, min_size=1, max_size=5))


def clean_column(values: list[Any], feature: Column) -> pd.Series:
    """Values as a clean table has them."""
    match feature:
        case Category():
            return pd.Series(pd.Categorical(pd.Series(values, dtype="str")))
        case Boolean():
            return pd.Series(values, dtype="boolean")
        case Date():
            return pd.Series(pd.to_datetime(pd.Series(values)), dtype="datetime64[ms]")
        case Number() | Integer():
            return pd.Series(values, dtype="float64")
    assert_never(feature)
