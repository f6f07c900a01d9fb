"""From the production version to a bundle and a Bento."""

from typing import Any

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.store import version_of
from salary_kedro.errors import UserError
from salary_kedro.project.parameters import Packaging
from salary_kedro.promotion.packaging import export_production
from salary_kedro.promotion.telling import tell_history
from salary_kedro.registry.registry import Registry
from salary_kedro.upkeep.retention import retire


def export_bundle(verdict: dict[str, Any], bundles: BundleStore, registry: Registry) -> str:
    """Export the production version as a bundle.

    Raises:
        UserError: If there is none; the verdict says why.
    """
    if registry.champion() is None and verdict["action"] == "archive":
        with bundles.lock():
            tell_history(registry, bundles)
        raise UserError(
            f"there is no production version, so nothing is packaged: {verdict['reason']}"
        )
    return export_production(registry, bundles)


def build_bento(
    bento_project: Any,
    bundles: BundleStore,
    bundle_name: str,
    parameters: Packaging,
    registry: Registry,
) -> str:
    """Build the Bento with that bundle inside, unless it already exists."""
    run_id = registry.version(version_of(bundle_name)).run_id
    tag: str = bento_project.build(bundles, bundle_name, parameters.bento_name, run_id)
    return tag


def remove_outdated(
    bento_project: Any,
    bundles: BundleStore,
    bento_tag: str,
    registry: Registry,
    parameters: Packaging,
) -> list[str]:
    """Remove bundles that nothing needs any more, and the Bentos that were built of them.

    Returns:
        Names of the bundles that were removed.
    """

    def forget(name: str) -> None:
        bento_project.remove(name, parameters.bento_name)

    return retire(registry, bundles, parameters.keep, forget)
