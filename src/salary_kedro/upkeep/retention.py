"""Removes bundles that are neither served, nor a reserve, nor what a rollback would serve."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.files import read_regular
from salary_kedro.bundle.limits import MANIFEST, max_size
from salary_kedro.bundle.signing import Verifier, read_signer, read_verifier
from salary_kedro.bundle.store import version_of
from salary_kedro.errors import UserError
from salary_kedro.files import scratch_folder
from salary_kedro.registry.registry import Registry, State

log = logging.getLogger(__name__)

#: How many former productions, the latest that were not rolled back, always keep their bundle.
ROLLBACK_TARGETS = 2


def retire(
    registry: Registry, bundles: BundleStore, keep: int | None, forget: Callable[[str], None]
) -> list[str]:
    """Remove what is outdated; see `outdated`.

    A bundle that is removed all the same can be recreated from its version, as every rollback
    and promotion by hand does.

    Args:
        registry: Where the versions are.
        bundles: The folder of bundles.
        keep: How many bundles of the model are kept whatever they are; None keeps all.
        forget: Called with a bundle's name before it is removed, to remove what was built of it.

    Returns:
        Names of the bundles that were removed.
    """
    if keep is None or len(bundles.names()) <= keep:
        return []
    removed = []
    with bundles.lock():  # nobody moves the pointer meanwhile
        for name in outdated(registry, bundles, keep):
            try:
                forget(name)
                _remove(bundles, name)
            except OSError as error:
                log.warning("the bundle %s cannot be removed: %s", name, error)
            else:
                removed.append(name)
    return removed


def outdated(registry: Registry, bundles: BundleStore, keep: int) -> list[str]:
    """Names of the bundles of this model that nothing needs, beyond the newest `keep`.

    Needed are the bundle that the pointer names and the reserve below it, with signing on also
    the one that verifies, and those of the production version, of the versions it replaced, and
    of the next ones to roll back to.
    Where pointer or alias say nothing, all are needed.
    """
    own = [name for name in bundles.names() if model_of(bundles, name) == registry.model_name]
    served = _served(bundles)
    if len(own) <= keep or not served:
        return []
    versions = _needed(registry.recent_state())
    return [
        name
        for name in own[keep:]
        if versions and version_of(name) not in versions and name not in served
    ]


def _needed(state: State) -> set[int]:
    """Versions that are production, or would be next; none if nothing is in production."""
    if state.champion is None:
        return set()
    history = state.history
    replaced = [r.before for r in history.done if r.moves and r.after == state.alias]
    bad = {state.alias, *history.rolled_back}
    good = (n for n in history.productions if n not in bad and n in state.versions)
    targets = islice(good, ROLLBACK_TARGETS)
    return {state.champion.number, *targets, *(n for n in replaced if n is not None)}


def _served(bundles: BundleStore) -> set[str]:
    """The bundle that the pointer names, and the reserve; none if the pointer names none.

    Once bundles are signed, the reserve of services that verify is the highest that is.
    """
    try:
        current = bundles.current()
    except BundleError:
        return set()
    if current is None:
        return set()
    below = [name for name in bundles.names() if version_of(name) < version_of(current)]
    stores = [bundles] if (keys := _keys()) is None else [bundles, replace(bundles, verifier=keys)]
    reserves = (next(filter(store.is_good, below), None) for store in stores)
    return {current, *filter(None, reserves)}


def _keys() -> Verifier | None:
    """Verifies as services are to: by the keys given for that, else by the one that signs."""
    signer = read_signer()
    return read_verifier() or (None if signer is None else signer.verifier)


def model_of(bundles: BundleStore, name: str) -> str | None:
    """Whose bundle it is; None if it does not say so."""
    try:
        manifest = json.loads(read_regular(bundles.folder / name / MANIFEST, max_size(MANIFEST)))
    except (OSError, ValueError, UserError):
        return None
    model = manifest.get("model_name") if isinstance(manifest, dict) else None
    return model if isinstance(model, str) else None


def _remove(bundles: BundleStore, name: str) -> None:
    """Remove a bundle in one step, whoever may be reading it."""
    with scratch_folder(bundles.folder / "removed") as scratch:
        (bundles.folder / name).rename(scratch / name)
