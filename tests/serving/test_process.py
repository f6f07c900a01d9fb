"""The service as a process: how it starts, what its log says, how it ends."""

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from salary_kedro.serving import limits
from salary_kedro.serving.circus_adapter import STRIKES
from salary_kedro.serving.connections import raise_file_limit
from salary_kedro.serving.listening import explain
from support import BIN, Answer, Project, copy_project, free_port, get, is_running, post, wait_until
from workers import workers_of

pytestmark = pytest.mark.process

ROWS = {"rows": [{"experience_years": 5}] * 10_000}
TWO_WORKERS = {"BENTOML_CONFIG_OPTIONS": "services.salary_prediction.workers=2"}
PICKLE = "application/vnd.bentoml+pickle"
#: Until when a service that was told to end has ended: then it has killed its workers.
END = limits.END_SECONDS + 15


@pytest.fixture
def quiet(bundles: Path, tmp_path: Path) -> Project:
    """A project that serves the bundles of the test."""
    return copy_project(tmp_path / "project")


@contextmanager
def serving(
    project: Project,
    bundles: Path,
    *options: str,
    after: str = "",
    **environment: str,
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """Run `bentoml serve`, after a command of sh; gives the process, its address and its log."""
    port, log = free_port(), project.root / "serve.log"
    serve = [str(BIN / "bentoml"), "serve", "--port", str(port), *options]
    command = ["sh", "-c", f'{after}\nexec "$@"', "sh", *serve]
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
        try:
            process.wait(timeout=END)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def ready(log: Path) -> int:
    """How many workers have become ready so far."""
    return log.read_text().count('"serving bundle')


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
            socket.create_connection(("127.0.0.1", port), timeout=60) as client,
            pytest.raises(ConnectionError),
        ):
            client.sendall(endless)
        assert get(f"{address}/livez").status == 200


def test_service_when_it_is_told_to_end_then_answers_what_is_in_flight_and_exits_with_0(
    quiet: Project, bundles: Path
) -> None:
    body = json.dumps(ROWS).encode()
    fields = b"Host: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    with serving(quiet, bundles, SALARY_GRACE_SECONDS="0") as (process, address, _):
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"POST /predict_batch HTTP/1.1\r\n" + fields + b"\r\n" + body[:-1])
            wait_until(lambda: get(f"{address}/livez").status == 200, "another request's answer")
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: get(f"{address}/livez").status == 0, "the end of the port")
            client.sendall(body[-1:])
            assert client.recv(1_000).startswith(b"HTTP/1.1 200 OK\r\n")
            while client.recv(1_000_000):
                pass
        assert process.wait(timeout=END) == 0


@pytest.mark.parametrize("options", [{}, TWO_WORKERS], ids=["one worker", "two workers"])
def test_service_when_it_is_told_to_end_then_says_so_and_goes_on_for_the_grace_period(
    quiet: Project, bundles: Path, options: dict[str, str]
) -> None:
    settings = {**options, "SALARY_GRACE_SECONDS": "600"}
    with serving(quiet, bundles, **settings) as (process, address, log):
        wait_until(lambda: ready(log) == 1 + len(options), "all workers")
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: get(f"{address}/readyz").status == 503, "the service to say so")
        assert get(f"{address}/readyz").body["error"]["code"] == "ending"
        assert get(f"{address}/livez").status == 200
        with urllib.request.urlopen(f"{address}/model") as answer:
            assert answer.headers["Connection"] == "close"
        process.send_signal(signal.SIGTERM)  # enough of that
        assert process.wait(timeout=END) == 0
        assert get(f"{address}/livez").status == 0


def test_service_when_it_is_interrupted_then_waits_for_no_grace_period(
    quiet: Project, bundles: Path
) -> None:
    with serving(quiet, bundles, SALARY_GRACE_SECONDS="600") as (process, _, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=END) == 0


def test_service_when_the_grace_period_is_none_then_does_not_start_and_says_why_in_one_line(
    project: Project,
) -> None:
    result = project.run("bentoml", "serve", SALARY_GRACE_SECONDS="soon")
    assert result.returncode != 0
    assert result.stderr.startswith(
        "Error: SALARY_GRACE_SECONDS is 'soon'; give the number of seconds"
    )
    assert len(result.stderr.splitlines()) == 1


def test_service_when_it_is_hung_up_then_restarts_its_workers_and_answers_meanwhile(
    quiet: Project, bundles: Path
) -> None:
    with serving(quiet, bundles) as (process, address, _):
        before = workers_of(process)
        process.send_signal(signal.SIGHUP)
        answers = []

        def restarted() -> bool:
            answers.append(post(f"{address}/predict", {"experience_years": 5}).status)
            return len(workers_of(process)) == 1 and not workers_of(process) & before

        wait_until(restarted, "another worker")
        assert set(answers) == {200}


def break_supervisor(project: Project, code: str) -> None:
    """Add code to the supervisor's module."""
    with (project.root / "src/salary_kedro/serving/circus_adapter.py").open("a") as module:
        module.write(f"\n\n{code}\n")


def test_service_when_its_end_fails_then_ends_all_the_same_and_says_why_in_one_line(
    quiet: Project, bundles: Path
) -> None:
    break_supervisor(quiet, 'def refuse_newcomers(_): raise OSError("no such luck")')
    with serving(quiet, bundles) as (process, _, log):
        workers = workers_of(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=END) == 1
        wait_until(lambda: not any(map(is_running, workers)), "the end of the workers")
    told = log.read_text()
    assert told.count("could not end: OSError('no such luck')\n") == 1
    assert "Error: the service did not shut down properly; see why above\n" in told
    assert "Traceback" not in told


