"""What files of visitors may take of the page's memory."""

import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from uploads import Uploads


def file(name: str, size: int) -> UploadedFileRec:
    return UploadedFileRec(file_id=name, name=name, type="text/csv", data=b"x" * size)


@pytest.fixture
def manager() -> MemoryUploadedFileManager:
    """Where Streamlit keeps files."""
    return MemoryUploadedFileManager("/upload")


@pytest.fixture
def uploads(manager: MemoryUploadedFileManager) -> Uploads:
    """Bounds them to 100 bytes; sessions A and B were let in."""
    bounded = Uploads(manager, most=100)
    bounded.admit("A")
    bounded.admit("B")
    return bounded


def test_uploads_when_a_session_was_not_let_in_then_refuses_its_file(
    uploads: Uploads, manager: MemoryUploadedFileManager
) -> None:
    with pytest.raises(HTTPException) as refusal:
        uploads.add_file("C", file("one", 1))
    assert refusal.value.status_code == 403
    assert not manager.get_files("C", ["one"])


def test_uploads_when_a_session_sends_another_file_then_keeps_the_latest_alone(
    uploads: Uploads, manager: MemoryUploadedFileManager
) -> None:
    for name in ("one", "two", "three"):
        uploads.add_file("A", file(name, 60))
    assert [each.name for each in manager.get_files("A", ["one", "two", "three"])] == ["three"]


def test_uploads_when_there_is_no_room_then_refuses_the_file(uploads: Uploads) -> None:
    uploads.add_file("A", file("one", 60))
    with pytest.raises(HTTPException) as refusal:
        uploads.add_file("B", file("two", 41))
    assert refusal.value.status_code == 413
    uploads.add_file("B", file("two", 40))


def test_uploads_when_a_session_ends_then_makes_room_and_lets_it_in_no_more(
    uploads: Uploads,
) -> None:
    uploads.add_file("A", file("one", 100))
    uploads.remove_session_files("A")
    uploads.add_file("B", file("two", 100))
    with pytest.raises(HTTPException):
        uploads.add_file("A", file("three", 0))
