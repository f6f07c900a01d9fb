"""Exports the production version as a bundle."""

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.store import store_lock


def export_production(registry: Registry, bundles: BundleStore) -> str:
    """Export the version that the alias names, and move the pointer to its bundle.

    A version that was exported before, and whose bundle is still good, is not exported again.

    Returns:
        The bundle's name.

    Raises:
        UserError: If there is no production version.
    """
    with store_lock(registry.uri):
        return _export_production(registry, bundles)


def _export_production(registry: Registry, bundles: BundleStore) -> str:
    champion = registry.champion()
    if champion is None:
        raise UserError(
            f"model '{registry.model_name}' has no production version to package: `make run` "
            f"trains and promotes one"
        )
    name, files = pack(
        registry.model_name, champion.number, _model_files(registry, champion.number)
    )
    if not _is_good(bundles, name):
        bundles.write(name, files)
    if _pointer(bundles) != name:
        bundles.point_to(name)
    return name


def _model_files(registry: Registry, number: int) -> dict[str, bytes]:
    """The files of a version's logged model that a bundle is made of."""
    folder = registry.model_folder(number)
    names = ("contract.json", "metrics.json", "lineage.json")
    try:
        files = {name: (folder / "extra_files" / name).read_bytes() for name in names}
        return {"model.skops": (folder / "model.skops").read_bytes(), **files}
    except OSError as error:
        raise UserError(f"the model files of version {number} cannot be read: {error}") from error


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
