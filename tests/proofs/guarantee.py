"""The promotion guarantee, clause by clause; each check names what is broken."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from salary_kedro.registry.history import History
from salary_kedro.registry.registry import Registry

ALIAS = "production"
STAGES = frozenset({"staging", "production", "archived"})


@dataclass(frozen=True)
class Snapshot:
    """What the registry holds, read past the lifecycle's own code but for the history.

    Attributes:
        alias: The version that the alias names.
        stages: Stage tags of each version.
        history: The records.
    """

    alias: int | None
    stages: Mapping[int, frozenset[str]]
    history: History

    @property
    def tagged(self) -> list[int]:
        """Versions tagged production."""
        return [number for number, stages in self.stages.items() if "production" in stages]

    @property
    def waiting(self) -> list[int]:
        """Versions tagged staging."""
        return [number for number, stages in self.stages.items() if "staging" in stages]

    @property
    def recorded(self) -> int | None:
        """The version that is production, by the last record."""
        return self.history.done[-1].after if self.history.done else None

    @property
    def story(self) -> str:
        """The history in one line, for whoever looks into a violation."""
        return "history: " + "; ".join(
            f"{record.key} {record.action} {record.state} of {record.version}, "
            f"{record.before} to {record.after}, intent {record.intent}, knows {record.knows}"
            for record in self.history
        )


def look(registry: Registry) -> Snapshot:
    """Read the registry."""
    client, name = MlflowClient(), registry.model_name
    try:
        found = client.get_registered_model(name).aliases.get(ALIAS)
    except MlflowException:
        return Snapshot(None, {}, History([]))  # nothing was registered yet
    versions = client.search_model_versions(f"name = '{name}'")
    stages = {int(each.version): STAGES & set(each.tags) for each in versions}
    return Snapshot(None if found is None else int(found), stages, registry.state().history)


def check_at_any_time(before: Snapshot, now: Snapshot, *, local: bool) -> Iterator[str]:
    """Clauses that hold at every moment, after a kill too.

    Args:
        before: When the alias was last known to be well; it has none if somebody deleted it.
        now: Today's state.
        local: Whether clause b holds as well.
    """
    if before.alias is not None and now.alias is None:
        yield f"a: version {before.alias} was production, and now there is no alias"
    if now.alias is not None and now.alias not in now.stages:
        yield f"a: the alias names version {now.alias}, which does not exist"
    if local and len(now.tagged) > max(1, len(before.tagged)):
        yield f"b: versions {now.tagged} are tagged production"
    kept = {record.key: record for record in now.history}
    for record in before.history:
        if kept.get(record.key) != record:
            yield f"the history lost or changed {record}"


def check_settled(now: Snapshot) -> Iterator[str]:
    """What a writing command leaves behind: tags and history agree with the alias."""
    for number, stages in now.stages.items():
        if len(stages) != 1:
            yield f"c, d: version {number} is tagged {sorted(stages) or 'nothing'}"
    if now.tagged != [number for number in (now.alias,) if number is not None]:
        yield f"c, d: versions {now.tagged} are tagged production; the alias names {now.alias}"
    if now.recorded != now.alias:
        yield f"the history says that {now.recorded} is production; the alias names {now.alias}"


def check_decided(now: Snapshot) -> Iterator[str]:
    """What the contest leaves behind: nobody waits."""
    if now.waiting:
        yield f"versions {now.waiting} are left in staging"


def check_by_hand(now: Snapshot, rmse: Callable[[int], float]) -> Iterator[str]:
    """What a person chose last is production, or a better one whose promoter knew of it."""
    chosen = now.history.by_hand
    if chosen is None or chosen.after is None:
        yield "no record tells of the decision by hand"
        return
    better = {
        record.after
        for record in now.history.done
        if record.action == "promotion"
        and (record.knows or "").startswith(chosen.decision)
        and rmse(record.version) < rmse(chosen.after)
    }
    if now.alias not in {chosen.after, *better}:
        yield f"version {now.alias} is production; by hand it was version {chosen.after}"
