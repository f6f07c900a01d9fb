"""Follows the registry: packages what is in production, and tells services what was decided."""

from dataclasses import dataclass

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.store import version_of
from salary_kedro.promotion.packaging import export_production
from salary_kedro.promotion.telling import tell_history
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

    A look costs two questions to the registry, for the alias and the newest version, and a
    glance at the folder; only where the alias or the folder has changed is anything packaged,
    and where the newest version or its tags have, the history of decisions is told.
    """

    def __init__(self, registry: Registry, bundles: BundleStore) -> None:
        """Take the registry and the folder; nothing is done yet."""
        self._registry, self._bundles = registry, bundles
        self._seen: object = None
        self._told: object = None

    def look(self) -> Change | None:
        """Package what is in production, if that or the folder has changed.

        Returns:
            None if nothing has changed since the last look that succeeded.

        Raises:
            UserError: If nothing is in production, or it cannot be packaged.
        """
        before, newest = self._bundles.state(), self._registry.newest()
        if self._seen is not None and self._seen == (self._registry.production(), before):
            self._tell(newest)
            return None
        try:
            name = export_production(self._registry, self._bundles)
        finally:
            forget_downloads()
        after = self._bundles.state()
        self._seen, self._told = (version_of(name), after), None  # it may have failed to tell
        self._tell(newest)
        return Change(version_of(name), name, moved=before != after)

    def _tell(self, newest: object) -> None:
        """Tell what was decided, unless it was told of the newest version as it is now."""
        if newest == self._told:
            return
        try:
            with self._bundles.lock():
                if tell_history(self._registry, self._bundles):
                    self._told = newest
        finally:
            forget_downloads()
