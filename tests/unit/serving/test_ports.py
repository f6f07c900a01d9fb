"""Ports: what keeps a server from listening, in one line."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from salary_kedro.serving.ports import check_port
from support import free_port


@pytest.fixture
def taken() -> Iterator[str]:
    """A port on which somebody listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield str(server.getsockname()[1])


def test_check_port_when_nobody_uses_it_then_says_nothing() -> None:
    assert check_port(str(free_port()), "make serve") is None


def test_check_port_when_it_was_checked_before_then_is_still_free() -> None:
    port = str(free_port())

    assert [check_port(port, "make serve") for _ in range(3)] == [None, None, None]


def test_check_port_when_somebody_listens_then_suggests_another(taken: str) -> None:
    assert check_port(taken, "make serve PORT=3001") == (
        f"port {taken} is in use; stop the program that uses it, or run `make serve PORT=3001`"
    )


def test_check_port_when_somebody_listens_on_all_addresses_then_is_in_use() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))  # noqa: S104 a server that listens everywhere, for a moment
        server.listen()
        port = str(server.getsockname()[1])

        assert check_port(port, "make serve") == (
            f"port {port} is in use; stop the program that uses it, or run `make serve`"
        )


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "three", "80.5", "²", " 80"])
def test_check_port_when_it_is_no_port_then_says_what_is(port: str) -> None:
    assert check_port(port, "make serve") == f"port '{port}' is not a number from 1 to 65535"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "salary_kedro.serving.ports", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.process
def test_ports_when_run_on_a_taken_port_then_fails_with_one_line(taken: str) -> None:
    result = run(taken, "make serve", "make app")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: port {taken} is in use; stop the program that uses it, or run "
        "`make serve`, and `make app`\n"
    )


@pytest.mark.process
def test_ports_when_run_on_a_free_port_then_says_nothing() -> None:
    result = run(str(free_port()), "make app")

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
