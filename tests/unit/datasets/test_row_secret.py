"""The key of row fingerprints: made once, or configured."""

import stat
from pathlib import Path

import pytest
from kedro.io.core import DatasetError

from salary_kedro.datasets import RowSecretDataset

KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SALARY_ROW_KEY", "SALARY_ROW_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


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
