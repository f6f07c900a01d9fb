"""A model-based test: any sequence of commands, crashes, races and hands on one registry.

The local machine keeps the lock, and so has no races. The shared one pretends that its
store is a server's: nobody holds a lock, and another command may run, whole or to a crash
of its own, at any registry call of the first.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mlflow import MlflowClient

from proofs import forks
from proofs.calls import READS, Listener, Moment, at, heard
from proofs.guarantee import (
    ALIAS,
    Snapshot,
    check_at_any_time,
    check_by_hand,
    check_decided,
    check_settled,
    look,
)
from proofs.tally import Tally
from proofs.worlds import RMSES, Site, World
from salary_kedro.errors import UserError
from salary_kedro.promotion.alignment import align
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.registry.stages import Stage
from stores import age_history

STEPS = 20
HOUR = 3600.0


class Killed(BaseException):
    """The process was killed."""


@dataclass(frozen=True)
class Crash:
    """Where a command is killed: before or after its registry call of a number."""

    call: int
    moment: Moment


@dataclass(frozen=True)
class Command:
    """A command that writes.

    Attributes:
        kind: What it does.
        value: The challenger's RMSE; or the version to promote, which a rule chooses.
        crash: Where it is killed; None if it is not.
    """

    kind: Literal["compete", "align", "roll back", "promote"]
    value: float = 0
    crash: Crash | None = None

    def run(self, site: Site) -> bool:
        """Run it; tell whether it came to its end, which a refusal is not."""
        try:
            if self.crash is None:
                self._run(site)
            else:
                with heard(at(self.crash.call, self.crash.moment, _kill)):
                    self._run(site)
        except (UserError, Killed):
            return False
        return True

    def _run(self, site: Site) -> None:
        if self.kind == "compete":
            site.compete(self.value)
        elif self.kind == "align":
            align(site.registry)
        elif self.kind == "roll back":
            roll_back(site.registry, "it drifts")
        else:
            promote_by_hand(site.registry, int(self.value), "trust me")


def _kill() -> None:
    raise Killed


CRASHES = st.builds(Crash, st.integers(1, 60), st.sampled_from(["before", "after"]))
COMMANDS = st.one_of(
    st.builds(Command, st.just("compete"), st.sampled_from(RMSES)),
    st.builds(Command, st.sampled_from(["align", "roll back"])),
    st.builds(Command, st.just("promote"), st.integers(0, 8)),
)
CHOICES = st.integers(0, 8)
Edit = Callable[[MlflowClient, str, str, Stage], object]
EDITS: dict[str, Edit] = {
    "delete a version": lambda client, name, number, _: client.delete_model_version(name, number),
    "set a tag": lambda client, name, number, stage: client.set_model_version_tag(
        name, number, stage, "1"
    ),
    "delete a tag": lambda client, name, number, stage: client.delete_model_version_tag(
        name, number, stage
    ),
    "move the alias": lambda client, name, number, _: client.set_registered_model_alias(
        name, ALIAS, number
    ),
    "delete the alias": lambda client, name, number, _: client.delete_registered_model_alias(
        name, ALIAS
    ),
    "keep the history as before": lambda client, name, number, _: age_history(name),
}


class LifecycleMachine(RuleBasedStateMachine):
    """Commands on one registered model, and what must hold after each."""

    store: ClassVar[Site]  # every example uses a name of its own in it
    local: ClassVar[bool] = True

    @initialize(rmses=st.lists(st.sampled_from(RMSES), max_size=2))
    def begin(self, rmses: list[float]) -> None:
        """Begin with an empty registry, or with a promotion or two."""
        self.site = replace(self.store, model_name=f"salaries-{secrets.token_hex(6)}")
        if not self.local:
            self.site.registry.uri = "http://shared"
        for rmse in rmses:
            self.site.compete(rmse)
        self.before = look(self.site.registry)

    # --- Commands --------------------------------------------------------------------

    @rule(command=COMMANDS)
    def run_one(self, command: Command) -> None:
        """Run a command to its end."""
        command = self._resolve(command)
        before, ended, now = self._run(command)
        found = list(check_at_any_time(before, now, local=self.local))
        if ended:
            found += check_settled(now)
            found += self._check_effect(command, before, now)
        elif before.alias is not None and now.alias != before.alias:
            found.append(f"a refused command moved the alias to version {now.alias}")
        assert not found, (found, self.before.story)

    @rule(command=COMMANDS, crash=CRASHES)
    def crash(self, command: Command, crash: Crash) -> None:
        """Kill a command at a registry call; a short one may come to its end before."""
        before, _, now = self._run(replace(self._resolve(command), crash=crash))
        found = list(check_at_any_time(before, now, local=self.local))
        assert not found, (found, self.before.story)

    @precondition(lambda self: not self.local)
    @rule(command=COMMANDS, other=COMMANDS, where=CRASHES, crash=st.none() | CRASHES)
    def race(self, command: Command, other: Command, where: Crash, crash: Crash | None) -> None:
        """Run another command, perhaps to its crash, at a registry call of the first."""
        ends: list[bool] = []
        meanwhile = replace(self._resolve(other), crash=crash)
        intrusion = at(where.call, where.moment, lambda: ends.append(meanwhile.run(self.site)))
        before, ended, now = self._run(self._resolve(command), intrusion)
        found = list(check_at_any_time(before, now, local=self.local))
        if ended and all(ends):
            found += check_settled(now)
            found += check_decided(now) if command.kind == "compete" else []
            if now.history.by_hand_state != before.history.by_hand_state:
                found += check_by_hand(now, self.site.rmse)
        assert not found, (found, self.before.story)

    def _run(
        self, command: Command, listener: Listener | None = None
    ) -> tuple[Snapshot, bool, Snapshot]:
        """Run a command; in a local store, clause b holds after each of its writes."""
        before = self.before
        with heard(listener or self._check_write):
            ended = command.run(self.site)
        self.before = look(self.site.registry)
        return before, ended, self.before

    def _check_write(self, moment: Moment, name: str) -> None:
        if self.local and moment == "after" and not name.startswith(READS):
            found = list(check_at_any_time(self.before, look(self.site.registry), local=True))
            assert not found, (name, found)

    def _check_effect(self, command: Command, before: Snapshot, now: Snapshot) -> Iterator[str]:
        """What a command does that nobody disturbs."""
        if command.kind == "compete":
            yield from check_decided(now)
            yield from self._check_best(before, now)
        elif command.kind == "promote" and now.alias != command.value:
            yield f"version {command.value} was promoted by hand; the alias names {now.alias}"
        elif command.kind == "roll back" and now.alias not in before.history.productions:
            yield f"rolled back to version {now.alias}, which was never production"
        elif command.kind == "align":
            yield from self._check_aligned(before, now)

    def _check_best(self, before: Snapshot, now: Snapshot) -> Iterator[str]:
        """The best is production, those excepted that repeat one that was rolled back."""
        rmse = self.site.rmse
        back = {record.before for record in now.history.done if record.action == "rollback"}
        bad = {rmse(number) for number in back if number in now.stages}
        rivals = {
            number for number in (*before.waiting, max(now.stages)) if rmse(number) not in bad
        }
        if before.alias is not None and (self.local or not before.history.unfinished):
            rivals.add(before.alias)
        if now.alias is None or any(rmse(number) < rmse(now.alias) for number in rivals):
            yield f"version {now.alias} is production; the rivals were {rivals}"

    def _check_aligned(self, before: Snapshot, now: Snapshot) -> Iterator[str]:
        """Clause e: a moved alias is obeyed, a lost one restored, a lone tag adopted."""
        former = [number for number in before.history.productions if number in now.stages]
        if before.alias is not None:
            allowed = {before.alias}
            if not self.local and before.history.unfinished:
                allowed.update(former)  # an automatic promotion may be taken back
        elif before.history.productions:
            allowed = set(former)
        else:
            allowed = set(before.tagged) or {0}
        if (now.alias or 0) not in allowed:
            yield f"the alias named {before.alias}; aligned, it names {now.alias}, not {allowed}"

    # --- Hands -------------------------------------------------------------------------

    @rule(rmse=st.sampled_from(RMSES), stage=st.sampled_from([Stage.STAGING, Stage.ARCHIVED]))
    def register(self, rmse: float, stage: Stage) -> None:
        """Register a version, as a run does that dies after it, or an import."""
        self.site.register(rmse, stage)
        self.before = look(self.site.registry)

    @precondition(lambda self: self.before.stages)
    @rule(edit=st.sampled_from(list(EDITS)), choice=CHOICES, stage=st.sampled_from(Stage))
    def edit(self, edit: str, choice: int, stage: Stage) -> None:
        """Edit the registry by hand, past the lifecycle."""
        number = self._version(choice)
        if edit == "delete a tag" and stage not in self.before.stages[number]:
            stage = Stage(next(iter(self.before.stages[number]), stage))
        EDITS[edit](MlflowClient(), self.site.model_name, str(number), stage)
        self.before = look(self.site.registry)

    def _resolve(self, command: Command) -> Command:
        if command.kind != "promote":
            return command
        return replace(command, value=self._version(int(command.value)))

    def _version(self, choice: int) -> int:
        """One of the versions that exist; 1 if none does."""
        numbers = sorted(self.before.stages) or [1]
        return numbers[choice % len(numbers)]


class SharedLifecycleMachine(LifecycleMachine):
    """The same, in a store that its users share without a lock."""

    local = False


MACHINES = {"local": LifecycleMachine, "shared": SharedLifecycleMachine}


def prove_machine(world: World, kind: str, examples: int, chosen: int) -> Tally:
    """Run so many random examples of a machine, in a process of its own.

    Args:
        world: A SQLite store.
        kind: `local` or `shared`.
        examples: How many.
        chosen: The seed.
    """
    ended = forks.Forked(_run_examples, world.site(0), kind, examples, chosen).end(HOUR)
    what = f"examples of the state machine, {kind} store"
    return Tally(what, examples, [] if ended.exit_code == 0 else [ended.error])


def _run_examples(send: forks.Send, site: Site, kind: str, examples: int, chosen: int) -> None:
    chosen_settings = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to shorten a failing example would take an hour
        suppress_health_check=list(HealthCheck),
    )
    machine = type(f"{kind.title()}Machine", (MACHINES[kind],), {"store": site})
    _ = site.registry  # opens the store
    run_state_machine_as_test(seed(chosen)(machine), settings=chosen_settings)
