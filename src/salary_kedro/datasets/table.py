"""The raw table, in a file of any format."""

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io.core import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.tables.whole import read_table


class TableDataset(AbstractDataset[None, pd.DataFrame]):
    """Reads a table by its contract: CSV, a spreadsheet, Parquet and many others.

    The format is told by what the file holds. `docs/formats.md` lists what is read, and how.

    Example for ``catalog.yml``::

        raw_salaries:
          type: salary_kedro.datasets.CachedDownloadDataset
          url: https://example.org/salaries.xlsx
          dataset:
            type: salary_kedro.datasets.TableDataset
            filepath: ${data:01_raw/salaries.xlsx}
            contract: ${contract:}
    """

    def __init__(
        self, filepath: str, contract: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        """Take the path.

        Args:
            filepath: Path of the file, or of a folder of Parquet files.
            contract: The contract by which it is read, as YAML holds it.
            metadata: Of no effect here; other tools read it.
        """
        self._path = Path(filepath)
        self._content = contract
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the whole table under its own headers.

        Raises:
            DatasetError: It cannot be read; says why, without its contents.
        """
        try:
            return read_table(self._path, Contract.of(self._content))
        except UserError as error:
            raise DatasetError(str(error)) from error.__cause__

    def save(self, data: None) -> None:
        """Refuse: raw data is never written by a pipeline."""
        raise DatasetError(f"{self._path} is raw data and read-only: it cannot be saved to")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        shown = self.load().head(nrows).astype(str)
        return TablePreview(shown.to_dict(orient="split"))

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
