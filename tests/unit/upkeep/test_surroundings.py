from pathlib import Path

import pytest

from salary_kedro.upkeep import surroundings
from salary_kedro.upkeep.surroundings import examine_surroundings
from support import ROOT

QUIET = ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "BENTOML_DO_NOT_TRACK")


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that this Python runs, in git, with its lock, and telemetry off."""
    for name in QUIET:
        monkeypatch.setenv(name, "true")
    code = tmp_path / "src" / "salary_kedro" / "__init__.py"
    monkeypatch.setattr(surroundings.salary_kedro, "__file__", str(code))
    monkeypatch.setattr(surroundings, "_git_knows", lambda root: True)
    monkeypatch.setattr(surroundings.importlib.metadata, "version", lambda name: "2.3.0")
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "raw.csv").touch()
    return tmp_path


def what(root: Path) -> list[str]:
    return [found.what for found in examine_surroundings(root, root / "raw.csv")]


def test_examine_surroundings_when_all_is_well_finds_nothing(good: Path) -> None:
    assert what(good) == []


def test_examine_surroundings_when_the_raw_data_is_missing_says_where(good: Path) -> None:
    (good / "raw.csv").unlink()

    assert what(good) == [f"the raw data {good}/raw.csv is missing"]


def test_examine_surroundings_when_the_raw_data_can_be_fetched_finds_nothing(good: Path) -> None:
    assert examine_surroundings(good, None) == []


def test_examine_surroundings_when_the_lock_is_missing_says_so(good: Path) -> None:
    (good / "requirements.lock").unlink()

    assert what(good) == ["requirements.lock is missing"]


def test_examine_surroundings_when_the_code_is_elsewhere_says_where(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings.salary_kedro, "__file__", "/old/src/salary_kedro/__init__.py")

    assert what(good) == ["the code that runs is /old/src/salary_kedro, not this project's"]


def test_examine_surroundings_when_the_environment_is_elsewhere_says_which(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good / ".venv").mkdir()
    monkeypatch.setattr(surroundings.sys, "prefix", "/old/.venv")

    assert what(good) == ["the Python that runs is /old/.venv, not this project's .venv"]


def test_examine_surroundings_when_omegaconf_is_new_says_so(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings.importlib.metadata, "version", lambda name: "2.4.0.dev3")

    assert what(good) == ["omegaconf 2.4.0.dev3 is installed"]


def test_examine_surroundings_when_telemetry_is_on_names_the_tools(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "1")  # BentoML ignores 1

    assert what(good) == ["usage reports are on: BentoML (BENTOML_DO_NOT_TRACK=true)"]


def test_examine_surroundings_when_consent_is_refused_kedro_is_silent(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DO_NOT_TRACK")
    (good / ".telemetry").write_text("consent: false\n")

    assert what(good) == []


def test_examine_surroundings_when_git_is_missing_says_so(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings.shutil, "which", lambda name: None)

    assert what(good) == ["git is not installed"]


def test_examine_surroundings_when_not_in_a_repository_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert "the project is not in a git repository" in what(tmp_path)
    assert "the project is not in a git repository" not in what(ROOT)
