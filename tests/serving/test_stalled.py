"""A look at the bundles that does not end, as on a network mount that is gone."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from bundles import add_bundle
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving import predictor as module
from salary_kedro.serving.predictor import Predictor
from support import wait_until

Ask = Callable[..., httpx.Response]


@dataclass(frozen=True)
class Mount(BundleStore):
    """A folder of bundles that can be made to hang."""

    answers: threading.Event = field(default_factory=threading.Event)

    def state(self) -> tuple[object, ...]:
        self.answers.wait()
        return super().state()


@pytest.fixture
def store(store: BundleStore, contract: Contract) -> Iterator[Mount]:
    """Holds version 5."""
    store.point_to(add_bundle(store.folder, contract, 5))
    mount = Mount(store.folder)
    yield mount
    mount.answers.set()  # the thread that looks goes on, in peace


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


def is_told(ask: Ask) -> Any:
    answer = ask("GET", "/model")
    return answer.status_code == 200 and answer.json()["reason"]


def gauge(name: str) -> float | None:
    """A metric of this process."""
    return REGISTRY.get_sample_value(name)


def test_worker_when_the_bundles_hang_then_serves_on_and_tells(
    store: Mount, predictor: Predictor, ask: Ask
) -> None:
    store.answers.set()
    predictor.follow()
    wait_until(lambda: predictor.served, "version 5")
    assert is_told(ask) is None

    store.answers.clear()
    wait_until(lambda: is_told(ask), "the watchdog")

    answer = ask("GET", "/model").json()
    assert (answer["model_version"], answer["source"]) == (5, "kept")
    assert answer["reason"].startswith(f"inspecting the bundles in {store.folder} has not finished")
    assert ask("POST", "/predict", {"experience_years": 5}).status_code == 200
    assert ask("GET", "/readyz").status_code == 200
    assert (gauge("salary_model_stalled"), gauge("salary_model_current")) == (1, 0)


def test_worker_when_the_bundles_answer_again_then_is_current_again(
    store: Mount, predictor: Predictor, ask: Ask
) -> None:
    store.answers.set()
    predictor.follow()
    wait_until(lambda: predictor.served, "version 5")
    store.answers.clear()
    wait_until(lambda: is_told(ask), "the watchdog")

    store.answers.set()

    wait_until(lambda: not is_told(ask), "the end of it")
    assert ask("GET", "/model").json()["source"] == "current"
    wait_until(lambda: gauge("salary_model_stalled") == 0, "the metric")


def test_worker_when_the_bundles_hang_from_the_start_then_starts_without_a_model_and_says_why(
    store: Mount, predictor: Predictor, ask: Ask
) -> None:
    predictor.follow()

    wait_until(lambda: predictor.problem, "the watchdog")
    assert ask("GET", "/livez").status_code == 200
    ready = ask("GET", "/readyz")
    assert ready.status_code == 503
    assert "has not finished" in ready.json()["error"]["message"]
    store.answers.set()
    wait_until(lambda: ask("GET", "/readyz").status_code == 200, "the model")
