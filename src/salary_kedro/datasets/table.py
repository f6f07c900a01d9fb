"""The raw table, in a file of any format or in a database."""

import os
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io.core import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview

from salary_kedro.bundle.secret_files import find_secret, read_secret
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.tables.formats.database import PASSWORD, DatabaseTable
from salary_kedro.tables.whole import read_database, read_table

#: Bytes of a file that holds a password.
MOST_PASSWORD = 4096


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


class DatabaseTableDataset(AbstractDataset[None, pd.DataFrame]):
    """Reads a table of a database, anew each time.

    The password is what `SALARY_SQL_PASSWORD` holds, or the file that
    `SALARY_SQL_PASSWORD_FILE` names.

    Example for ``catalog.yml``::

        raw_salaries:
          type: salary_kedro.datasets.DatabaseTableDataset
          url: postgresql+psycopg2://reader@db.example/hr
          table: salaries
          contract: ${contract:}
    """

    def __init__(
        self,
        url: str,
        table: str,
        contract: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Take the address; nothing is connected to before the first load.

        Args:
            url: SQLAlchemy's address of the database, without a password.
            table: The table or view, with its schema before a dot if it has one.
            contract: The contract by which it is read, as YAML holds it; only needed where numbers
                stand among texts.
            metadata: Of no effect here; other tools read it.
        """
        self._url, self._table, self._content = url, table, contract
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the whole table.

        Raises:
            DatasetError: It cannot be read; says why.
        """
        try:
            contract = self._content and Contract.of(self._content)
            return read_database(open_database(self._url, self._table), contract or None)
        except UserError as error:
            raise DatasetError(str(error)) from error.__cause__

    def save(self, data: None) -> None:
        """Refuse: raw data is never written by a pipeline."""
        raise DatasetError(f"table {self._table} is raw data and read-only: it cannot be saved to")

    def _describe(self) -> dict[str, Any]:
        return {"url": self._url, "table": self._table}


def open_database(url: str, table: str) -> DatabaseTable:
    """A table of a database, with the password that the environment holds.

    Raises:
        UserError: The password cannot be read.
    """
    found = find_secret(PASSWORD, os.environ)
    if isinstance(found, Path):
        found = read_secret(PASSWORD, found, MOST_PASSWORD).decode().rstrip("\r\n")
    return DatabaseTable(url, table, found)
