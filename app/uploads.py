"""Bounds what files of visitors take of this process's memory; Streamlit bounds each alone.

Streamlit takes a file from whoever has the page open, before a password was entered too. Here only
sessions that were let in may send any, a session keeps its latest, and all of them share a bound.
"""

from collections.abc import Iterable
from threading import Lock
from typing import Any

from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

#: Bytes of the files of all sessions together.
MOST_BYTES = 100_000_000
_LOCK = Lock()


class Uploads:
    """Decides which files are kept; it is asked in the one thread that receives them.

    Args:
        manager: Keeps them.
        most: Bytes of all of them together.
    """

    def __init__(self, manager: MemoryUploadedFileManager, most: int = MOST_BYTES) -> None:
        self._manager, self._most = manager, most
        self._add, self._remove = manager.add_file, manager.remove_session_files
        self._admitted: set[str] = set()

    def admit(self, session: str) -> None:
        """Let a session send files."""
        self._admitted.add(session)

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        """Keep a file, in place of those that the session has sent before.

        Raises:
            HTTPException: 403 if the session was not let in; 413 if there is no room.
        """
        if session_id not in self._admitted:
            raise HTTPException(403, "not let in")
        self._remove(session_id)
        stored = self._manager.file_storage.values()
        if sum(_size(files.values()) for files in list(stored)) + len(file.data) > self._most:
            raise HTTPException(413, "no room for files; try again later")
        self._add(session_id=session_id, file=file)

    def remove_session_files(self, session_id: str) -> None:
        """Forget a session that has ended."""
        self._admitted.discard(session_id)
        self._remove(session_id)


def _size(files: Iterable[UploadedFileRec]) -> int:
    return sum(len(file.data) for file in files)


def bound() -> Uploads | None:
    """Bound what files take, before anybody can send one; None without a server."""
    found: Any = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    return _bounded(found) if isinstance(found, MemoryUploadedFileManager) else None


def admit() -> None:
    """Let the visitor whose page is drawn send files."""
    context, uploads = get_script_run_ctx(), bound()
    if context is not None and uploads is not None:
        uploads.admit(context.session_id)


def _bounded(manager: Any) -> Uploads:
    """What bounds the files of this process, from the first time on that it is asked for."""
    with _LOCK:
        uploads: Uploads | None = getattr(manager, "bounded_by", None)
        if uploads is None:
            uploads = manager.bounded_by = Uploads(manager)
            manager.add_file = uploads.add_file
            manager.remove_session_files = uploads.remove_session_files
    return uploads
