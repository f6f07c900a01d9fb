"""Exports the production version as a bundle."""

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.store import version_of
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.registry import Registry


def export_production(registry: Registry, bundles: BundleStore) -> str:
    """Export the version that the alias names, and move the pointer to its bundle.

    A version that was exported before, and whose bundle is still good, is not exported again.

    Returns:
        The bundle's name.

    Raises:
        UserError: If there is no production version.
    """
    champion = registry.champion()
    if champion is None:
        raise UserError(
            f"model '{registry.model_name}' has no production version to package: `make run` "
            f"trains and promotes one"
        )
    name = _existing(bundles, champion.number) or _export(registry, bundles, champion.number)
    if _pointer(bundles) != name:
        bundles.point_to(name)
    return name


def _existing(bundles: BundleStore, number: int) -> str | None:
    for name in bundles.names():
        if version_of(name) == number:
            try:
                bundles.load(name)
            except BundleError:
                continue
            return name
    return None


def _export(registry: Registry, bundles: BundleStore, number: int) -> str:
    folder = registry.model_folder(number)
    files = {"model.skops": (folder / "model.skops").read_bytes()}
    for name in ("contract.json", "metrics.json", "lineage.json"):
        files[name] = (folder / "extra_files" / name).read_bytes()
    name, complete = pack(registry.model_name, number, files)
    bundles.write(name, complete)
    return name


def _pointer(bundles: BundleStore) -> str | None:
    try:
        return bundles.current()
    except BundleError:
        return None  # an unreadable pointer is written anew
