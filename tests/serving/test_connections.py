"""Connections that ask for nothing, or take nothing: bounded in time and number."""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from prometheus_client import REGISTRY

from salary_kedro.serving import limits, uvicorn_adapter
from salary_kedro.serving.connections import Connections, raise_file_limit
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.request_metrics import request_metrics
from support import wait_until

ANSWER = b"x" * 1_000_000
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(eq=False)
class Fake:
    """A connection that notes whether it was dropped."""

    patience: float = 10.0
    rest: float = 5.0
    waiting_to_be_sent: int = 0
    head_bytes: int = 0
    dropped: bool = field(default=False, init=False)
    retired: bool = field(default=False, init=False)

    def unsent(self) -> int:
        return self.waiting_to_be_sent

    def drop(self) -> None:
        self.dropped = True

    def retire(self) -> None:
        self.retired = True


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def register(clock: Clock) -> Connections:
    """A register of at most three connections."""
    return Connections(3, clock)


def opened(register: Connections, count: int) -> list[Fake]:
    """So many new connections."""
    connections = [Fake() for _ in range(count)]
    for connection in connections:
        register.open(connection)
    return connections


def dropped(connections: list[Fake]) -> list[int]:
    return [place for place, each in enumerate(connections) if each.dropped]


def test_connections_when_there_are_too_many_then_the_one_silent_for_longest_goes(
    register: Connections,
) -> None:
    connections = opened(register, 5)
    assert dropped(connections) == [0, 1]
    assert len(register) == 3


def test_connections_when_there_are_too_many_then_those_that_are_answered_stay(
    register: Connections,
) -> None:
    first, second, third = opened(register, 3)
    register.move(first, register.answering)
    register.move(second, register.reading)
    more = opened(register, 1)
    assert dropped([first, second, third, *more]) == [2]
    register.move(more[0], register.answering)
    more += opened(register, 1)
    assert dropped([first, second, *more]) == [1]


def test_connections_when_all_are_answered_then_a_new_one_goes(register: Connections) -> None:
    connections = opened(register, 3)
    for connection in connections:
        register.move(connection, register.answering)
    more = opened(register, 1)
    assert (dropped(connections), dropped(more)) == ([], [0])
    assert len(register) == 3


def test_connections_when_one_asks_again_then_has_waited_for_less_long(
    register: Connections,
) -> None:
    first, second, third = opened(register, 3)
    register.move(first, register.answering)
    register.move(first, register.idle)
    opened(register, 1)
    assert dropped([first, second, third]) == [1]


def test_connections_when_a_flood_comes_then_those_that_have_asked_before_stay(
    register: Connections,
) -> None:
    first, second = opened(register, 2)
    for asker in (first, second):
        register.move(asker, register.answering)
        register.move(asker, register.idle)
    assert dropped(opened(register, 10)) == list(range(9))
    assert dropped([first, second]) == []


def test_connections_when_there_are_only_idle_ones_then_the_one_idle_for_longest_goes(
    register: Connections,
) -> None:
    connections = opened(register, 3)
    for asker in reversed(connections):
        register.move(asker, register.answering)
        register.move(asker, register.idle)
    opened(register, 1)
    assert dropped(connections) == [2]


def test_connections_when_one_has_gone_then_is_moved_no_more(register: Connections) -> None:
    (gone,) = opened(register, 1)
    register.close(gone)
    register.move(gone, register.idle)
    assert len(register) == 0


def test_connections_when_a_header_drips_then_its_time_is_up_all_the_same(
    register: Connections, clock: Clock
) -> None:
    connections = opened(register, 2)
    register.move(connections[1], register.answering)
    for clock.now in (4.0, 8.0, 10.1):
        register.heard(connections[0], 1)
        register.sweep()
    assert dropped(connections) == [0]


