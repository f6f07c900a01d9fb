"""A file that several runs share."""

from pathlib import Path
from typing import Any

from kedro.io.core import AbstractDataset

from salary_kedro.files import scratch_folder


class SharedFileDataset(AbstractDataset[Any, Any]):
    """A file that appears whole or not at all, whoever else writes or reads it.

    The run that wrote it goes on with what it has in memory: another run that writes
    the same file meanwhile cannot slip its data in. A file on a remote file system
    (`s3://...`) is written directly; object stores are atomic by themselves.
    """

    def __init__(self, dataset: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Wrap a file dataset.

        Args:
            dataset: Catalog entry of the wrapped dataset, with `type` and `filepath`.
            metadata: Of no effect here; other tools read it.
        """
        self._config = dataset
        self._inner = AbstractDataset.from_config("shared", dataset)
        self._memory: Any = None
        self.metadata = metadata
        if preview := getattr(self._inner, "preview", None):
            self.preview = preview  # Kedro-Viz looks for it

    @property
    def filepath(self) -> str:
        """Path of the file, as the catalog gives it; Kedro-Viz tells its size."""
        return str(self._config["filepath"])

    def load(self) -> Any:
        """Give what this run saved, else what is in the file."""
        return self._inner.load() if self._memory is None else self._memory

    def save(self, data: Any) -> None:
        """Write the file aside, then move it to its place."""
        if "://" in self.filepath:
            self._inner.save(data)
        else:
            self._save_local(Path(self.filepath), data)
        self._memory = data

    def _save_local(self, path: Path, data: Any) -> None:
        with scratch_folder(path) as folder:
            scratch = folder / path.name
            config = {**self._config, "filepath": scratch.as_posix()}
            AbstractDataset.from_config("scratch", config).save(data)
            scratch.replace(path)

    def _exists(self) -> bool:
        return self._memory is not None or self._inner.exists()

    def _release(self) -> None:
        self._memory = None
        self._inner.release()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.filepath, "dataset": type(self._inner).__name__}
