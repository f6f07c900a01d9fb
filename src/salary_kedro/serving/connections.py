"""The open connections of a worker: how many there are, and which of them goes when it is enough.

A connection waits for a request, then for its body, then for the answer. All that a client can
draw out is bounded, in time and together. When it is too much, the one goes that has kept the
worker waiting for longest, of those first that have never asked for anything: a flood of such
drives out itself alone.
"""

from collections.abc import Callable
from itertools import chain
from typing import Protocol

from salary_kedro.serving import limits


class Connection(Protocol):
    """What the register knows of a connection.

    Attributes:
        head_bytes: How much of an unfinished header has come.
        patience: Seconds within which the header of its next request must be whole.
        rest: Seconds for which it is kept without any.
    """

    head_bytes: int
    patience: float
    rest: float

    def unsent(self) -> int:
        """Bytes of answers that the client has yet to take."""

    def drop(self) -> None:
        """End it at once."""

    def retire(self) -> None:
        """End it once the client has taken its answer, unless another request has begun."""


class Connections:
    """A register of connections, each in one state, the one longest in it first.

    Attributes:
        new: Those that have never asked for anything, and since when.
        idle: Those that were answered and ask for nothing more, and since when.
        reading: Those whose request's body is still coming, and since when.
        answering: Those whose request is whole, and since when.
        unsent: Those that are slow to take their answer, and since when; besides the above.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        """Begin without any.

        Args:
            most: How many there may be.
            clock: Gives the time in seconds.
        """
        self.most, self._clock = most, clock
        self.new: dict[Connection, float] = {}
        self.idle: dict[Connection, float] = {}
        self.reading: dict[Connection, float] = {}
        self.answering: dict[Connection, float] = {}
        self.unsent: dict[Connection, float] = {}
        self._head_bytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._states()))

    def _states(self) -> tuple[dict[Connection, float], ...]:
        return self.new, self.idle, self.reading, self.answering

    def open(self, connection: Connection) -> None:
        """Take in a connection; at the limit another goes, or if all are answered, this one."""
        if len(self) >= self.most:
            longest = self._waited_for()
            if longest is None:
                connection.drop()
                return
            self.drop(longest)
        self.new[connection] = self._clock()

    def _waited_for(self) -> Connection | None:
        """The connection that is to go when there are too many; None if all are answered."""
        if self.new:
            return next(iter(self.new))
        asked = self.idle | self.reading
        return min(asked, key=asked.__getitem__, default=None)

    def move(self, connection: Connection, state: dict[Connection, float]) -> None:
        """Note that a connection is in another state now, one of the attributes."""
        if connection not in state and self._forget(connection):
            state[connection] = self._clock()

    def answered(self, connection: Connection) -> None:
        """Note that a request was answered, and that the next is waited for."""
        if self._forget(connection):
            self.idle[connection] = self._clock()

    def _forget(self, connection: Connection) -> bool:
        """Take it out of its state; tells whether it was in any."""
        self._head_bytes -= connection.head_bytes
        connection.head_bytes = 0
        return any(state.pop(connection, None) is not None for state in self._states())

    def heard(self, connection: Connection, size: int) -> None:
        """Note that a part of a header has come, and no more."""
        if connection not in self.new and connection not in self.idle:
            return
        connection.head_bytes += size
        self._head_bytes += size
        while self._head_bytes > limits.MAX_HEAD_BYTES:
            waiting = chain(self.new, self.idle)
            self.drop(next(each for each in waiting if each.head_bytes))

    def slow(self, connection: Connection) -> None:
        """Note that a client does not take its answer as fast as it is sent."""
        self.unsent.setdefault(connection, self._clock())
        while sum(each.unsent() for each in self.unsent) > limits.MAX_UNSENT_BYTES:
            self.drop(next(iter(self.unsent)))

    def taken(self, connection: Connection) -> None:
        """Note that the client has taken nearly all."""
        self.unsent.pop(connection, None)

    def close(self, connection: Connection) -> None:
        """Note that a connection has ended."""
        self._forget(connection)
        self.taken(connection)

    def drop(self, connection: Connection) -> None:
        """End a connection and forget it."""
        self.close(connection)
        connection.drop()

    def sweep(self) -> None:
        """Drop what has kept the worker waiting for too long; to be called now and then."""
        now = self._clock()
        waiting = chain(self.new.items(), self.idle.items())
        late = [each for each, since in waiting if now - since > each.patience]
        late += [each for each, since in self.unsent.items() if now - since > limits.UNSENT_SECONDS]
        for connection in late:
            self.drop(connection)
        for connection in [each for each, since in self.idle.items() if now - since > each.rest]:
            connection.retire()


def raise_file_limit(needed: int) -> int:
    """Let this process open as many files as it needs, if it may; gives how many it can.

    Args:
        needed: How many it needs.
    """
    try:
        import resource
    except ImportError:  # Windows counts otherwise
        return needed
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft in (resource.RLIM_INFINITY, -1) or soft >= needed:
        return needed
    most = needed if hard in (resource.RLIM_INFINITY, -1) else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
