"""Two pipes between a supervisor and its workers: who is ready, and whether the other still lives.

A pipe ends when the last process that holds its other end has ended, however that came about.
"""

import os
import signal
import threading
from collections.abc import Mapping

from salary_kedro.serving import limits

#: The ends that a worker inherits: of the pipe that ends with the supervisor, and of the other.
ENDS = "SALARY_LIFELINE"


class SupervisorEnd:
    """What the supervisor holds of both pipes.

    Attributes:
        news: Ready to be read when a worker is ready to serve.
        environment: What its workers must be started with, apart from inheriting files.
    """

    def __init__(self) -> None:
        ends_with_us, self._held = os.pipe()  # the end held is not inherited
        self.news, told = os.pipe()
        os.set_blocking(self.news, False)
        for end in (ends_with_us, told):
            os.set_inheritable(end, True)
        self.environment = {ENDS: f"{ends_with_us},{told}"}

    def ready(self) -> set[int]:
        """The workers that have become ready since."""
        return {int(process) for process in os.read(self.news, 65_536).split()}


class WorkerEnd:
    """What a worker holds of both pipes; nothing, if no supervisor of ours has started it."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._ends = [int(end) for end in environment.get(ENDS, "").split(",") if end]

    def follow(self) -> None:
        """End with the supervisor: as if interrupted first, by force if that takes too long."""
        if self._ends:
            threading.Thread(target=self._wait, name="lifeline", daemon=True).start()

    def _wait(self) -> None:
        os.read(self._ends[0], 1)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(limits.END_SECONDS)
        os._exit(1)

    def tell_ready(self) -> None:
        """Tell the supervisor that this worker serves."""
        if self._ends:
            os.write(self._ends[1], f"{os.getpid()}\n".encode())
