"""Files appear whole or not at all, with the mode that the umask leaves."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from disks import small_disk
from salary_kedro.bundle import BundleStore
from salary_kedro.files import write_whole


@pytest.fixture(params=[0o022, 0o027, 0o077])
def mode(request: pytest.FixtureRequest) -> Iterator[int]:
    """The mode that new files have under a umask."""
    before = os.umask(request.param)
    yield 0o666 & ~request.param
    os.umask(before)


def test_write_whole_when_a_umask_is_set_then_keeps_to_it(mode: int, tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"content")

    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_point_to_when_a_umask_is_set_then_keeps_to_it(mode: int, tmp_path: Path) -> None:
    BundleStore(tmp_path).point_to("1-00000000")

    assert (tmp_path / "current").stat().st_mode & 0o777 == mode


def test_write_whole_when_a_file_is_there_then_replaces_it_only_if_it_may(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"second", replace=False)
    kept = (tmp_path / "file").read_bytes()
    write_whole(tmp_path / "file", b"third")

    assert (kept, (tmp_path / "file").read_bytes()) == (b"first", b"third")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_write_whole_when_the_disk_has_no_hard_links_then_still_never_replaces_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")  # as FAT does

    monkeypatch.setattr(os, "link", refuse)
    write_whole(tmp_path / "file", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"second", replace=False)

    assert (tmp_path / "file").read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_write_whole_when_the_disk_is_full_then_leaves_nothing_of_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        (disk / "file").write_bytes(b"before")
        with pytest.raises(OSError, match="No space left on device"):
            write_whole(disk / "file", b"x" * 50_000)

        assert (disk / "file").read_bytes() == b"before"
        assert list(disk.iterdir()) == [disk / "file"]
