"""`kedro models reproduce`: trains a version once more; writes nothing."""

import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from kedro.io import DataCatalog

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.limits import CALIBRATION
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options
from salary_kedro.contract import Contract
from salary_kedro.project.parameters import TrainedBy, parameters_lineage, read_parameters
from salary_kedro.project.project import Project

if TYPE_CHECKING:  # they are slow to import
    import pandas as pd
    from sklearn.pipeline import Pipeline as Model

    from salary_kedro.modelling.evaluation import Metrics
    from salary_kedro.upkeep.reproduction import Values


@click.command()
@click.argument("number", type=int)
@common_options
def reproduce(number: int, env: str | None, json_: bool) -> None:
    """Train a version again, and compare.

    Its metrics, predictions and intervals are compared; nothing is written.
    The exit code is 0 if they are identical, and code, data, lock and parameters are
    what the version was made from; else it is 1, and the report says what differs.

    Example: kedro models reproduce 3
    """
    found = answer(
        env,
        json_,
        lambda project: train_once_more(project, number),
        tell,
    )
    if found["differs"] or not found["identical"]:
        sys.exit(1)


@dataclass(frozen=True)
class Training:
    """A model trained in memory.

    Attributes:
        model: The fitted Pipeline.
        holdout: The rows it has not seen.
        metrics: Its metrics.
        calibration: How sure its predictions are.
        lineage: Fingerprints of the raw table and of the parameters.
    """

    model: "Model"
    holdout: "pd.DataFrame"
    metrics: "Metrics"
    calibration: Calibration
    lineage: dict[str, str]


def train_once_more(project: Project, number: int) -> dict[str, Any]:
    """Train a version again, and compare.

    It is trained by its own contract and parameters, on today's raw file and by today's
    code. Nothing is written; a raw file that is not there is fetched, as runs do.

    Args:
        project: Where the version is, and today's raw file.
        number: Version number.

    Returns:
        A `Reproduction` as plain JSON; what is no finite number is null.

    Raises:
        UserError: If there is no such version, its model or its parameters are gone, or
            today's raw file cannot be trained on.
    """
    from salary_kedro.promotion.packaging import pack_version
    from salary_kedro.upkeep.opening import registry_of
    from salary_kedro.upkeep.reproduction import as_recorded, compare

    registry = registry_of(project)
    registry.version(number)  # says so if there is none
    console.echo(f"Training version {number} again ...", err=True)
    _, files = pack_version(registry, number)
    contract = Contract.parse(files["contract.json"])
    recorded = Lineage.parse(files["lineage.json"])
    trained_by = read_parameters(number, recorded)
    raw, code, file_sha256 = _load(project)
    training = train(raw, contract, trained_by)
    lineage = as_recorded(
        recorded, Lineage.model_validate({**code, **training.lineage}), file_sha256
    )
    compared = compare(
        number,
        (recorded, lineage),
        (json.loads(files["metrics.json"]), training.metrics),
        _predictions(files, contract, training),
        _calibrations(files, training),
    )
    row: dict[str, Any] = json.loads(compared.model_dump_json())
    return row


def _load(
    project: Project,
) -> "tuple[pd.DataFrame, dict[str, str], str | None]":
    """Load the raw table and today's code lineage through the catalog, paths from the root.

    The third is the SHA-256 of the raw file; None if the table comes from no local file.
    """
    from salary_kedro.datasets import CachedDownloadDataset
    from salary_kedro.partitions.table import refuse_parts

    loader = project.loader
    with contextlib.chdir(project.root):
        catalog = DataCatalog.from_config(loader["catalog"], loader.credentials())
        raw, code = catalog.load("raw_salaries"), catalog.load("code_lineage")
        refuse_parts(raw)
        source = catalog["raw_salaries"]
        file = source.file_sha256() if isinstance(source, CachedDownloadDataset) else None
    return raw, code, file


