"""Follows the alias: packages what is in production, whoever moved it, on whatever machine."""

from dataclasses import dataclass

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.store import version_of
from salary_kedro.promotion.packaging import export_production
from salary_kedro.registry.registry import Registry, forget_downloads


@dataclass(frozen=True)
class Change:
    """What a look found to be new.

    Attributes:
        production: Number of the production version.
        bundle: Name of its bundle, which the pointer names now.
        moved: Whether the pointer named another bundle before.
    """

    production: int
    bundle: str
    moved: bool


class Follower:
    """Keeps a folder of bundles at what the registry's alias names. Writes to no store.

    A look costs one question to the registry, for the alias alone, and a glance at the
    folder; only where either has changed is anything packaged.
    """

    def __init__(self, registry: Registry, bundles: BundleStore) -> None:
        """Take the registry and the folder; nothing is done yet."""
        self._registry, self._bundles = registry, bundles
        self._seen: object = None

    def look(self) -> Change | None:
        """Package what is in production, if that or the folder has changed.

        Returns:
            None if nothing has changed since the last look that succeeded.

        Raises:
            UserError: If nothing is in production, or it cannot be packaged.
        """
        before = self._bundles.state()
        if self._seen is not None and self._seen == (self._registry.production(), before):
            return None
        try:
            name = export_production(self._registry, self._bundles)
        finally:
            forget_downloads()
        after = self._bundles.state()
        self._seen = (version_of(name), after)
        return Change(version_of(name), name, moved=before != after)
