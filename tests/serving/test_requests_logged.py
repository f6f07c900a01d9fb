"""What a service logs of the requests that it answers."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from bundles import add_bundle
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving.app import create_app
from salary_kedro.serving.predictor import Predictor
from salary_kedro.serving.request_log import RequestLog
from salary_kedro.serving.request_metrics import exposition, request_metrics
from salary_kedro.serving.settings import Settings
from service_client import ServiceClient
from services import real_service


@pytest.fixture
def log(tmp_path: Path) -> RequestLog:
    (tmp_path / "log").mkdir()
    return RequestLog(tmp_path / "log")


def ask(
    predictor: Predictor, log: RequestLog, path: str, body: Any, **headers: str
) -> httpx.Response:
    app = create_app(predictor, Settings(request_log=log))

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://in.process") as client:
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(send())


def logged(log: RequestLog) -> list[dict[str, Any]]:
    """All rows of the log, once it is written, by years."""
    log.start()
    log.close()
    rows = [row for part in log.folder.iterdir() for row in pq.read_table(part).to_pylist()]
    return sorted(rows, key=lambda row: float(row["input_experience_years"]))


@pytest.fixture
def every_row(contract: Contract, store: BundleStore, predictor: Predictor) -> Predictor:
    """Serves version 1, whose contract lets every row be logged, and salaries too."""
    rules = {"share": 1.0, "salary": True}
    asked = Contract.model_validate({**contract.model_dump(), "request_log": rules})
    store.point_to(add_bundle(store.folder, asked, 1))
    predictor.refresh()
    return predictor


def test_log_when_rows_are_answered_then_holds_what_was_asked_and_answered(
    every_row: Predictor, log: RequestLog
) -> None:
    one = ask(every_row, log, "/predict", {"experience_years": 3, "salary": 900})
    batch = {"rows": [{"experience_years": 1}, {"experience_years": 2, "salary": 800}]}
    two = ask(every_row, log, "/predict_batch", batch)

    answers = [*two.json()["predictions"], one.json()]
    found = logged(log)
    assert [row["input_experience_years"] for row in found] == [1.0, 2.0, 3.0]
    assert [row["actual"] for row in found] == [None, 800.0, 900.0]
    for row, answer in zip(found, answers, strict=True):
        assert (row["predicted"], row["low"], row["high"]) == (
            answer["salary"],
            answer["low"],
            answer["high"],
        )
    assert {row["model_version"] for row in found} == {1}


def test_log_when_a_request_is_refused_or_explained_then_holds_nothing_of_it(
    every_row: Predictor, log: RequestLog
) -> None:
    assert ask(every_row, log, "/predict", {"experience_years": -1}).status_code == 422
    assert ask(every_row, log, "/explain", {"experience_years": 1}).status_code == 200

    assert logged(log) == []


@pytest.mark.parametrize(("purpose", "rows"), [("exploration", 0), ("Exploration", 0), ("work", 2)])
def test_log_when_a_batch_is_said_to_explore_then_answers_alike_and_takes_no_note_of_it(
    every_row: Predictor, log: RequestLog, purpose: str, rows: int
) -> None:
    body = {"rows": [{"experience_years": 1}, {"experience_years": 2, "salary": 800}]}
    counted = predictions_counted()
    said = ask(every_row, log, "/predict_batch", body, **{"Salary-Purpose": purpose})
    assert predictions_counted() - counted == rows
    assert len(logged(log)) == rows
    plain = ask(every_row, RequestLog(log.folder), "/predict_batch", body)
    assert said.json() == plain.json()


@pytest.mark.parametrize(("explores", "rows"), [(True, 0), (False, 1)])
def test_log_when_the_page_asks_what_if_then_holds_nothing_of_it(
    contract: Contract, folder: Path, log: RequestLog, explores: bool, rows: int
) -> None:
    rules = {"share": 1.0, "salary": True}
    asked = Contract.model_validate({**contract.model_dump(), "request_log": rules})
    with real_service(asked, folder, Settings(request_log=log)) as address:
        client = ServiceClient(address)
        client.predict_batch([{"experience_years": 3}], "salary", explores=explores)
    assert len(logged(log)) == rows


def predictions_counted() -> float:
    """Rows of batches that the metrics tell of."""
    request_metrics().flush()
    found = re.search(
        r'salary_predictions_total\{route="/predict_batch"\} ([0-9.e+]+)', exposition()[0].decode()
    )
    return float(found[1]) if found else 0.0