def train(raw: "pd.DataFrame", contract: Contract, trained_by: TrainedBy) -> Training:
    """Train as the pipelines do, in memory alone."""
    from salary_kedro.pipelines.data_engineering import nodes as prepare
    from salary_kedro.pipelines.data_science import nodes as learn

    engineering, science = trained_by.data_engineering, trained_by.data_science
    valid, rejected, keys, prints, _ = prepare.validate_salaries(raw, contract)
    salaries = prepare.clean_salaries(valid, rejected, contract)
    rows, holdout, split = prepare.split_salaries(salaries, keys, prints, contract, engineering)
    model = learn.fit_model(rows, contract, science)
    out_of_fold = learn.cross_validate(model, rows, split, contract, science)
    calibration = learn.calibrate_intervals(out_of_fold, rows, split, contract, science)
    scores = learn.score_intervals(model, holdout, split, calibration, contract)
    metrics = learn.evaluate_model(model, rows, holdout, out_of_fold, split, scores, contract)
    return Training(
        model=model,
        holdout=holdout,
        metrics={**metrics, **learn.count_rows(rows, holdout, rejected)},
        calibration=Calibration.model_validate(calibration),
        lineage={
            "data_sha256": prints["data_sha256"],
            "data_method": prints["data_method"],
            **parameters_lineage(contract, trained_by),
        },
    )


def _predictions(
    files: Mapping[str, bytes], contract: Contract, training: Training
) -> "dict[str, tuple[Values, Values]]":
    """By kind of rows, the predictions of the version and of the model trained now."""
    from salary_kedro.bundle.bundle import predict_rows
    from salary_kedro.bundle.model_file import read_model
    from salary_kedro.modelling.evaluation import features_and_target

    features, _ = features_and_target(training.holdout, contract)
    recorded, examples = read_model(files["model.skops"]), json.loads(files["examples.json"])
    return {
        "holdout": (recorded.predict(features), training.model.predict(features)),
        "examples": (  # those recorded may be of arrays, which sum in another order
            predict_rows(recorded, examples["rows"], contract),
            predict_rows(training.model, examples["rows"], contract),
        ),
    }


def _calibrations(files: Mapping[str, bytes], training: Training) -> "tuple[Values, Values] | None":
    """The numbers of both calibrations; None if the version was trained before there were any."""
    content = files.get(CALIBRATION)
    if content is None:
        return None
    return Calibration.parse(content).numbers, training.calibration.numbers


def tell(found: Mapping[str, Any]) -> None:
    """Print what came of it."""
    for line in describe(found):
        console.say(line)


def describe(found: Mapping[str, Any]) -> list[str]:
    """Say in lines for people what came of it."""
    outcome = "are identical" if found["identical"] else "are not identical"
    compared = "metrics, predictions and intervals"
    lines = [f"Version {found['version']}, trained once more: {compared} {outcome}"]
    if found["ingredients"]["data"]["now"] is None:
        lines.append("  data cannot be compared: its fingerprint was taken in another way then")
    for name in found["differs"]:
        then, now = found["ingredients"][name].values()
        lines.append(f"  {name} differs: {_short(then)} then, {_short(now)} now")
    for name, metric in found["metrics"].items():
        if metric["absolute"] != 0:
            lines.append(
                f"  {name}: {_number(metric['recorded'])} then, {_number(metric['now'])} now, "
                f"{_gap(metric)}"
            )
    for kind, gap in found["predictions"].items():
        if gap["absolute"] != 0:
            lines.append(f"  predictions on the {kind} rows: {_gap(gap)} at the most")
    if found["calibration"] is not None and found["calibration"]["absolute"] != 0:
        lines.append(f"  calibration of the intervals: {_gap(found['calibration'])}")
    return lines


def _short(fingerprint: str | None) -> str:
    return "none" if fingerprint is None else fingerprint[:12]


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:,.6g}"


def _gap(gap: Mapping[str, float | None]) -> str:
    if gap["absolute"] is None:
        return "not comparable"
    share = "" if gap["relative"] is None else f" ({gap['relative']:.2g} of it)"
    return f"{gap['absolute']:.6g} off{share}"
