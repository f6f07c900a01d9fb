"""The peer: the work of three pipelines, written as one script without Kedro or the package.

It does what `kedro run --pipelines data_engineering,data_science,promotion` does: validate the
raw table, split it, fit, evaluate, plot, log everything to MLflow, register a version, and let it
contest production. It keeps its files under `data/` of the project that it lies in.
"""

import hashlib
import json
import math
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pandera.pandas as pa
import skops.io
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import RepeatedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline

PROJECT = Path(__file__).resolve().parents[1]
DATA = PROJECT / "data"
RAW = DATA / "01_raw" / "salary_data.csv"
REPORTS = DATA / "08_reporting"
DATABASE = DATA / "mlflow" / "mlflow.db"
EXPERIMENT = "salary_kedro"
MODEL_NAME = "salary_prediction_regression-model"
ALIAS = "production"
REQUIREMENTS = ("mlflow", "numpy", "pandas", "scikit-learn", "skops")
SEED = 234
TRAIN_SIZE = 0.7
FOLDS = 5
REPEATS = 5
PARAMETERS = {
    "data_engineering.train_size": TRAIN_SIZE,
    "data_engineering.random_state": SEED,
    "data_engineering.repeats": "together",  # none does
    "data_science.model": "linear_regression",
    "data_science.random_state": SEED,
    "data_science.cross_validation.folds": FOLDS,
    "data_science.cross_validation.repeats": "auto",  # REPEATS times, of so few rows
}
CONTRACT = {
    "features": [
        {
            "column": "Experience Years",
            "name": "experience_years",
            "kind": "number",
            "unit": "years",
            "minimum": 0,
            "maximum": 60,
            "required": True,
            "example": 5,
            "label": "Professional experience",
            "help": "Years of paid work, fractions allowed.",
        }
    ],
    "target": {
        "column": "Salary",
        "name": "salary",
        "kind": "number",
        "unit": "a year, gross",
        "exclusive_minimum": 0,
        "example": 72861.25,
        "label": "Salary",
        "help": "Gross pay of one year, in the currency of the data.",
    },
    "table": {"max_rejected_share": 0.05},
}
FEATURE, TARGET = "experience_years", "salary"
HEADERS = {FEATURE: "Experience Years", TARGET: "Salary"}
TITLES = {FEATURE: "Professional experience (years)", TARGET: "Salary (a year, gross)"}
ALLOWED = {FEATURE: "a number from 0 to 60 (years)", TARGET: "a number above 0 (a year, gross)"}
SCHEMA = pa.DataFrameSchema(
    {
        FEATURE: pa.Column(float, [pa.Check(np.isfinite), pa.Check.ge(0), pa.Check.le(60)]),
        TARGET: pa.Column(float, [pa.Check(np.isfinite), pa.Check.gt(0)]),
    },
    strict=True,
)


def main() -> None:
    """Do it all, and say what came of it."""
    train, holdout, rejected = prepare()
    model, number = train_model(train, holdout, rejected)
    sys.stdout.write(f"{contest(number, model, holdout)}\n")


def prepare() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read, validate and split the raw table; give training, holdout and rejected rows."""
    salaries, rejected = validate(read_raw())
    train, holdout = train_test_split(salaries, train_size=TRAIN_SIZE, random_state=SEED)
    save_tables(rejected, salaries, train, holdout)
    return train, holdout, rejected


def train_model(
    train: pd.DataFrame, holdout: pd.DataFrame, rejected: pd.DataFrame
) -> tuple[Pipeline, int]:
    """Fit, evaluate, log and register a model; give it and its version's number."""
    model = build_model().fit(train[[FEATURE]], train[TARGET])
    metrics = {**holdout_metrics(model, holdout), **cross_validation_metrics(train)}
    save_json(REPORTS / "metrics.json", metrics)
    plots = save_plots(model, train, holdout)
    counts = {
        "rows_train": len(train),
        "rows_holdout": len(holdout),
        "rows_rejected": len(rejected),
    }
    client = open_store()
    with mlflow.start_run(experiment_id=experiment_id(client), run_name="bare_script") as run:
        model_uri = log_run(model, {**metrics, **counts}, plots, rejected)
        archive(model, metrics["rmse"])
        return model, register(client, run.info.run_id, model_uri, metrics["rmse"])


