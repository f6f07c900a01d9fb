"""The workers of a service that runs."""

import subprocess
from contextlib import suppress
from typing import Any

import psutil


def workers_of(server: "subprocess.Popen[Any] | psutil.Process") -> set[int]:
    """The processes that serve; those that have ended already are none."""
    found = set()
    for child in psutil.Process(server.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "--worker-id" in child.cmdline():
                found.add(child.pid)
    return found
