"""What nodes reach through an object of its own: registry, bundles, Bentos, large tables."""

from typing import Any

import pandas as pd
from kedro.io.core import AbstractDataset, DatasetError
from kedro_datasets.pandas import CSVDataset

from salary_kedro.bundle import BundleStore
from salary_kedro.datasets.trial_scores import TrialScores
from salary_kedro.project.places import local_path
from salary_kedro.registry.failures import without_passwords
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.request_log import RequestLogReader
from salary_kedro.tables.spreadsheet import plain_frame, safe_frame
from salary_kedro.tables.writer import ScoredTables


class _Place(AbstractDataset[None, Any]):
    """A path that is handed to nodes as an object; nothing is read or written here."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path.

        Args:
            filepath: Path of the place, or its `file:` URI.
            metadata: Of no effect here; other tools read it.

        Raises:
            ValueError: The path is a URI of another kind. Without a full stop: Kedro adds one.
        """
        path = local_path(filepath)
        if path is None:
            raise ValueError(f"'{filepath}' is not a file on this machine: give the path of one")
        self._path = path
        self.metadata = metadata

    def save(self, data: None) -> None:
        """Refuse: the loaded object does the writing."""
        raise DatasetError(f"{self._path} is written through the object that load() gives")

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class RegistryDataset(AbstractDataset[None, Any]):
    """The versions of a registered model in an MLflow store, as a `Registry`."""

    def __init__(
        self, tracking_uri: str, model_name: str, metadata: dict[str, Any] | None = None
    ) -> None:
        """Take the address.

        Args:
            tracking_uri: MLflow tracking URI of the store.
            model_name: Name of the registered model.
            metadata: Of no effect here; other tools read it.
        """
        self._uri, self._model_name = tracking_uri, model_name
        self.metadata = metadata

    def load(self) -> Any:
        """Give the registry; no version need exist yet."""
        from salary_kedro.registry.registry import open_registry  # MLflow is slow to import

        return open_registry(self._uri, self._model_name)

    def save(self, data: None) -> None:
        """Refuse: the loaded object does the writing."""
        raise DatasetError("the registry is written through the object that load() gives")

    def _exists(self) -> bool:
        from salary_kedro.registry.store import store_exists

        return store_exists(self._uri)

    def _describe(self) -> dict[str, Any]:
        return {"tracking_uri": without_passwords(self._uri), "model_name": self._model_name}


class BundleStoreDataset(_Place):
    """The folder of bundles, as a `BundleStore`."""

    def load(self) -> BundleStore:
        """Give the bundles; their folder need not exist yet."""
        return BundleStore(self._path)


class BentoProjectDataset(_Place):
    """The bentofile, as the `BentoProject` of its folder."""

    def load(self) -> Any:
        """Give the project."""
        from salary_kedro.bundle.bento import BentoProject  # BentoML is slow to import

        return BentoProject(self._path.parent)


class TrialScoresDataset(_Place):
    """The file of a tournament's scores, as the `TrialScores` that reads and adds to it."""

    def load(self) -> TrialScores:
        """Give the scores; the file need not exist yet."""
        return TrialScores(self._path)


class TableReaderDataset(_Place):
    """A file of any size and format, as the `TableReader` that gives it in chunks."""

    def __init__(
        self,
        filepath: str,
        spreadsheet_safe: bool = True,
        metadata: dict[str, Any] | None = None,
        parameter: str = "rows_to_score",
    ) -> None:
        """Take the path.

        Args:
            filepath: Path of the file, or its `file:` URI.
            spreadsheet_safe: Read the texts of an earlier scored CSV file as they were
                before scoring made them harmless.
            metadata: Of no effect here; other tools read it.
            parameter: What names the file for a run, as an error says if it is not there.
        """
        super().__init__(filepath, metadata)
        self._safe, self._parameter = spreadsheet_safe, parameter

    def load(self) -> TableReader:
        """Give the reader; nothing is read yet."""
        return TableReader(self._path, self._safe, self._parameter)


class RequestLogDataset(_Place):
    """The folder of logged requests, as the `RequestLogReader` of its parts."""

    def load(self) -> RequestLogReader:
        """Give the reader; nothing is read yet."""
        return RequestLogReader(self._path)


class ScoredTablesDataset(_Place):
    """A file of any size and format, and one beside it, as the `ScoredTables` to write."""

    def __init__(
        self,
        filepath: str,
        overwrite: bool = False,
        spreadsheet_safe: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Take the path.

        Args:
            filepath: Path of the file, or its `file:` URI.
            overwrite: Replace a file there that holds something else than scored rows.
            spreadsheet_safe: Make texts in CSV harmless to spreadsheets.
            metadata: Of no effect here; other tools read it.
        """
        super().__init__(filepath, metadata)
        self._overwrite, self._safe = overwrite, spreadsheet_safe

    def load(self) -> ScoredTables:
        """Give the object that writes; nothing is written yet."""
        return ScoredTables(self._path, self._overwrite, self._safe)


class SpreadsheetCSVDataset(CSVDataset):  # type: ignore[misc]
    """A CSV file whose texts are harmless to spreadsheets, and read back as they were.

    It takes what `pandas.CSVDataset` takes, and `spreadsheet_safe`: false writes and reads
    texts as they are.
    """

    def __init__(self, *, spreadsheet_safe: bool = True, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._safe = spreadsheet_safe

    def load(self) -> pd.DataFrame:
        """Read the table."""
        table = super().load()
        return plain_frame(table) if self._safe else table

    def save(self, data: pd.DataFrame) -> None:
        """Write the table."""
        super().save(safe_frame(data) if self._safe else data)
