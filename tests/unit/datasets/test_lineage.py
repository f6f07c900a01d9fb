"""Where a run's code comes from, in a real git repository."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from kedro.io.core import DatasetError

from salary_kedro.datasets import CodeLineageDataset

LOCK = b"numpy==2.2.0\n"
LOCK_SHA256 = hashlib.sha256(LOCK).hexdigest()


def code_hash(**files: bytes) -> str:
    """The hash of these files of `src/`, in the order of their names, and the lock."""
    content = b"requirements.lock\0" + hashlib.sha256(files.pop("lock", LOCK)).digest()
    for name, text in files.items():
        content += f"src/{name}".encode() + b"\0" + hashlib.sha256(text).digest()
    return hashlib.sha256(content).hexdigest()


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    result = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a lock file, in no repository."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "requirements.lock").write_bytes(LOCK)
    return tmp_path


@pytest.fixture
def commit(folder: Path) -> str:
    """The commit of the folder, made a repository, that holds the lock file."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "Begin")
    return git(folder, "rev-parse", "HEAD")


def lineage(folder: Path) -> dict[str, str]:
    return CodeLineageDataset(str(folder / "requirements.lock")).load()


def test_load_when_the_tree_is_clean_then_names_commit_and_lock(folder: Path, commit: str) -> None:
    assert len(commit) == 40
    assert lineage(folder) == {
        "git_commit": commit,
        "git_dirty": "false",
        "code_sha256": code_hash(),
        "lock_sha256": LOCK_SHA256,
    }


def test_load_when_a_file_was_changed_then_is_dirty(folder: Path, commit: str) -> None:
    (folder / "requirements.lock").write_bytes(b"numpy==2.3.0\n")

    assert lineage(folder) == {
        "git_commit": commit,
        "git_dirty": "true",
        "code_sha256": code_hash(lock=b"numpy==2.3.0\n"),
        "lock_sha256": hashlib.sha256(b"numpy==2.3.0\n").hexdigest(),
    }


def test_load_when_a_file_is_new_then_is_dirty(folder: Path, commit: str) -> None:
    (folder / "new.py").write_text("")

    assert lineage(folder)["git_dirty"] == "true"


def test_load_when_nothing_was_committed_then_the_commit_is_unknown(folder: Path) -> None:
    git(folder, "init", "--quiet")

    assert lineage(folder) == {
        "git_commit": "unknown",
        "git_dirty": "true",
        "code_sha256": code_hash(),
        "lock_sha256": LOCK_SHA256,
    }


def test_load_when_there_is_no_repository_then_says_unknown(folder: Path) -> None:
    assert lineage(folder) == {
        "git_commit": "unknown",
        "git_dirty": "unknown",
        "code_sha256": code_hash(),
        "lock_sha256": LOCK_SHA256,
    }


def test_load_when_git_is_not_installed_then_says_unknown(
    folder: Path, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))

    assert lineage(folder) == {
        "git_commit": "unknown",
        "git_dirty": "unknown",
        "code_sha256": code_hash(),
        "lock_sha256": LOCK_SHA256,
    }


# --- The code ------------------------------------------------------------------------


@pytest.fixture
def sources(folder: Path) -> Path:
    """Two source files, in no repository."""
    (folder / "src").mkdir()
    (folder / "src" / "a.py").write_bytes(b"a = 1\n")
    (folder / "src" / "größe.py").write_bytes(b"b = 2\n")
    return folder / "src"


TWO = code_hash(**{"a.py": b"a = 1\n", "größe.py": b"b = 2\n"})


def repository(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")


def code(folder: Path) -> str:
    return lineage(folder)["code_sha256"]


def test_code_when_git_tracks_it_then_is_of_names_and_contents(folder: Path, sources: Path) -> None:
    repository(folder)

    assert code(folder) == TWO


def test_code_when_there_is_no_repository_then_is_the_same(folder: Path, sources: Path) -> None:
    assert code(folder) == TWO


def test_code_when_git_is_not_installed_then_is_the_same(
    folder: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(folder)
    monkeypatch.setenv("PATH", str(folder))

    assert code(folder) == TWO


def test_code_when_the_repository_tracks_none_of_it_then_is_of_what_is_there(
    folder: Path, sources: Path
) -> None:
    git(folder, "init", "--quiet")

    assert code(folder) == TWO


def test_code_when_python_and_installers_left_files_then_is_the_same(
    folder: Path, sources: Path
) -> None:
    for name in ("__pycache__/a.cpython-311.pyc", "a.pyc", "pay.egg-info/PKG-INFO"):
        (sources / name).parent.mkdir(exist_ok=True)
        (sources / name).write_text("left behind")

    assert code(folder) == TWO


def test_code_when_the_folder_is_named_like_what_is_left_out_then_counts_all_the_same(
    folder: Path, sources: Path
) -> None:
    odd = folder / "pay.egg-info"
    odd.mkdir()
    sources.rename(odd / "src")
    (odd / "requirements.lock").write_bytes(LOCK)

    assert code(odd) == TWO


def test_code_when_a_file_was_changed_and_not_committed_then_is_another(
    folder: Path, sources: Path
) -> None:
    repository(folder)
    (sources / "a.py").write_bytes(b"a = 3\n")

    assert code(folder) == code_hash(**{"a.py": b"a = 3\n", "größe.py": b"b = 2\n"})


def test_code_when_a_file_was_deleted_and_not_committed_then_is_of_the_others(
    folder: Path, sources: Path
) -> None:
    repository(folder)
    (sources / "größe.py").unlink()

    assert code(folder) == code_hash(**{"a.py": b"a = 1\n"})


def test_code_when_a_file_was_renamed_then_is_another(folder: Path, sources: Path) -> None:
    (sources / "a.py").rename(sources / "b.py")

    assert code(folder) == code_hash(**{"b.py": b"a = 1\n", "größe.py": b"b = 2\n"})


def test_code_when_git_does_not_track_a_file_then_it_does_not_count(
    folder: Path, sources: Path
) -> None:
    repository(folder)
    (sources / "notes.py").write_text("not yet")

    assert code(folder) == TWO


def test_code_when_a_file_outside_src_was_changed_then_is_the_same(
    folder: Path, sources: Path
) -> None:
    (folder / "README.md").write_text("pay")
    repository(folder)

    assert code(folder) == TWO


# --- What is refused -----------------------------------------------------------------


def test_load_when_the_lock_is_missing_then_is_a_dataset_error(folder: Path) -> None:
    (folder / "requirements.lock").unlink()

    with pytest.raises(DatasetError, match=r"requirements\.lock"):
        lineage(folder)


def test_save_when_called_then_is_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match="lineage is read from git and the lock file"):
        CodeLineageDataset(str(folder / "requirements.lock")).save("anything")  # type: ignore[arg-type]


def test_lineage_when_described_then_names_the_lock(folder: Path) -> None:
    dataset = CodeLineageDataset(str(folder / "requirements.lock"), metadata={"layer": "models"})

    assert str(folder / "requirements.lock") in str(dataset)
    assert dataset.metadata == {"layer": "models"}
