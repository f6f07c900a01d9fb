"""Exports the production version as a bundle."""

import json
import logging
import math
from collections.abc import Mapping

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.bundle import OPTIONAL, pack, parse_metrics
from salary_kedro.bundle.files import FileError, read_regular
from salary_kedro.bundle.limits import CONTRACT, DOMAIN, LINEAGE, METRICS, MODEL, max_size
from salary_kedro.bundle.lineage import RMSE_SOURCE, Lineage
from salary_kedro.bundle.signing import read_signer
from salary_kedro.errors import UserError
from salary_kedro.promotion.alignment import align
from salary_kedro.promotion.telling import tell_history
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Version
from salary_kedro.registry.store import store_lock

log = logging.getLogger(__name__)


def align_and_package(registry: Registry, bundles: BundleStore) -> int | None:
    """Align tags, history and bundle pointer with the alias.

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
        if not (bundles.is_good(name) and bundles.holds_signature(name, files)):
            bundles.write(name, files)
        with bundles.lock():
            packed, number = number, _production(registry)
            if packed == number and (bundles.folder / name).is_dir():  # not removed meanwhile
                tell_history(registry, bundles)  # before whoever follows the pointer asks for it
                if _owner(bundles) != registry.model_name:
                    bundles.belong_to(registry.model_name)
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
    extra = folder / "extra_files"
    paths = {name: extra / name for name in (CONTRACT, METRICS, LINEAGE)}
    # What is not there was logged before releases recorded it.
    paths |= {name: extra / name for name in OPTIONAL if (extra / name).is_file()}
    paths[MODEL] = folder / MODEL
    try:
        read = {name: read_regular(path, max_size(name)) for name, path in paths.items()}
    except (OSError, FileError) as error:
        raise UserError(f"the model files of version {number} cannot be read: {error}") from error
    files = {DOMAIN: b"{}", **read, **_say_source(registry.version(number), read)}
    return pack(registry.model_name, number, files, read_signer())


def _say_source(version: Version, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Metrics and lineage of a version whose RMSE no training here has measured, with its source.

    The RMSE is that of its stage tag, which is measured when a person promotes it.
    """
    if version.source is None:
        return {}
    metrics, lineage = parse_metrics(files[METRICS]), Lineage.parse(files[LINEAGE])
    if version.rmse is not None and math.isfinite(version.rmse):
        metrics["rmse"] = version.rmse
    sourced = lineage.model_copy(update={RMSE_SOURCE: version.source})
    told = {METRICS: metrics, LINEAGE: sourced.texts()}
    return {
        name: json.dumps(value, indent=2, sort_keys=True).encode() for name, value in told.items()
    }


def _owner(bundles: BundleStore) -> str | None:
    try:
        return bundles.owner()
    except BundleError:
        return None  # rewritten, like the pointer


def _pointer(bundles: BundleStore) -> str | None:
    try:
        return bundles.current()
    except BundleError:
        return None  # an unreadable pointer is rewritten
