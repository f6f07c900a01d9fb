"""The models that are served: trained by the project's own pipelines, in copies of the project."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import copy_project, environment, tell

SEED = 234
LINEAR, FOREST, BOOSTING = "linear_regression", "random_forest", "hist_gradient_boosting"
RIDGE, TREE = "ridge", "decision_tree"
DEFAULT, PROFESSORS = "default", "professors"

Row = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A trained model, and how each peer reaches it.

    Attributes:
        contract: Name of its contract, that is of its environment.
        name: The estimator.
        home: The copy of the project that trained it.
        bundles: Folder of bundles whose current one it is.
        bundle: That bundle's folder.
        store: MLflow tracking URI of the registry that holds it.
        uri: Its version, as MLflow names it.
    """

    contract: str
    name: str
    home: Path
    bundles: Path
    bundle: Path
    store: str
    uri: str

    @property
    def features(self) -> list[dict[str, Any]]:
        """What its contract says about each of its inputs."""
        contract = json.loads((self.bundle / "contract.json").read_text())
        return [each for each in contract["features"] if each["use"] == "feature"]

    @property
    def fields(self) -> dict[str, bool]:
        """By name of an input, whether it is a text."""
        return {each["name"]: each["kind"] == "category" for each in self.features}

    def rows(self, count: int) -> list[Row]:
        """Make rows within what training covered; always the same."""
        draw = random.Random(SEED)  # noqa: S311 - repeatable, not secret
        ranges = json.loads((self.bundle / "domain.json").read_text())["ranges"]
        return [
            {each["name"]: _value(draw, each, ranges) for each in self.features}
            for _ in range(count)
        ]


def _value(draw: random.Random, feature: dict[str, Any], ranges: dict[str, list[float]]) -> Any:
    if feature["kind"] == "category":
        return draw.choice(feature["categories"])
    low, high = ranges[feature["name"]]
    if feature["kind"] == "integer":
        return draw.randint(int(low), int(high))
    return round(draw.uniform(low, high), 1)


def train(contract: str, names: list[str], folder: Path) -> Iterator[Model]:
    """Train models by one contract, each of which is production for a moment.

    Args:
        contract: Its name.
        names: The estimators.
        folder: Where everything goes.
    """
    home = copy_project(folder / contract)
    data = home / "data" if contract == DEFAULT else home / "data" / contract
    option = [] if contract == DEFAULT else ["--env", contract]
    made = data / "06_models" / "bundles"
    for number, name in enumerate(names, start=1):
        tell(f"training {name} by the contract {contract}")
        _kedro([["run", *option, "--params", f"model={name}"]], home)
        if not _current(made).startswith(f"{number}-"):
            promote = ["models", "promote", str(number), "--reason", "measured", *option]
            _kedro([promote], home)
        bundle = _current(made)
        kept = folder / f"{contract}-{name}"
        shutil.copytree(made / bundle, kept / bundle)
        for pointer in (path for path in made.iterdir() if path.is_file()):
            shutil.copy(pointer, kept)
        registered = json.loads((kept / bundle / "manifest.json").read_text())["model_name"]
        yield Model(
            contract=contract,
            name=name,
            home=home,
            bundles=kept,
            bundle=kept / bundle,
            store=f"sqlite:///{data / 'mlflow' / 'mlflow.db'}",
            uri=f"models:/{registered}/{number}",
        )


def _current(bundles: Path) -> str:
    return (bundles / "current").read_text().strip()


def _kedro(commands: list[list[str]], home: Path) -> None:
    script = home / "benchmarks" / "in_one_process.py"
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(commands)],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"kedro {commands} failed:\n{(done.stdout + done.stderr)[-3000:]}")
