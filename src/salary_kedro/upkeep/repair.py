"""Repairs what an examination can find, by the means that every writing command uses."""

from collections.abc import Iterator

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.promotion.alignment import align, new_record
from salary_kedro.promotion.packaging import export_production
from salary_kedro.registry.registry import Registry, State, open_registry
from salary_kedro.registry.relocation import plain_path, relocate
from salary_kedro.registry.stages import Stage, Version
from salary_kedro.registry.store import store_lock
from salary_kedro.upkeep.doctor import is_set_up
from salary_kedro.upkeep.findings import Finding, broken

LEFT_OVER = "left over from an interrupted run"


def repair(project: Project) -> tuple[list[str], list[Finding]]:
    """Point the store to its artifacts, align the record, and move the bundle pointer.

    Each step needs those before it; the first that cannot be done ends the repair.

    Returns:
        What was done, one sentence each, and what could not be.
    """
    done: list[str] = []
    try:
        if is_set_up(project.uri):
            for step in (_relocate, _gather, _align, _repoint):
                done.extend(step(project))
    except UserError as error:
        why = "nothing after it was repaired either"
        return done, [broken(f"it cannot be repaired: {error}", why, "do what it says, then again")]
    return done, []


def relocate_project(project: Project) -> str | None:
    """Point the store of a project that was moved or copied to its artifacts, and record it.

    Returns:
        What was done, one sentence; None if the project is where it was.

    Raises:
        UserError: If the artifacts were not moved along, in which case nothing is changed; or
            if production was lost.
    """
    if not (places := relocate(project.uri, project.artifacts)):
        return None
    former = ", ".join(map(plain_path, places))
    done = f"the store pointed to {former}; it points to this project now"
    registry = open_registry(project.uri, project.model_name)
    with store_lock(project.uri):
        state = align(registry)
        if state.alias is not None:
            registry.record(new_record(state, "repair", state.alias, done, after=state.alias))
    return done


def _relocate(project: Project) -> list[str]:
    done = relocate_project(project)
    return [] if done is None else [done]


def _gather(project: Project) -> Iterator[str]:
    """Bring the history back to where it is kept."""
    ledger = open_registry(project.uri, project.model_name).ledger
    with store_lock(project.uri):
        for name in ledger.restore():
            yield f"the experiment '{name}', which keeps the history, is restored"
        if count := ledger.gather(again=True):
            records = "1 record" if count == 1 else f"{count} records"
            yield f"moved to the experiment that keeps the history: {records}"


def _align(project: Project) -> Iterator[str]:
    registry = open_registry(project.uri, project.model_name)
    with store_lock(project.uri):
        before, after = registry.state(), align(registry, all_versions=True)
        while left := [v for v in after.versions.values() if Stage.STAGING in v.stages]:
            _archive(registry, after, left[0])
            after = align(registry)  # which finds all that wait
        after = registry.state()
    known = {record.key for record in before.history}
    yield from (record.why for record in after.history.done if record.key not in known)
    yield from _retagged(before, after)


def _archive(registry: Registry, state: State, version: Version) -> None:
    """Set a version aside that no run decides on any more; there are no rows to compare it on."""
    reason = f"version {version.number} is not promoted: {LEFT_OVER}"
    registry.record(new_record(state, "archiving", version.number, reason, after=state.alias))
    registry.annotate(version, "archive", reason, {})


def _retagged(before: State, after: State) -> Iterator[str]:
    for number, version in after.versions.items():
        old = before.versions.get(number, version)
        if set(old.stages) != set(version.stages):
            was = " and ".join(old.stages) or "untagged"
            yield f"version {number} is tagged {' and '.join(version.stages)}; it was {was}"


def _repoint(project: Project) -> Iterator[str]:
    registry = open_registry(project.uri, project.model_name)
    if registry.champion() is None:
        return
    before = _served(project.bundles)
    name = export_production(registry, project.bundles)
    if name != before:
        yield f"the bundle pointer names {name}"


def _served(bundles: BundleStore) -> str | None:
    """Name of the bundle that is served; None if the pointer names none that is whole."""
    try:
        name = bundles.current()
        return name if name is None else bundles.load(name).name
    except BundleError:
        return None
