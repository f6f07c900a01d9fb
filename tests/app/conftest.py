"""A scripted and a real prediction service on loopback, and an address where there is none."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pages import browser, open_page
from salary_kedro.serving.settings import Settings
from services import real_service

__all__ = ["browser", "open_page"]

# What a path answers: status and body (bytes as they are, everything else as JSON), or a
# function that works out both from the request's JSON; "hang up" to close the connection without
# a word, or None to keep it open without one.
Answer = tuple[int, Any] | Callable[[Any], tuple[int, Any]] | str | None
Answers = dict[str, Answer]

MODEL = {
    "model_name": "salary_prediction_regression-model",
    "model_version": 1,
    "bundle": "1-0a1b2c3d",
    "source": "current",
    "reason": None,
    "metrics": {"rmse": 6311.262456108905, "mae": 5161.0, "r2": 0.94},
    "contract": {
        "features": [
            {
                "column": "Experience Years",
                "name": "experience_years",
                "kind": "number",
                "unit": "years",
                "minimum": 0,
                "maximum": 60,
                "exclusive_minimum": None,
                "exclusive_maximum": None,
                "required": True,
                "example": 5.0,
                "label": "Professional experience",
                "help": "Years of paid work in the field",
            }
        ],
        "target": {
            "column": "Salary",
            "name": "salary",
            "kind": "number",
            "unit": "a year, gross",
            "minimum": None,
            "maximum": None,
            "exclusive_minimum": 0,
            "exclusive_maximum": None,
            "example": 72861.25,
            "label": "Salary",
            "help": "Gross salary of one year",
        },
    },
}
PREDICTION = {
    "salary": 72861.25,
    "low": None,
    "high": None,
    "confidence": None,
    "model_name": "salary_prediction_regression-model",
    "model_version": 1,
    "warnings": [],
}


def predict_on_a_line(body: dict[str, float]) -> tuple[int, dict[str, Any]]:
    """72,861.25 for 5 years, and 9,000 more for each further year."""
    salary = 72861.25 + 9000 * (body["experience_years"] - 5)
    return 200, {**PREDICTION, "salary": salary}


@pytest.fixture
def model() -> dict[str, Any]:
    """A fresh copy of what `GET /model` answers, for the test to change."""
    copy: dict[str, Any] = json.loads(json.dumps(MODEL))
    return copy


@pytest.fixture
def recent(model: dict[str, Any], answers: Answers) -> None:
    """Makes the scripted service one that compares and explains, without intervals yet."""
    model["intervals"] = {"confidence": 0.9, "rows": 9, "reason": "9 rows are too few"}
    answers["/explain"] = (
        200,
        {
            "average_prediction": 81861.75,
            "contributions": {"experience_years": -9000.5},
            "model_name": "salary_prediction_regression-model",
            "model_version": 1,
        },
    )


@pytest.fixture
def prediction() -> dict[str, Any]:
    """A fresh copy of what `POST /predict` answers, for the test to change."""
    return {**PREDICTION}


@pytest.fixture
def answers(model: dict[str, Any]) -> Answers:
    """The script: what each path of `scripted_url` answers; the test may change it at any time."""

    def predict_batch(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """As `/predict` answers each row."""
        one = script["/predict"]
        rows = [(one(row) if callable(one) else one)[1] for row in body["rows"]]
        return 200, {**rows[0], "predictions": rows}

    script: Answers = {
        "/model": (200, model),
        "/model/card": (404, {"error": {"code": "not_found", "message": "no such route"}}),
        "/predict": predict_on_a_line,
        "/predict_batch": predict_batch,
    }
    return script


@pytest.fixture
def received() -> list[tuple[str, Any]]:
    """Method with path, and JSON body, of each request that `scripted_url` got."""
    return []


@pytest.fixture
def scripted_url(answers: Answers, received: list[tuple[str, Any]]) -> Iterator[str]:
    """Address of a running service that answers by the script."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: object) -> None:
            received.append((f"{self.command} {self.path}", body))
            answer = answers[self.path]
            if answer is None:
                ended.wait()
            if answer is None or isinstance(answer, str):
                return
            status, content = answer(body) if callable(answer) else answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(
                content if isinstance(content, bytes) else json.dumps(content).encode()
            )

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a real service over a model trained by a contract; gives its address.

    With a token, it asks for that.
    """
    with ExitStack() as stack:
        yield lambda contract, token=None: stack.enter_context(
            real_service(contract, tmp_path / "bundles", Settings(token))
        )


@pytest.fixture
def closed_url() -> Iterator[str]:
    """An address where every connection is refused: its port is taken, but nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
