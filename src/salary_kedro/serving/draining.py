"""How a worker ends: it says so first, then takes nothing new, then finishes what it has begun."""

import math
import os
from collections.abc import Mapping

from salary_kedro.errors import UserError

GRACE = "SALARY_GRACE_SECONDS"
#: Others need some seconds to learn that this server ends; `docker stop` waits for ten.
GRACE_SECONDS = 5.0
LONGEST = 3600.0


def read_grace(environment: Mapping[str, str] = os.environ) -> float:
    """Seconds between the order to end and the closing of the port.

    Raises:
        UserError: if `SALARY_GRACE_SECONDS` is no such number.
    """
    text = environment.get(GRACE, str(GRACE_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LONGEST:
        raise UserError(
            f"{GRACE} is '{text}'; give the number of seconds for which the service still answers "
            f"after it is told to stop, 0 to {LONGEST:g}"
        )
    return seconds


class Drain:
    """Whether this worker is about to end.

    Attributes:
        begun: Whether it is.
        whole_server: Whether the others of its server are, too.
    """

    def __init__(self) -> None:
        self.begun = self.whole_server = False

    def begin(self, whole_server: bool) -> None:
        """Say from now on that this worker is about to end."""
        self.begun, self.whole_server = True, self.whole_server or whole_server
