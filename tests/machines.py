"""Machines on a network: each is a network namespace of this one, with an address of its own.

Their addresses are of the range that is kept for documentation, and nothing leaves the namespaces.
"""

import ctypes
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

NETWORK = "192.0.2"
NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000
Result = TypeVar("Result")


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        address: Its address; that of loopback for this one.
        namespace: Name of its network namespace; None for this machine's own.
    """

    address: str = "127.0.0.1"
    namespace: str | None = None

    def starting(self, command: list[str]) -> list[str]:
        """The command that starts another there."""
        return command if self.namespace is None else _there(self.namespace, *command)

    def enter(self) -> None:
        """Move the thread, and what it will start, there for good."""
        if self.namespace is None:
            return
        descriptor = os.open(NAMESPACES / self.namespace, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"{self.namespace} cannot be entered")
        finally:
            os.close(descriptor)

    def do(self, action: Callable[..., Result], *arguments: object) -> Result:
        """Do something there, in a thread of its own."""
        with ThreadPoolExecutor(1, initializer=self.enter) as thread:
            return thread.submit(action, *arguments).result()


def no_network() -> str | None:
    """Why no machines can be made here; None if they can."""
    try:
        with network(1):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", None) or str(error)
        return f"network namespaces cannot be made here, which takes root: {told.strip()}"


@contextmanager
def network(count: int) -> Iterator[list[Machine]]:
    """So many machines, each of which reaches the others and nothing else."""
    prefix = f"salary-{secrets.token_hex(3)}"
    names = [f"{prefix}-{number}" for number in range(count)]
    with ExitStack() as ends:
        for name in (prefix, *names):
            _ip("netns", "add", name)
            ends.callback(_ip, "netns", "del", name)
        _ip("-n", prefix, "link", "add", "switch", "type", "bridge")
        _ip("-n", prefix, "link", "set", "switch", "up")
        for number, name in enumerate(names):
            _plug(prefix, name, number)
        yield [Machine(_address(number), name) for number, name in enumerate(names)]


def _plug(switch: str, name: str, number: int) -> None:
    """Connect a machine with the switch, by a cable of its own."""
    plug = f"p{number}"
    _ip("-n", switch, "link", "add", plug, "type", "veth", "peer", "eth0", "netns", name)
    _ip("-n", switch, "link", "set", plug, "master", "switch", "up")
    _ip("-n", name, "address", "add", f"{_address(number)}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-n", name, "link", "set", device, "up")


def _address(number: int) -> str:
    return f"{NETWORK}.{number + 1}"


def _there(namespace: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
