"""The service as a process: how it starts, what its log says, how it ends."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import BIN, Answer, Project, copy_project, free_port, get, post, wait_until

ROWS = {"rows": [{"experience_years": 5}] * 10_000}
TWO_WORKERS = {"BENTOML_CONFIG_OPTIONS": "services.salary_prediction.workers=2"}
PICKLE = "application/vnd.bentoml+pickle"


@pytest.fixture
def quiet(bundles: Path, tmp_path: Path) -> Project:
    """A project that serves the bundles of the test."""
    return copy_project(tmp_path / "project")


@contextmanager
def serving(
    project: Project, bundles: Path, *options: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """Run `bentoml serve`; gives the process, its address and its log."""
    port, log = free_port(), project.root / "serve.log"
    command = [BIN / "bentoml", "serve", "--port", str(port), *options]
    settings = {**project.environment, "SALARY_BUNDLES": str(bundles), **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=project.root, env=settings, stdout=output, stderr=output
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        yield process, address, log
    finally:
        process.terminate()
        process.wait(timeout=30)


def lines_of(log: Path) -> list[dict[str, object]]:
    """The lines of a log that are JSON; BentoML's own supervisor writes others."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def test_service_when_headers_have_no_end_then_ends_the_connection_and_goes_on(
    quiet: Project, bundles: Path
) -> None:
    endless = b"GET /livez HTTP/1.1\r\n" + b"X: 1\r\n" * 4_000_000  # 24 MB
    with serving(quiet, bundles) as (_, address, _):
        port = int(address.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as client,
            pytest.raises(ConnectionError),
        ):
            client.sendall(endless)
        assert get(f"{address}/livez").status == 200


def test_service_when_it_is_told_to_end_then_answers_what_is_in_flight_and_exits_with_0(
    quiet: Project, bundles: Path
) -> None:
    with (
        serving(quiet, bundles) as (process, address, _),
        ThreadPoolExecutor(4) as clients,
    ):
        answers = [clients.submit(post, f"{address}/predict_batch", ROWS) for _ in range(4)]
        wait_until(lambda: _in_flight(address) > 0, "batches in flight")
        process.send_signal(signal.SIGTERM)
        assert [answer.result().status for answer in answers] == [200] * 4
        assert process.wait(timeout=30) == 0


def _in_flight(address: str) -> float:
    text = get(f"{address}/metrics").body
    found = [line for line in text.splitlines() if line.startswith("salary_requests_in_flight")]
    return float(found[0].split()[1]) if found else 0


def test_service_when_others_reach_it_without_a_token_then_warns_once(
    quiet: Project, bundles: Path
) -> None:
    with serving(quiet, bundles, "--host", "0.0.0.0", **TWO_WORKERS) as (_, _, log):  # noqa: S104 - that is the case
        ready = '"serving bundle'
        wait_until(lambda: log.read_text().count(ready) == 2, "both workers")
        warnings = [line["message"] for line in lines_of(log) if line["level"] == "warning"]
    assert len(warnings) == 1
    assert "SALARY_TOKEN" in str(warnings[0])


def test_service_when_it_has_a_token_then_asks_for_it_and_logs_it_nowhere(
    quiet: Project, bundles: Path
) -> None:
    secret = "s3cret-token-of-a-test"  # noqa: S105 - a test's own
    with serving(quiet, bundles, SALARY_TOKEN=secret) as (_, address, log):
        assert get(f"{address}/model").status == 401
        assert get(f"{address}/schema.json").status == 401
    assert secret not in log.read_text()
    assert all(line["level"] == "info" for line in lines_of(log))


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("SALARY_TOKEN", "", "the token is empty or holds what a header cannot"),
        ("SALARY_TOKEN", "x", "the token has fewer than 16 characters"),
        ("SALARY_ROOT_PATH", "salaries", "SALARY_ROOT_PATH is 'salaries'"),
    ],
)
def test_service_when_a_setting_is_not_good_then_does_not_start_and_says_why_in_one_line(
    project: Project, setting: str, value: str, told: str
) -> None:
    result = project.run("bentoml", "serve", "--host", "0.0.0.0", **{setting: value})  # noqa: S104
    assert result.returncode != 0
    assert result.stderr.startswith(f"Error: {told}")
    assert len(result.stderr.splitlines()) == 1


def test_metrics_when_there_are_two_workers_then_add_up_both(quiet: Project, bundles: Path) -> None:
    with serving(quiet, bundles, **TWO_WORKERS) as (_, address, log):
        wait_until(lambda: log.read_text().count('"serving bundle') == 2, "both workers")
        for _ in range(40):
            post(f"{address}/predict", {"experience_years": 5})
        expected = 'salary_predictions_total{route="/predict"} 40.0'
        assert expected in get(f"{address}/metrics").body


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/schema.json", "/docs.json", "/call"])
def test_routes_of_bentoml_when_they_get_a_pickle_then_refuse_in_the_one_shape(
    service_url: str, path: str
) -> None:
    answer: Answer = post(f"{service_url}{path}", b"\x80\x04.", PICKLE)
    assert answer.status in (404, 405)
    assert set(answer.body["error"]) == {"code", "message", "details"}
