"""Examines whether everything the lifecycle promises holds. Reads only; writes nothing.

The registry's own checks take a `State` and nothing else; the files' checks take paths.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.files import FileError, read_regular
from salary_kedro.bundle.limits import MODEL, max_model_bytes
from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.store import POINTER, version_of
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.promotion.alignment import due_stage, pending_intent
from salary_kedro.registry.history import Record
from salary_kedro.registry.mlflow_adapter import needed_tables
from salary_kedro.registry.registry import Registry, RegistryError, State, open_registry
from salary_kedro.registry.relocation import former_places, model_folders, plain_path
from salary_kedro.registry.stages import ALIAS, Stage, Version
from salary_kedro.registry.store import (
    database_path,
    find_aside,
    is_half_made,
    is_local,
    other_schema,
    reading,
    store_exists,
)
from salary_kedro.upkeep.aging import check_aging, is_outlived
from salary_kedro.upkeep.findings import FIX, Finding, advice, broken, in_environment
from salary_kedro.upkeep.retention import outdated
from salary_kedro.upkeep.surroundings import examine_surroundings

CHOOSE = "choose one: `kedro models promote N --reason TEXT`"
MISLED = "the tags mislead people; serving follows the alias"
NO_REASON = "nothing says who made it production, and why"
NONE_PROMOTED = (
    "`kedro models history` says why; `kedro models promote N --reason TEXT` makes one production"
)
SERVED = "what is served is not what is in production"


def examine(project: Project) -> list[Finding]:
    """Check every invariant, and every pitfall that can be checked on this machine.

    Returns:
        What was found, the broken first; empty if nothing is wrong.
    """
    store = [
        replace(each, remedy=in_environment(each.remedy, project.env))
        for each in _examine_store(project)
    ]
    found = [*store, *examine_surroundings(project.root, project.raw_data)]
    return sorted(found, key=lambda finding: finding.severity != "broken")


def is_set_up(uri: str) -> bool:
    """Tell whether there is a store with anything in it.

    Raises:
        UserError: If the store cannot be used.
    """
    return store_exists(uri) and (not is_local(uri) or bool(_tables(uri)))


def _examine_store(project: Project) -> list[Finding]:
    if found := obstacle(project.uri):
        return [found, *(check_unexplained(project.bundles) if found.severity == "advice" else [])]
    schema = _check_schema(project.uri)
    try:
        registry = open_registry(project.uri, project.model_name)
        state = registry.state()
    except (RegistryError, UserError) as error:
        return [*schema, _unusable(f"the registry cannot be read: {_line(error)}")]
    return [
        *schema,
        *check_alias(state, pending_intent(registry, state)),
        *check_history(registry),
        *check_tags(state),
        *check_run(registry, state.champion),
        *check_bundle(project.bundles, state.alias),
        *([] if _was_promoted(state) else check_unexplained(project.bundles)),
        *_check_kept(project, registry),
        *([] if schema else _check_artifacts(project, state)),
    ]


def _check_schema(uri: str) -> list[Finding]:
    """The store has the schema that its artifacts are found by."""
    if (other := other_schema(uri)) is None:
        return []
    why = "its models cannot be examined, nor can it be told its place if the project is moved"
    return [broken(other, why, "do what it says")]


def obstacle(uri: str) -> Finding | None:
    """What keeps the registry from being read; None if nothing does. Writes nothing."""
    try:
        if not is_set_up(uri):
            return _broken_off(uri) or advice(
                "nothing was trained in this environment yet",
                "there is no model to serve",
                "`make run` trains, promotes and packages one",
            )
        missing = needed_tables() - _tables(uri) if is_local(uri) else None
    except UserError as error:
        return _unusable(str(error))
    if missing and is_half_made(database_path(uri)):
        return broken(
            f"the store lacks tables that MLflow needs ({len(missing)} of them)",
            "its creation was interrupted; nothing is in it yet",
            "`make run` recreates it",
        )
    if missing:
        return broken(
            f"the store lacks tables that MLflow needs ({len(missing)} of them)",
            "its creation was interrupted, or another version of MLflow made it",
            "keep a copy of it; `make run` then completes it",
        )
    return None


def _broken_off(uri: str) -> Finding | None:
    """What a restore that was killed has left instead of the store; None if there is none."""
    if not is_local(uri):
        return None
    aside = find_aside(database_path(uri))
    if aside is None:
        return None
    return broken(
        f"there is no store, but a restore has set one aside as {aside}",
        "it was ended half way, or the store was removed since; no run begins a new one meanwhile",
        "`kedro models restore FILE --force`, once more, puts all of it into place",
    )


def _tables(uri: str) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    try:
        with reading(uri) as connection, closing(connection.execute(query)) as rows:
            return {name for (name,) in rows}
    except sqlite3.Error as error:
        raise UserError(f"the store {database_path(uri)} cannot be opened ({error})") from error


def _unusable(what: str) -> Finding:
    why = "no command that needs the registry can work"
    return broken(what, why, "do what it says, or restore the store from a copy")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def check_alias(state: State, pending: Record | None = None) -> list[Finding]:
    """The alias names a version whose promotion is on record.

    Args:
        state: What the registry holds.
        pending: The unfinished intent that moved the alias, if one did.
    """
    if state.champion is None:
        return _check_no_alias(state)
    if pending is not None:
        return [
            broken(
                f"the {pending.action} of version {pending.version} was begun and not finished",
                "its command was interrupted, unless it is running now",
                f"{FIX} completes it",
            )
        ]
    if state.alias in state.history.unreplaced:
        return []
    if not state.history.productions:
        why = f"{FIX}, and every `kedro run`, begins one"
        return [broken(f"no history says why version {state.alias} is production", NO_REASON, why)]
    return [
        broken(
            f"the alias '{ALIAS}' names version {state.alias}, but the last record says version "
            f"{state.history.productions[0]}",
            f"it was moved by hand; {NO_REASON}",
            f"{FIX} obeys the alias and records that it was moved by hand",
        )
    ]


def _check_no_alias(state: State) -> list[Finding]:
    tagged = _tagged(state, Stage.PRODUCTION)
    last = next(iter(state.history.productions), None)
    if last is None and not tagged:
        return _check_nothing_promoted(state)
    why = "there is no production model to package, and no new one can be compared with it"
    if last is None:
        what = f"the alias '{ALIAS}' is missing, but {_versions(tagged)} tagged production"
        return [broken(what, why, CHOOSE if len(tagged) > 1 else f"{FIX} adopts it")]
    if state.alias is not None:
        what = f"the alias '{ALIAS}' names version {state.alias}, which does not exist"
    elif last in state.versions:
        what = f"the alias '{ALIAS}' was deleted; version {last} was production last"
    else:
        what = f"version {last}, which was production, was deleted"
    return [broken(what, why, f"{FIX} restores the latest former production that still loads")]


def _check_nothing_promoted(state: State) -> list[Finding]:
    if _tagged(state, Stage.STAGING):
        return []
    if not state.versions:
        remedy = "`make run` trains one; `kedro models import FILE` brings one"
        return [advice("no version is registered", "there is no model to package", remedy)]
    what = "no version was ever promoted"
    return [advice(what, "there is nothing to serve", NONE_PROMOTED)]


def check_history(registry: Registry) -> Iterator[Finding]:
    """The history lies where this release keeps it, and nobody has deleted that."""
    if names := registry.ledger.deleted():
        what = f"the experiment that keeps the history is deleted: {', '.join(names.values())}"
        yield broken(
            what, "`mlflow gc` would remove the reasons of all decisions", f"{FIX} restores it"
        )
    if count := len(registry.ledger.elsewhere()):
        yield broken(
            f"the registered model has tags that are records of the history, as releases before "
            f"this one made them: {count}",
            "one of these has written, and knows of no later record",
            f"use one release only; {FIX} moves them",
        )


def check_tags(state: State) -> list[Finding]:
    """Each version has the one stage tag that is due to it.

    While nothing explains the alias, which tags are due is yet to be known.
    """
    each = [found for version in state.versions.values() for found in _check_tags(version, state)]
    return [*_check_productions(state), *each]


def _check_productions(state: State) -> Iterator[Finding]:
    tagged = _tagged(state, Stage.PRODUCTION)
    if state.champion is not None and state.alias not in tagged:
        yield broken(f"version {state.alias} is production, but not tagged production", MISLED)
    if state.alias is not None and not tagged:
        yield broken("no version is tagged production", MISLED)
    if len(tagged) > 1 and (state.champion is not None or state.history.productions):
        yield broken(f"{_versions(tagged)} tagged production", MISLED)


def _check_tags(version: Version, state: State) -> Iterator[Finding]:
    name, stages, due = f"version {version.number}", list(version.stages), due_stage(version, state)
    explained = state.champion is not None and state.alias in state.history.unreplaced
    if not stages:
        yield broken(f"{name} has no stage tag", "nobody can tell what became of it")
    elif len(stages) > 1:
        yield broken(f"{name} has {len(stages)} stage tags: {', '.join(stages)}", MISLED)
    elif explained and version.number in state.contested:
        yield broken(
            f"{name} lost production to a promotion that had not been compared with it",
            "promoters raced, and the better model may not be the one that serves",
            f"the next `kedro run` compares them; {FIX} archives it",
        )
    elif stages == [Stage.STAGING] and due == Stage.STAGING:
        yield broken(
            f"{name} is still tagged staging",
            "nothing was decided on it: its run left promotion out, was interrupted, or goes on",
            f"the next `kedro run`, or `kedro run --pipelines promotion`, lets it contest "
            f"production; {FIX} archives it",
        )
    elif explained and stages != [due] and due != Stage.PRODUCTION:
        yield broken(f"{name} is tagged {stages[0]}; {due} is due", MISLED)


def _tagged(state: State, stage: Stage) -> list[int]:
    return [version.number for version in state.versions.values() if stage in version.stages]


def _versions(numbers: Iterable[int]) -> str:
    names = list(map(str, numbers))
    return f"version {names[0]} is" if len(names) == 1 else f"versions {', '.join(names)} are"


def check_run(registry: Registry, champion: Version | None) -> list[Finding]:
    """The run that trained the production version is there, with parameters and metrics."""
    stage = "active" if champion is None else registry.lifecycle(champion)
    if champion is None or stage == "active":
        return []
    what = (
        f"the MLflow run {champion.run_id}, which trained version {champion.number}, in production"
    )
    if stage == "gone":
        why = "nothing tells any more how the model that is served was trained"
        remedy = "restore the store from a copy, or train and promote another version: `kedro run`"
        return [advice(f"{what}, is gone", why, remedy)]
    why = "`mlflow gc` would remove what tells how the model that is served was trained"
    remedy = f"`mlflow runs restore --run-id {champion.run_id}`, with MLFLOW_TRACKING_URI set"
    return [broken(f"{what}, is deleted", why, remedy)]


def _was_promoted(state: State) -> bool:
    """Whether a version is or was in production, so that what is served can be explained."""
    return bool(state.alias or state.history.productions or _tagged(state, Stage.PRODUCTION))


def check_unexplained(bundles: BundleStore) -> list[Finding]:
    """No bundle is served where the registry knows of no production, now or ever."""
    try:
        name = bundles.current()
    except BundleError:
        return []  # nothing is served by that pointer
    if name is None:
        return []
    return [
        broken(
            f"the bundle pointer names {name}, but the registry knows of no version that is or "
            f"was in production",
            "a model is served whose record was deleted, or lies in another store",
            f"`make run` trains and promotes a version; `kedro models restore FILE` brings a store "
            f"back; remove {bundles.folder / POINTER} to serve nothing",
        )
    ]


def check_bundle(bundles: BundleStore, production: int | None) -> list[Finding]:
    """The pointer names a whole bundle of the production version."""
    if production is None:
        return []
    try:
        name = bundles.current()
        if name is None:
            what = f"no bundle was made of version {production}, which is production"
            return [broken(what, "there is nothing to serve", f"{FIX} makes it")]
        if version_of(name) != production:
            what = f"the bundle pointer names {name}, but version {production} is production"
            return [broken(what, SERVED, f"{FIX} moves it")]
        bundles.load(name)
    except BundleError as error:
        why = "serving falls back to an older bundle, or fails"
        return [broken(str(error), why, f"{FIX} recreates the bundle")]
    return []


def _check_kept(project: Project, registry: Registry) -> list[Finding]:
    """There are no more bundles than are to be kept."""
    keep = project.parameters.packaging.keep
    if keep is None:
        return []
    try:
        names = outdated(registry, project.bundles, keep)
    except BundleError:
        return []  # found with the bundle
    if not names:
        return []
    what = f"bundles that nothing needs are beyond packaging.keep ({keep}): {len(names)}"
    return [advice(what, "they take up space", "the next `kedro run` that packages removes them")]


def _check_artifacts(project: Project, state: State) -> list[Finding]:
    if not is_local(project.uri):
        return []
    if places := former_places(project.uri, project.artifacts):
        return [_moved(places)]  # nothing is opened there
    folders = model_folders(project.uri, project.model_name)
    return [
        *check_models(folders, state),
        *_check_packed(project, folders, state.alias),
        *check_aging(folders),
    ]


def _moved(places: Iterable[str]) -> Finding:
    return broken(
        f"the store still points to {', '.join(map(plain_path, places))}",
        "the project was moved or copied: its models are not found, or are read from the original",
        f"{FIX} points the store to this project's folder",
    )


def check_models(folders: Mapping[int, Path], state: State) -> list[Finding]:
    """The production version's model loads, and the others' are there."""
    found = []
    lost = [n for n in state.versions if n != state.alias and not _has_model(folders.get(n))]
    if lost:
        what = f"model files are missing: version {', '.join(map(str, lost))}"
        why = "these versions cannot be shown, compared or rolled back to"
        remedy = "restore them from a copy, or delete the versions with `make ui`"
        found.append(advice(what, why, remedy))
    champion = state.champion
    folder = None if champion is None else folders.get(champion.number)
    if champion is not None and (trouble := _trouble(folder)):
        why = "no new version can be compared with it, and it cannot be packaged"
        remedy = "restore it from a copy, or `kedro models rollback --reason TEXT`"
        found.append(broken(f"version {champion.number}, in production: {trouble}", why, remedy))
    return found


def _check_packed(
    project: Project, folders: Mapping[int, Path], production: int | None
) -> list[Finding]:
    """The bundle holds the very model of its version, not one of an earlier store."""
    try:
        name = project.bundles.current()
    except BundleError:
        return []  # found with the bundle
    folder = folders.get(production or 0)
    if name is None or version_of(name) != production:
        return []
    if folder is None or _trouble(folder):
        return []  # the bundle may hold the last good copy
    packed, most = project.bundles.folder / name, max_model_bytes()
    try:
        held, logged = (read_regular(place / MODEL, most) for place in (packed, folder))
    except (OSError, FileError):
        return []  # found with the bundle
    if held == logged:
        return []
    what = f"the bundle {name} holds another model than version {production}"
    return [broken(what, SERVED, f"remove {packed}; {FIX} then recreates the bundle")]


def _has_model(folder: Path | None) -> bool:
    return folder is not None and (folder / MODEL).is_file()


def _trouble(folder: Path | None) -> str | None:
    if folder is None or not _has_model(folder):
        return "its model file is missing"
    try:
        read_model(folder / MODEL)
    except UserError as error:
        return None if is_outlived(folder) else str(error)
    return None
