"""Connections that ask for nothing: `python -m proofs.floods ADDRESS COUNT`, until it is killed.

A program of its own, so that its work does not delay those who measure.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from salary_kedro.serving.connections import raise_file_limit
from support import ROOT

#: What they send: nothing, a header without end, a body that does not come.
SENT = (
    b"",
    b"GET /livez HTTP/1.1\r\nHost: x\r\n",
    (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99\r\n\r\n{"
    ),
)
#: Between two connections: what is shown is that they wait, not that a thousand come at once.
PAUSE_SECONDS = 0.001
ROUND_SECONDS = 1.0


@contextmanager
def flood(address: str, count: int) -> Iterator[None]:
    """Keep so many connections open for as long as the context lasts."""
    command = [sys.executable, "-m", "proofs.floods", address, str(count)]
    process = subprocess.Popen(command, cwd=ROOT / "tests")
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Keep so many connections open, and open each again that the server closes."""
    address, count = sys.argv[1:]
    host, port = urlsplit(address).hostname or "", urlsplit(address).port or 0
    raise_file_limit(int(count) + 500)
    clients: list[socket.socket | None] = [None] * int(count)
    while True:
        for place, client in enumerate(clients):
            if client is None or _ended(client):
                clients[place] = _open(host, port, SENT[place % len(SENT)])
                time.sleep(PAUSE_SECONDS)
        time.sleep(ROUND_SECONDS)


def _open(host: str, port: int, sent: bytes) -> socket.socket | None:
    client = None
    with suppress(OSError):
        client = socket.create_connection((host, port), timeout=5)
        client.sendall(sent)
        client.setblocking(False)
    return client


def _ended(client: socket.socket) -> bool:
    """Whether the server has ended a connection; if so it is closed here, too."""
    try:
        if client.recv(1_000):
            return False
    except BlockingIOError:
        return False
    except OSError:
        pass
    client.close()
    return True


if __name__ == "__main__":
    main()
