"""The key of row fingerprints: made once, or configured."""

import errno
import os
import stat
from pathlib import Path

import pytest
from kedro.io.core import DatasetError

from salary_kedro.datasets import RowSecretDataset

KEY = "0123456789abcdef"


def test_secret_when_there_is_none_then_makes_one_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "row.key"

    first = RowSecretDataset(str(path)).load()

    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert RowSecretDataset(str(path)).load() == first
    assert [file.name for file in path.parent.iterdir()] == ["row.key"]
    assert RowSecretDataset(str(tmp_path / "other.key")).load() != first


def test_secret_when_a_variable_or_a_file_holds_it_then_is_that_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = RowSecretDataset(str(tmp_path / "row.key"))
    (tmp_path / "given").write_text(f"{KEY}\n")

    monkeypatch.setenv("SALARY_ROW_KEY", KEY)
    by_variable = dataset.load()
    monkeypatch.delenv("SALARY_ROW_KEY")
    monkeypatch.setenv("SALARY_ROW_KEY_FILE", str(tmp_path / "given"))

    assert dataset.load() == by_variable
    assert not (tmp_path / "row.key").exists()


def test_secret_when_it_is_short_then_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_ROW_KEY", "hunter2")

    with pytest.raises(DatasetError) as caught:
        RowSecretDataset(str(tmp_path / "row.key")).load()

    assert str(caught.value) == (
        "SALARY_ROW_KEY holds 7 bytes, but at least 16 are needed: `openssl rand -hex 32` makes a "
        "key"
    )
    assert "hunter2" not in str(caught.value)


def test_secret_when_its_file_is_missing_then_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_ROW_KEY_FILE", str(tmp_path / "gone"))

    with pytest.raises(DatasetError, match=r"SALARY_ROW_KEY_FILE names .* cannot be read"):
        RowSecretDataset(str(tmp_path / "row.key")).load()


@pytest.mark.parametrize("is_given", [True, False])
def test_secret_when_a_file_is_empty_then_names_the_file(
    is_given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.key"
    empty.touch()
    if is_given:
        monkeypatch.setenv("SALARY_ROW_KEY_FILE", str(empty))

    with pytest.raises(DatasetError) as caught:
        RowSecretDataset(str(tmp_path / "row.key" if is_given else empty)).load()

    assert str(caught.value).startswith(f"{empty} holds 0 bytes, but at least 16 are needed")


def test_secret_when_its_own_path_is_a_folder_then_names_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        RowSecretDataset(str(tmp_path)).load()

    assert str(caught.value) == f"{tmp_path} cannot be made or read: Is a directory"


def test_secret_when_a_variable_is_not_utf_8_then_its_bytes_are_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = b"\xff" * 16
    (tmp_path / "given").write_bytes(key)
    dataset = RowSecretDataset(str(tmp_path / "row.key"))
    monkeypatch.setenv("SALARY_ROW_KEY", os.fsdecode(key))
    by_variable = dataset.load()
    monkeypatch.delenv("SALARY_ROW_KEY")
    monkeypatch.setenv("SALARY_ROW_KEY_FILE", str(tmp_path / "given"))

    assert dataset.load() == by_variable


def test_secret_when_there_are_no_links_and_another_was_first_then_is_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "row.key"
    (tmp_path / "other").write_text(KEY)

    def link(*_: object) -> None:
        path.write_text(KEY)  # the other one, in between
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr("os.link", link)

    found = RowSecretDataset(str(path)).load()

    assert path.read_text() == KEY
    assert found == RowSecretDataset(str(tmp_path / "other")).load()
