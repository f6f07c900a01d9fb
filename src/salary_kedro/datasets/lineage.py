"""Where a run's code comes from."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

from kedro.io.core import AbstractDataset, DatasetError


class CodeLineageDataset(AbstractDataset[None, dict[str, str]]):
    """Read-only: the git commit, whether the work tree differs from it, and the lock's hash."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the project's lock file; the project is the folder it lies in.

        Args:
            filepath: Path of the lock file.
            metadata: Of no effect here; other tools read it.
        """
        self._lock = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Give `git_commit`, `git_dirty` (`true` or `false`) and `lock_sha256`.

        Outside a git repository the first two are `unknown`.
        """
        status = self._git("status", "--porcelain")
        return {
            "git_commit": self._git("rev-parse", "HEAD") or "unknown",
            "git_dirty": "unknown" if status is None else str(bool(status)).lower(),
            "lock_sha256": hashlib.sha256(self._lock.read_bytes()).hexdigest(),
        }

    def save(self, data: None) -> None:
        """Refuse: lineage is read, not written."""
        raise DatasetError("lineage is read from git and the lock file; it cannot be saved")

    def _git(self, *arguments: str) -> str | None:
        try:
            result = subprocess.run(
                ["git", *arguments],
                cwd=self._lock.parent,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            return None  # git is not installed
        return result.stdout.strip() if result.returncode == 0 else None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._lock)}
