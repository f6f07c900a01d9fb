"""Places that nodes reach through an object of their own: bundles, Bentos, large tables."""

from pathlib import Path
from typing import Any

from kedro.io.core import AbstractDataset, DatasetError

from salary_kedro.bundle import BundleStore
from salary_kedro.datasets.table_reader import TableReader
from salary_kedro.datasets.table_writer import ScoredTables


class _Place(AbstractDataset[None, Any]):
    """A path that is handed to nodes as an object; nothing is read or written here."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path.

        Args:
            filepath: Path of the place.
            metadata: Of no effect here; other tools read it.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def save(self, data: None) -> None:
        """Refuse: the loaded object does the writing."""
        raise DatasetError(f"{self._path} is written through the object that load() gives")

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class BundleStoreDataset(_Place):
    """The folder of bundles, as a `BundleStore`."""

    def load(self) -> BundleStore:
        """Give the store; its folder need not exist yet."""
        return BundleStore(self._path)


class BentoProjectDataset(_Place):
    """The bentofile, as the `BentoProject` of its folder."""

    def load(self) -> Any:
        """Give the project."""
        from salary_kedro.bundle.bento import BentoProject  # BentoML is slow to import

        return BentoProject(self._path.parent)


class TableReaderDataset(_Place):
    """A CSV or Parquet file of any size, as the `TableReader` that gives it in chunks."""

    def load(self) -> TableReader:
        """Give the reader; nothing is read yet."""
        return TableReader(self._path)


class ScoredTablesDataset(_Place):
    """A CSV or Parquet file of any size, and one beside it, as the `ScoredTables` to write."""

    def load(self) -> ScoredTables:
        """Give the object that writes; nothing is written yet."""
        return ScoredTables(self._path)
