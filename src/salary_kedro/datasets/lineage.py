"""Where a run's code comes from."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from kedro.io.core import AbstractDataset, DatasetError

#: What Python and installers leave between the sources.
LEFT_BEHIND = ("__pycache__", "*.pyc", "*.egg-info")


class CodeLineageDataset(AbstractDataset[None, dict[str, str]]):
    """Read-only: the git commit, whether the work tree differs from it, hashes of code and lock."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the project's lock file; the project is the folder it lies in.

        Args:
            filepath: Path of the lock file.
            metadata: Of no effect here; other tools read it.
        """
        self._lock = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Give `git_commit`, `git_dirty` (`true` or `false`), `code_sha256` and `lock_sha256`.

        Outside a git repository the first two are `unknown`. The code is what git tracks
        of `src/`, as it is in the work tree, and the lock; outside a repository it is all
        of `src/`, which in a fresh clone is the same.
        """
        status = self._git("status", "--porcelain")
        return {
            "git_commit": self._git("rev-parse", "HEAD") or "unknown",
            "git_dirty": "unknown" if status is None else str(bool(status)).lower(),
            "code_sha256": self._code_hash(),
            "lock_sha256": hashlib.sha256(self._lock.read_bytes()).hexdigest(),
        }

    def save(self, data: None) -> None:
        """Refuse: lineage is read, not written."""
        raise DatasetError("lineage is read from git and the lock file; it cannot be saved")

    def _code_hash(self) -> str:
        """Hash of the source files and the lock, names included."""
        root, digest = self._lock.parent, hashlib.sha256()
        names = (self._git("ls-files", "-z", "--", "src") or "").split("\0")
        tracked = {root / name for name in names if name}
        for path in sorted(filter(Path.is_file, {*(tracked or _sources(root)), self._lock})):
            name = os.fsencode(path.relative_to(root).as_posix())
            digest.update(name + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _git(self, *arguments: str) -> str | None:
        try:
            result = subprocess.run(
                ["git", "--no-optional-locks", *arguments],
                cwd=self._lock.parent,
                capture_output=True,
                check=False,
            )
        except OSError:
            return None  # git is not installed
        return os.fsdecode(result.stdout).strip() if result.returncode == 0 else None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._lock)}


def _sources(root: Path) -> set[Path]:
    """All files of `src/` but what Python and installers leave there."""
    return {path for path in root.glob("src/**/*") if not _left_behind(path.relative_to(root))}


def _left_behind(path: Path) -> bool:
    return any(Path(part).match(pattern) for part in path.parts for pattern in LEFT_BEHIND)
