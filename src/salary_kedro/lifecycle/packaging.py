"""Exports the production version as a bundle."""

import logging

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.bundle import DOMAIN, pack
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.alignment import align
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.store import store_lock

log = logging.getLogger(__name__)


def bring_into_line(registry: Registry, bundles: BundleStore) -> int | None:
    """Bring tags, history and bundle pointer into line with the alias.

    Returns:
        The production version; None if there is none yet.

    Raises:
        UserError: If production was lost and no former one still loads.
    """
    with store_lock(registry.uri):
        state = align(registry)
    if state.champion is None:
        return None
    try:
        export_production(registry, bundles)
    except UserError as error:  # whoever needs that model says what to do
        log.warning("version %s cannot be packaged: %s", state.champion.number, error)
    return state.champion.number


def export_production(registry: Registry, bundles: BundleStore) -> str:
    """Export the version that the alias names, and move the pointer to its bundle.

    A version that was exported before, and whose bundle is still good, is not exported
    again. The alias is read once more before the pointer is moved: whoever moves the
    alias packages after it, so the last one to hold the folder's lock has the last word.

    Returns:
        The bundle's name.

    Raises:
        UserError: If there is no production version.
    """
    number = _production(registry)
    while True:
        name, files = pack_version(registry, number)
        if not _is_good(bundles, name):
            bundles.write(name, files)
        with bundles.lock():
            packed, number = number, _production(registry)
            if packed == number:
                if _pointer(bundles) != name:
                    bundles.point_to(name)
                return name


def _production(registry: Registry) -> int:
    champion = registry.champion()
    if champion is None:
        raise UserError(
            f"model '{registry.model_name}' has no production version to package: `make run` "
            f"trains and promotes one"
        )
    return champion.number


def pack_version(registry: Registry, number: int) -> tuple[str, dict[str, bytes]]:
    """Make a version's bundle of what was logged with its model.

    Returns:
        The bundle's name, and its files by name.

    Raises:
        UserError: If the model cannot be fetched or loaded, or one of its files is gone.
    """
    folder = registry.model_folder(number)
    names = ("contract.json", "metrics.json", "lineage.json")
    try:
        files = {name: (folder / "extra_files" / name).read_bytes() for name in names}
        domain = folder / "extra_files" / DOMAIN
        files[DOMAIN] = domain.read_bytes() if domain.is_file() else b"{}"  # logged before it was
        files["model.skops"] = (folder / "model.skops").read_bytes()
    except OSError as error:
        raise UserError(f"the model files of version {number} cannot be read: {error}") from error
    return pack(registry.model_name, number, files)


def _is_good(bundles: BundleStore, name: str) -> bool:
    try:
        bundles.load(name)
    except BundleError:
        return False
    return True


def _pointer(bundles: BundleStore) -> str | None:
    try:
        return bundles.current()
    except BundleError:
        return None  # an unreadable pointer is written anew