# --- data -------------------------------------------------------------------------------------


def read_raw() -> pd.DataFrame:
    """Read the raw table as it is."""
    raw = pd.read_csv(
        RAW, encoding="utf-8-sig", index_col=False, skip_blank_lines=False, low_memory=False
    )
    if missing := set(HEADERS.values()) - set(raw.columns):
        raise SystemExit(f"{RAW} has no column {', '.join(sorted(missing))}")
    return raw


def validate(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Separate the good rows from the rejected ones, which get their line and reasons."""
    clean = pd.DataFrame(
        {
            name: pd.to_numeric(raw[header], errors="coerce").astype(float)
            for name, header in HEADERS.items()
        }
    )
    reasons = explain_broken(raw, clean)
    rejected = raw.loc[reasons.index]
    rejected.insert(0, "line", rejected.index + 2)
    rejected.insert(1, "reasons", reasons)
    if len(rejected) > CONTRACT["table"]["max_rejected_share"] * len(raw):
        raise SystemExit(f"{len(rejected)} of {len(raw)} rows are broken:\n{rejected}")
    return clean.drop(index=reasons.index).reset_index(drop=True), rejected


def explain_broken(raw: pd.DataFrame, clean: pd.DataFrame) -> pd.Series:
    """Say for each broken row what is wrong with it, all its cells at once."""
    try:
        SCHEMA.validate(clean, lazy=True)
    except pa.errors.SchemaErrors as error:
        cells = error.failure_cases[["index", "column"]].drop_duplicates()
    else:
        return pd.Series([], dtype="str")
    cells["reason"] = [
        explain_cell(raw.at[row, HEADERS[name]], clean.at[row, name], name)
        for row, name in zip(cells["index"], cells["column"], strict=True)
    ]
    return cells.groupby("index")["reason"].agg("; ".join)


def explain_cell(raw: Any, clean: float, name: str) -> str:
    """Say what is wrong with one cell, without its value."""
    if pd.isna(raw):
        return f"{HEADERS[name]}: missing"
    if math.isnan(clean):
        return f"{HEADERS[name]}: not a number"
    return f"{HEADERS[name]}: must be {ALLOWED[name]}"


def save_tables(
    rejected: pd.DataFrame, salaries: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame
) -> None:
    """Write every table."""
    for folder in ("02_intermediate", "03_primary", "05_model_input", "08_reporting"):
        (DATA / folder).mkdir(parents=True, exist_ok=True)
    rejected.to_csv(DATA / "02_intermediate" / "rejected_rows.csv", index=False)
    salaries.to_parquet(DATA / "03_primary" / "salaries.parquet")
    train.to_parquet(DATA / "05_model_input" / "train.parquet")
    holdout.to_parquet(DATA / "05_model_input" / "holdout.parquet")


def save_json(path: Path, content: Any) -> None:
    """Write a JSON file, its folder included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def sha256(path: Path) -> str:
    """Give the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- model ------------------------------------------------------------------------------------


def build_model() -> Pipeline:
    """Build the unfitted Pipeline."""
    preprocess = ColumnTransformer([("required", "passthrough", [0])])
    return Pipeline([("preprocess", preprocess), ("model", LinearRegression())])


def holdout_metrics(model: Pipeline, holdout: pd.DataFrame) -> dict[str, float]:
    """Score a fitted model on the holdout rows."""
    actual, predicted = holdout[TARGET], model.predict(holdout[[FEATURE]])
    return {
        "rmse": float(root_mean_squared_error(actual, predicted)),
        "mae": float(mean_absolute_error(actual, predicted)),
        "median_absolute_error": float(median_absolute_error(actual, predicted)),
        "r2": float(r2_score(actual, predicted)),
        "mape": float(mean_absolute_percentage_error(actual, predicted)),
    }


def cross_validation_metrics(train: pd.DataFrame) -> dict[str, float]:
    """Estimate the RMSE by repeated cross-validation on the training rows."""
    scores = -cross_val_score(
        build_model(),
        train[[FEATURE]],
        train[TARGET],
        scoring="neg_root_mean_squared_error",
        cv=RepeatedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED),
        error_score="raise",
    )
    return {"cv_rmse_mean": float(scores.mean()), "cv_rmse_sd": float(np.std(scores, ddof=1))}


# --- plots ------------------------------------------------------------------------------------


def save_plots(model: Pipeline, train: pd.DataFrame, holdout: pd.DataFrame) -> list[Path]:
    """Draw the three plots and save each as a file."""
    actual, predicted = holdout[TARGET], model.predict(holdout[[FEATURE]])
    figures = {
        "predicted_vs_actual": draw_predicted(actual, predicted),
        "residuals": draw_residuals(actual, predicted),
        "fitted_curve": draw_curve(model, train, holdout),
    }
    paths = [REPORTS / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        figure.savefig(path)
    return paths


def blank(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Give an empty figure."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def draw_predicted(actual: pd.Series, predicted: np.ndarray) -> Figure:
    """Predicted against actual, with the line of equality."""
    title = "Holdout rows: predicted against actual"
    figure, axes = blank(title, f"Actual {TITLES[TARGET]}", f"Predicted {TITLES[TARGET]}")
    axes.scatter(actual, predicted)
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axes.plot(ends, ends, linestyle="--", color="grey", label="predicted = actual")
    axes.legend()
    return figure


def draw_residuals(actual: pd.Series, predicted: np.ndarray) -> Figure:
    """Residuals against the prediction."""
    label = "Residual (actual minus predicted)"
    figure, axes = blank("Holdout rows: residuals", f"Predicted {TITLES[TARGET]}", label)
    axes.scatter(predicted, actual - predicted)
    axes.axhline(0, linestyle="--", color="grey")
    return figure


def draw_curve(model: Pipeline, train: pd.DataFrame, holdout: pd.DataFrame) -> Figure:
    """The fitted curve over the data."""
    figure, axes = blank("Fitted curve over the data", TITLES[FEATURE], TITLES[TARGET])
    for rows, label in ((train, "training rows"), (holdout, "holdout rows")):
        axes.scatter(rows[FEATURE], rows[TARGET], label=label, alpha=0.7)
    values = pd.concat([train, holdout])[FEATURE]
    curve = pd.DataFrame({FEATURE: np.linspace(values.min(), values.max(), 200)})
    axes.plot(curve[FEATURE], model.predict(curve), color="black", label="model")
    axes.legend()
    return figure


# --- MLflow -----------------------------------------------------------------------------------


def open_store() -> MlflowClient:
    """Give a client of the SQLite store, which is created if it does not exist."""
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(DATABASE)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    mlflow.set_tracking_uri(f"sqlite:///{DATABASE}")
    return MlflowClient()


def experiment_id(client: MlflowClient) -> str:
    """Give the experiment's id; it is created if it does not exist."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        return experiment.experiment_id
    location = (DATABASE.parent / "artifacts").as_uri()
    return client.create_experiment(EXPERIMENT, artifact_location=location)


def log_run(
    model: Pipeline, metrics: dict[str, float], plots: list[Path], rejected: pd.DataFrame
) -> str:
    """Log everything into the active run; give the URI of the logged model."""
    lineage = find_lineage()
    mlflow.log_params(PARAMETERS)
    mlflow.log_metrics(metrics)
    mlflow.set_tags(lineage)
    mlflow.log_dict(lineage, "lineage.json")
    mlflow.log_text(rejected[["line", "reasons"]].to_csv(index=False), "rejected_rows.csv")
    for path in plots:
        mlflow.log_artifact(path, "plots")
    return log_model(model, metrics, lineage)


def find_lineage() -> dict[str, str]:
    """Say what the model is made from: code, lock file, data."""
    return {
        "git_commit": git("rev-parse", "HEAD"),
        "git_dirty": str(bool(git("status", "--porcelain"))).lower(),
        "lock_sha256": sha256(PROJECT / "requirements.lock"),
        "data_sha256": sha256(RAW),
    }


def git(*arguments: str) -> str:
    """Ask git about the project."""
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.strip()


def log_model(model: Pipeline, metrics: dict[str, float], lineage: dict[str, str]) -> str:
    """Log the model with its signature, pinned requirements and files; give its URI."""
    files = {"contract": CONTRACT, "metrics": metrics, "lineage": lineage}
    signature = ModelSignature(
        Schema([ColSpec("double", FEATURE)]), Schema([TensorSpec(np.dtype("float64"), (-1,))])
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            save_json(Path(folder) / f"{name}.json", content)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=signature,
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            serialization_format="skops",
            extra_files=[str(Path(folder) / f"{name}.json") for name in files],
        )
    return logged.model_uri


def archive(model: Pipeline, rmse: float) -> None:
    """Keep a copy of the model under its RMSE, name and date."""
    folder = DATA / "06_models" / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{rmse:.4f}_linear_regression_{datetime.now(UTC):%Y-%m-%d}.skops"
    skops.io.dump(model, folder / name)


def register(client: MlflowClient, run_id: str, model_uri: str, rmse: float) -> int:
    """Create a version, tagged `staging`; give its number."""
    try:
        client.create_registered_model(MODEL_NAME)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    created = client.create_model_version(
        MODEL_NAME,
        model_uri,
        run_id=run_id,
        tags={"staging": repr(rmse)},
        model_id=model_uri.removeprefix("models:/"),
    )
    number = int(created.version)
    content = {"version": number, "run_id": run_id, "model": "linear_regression"}
    save_json(DATA / "06_models" / "registered_version.json", content)
    return number


# --- promotion --------------------------------------------------------------------------------


def contest(challenger: int, model: Pipeline, holdout: pd.DataFrame) -> str:
    """Score challenger and champion on the same rows and act on it; give the reason."""
    client = open_store()
    champion = client.get_registered_model(MODEL_NAME).aliases.get(ALIAS)
    rmse = holdout_metrics(model, holdout)["rmse"]
    best = math.inf if champion is None else score_version(champion, holdout)
    promoted = rmse < best
    if promoted:
        client.set_registered_model_alias(MODEL_NAME, ALIAS, str(challenger))
        if champion is not None:
            move_stage(client, champion, "production", "archived")
    move_stage(client, str(challenger), "staging", "production" if promoted else "archived")
    reason = f"version {challenger}: RMSE {rmse:.1f} against {best:.1f} in production"
    evidence = {
        "challenger": {"version": challenger, "rmse": rmse},
        "champion": champion and {"version": int(champion), "rmse": best},
        "holdout_rows": len(holdout),
    }
    action = "promote" if promoted else "archive"
    save_json(REPORTS / "verdict.json", {"action": action, "reason": reason, "evidence": evidence})
    return reason


def score_version(number: str, holdout: pd.DataFrame) -> float:
    """Score a version's logged model on the holdout rows."""
    folder = Path(download_artifacts(f"models:/{MODEL_NAME}/{number}"))
    return holdout_metrics(skops.io.load(folder / "model.skops"), holdout)["rmse"]


def move_stage(client: MlflowClient, number: str, old: str, new: str) -> None:
    """Replace a version's stage tag; the RMSE in it stays."""
    rmse = client.get_model_version(MODEL_NAME, number).tags[old]
    client.delete_model_version_tag(MODEL_NAME, number, old)
    client.set_model_version_tag(MODEL_NAME, number, new, rmse)


if __name__ == "__main__":
    main()
