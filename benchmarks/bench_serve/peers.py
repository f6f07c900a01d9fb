"""Who is measured: how each peer is started, asked, and its answers read."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import environment

from bench_serve.models import Model, Row
from bench_serve.processes import Running, free_port, running

BIN = Path(sys.executable).parent
APPS = Path(__file__).parent / "apps"
#: Answers what the no-ops answer.
CONSTANT = 1.0


def _flat(rows: list[Row], single: bool) -> Any:
    return rows[0] if single else {"rows": rows}


def _split(rows: list[Row], single: bool) -> Any:
    columns = list(rows[0])
    return {
        "dataframe_split": {"columns": columns, "data": [[row[c] for c in columns] for row in rows]}
    }


@dataclass(frozen=True)
class Peer:
    """A way to serve a model.

    Attributes:
        name: What tables call it.
        command: Starts it, given the model, the port and the number of workers.
        probe: Path that answers 200 once it can predict.
        row: Path that predicts one row.
        batch: Path that predicts many; None if it knows none.
        write: Makes a body of rows; whether there is one is told apart by the second argument.
        predicts: Whether it predicts at all.
        in_project: Whether it runs in the project's folder.
    """

    name: str
    command: Callable[[Model, int, int], list[str]]
    probe: str = "/readyz"
    row: str = "/predict"
    batch: str | None = None
    write: Callable[[list[Row], bool], Any] = _flat
    predicts: bool = True
    in_project: bool = False

    def start(
        self, model: Model, workers: int, cores: str, folder: Path
    ) -> AbstractContextManager[Running]:
        """Run it for a while; see `running`."""
        port = free_port()
        place = model.home if self.in_project else folder
        command = self.command(model, port, workers)
        return running(command, port, self.probe, cores, place, variables(model, workers))

    def path(self, rows: int) -> str:
        """Where so many rows are sent."""
        return self.row if rows == 1 or self.batch is None else self.batch

    def body(self, rows: list[Row], *, single: bool) -> str:
        """A body of rows, in one line."""
        return json.dumps(self.write(rows, single))

    def read(self, answer: Mapping[str, Any]) -> list[float]:
        """The salaries in an answer."""
        return [each["salary"] for each in answer.get("predictions", [answer])]


def variables(model: Model, workers: int) -> dict[str, str]:
    """The environment of any peer of a model."""
    return {
        **environment(model.home),
        "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
        "SALARY_BUNDLES": str(model.bundles),
        "SALARY_GRACE_SECONDS": "0",  # nobody needs to learn that it ends
        "BENTOML_CONFIG_OPTIONS": f"services.salary_prediction.workers={workers}",
        "WORKERS": str(workers),
        "MLFLOW_TRACKING_URI": model.store,
        "MODEL_FILE": str(model.bundle / "model.skops"),
        "FIELDS": json.dumps(model.fields),
    }


def _bentoml(service: str, port: int) -> list[str]:
    return [str(BIN / "bentoml"), "serve", *service.split(), "--port", str(port)]


def _uvicorn(app: str, port: int, workers: int) -> list[str]:
    options = ["--app-dir", str(APPS), "--http", "httptools", "--no-access-log"]
    options += ["--log-level", "warning", "--workers", str(workers), "--port", str(port)]
    return [str(BIN / "uvicorn"), *options, app]


def _mlflow(model: Model, port: int, workers: int) -> list[str]:
    options = ["--env-manager", "local", "--port", str(port), "--workers", str(workers)]
    return [str(BIN / "mlflow"), "models", "serve", "--model-uri", model.uri, *options]


OURS = Peer(
    name="this service",
    command=lambda model, port, workers: _bentoml("", port),
    batch="/predict_batch",
    in_project=True,
)
MLFLOW = Peer(
    name="mlflow models serve",
    command=_mlflow,
    probe="/ping",
    row="/invocations",
    batch="/invocations",
    write=_split,
)
BY_HAND = Peer(
    name="FastAPI + scikit-learn",
    command=lambda model, port, workers: _uvicorn("by_hand:app", port, workers),
    batch="/predict_batch",
)
LIMIT = Peer(
    name="FastAPI no-op",
    command=lambda model, port, workers: _uvicorn("no_op:app", port, workers),
    predicts=False,
)
BENTO = Peer(
    name="BentoML no-op",
    command=lambda model, port, workers: _bentoml(f"bento_no_op:NoOp --working-dir {APPS}", port),
    predicts=False,
)
ALL = (OURS, MLFLOW, BY_HAND, LIMIT, BENTO)