def test_service_when_a_restart_fails_then_goes_on_and_says_why_in_one_line(
    quiet: Project, bundles: Path
) -> None:
    broken = (
        'async def _fail(_): raise OSError("no such luck")\nSupervisor._restart_workers = _fail'
    )
    break_supervisor(quiet, broken)
    with serving(quiet, bundles) as (process, address, log):
        process.send_signal(signal.SIGHUP)
        why = "could not restart the workers: OSError('no such luck')\n"
        wait_until(lambda: why in log.read_text(), "the reason")
        assert post(f"{address}/predict", {"experience_years": 5}).status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=END) == 0
    assert "Traceback" not in log.read_text()


def test_service_when_a_worker_is_killed_then_another_takes_its_place(
    quiet: Project, bundles: Path
) -> None:
    with serving(quiet, bundles, **TWO_WORKERS) as (process, address, log):
        wait_until(lambda: ready(log) == 2, "both workers")
        killed = min(workers_of(process))
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: ready(log) == 3, "another worker")
        assert len(workers_of(process) - {killed}) == 2
        assert get(f"{address}/readyz").status == 200


def test_service_when_a_killed_workers_successors_do_not_start_then_the_others_go_on(
    quiet: Project, bundles: Path, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    settings = {**TWO_WORKERS, "SALARY_TOKEN_FILE": str(token)}
    with serving(quiet, bundles, **settings) as (process, address, log):
        wait_until(lambda: ready(log) == 2, "both workers")
        token.write_text("short\n")
        os.kill(min(workers_of(process)), signal.SIGKILL)
        wait_until(lambda: log.read_text().count("Error: the token") > STRIKES, "their ends")
        assert get(f"{address}/readyz").status == 200
        token.write_text("0123456789abcdef\n")
        wait_until(lambda: ready(log) == 3, "another worker")


def test_service_when_it_runs_then_can_be_spoken_to_at_its_port_alone(
    quiet: Project, bundles: Path
) -> None:
    with serving(quiet, bundles) as (process, address, _):
        supervisor = psutil.Process(process.pid)
        found = [
            each.laddr.port
            for one in (supervisor, *supervisor.children(recursive=True))
            for each in one.net_connections()
            if each.status == psutil.CONN_LISTEN
        ]
    assert set(found) == {int(address.rpartition(":")[2])}


def test_service_when_its_supervisor_is_killed_then_its_workers_end_and_leave_no_trace_for_long(
    quiet: Project, bundles: Path
) -> None:
    with serving(quiet, bundles, **TWO_WORKERS) as (process, address, log):
        wait_until(lambda: ready(log) == 2, "both workers")
        workers, shared = workers_of(process), _shared_folder(process)
        with serving(quiet, bundles):  # which must spare what is in use
            assert shared.is_dir()
        process.kill()
        wait_until(lambda: not any(map(is_running, workers)), "the end of the workers")
        assert get(f"{address}/livez").status == 0
        assert shared.is_dir()
        with serving(quiet, bundles):
            assert not shared.exists()


def _shared_folder(process: subprocess.Popen[bytes]) -> Path:
    """Where the workers of a server keep their numbers."""
    if not os.access("/dev/shm", os.W_OK):  # noqa: S108 - it is only looked at
        pytest.skip("there is no file system in memory")
    worker = psutil.Process(min(workers_of(process)))
    return Path(worker.environ()["PROMETHEUS_MULTIPROC_DIR"])


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (("--port", "{taken}"), "port {taken} of 127.0.0.1 is in use; stop the program that"),
        (("--port", "70000"), "port 70000 is not a number from 1 to 65535; choose one"),
        (("--host", "192.0.2.1"), "this machine has no address 192.0.2.1; choose one"),
    ],
)
def test_service_when_it_cannot_listen_then_says_why_in_one_line(
    project: Project, option: tuple[str, str], expected: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = str(server.getsockname()[1])
        given = (part.format(taken=taken) for part in option)
        result = project.run("bentoml", "serve", *given)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {expected.format(taken=taken)}")
    assert len(result.stderr.splitlines()) == 1


def test_service_when_a_port_needs_rights_then_says_so() -> None:
    message = explain(PermissionError(errno.EACCES, "Permission denied"), "127.0.0.1", 80)
    assert message.startswith("port 80 needs rights that you do not have")


def test_service_when_connections_are_silent_and_bodies_stall_then_answers_others(
    quiet: Project, bundles: Path
) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    stalled = head + b"Content-Length: 99\r\n\r\n{"
    with (
        serving(quiet, bundles, after="ulimit -n 1024") as (_, address, log),
        contextlib.ExitStack() as silent,
    ):
        for sent in (b"", stalled, head, b""):
            _open_many(silent, address, 600, sent)
            assert get(f"{address}/livez").status == 200
            assert post(f"{address}/predict", {"experience_years": 5}).status == 200
    assert "out of system resource" not in log.read_text()  # asyncio would pause for a second


def _open_many(stack: contextlib.ExitStack, address: str, count: int, sent: bytes) -> None:
    """Open connections that send so much and no more; the last ones stay open."""
    port = int(address.rpartition(":")[2])
    raise_file_limit(count * 4 + 500)
    for _ in range(count):
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)


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
        ("SALARY_TOKEN", "", "the token is empty or contains characters that a header cannot"),
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
        wait_until(lambda: expected in get(f"{address}/metrics").body, "both workers' numbers")


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/schema.json", "/docs.json", "/call"])
def test_routes_of_bentoml_when_they_get_a_pickle_then_refuse_in_the_one_shape(
    service_url: str, path: str
) -> None:
    answer: Answer = post(f"{service_url}{path}", b"\x80\x04.", PICKLE)
    assert answer.status in (404, 405)
    assert set(answer.body["error"]) == {"code", "message", "details"}
