"""The one place that knows the inside of BentoML's supervisor, which is circus.

Circus alone would lose what waits for the workers when it ends them, restart them all at once,
notice a dead one after ten seconds only, leave them behind when it is killed, and run commands for
anyone on this machine.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import click
from bentoml._internal.utils import circus as bentoml_circus
from circus.exc import ConflictError  # type: ignore[import-untyped]

from salary_kedro.errors import UserError
from salary_kedro.serving import limits
from salary_kedro.serving.lifeline import SupervisorEnd
from salary_kedro.serving.listening import check_address, explain, refuse_newcomers

log = logging.getLogger("bentoml.serve")

#: Seconds for connections that are being made while the port closes.
SETTLE_SECONDS = 0.3
#: Seconds in which a new worker must be ready to take an old one's place.
START_SECONDS = 120.0
#: So many workers in a row that end before they are ready are enough, where none is.
STRIKES = 3
AGAIN_SECONDS = 0.2
#: Where circus takes commands and tells of events: out of reach of other processes.
NOWHERE = {"endpoint": "inproc://commands", "pubsub_endpoint": "inproc://events"}


def use(grace: float, configured_port: int) -> None:
    """Let the supervisor that BentoML starts in this process work as said here.

    Args:
        grace: Seconds between SIGTERM and the closing of the port.
        configured_port: The port to listen at if the command names none.

    Raises:
        click.ClickException: if the port to listen at is none; the system would take another.
    """
    context = click.get_current_context(silent=True)
    asked = context.params.get("port") if context else None
    port = configured_port if asked is None else asked
    if not 1 <= port <= 65535:
        message = f"port {port} is not a number from 1 to 65535; choose one with --port"
        raise click.ClickException(message)

    class WithGrace(Supervisor):
        grace_seconds = grace

    bentoml_circus.Arbiter = WithGrace  # type: ignore[misc]  # it is looked up when it is needed


class Supervisor(bentoml_circus.Arbiter):
    """Starts workers, replaces those that die, and ends or restarts them without losing a request.

    Attributes:
        grace_seconds: Seconds between SIGTERM and the closing of the port.
    """

    grace_seconds = 0.0

    def __init__(self, watchers: Sequence[Any], **options: Any) -> None:
        """Take the workers to be started, and the sockets they listen at.

        Raises:
            click.ClickException: if nobody can listen there.
        """
        for listening in options["sockets"]:
            _check(listening)
        self._lifeline, self._pools = SupervisorEnd(), list(watchers)
        for pool in self._pools:
            pool.env.update(self._lifeline.environment)
            pool.stop_signal, pool.graceful_timeout = signal.SIGINT, limits.END_SECONDS
            pool.respawn = True  # BentoML would not, inside a container
            pool.hooks["after_reap"] = self._reaped
        self._ready: set[int] = set()
        self._strikes, self._failed, self._broke_off = 0, False, False
        self._ends_now: asyncio.Event | None = None
        self._restarting_workers = False
        self._tasks: set[asyncio.Task[None]] = set()
        # Circus does what it is told there, whoever tells it: on a port, any user of this machine.
        super().__init__(watchers, **{**options, **NOWHERE})

    def initialize(self) -> None:
        """Begin to listen.

        Raises:
            click.ClickException: if another has begun to meanwhile.
        """
        try:
            super().initialize()
        except OSError as error:
            listening = next(iter(self.sockets.values()))
            raise click.ClickException(explain(error, listening.host, listening.port)) from error

    def start(self, cb: Any = None) -> None:
        """Supervise until a signal ends it.

        Raises:
            click.ClickException: if the workers do not start.
        """
        loop = self.loop.asyncio_loop
        for number, grace in (
            (signal.SIGTERM, self.grace_seconds),
            (signal.SIGINT, 0.0),
            (signal.SIGQUIT, 0.0),
        ):
            loop.add_signal_handler(number, lambda grace=grace: self._do("end", self._end(grace)))
        for number, what, work in (
            (signal.SIGHUP, "restart the workers", self._restart_workers),
            (signal.SIGCHLD, "replace a dead worker", self._replace_dead),
        ):
            loop.add_signal_handler(number, lambda what=what, work=work: self._do(what, work()))
        loop.add_reader(self._lifeline.news, self._welcome)
        super().start(cb)
        if self._failed:
            raise click.ClickException("the workers exit before they are ready; see why above")
        if self._broke_off:
            raise click.ClickException("the service did not shut down properly; see why above")

    def _do(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Do some work; what goes wrong is logged, and the server goes on."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)  # the loop itself would not hold it

        def look(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            if not done.cancelled() and (error := done.exception()) is not None:
                log.error("could not %s: %r", what, error)

        task.add_done_callback(look)

    def _welcome(self) -> None:
        self._ready |= self._lifeline.ready()
        self._strikes = 0

    # --- The end -------------------------------------------------------------------------

    async def _end(self, grace: float) -> None:
        """Go on for the grace period, then close the port, then end the workers.

        A second signal ends the grace period. Whatever goes wrong, this process ends.
        """
        if self._ends_now is not None:
            self._ends_now.set()
            return
        self._ends_now = asyncio.Event()
        try:
            await self._end_in_order(self._ends_now, grace)
        except Exception as error:  # noqa: BLE001 - whatever it was, this process must end
            log.error("could not end: %r", error)  # noqa: TRY400 - in one line
            self._broke_off = True
            self.loop.stop()  # the workers see that this process ends, finish and end too

    async def _end_in_order(self, now: asyncio.Event, grace: float) -> None:
        self.ctrl.caller.stop()  # nothing is started any more
        self._announce(grace > 0)
        with suppress(TimeoutError):
            await asyncio.wait_for(now.wait(), grace)
        for listening in self.sockets.values():
            refuse_newcomers(listening)
        await asyncio.sleep(SETTLE_SECONDS)
        self.sockets.close_all()
        await self._alone(self.stop)

    def _announce(self, graceful: bool) -> None:
        """Tell the workers that the end is near; those that are not ready end by that."""
        for pool in self._pools:
            for process in pool.get_active_pids():
                if graceful or process not in self._ready:
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGTERM)

    async def _alone(self, work: Any) -> None:
        """Do what circus does not do while it does something else."""
        while True:
            try:
                await work()
            except ConflictError:
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    # --- Workers that die ----------------------------------------------------------------

    def _reaped(self, process_pid: int, **_: Any) -> bool:
        """Note that a worker has ended; circus calls it."""
        if process_pid in self._ready:
            self._ready.discard(process_pid)
        else:
            self._strikes += 1
        return True

    async def _replace_dead(self) -> None:
        """Start a worker in place of one that has died.

        Once that has been no use several times, circus tries now and then, while others serve.
        """
        if self._ends_now is not None:
            if not any(pool.get_active_pids() for pool in self._pools):
                self._ends_now.set()
        elif not self._restarting_workers and (self._strikes < STRIKES or not self._ready):
            await self._alone(self.manage_watchers)
            if self._strikes >= STRIKES and not self._ready:
                self._failed = True
                await self._end(0.0)

    # --- A restart -----------------------------------------------------------------------

    async def _restart_workers(self) -> None:
        """Put a new worker in the place of each, one after the other."""
        if self._restarting_workers or self._ends_now is not None:
            return
        self._restarting_workers = True
        self.ctrl.caller.stop()  # it would see a worker too many
        try:
            for pool in self._pools:
                for old in pool.get_active_processes():
                    if not await self._renew(pool, old):
                        return
        finally:
            self._restarting_workers = False
            if self._ends_now is None:
                self.ctrl.caller.start()
                await self._replace_dead()

    async def _renew(self, pool: Any, old: Any) -> bool:
        """Put a new worker in the place of an old one; tells whether it could."""
        before = set(pool.processes)
        pool.spawn_process()
        new = [process for number, process in pool.processes.items() if number not in before]
        if not new or not await self._becomes_ready(new[0]):
            if self._ends_now is None:
                log.error("a new worker does not become ready; the old ones stay")
            return False
        await pool.kill_process(old)
        pool.reap_process(old.pid)
        return self._ends_now is None

    async def _becomes_ready(self, worker: Any) -> bool:
        """Wait for a worker; no longer than it lives, and this server."""
        end = self.loop.time() + START_SECONDS
        while worker.pid not in self._ready and worker.is_alive() and self._ends_now is None:
            if self.loop.time() > end:
                worker.send_signal(signal.SIGKILL)
            await asyncio.sleep(AGAIN_SECONDS)
        return worker.pid in self._ready


def _check(listening: Any) -> None:
    try:
        check_address(listening.host, listening.port, listening.family)
    except UserError as error:
        raise click.ClickException(str(error)) from error
