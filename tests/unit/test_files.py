"""Files appear whole or not at all, with the mode that the umask leaves."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from disks import small_disk
from salary_kedro.bundle import BundleStore
from salary_kedro.files import scratch_folder, write_whole


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


def killed_within(path: Path, code: str) -> None:
    """Let a process open a scratch folder of a path, run code in it, and be killed there."""
    script = (
        "import os, signal; from pathlib import Path\n"
        "from salary_kedro.files import FORMER, scratch_folder\n"
        f"path = Path({str(path)!r})\n"
        "with scratch_folder(path) as folder:\n"
        f"    {code}\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9


@pytest.mark.process
def test_scratch_folder_when_its_process_was_killed_then_the_next_one_removes_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "of [2026] people"
    killed_within(path, "(folder / 'draft').write_text('rows')")
    left = [*tmp_path.iterdir()]

    with scratch_folder(path) as folder:
        assert {*tmp_path.iterdir()} == {folder, folder.with_suffix(".lock")}

    assert len(left) == 2
    assert [*tmp_path.iterdir()] == []


@pytest.mark.process
def test_scratch_folder_when_another_is_in_use_then_stays_whole(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "x") as mine, scratch_folder(tmp_path / "x") as other:
        assert mine.is_dir()
        assert other.is_dir()
        with scratch_folder(tmp_path / "x.y"):
            pass
        assert mine.is_dir()


@pytest.mark.process
@pytest.mark.parametrize("taken", [False, True])
def test_scratch_folder_when_killed_between_two_renames_then_the_former_goes_back(
    taken: bool, tmp_path: Path
) -> None:
    path = tmp_path / "scored"
    path.mkdir()
    killed_within(path, "path.rename(folder / FORMER)")
    assert not path.exists()
    if taken:
        path.write_text("somebody else's")

    with scratch_folder(path):
        pass

    assert path.is_file() if taken else path.is_dir()
    assert [*tmp_path.iterdir()] == [path]
