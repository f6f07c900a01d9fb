"""Tables in parts: Parquet that others have written, and rows that a run hands on."""

import json
import platform
from pathlib import Path
from typing import Any

from kedro.io.core import AbstractDataset, DatasetError

from salary_kedro.partitions.cluster import Cluster
from salary_kedro.partitions.scored import ScoredParts
from salary_kedro.partitions.table import Part, PartedTable, RawTable


class RawPartsDataset(AbstractDataset[None, RawTable]):
    """A Parquet file or folder, here or in an object store, each of whose parts a worker reads.

    Example for ``catalog.yml``::

        raw_salaries:
          type: salary_kedro.datasets.RawPartsDataset
          filepath: s3://salaries/2026
          output: s3://salaries/run
          owner: ${run:02_intermediate/parts}
          cluster: ${parameter:partitions}
    """

    def __init__(
        self,
        filepath: str,
        cluster: dict[str, Any],
        output: str = "",
        owner: str = "",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Take the path; nothing is read before a node asks for parts.

        Args:
            filepath: Path or URL of the file or folder.
            cluster: Who handles the parts, the keys of `Cluster`.
            output: Path or URL of the folder for what is made of them.
            owner: A path of this machine that no other environment has: a run removes there what
                earlier ones with the same have made. Empty: nothing is removed.
            metadata: Of no effect here; other tools read it.
        """
        self._path, self._cluster, self._output = filepath, cluster, output
        self._owner = owner
        self.metadata = metadata

    def load(self) -> RawTable:
        """Give the table; no rows are read yet."""
        cluster = Cluster.model_validate(self._cluster)
        owner = self._owner and f"{platform.node()}:{_absolute(self._owner)}"
        return RawTable(_absolute(self._path), cluster, _absolute(self._output), owner)

    def save(self, data: None) -> None:
        """Refuse: raw data is never written by a pipeline."""
        raise DatasetError(f"{self._path} is raw data and read-only: it cannot be saved to")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path, "output": self._output}


class ClusterDataset(AbstractDataset[None, "Cluster | None"]):
    """Who computes, the workers of a cluster; or nobody else than this machine."""

    def __init__(
        self, cluster: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        """Take who it is; nobody is spoken to before a node asks for it.

        Args:
            cluster: The keys of `Cluster`; none for this machine.
            metadata: Of no effect here; other tools read it.
        """
        self._cluster = cluster
        self.metadata = metadata

    def load(self) -> Cluster | None:
        """Tell who computes."""
        return None if self._cluster is None else Cluster.model_validate(self._cluster)

    def save(self, data: None) -> None:
        """Refuse: it is no file."""
        raise DatasetError("who computes is said in catalog.yml: it cannot be saved")

    def _describe(self) -> dict[str, Any]:
        return {"cluster": self._cluster}


class PartedTableDataset(AbstractDataset[PartedTable, PartedTable]):
    """Rows in parts that a node hands on: a JSON file that names their files.

    Those are there before it is: `SharedFileDataset` puts it into its place at the end.
    """

    def __init__(
        self, filepath: str, cluster: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        """Take the path.

        Args:
            filepath: Path of the JSON file.
            cluster: Who handles the parts, the keys of `Cluster`.
            metadata: Of no effect here; other tools read it.
        """
        self._path, self._cluster = Path(filepath), cluster
        self.metadata = metadata

    def load(self) -> PartedTable:
        """Tell where the parts are; no rows are read yet."""
        found = json.loads(self._path.read_text(encoding="utf-8"))
        parts = tuple(Part(*part) for part in found.pop("parts"))
        return PartedTable(parts=parts, cluster=Cluster.model_validate(self._cluster), **found)

    def save(self, data: PartedTable) -> None:
        """Write where the parts are."""
        content = {
            "folder": data.folder,
            "sha256": data.sha256,
            "sample": data.sample,
            "parts": [(part.path, part.rows, part.first) for part in data.parts],
        }
        self._path.write_text(json.dumps(content), encoding="utf-8")

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class ScoredPartsDataset(AbstractDataset[None, ScoredParts]):
    """A folder of Parquet files, here or in an object store, and one beside it, to write."""

    def __init__(
        self, filepath: str, overwrite: bool = False, metadata: dict[str, Any] | None = None
    ) -> None:
        """Take the path.

        Args:
            filepath: Path or URL of the folder.
            overwrite: Replace a folder there that holds something else than scored rows.
            metadata: Of no effect here; other tools read it.
        """
        self._path, self._overwrite = filepath, overwrite
        self.metadata = metadata

    def load(self) -> ScoredParts:
        """Give the object that writes; nothing is written yet."""
        return ScoredParts(_absolute(self._path), self._overwrite)

    def save(self, data: None) -> None:
        """Refuse: the loaded object does the writing."""
        raise DatasetError(f"{self._path} is written through the object that load() gives")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path}


def _absolute(path: str) -> str:
    """A path that workers know too, whose folder may be another; a URL as it is."""
    return path if "://" in path or not path else Path(path).absolute().as_posix()
