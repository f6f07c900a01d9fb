"""What one node hands on to another, which may run in a process of its own."""

import base64
import json
from pathlib import Path
from typing import Any

from kedro.io.core import AbstractDataset
from kedro_datasets._typing import ImagePreview

from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.bundle.model_file import read_model, write_model
from salary_kedro.project.parameters import WinningParameters


class _HandedOn(AbstractDataset[Any, Any]):
    """A local file; `SharedFileDataset` writes it whole."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path.

        Args:
            filepath: Path of the file.
            metadata: Of no effect here; other tools read it.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class ModelDataset(_HandedOn):
    """A fitted Pipeline as a skops file, read by a reviewed list of types; never a pickle."""

    def load(self) -> Any:
        """Restore the Pipeline.

        Raises:
            UserError: If the file is damaged or holds a type that is not on the list.
        """
        return read_model(self._path)

    def save(self, data: Any) -> None:
        """Write the Pipeline."""
        write_model(data, self._path)


class PlotDataset(_HandedOn):
    """A plot as the bytes of its PNG file."""

    def load(self) -> bytes:
        """Read the file."""
        return self._path.read_bytes()

    def save(self, data: bytes) -> None:
        """Write the file."""
        self._path.write_bytes(data)

    def preview(self) -> ImagePreview:
        """The image for Kedro-Viz."""
        return ImagePreview(base64.b64encode(self.load()).decode())


class TrainingParametersDataset(_HandedOn):
    """Typed parameters that one node gives and others train by, as JSON."""

    def load(self) -> WinningParameters:
        """Read them.

        Raises:
            ValidationError: If the file holds something else.
        """
        return WinningParameters.model_validate_json(self._path.read_bytes())

    def save(self, data: WinningParameters) -> None:
        """Write them, also those that have no part in a lineage."""
        left_out = {
            "plots": data.plots.model_dump(mode="json"),
            "train_sha256": data.train_sha256,
            "run_id": data.run_id,
        }
        content = {**data.model_dump(mode="json"), **left_out}
        self._path.write_text(json.dumps(content, indent=2), encoding="utf-8")


class ChosenBundleDataset(_HandedOn):
    """A loaded bundle, as its name in the folder of bundles; that tells its content too."""

    def __init__(self, filepath: str, bundles: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the paths.

        Args:
            filepath: Path of the file that holds the name.
            bundles: Folder of bundles.
            metadata: Of no effect here; other tools read it.
        """
        super().__init__(filepath, metadata)
        self._bundles = BundleStore(Path(bundles))

    def load(self) -> Bundle:
        """Load the bundle, and check all of it.

        Raises:
            BundleError: If it is gone or was altered.
        """
        return self._bundles.load(self._path.read_text(encoding="utf-8").strip())

    def save(self, data: Bundle) -> None:
        """Write the bundle's name."""
        self._path.write_text(f"{data.name}\n", encoding="utf-8")