def test_connections_when_headers_are_too_large_together_then_the_first_goes(
    register: Connections,
) -> None:
    connections = opened(register, 3)
    for connection in connections[1:]:
        register.heard(connection, limits.MAX_HEAD_BYTES // 2 + 1)
    assert dropped(connections) == [1]
    register.heard(connections[2], 1)
    assert dropped(connections) == [1]


def test_connections_when_a_body_comes_then_does_not_count_as_a_header(
    register: Connections,
) -> None:
    connections = opened(register, 2)
    register.move(connections[0], register.reading)
    register.heard(connections[0], limits.MAX_HEAD_BYTES)
    register.heard(connections[1], 1)
    assert dropped(connections) == []


def test_answers_when_too_many_are_not_taken_then_the_slowest_client_goes(
    register: Connections,
) -> None:
    connections = opened(register, 3)
    for connection in connections:
        register.move(connection, register.answering)
        connection.waiting_to_be_sent = limits.MAX_UNSENT_BYTES // 2
        register.slow(connection)
    assert dropped(connections) == [0]


def test_answers_when_one_is_not_taken_in_time_then_its_client_goes(
    register: Connections, clock: Clock
) -> None:
    connections = opened(register, 2)
    for connection in connections:
        register.move(connection, register.answering)
        register.slow(connection)
    register.taken(connections[1])
    clock.now = limits.UNSENT_SECONDS + 1
    register.sweep()
    assert dropped(connections) == [0]


def test_file_limit_when_it_is_high_enough_then_stays() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raise_file_limit(10) == 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


# --- Real connections, to a server in this process ---------------------------------------


async def answer_all(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers everything with a megabyte."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": ANSWER})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn_adapter.Server]:
    """A server with little patience."""
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(limits, "UNSENT_SECONDS", 0.3)
    monkeypatch.setattr(uvicorn_adapter, "SWEEP_SECONDS", 0.05)
    config = uvicorn.Config(answer_all, lifespan="off", log_config=None, timeout_keep_alive=1)
    server = uvicorn_adapter.Server(Drain(), 0, None, config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the server")
        yield server
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(server: uvicorn_adapter.Server) -> tuple[str, int]:
    """Where the server listens."""
    host, port = server.servers[0].sockets[0].getsockname()
    return host, port


def ends(client: socket.socket) -> bool:
    """Whether the server ends a connection, whatever it has sent before."""
    client.settimeout(30)
    with contextlib.suppress(ConnectionError):
        while client.recv(1_000_000):
            pass
    return True


def take(client: socket.socket, answers: int) -> None:
    """Read as much as so many answers have at least."""
    client.settimeout(30)
    size = 0
    while size < answers * len(ANSWER):
        part = client.recv(1_000_000)
        assert part, "the connection has ended"
        size += len(part)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server waits for clients for longer than any test takes."""
    for patience in ("HEAD_SECONDS", "UNSENT_SECONDS"):
        monkeypatch.setattr(limits, patience, 600)


def test_server_when_a_client_has_gone_then_forgets_its_connection(
    server: uvicorn_adapter.Server, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 600)
    with socket.create_connection(address):
        wait_until(lambda: len(server._register) == 1, "the connection")
    wait_until(lambda: len(server._register) == 0, "its end")


def test_server_when_a_client_is_silent_then_ends_the_connection(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as client:
        assert ends(client)


def test_server_when_a_header_drips_then_ends_the_connection(address: tuple[str, int]) -> None:
    over = threading.Event()
    with socket.create_connection(address) as client:
        client.sendall(GET[:10])

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    client.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert ends(client)
        finally:
            over.set()
            thread.join()


def test_server_when_headers_are_too_large_together_then_ends_the_connection(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS", 600)
    monkeypatch.setattr(limits, "MAX_HEAD_BYTES", len(GET) - 3)
    with socket.create_connection(address) as client:
        client.sendall(GET[:-2])
        assert ends(client)


def test_server_when_a_client_takes_no_answer_then_ends_the_connection(
    address: tuple[str, int],
) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(address)
        client.sendall(GET * 20)  # more than the system keeps for it
        wait_until(lambda: _broken(client), "the end of the connection")


def _broken(client: socket.socket) -> bool:
    try:
        client.sendall(GET)
    except ConnectionError:
        return True
    return False


@pytest.mark.usefixtures("patient")
def test_server_when_a_slow_client_takes_its_answer_after_all_then_is_no_longer_slow(
    server: uvicorn_adapter.Server, address: tuple[str, int]
) -> None:
    server.config.timeout_keep_alive = 600  # the end of the connection would clear it, too
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(address)
        client.sendall(GET * 20)  # more than the system keeps for it
        wait_until(lambda: server._register.unsent, "an answer that waits")
        take(client, 20)
        wait_until(lambda: not server._register.unsent, "the end of the wait")
        assert len(server._register) == 1


def test_server_when_its_metrics_cannot_be_told_then_goes_on_sweeping_and_says_so_once(
    server: uvicorn_adapter.Server,
    address: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = []

    def fail() -> None:
        failures.append(OSError(28, "No space left on device"))
        raise failures[-1]

    with monkeypatch.context() as patch:
        patch.setattr(request_metrics(), "flush", fail)
        wait_until(lambda: len(failures) > 1, "a second sweep")
        with socket.create_connection(address) as silent:
            assert ends(silent)
    assert [record.exc_info is None for record in caplog.records] == [False]
    assert caplog.messages == ["the metrics cannot be told; the service tries again all the time"]


@pytest.mark.usefixtures("patient")
def test_server_when_requests_follow_each_other_then_answers_all(
    address: tuple[str, int],
) -> None:
    with socket.create_connection(address) as client:
        client.sendall(GET * 3)
        take(client, 3)


def test_server_when_it_ends_then_hands_over_what_was_counted_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def handed_over() -> float:
        return REGISTRY.get_sample_value("salary_errors_total", {"code": "busy"}) or 0

    monkeypatch.setattr(uvicorn_adapter, "SWEEP_SECONDS", 600)
    config = uvicorn.Config(answer_all, lifespan="off", log_config=None)
    server = uvicorn_adapter.Server(Drain(), 0, None, config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the server")
        before = handed_over()
        request_metrics().refused("busy")
        server.should_exit = True
        thread.join()
    assert handed_over() == before + 1


def test_connections_when_one_is_idle_for_longer_than_it_is_kept_then_it_is_retired(
    register: Connections, clock: Clock
) -> None:
    connections = opened(register, 2)
    register.answered(connections[0])
    clock.now = 5.1
    register.sweep()
    assert [each.retired for each in connections] == [True, False]
    assert dropped(connections) == []


def test_server_when_it_is_told_to_end_before_it_serves_then_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = uvicorn.Config(answer_all, lifespan="off", log_config=None)
    server = uvicorn_adapter.Server(Drain(), 0, None, config)
    begin = server.startup

    async def interrupted(sockets: list[socket.socket] | None = None) -> None:
        server.handle_exit(signal.SIGINT, None)
        await begin(sockets)

    monkeypatch.setattr(server, "startup", interrupted)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server.run([listening])

    assert server.should_exit
