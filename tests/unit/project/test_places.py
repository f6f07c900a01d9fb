"""Where an environment keeps its files."""

import re
from pathlib import Path

import pytest
from bentoml._internal.configuration import expand_env_var

from salary_kedro.bundle.places import BUNDLES, bento_home, bundles_override, data_folder
from salary_kedro.errors import UserError
from salary_kedro.project.places import run_folder, run_name


@pytest.mark.parametrize(
    ("env", "folder"),
    [(None, "data"), ("", "data"), ("local", "data"), ("base", "data"), ("prod", "data/prod")],
)
def test_data_folder_when_an_environment_is_named_then_is_its_own(
    env: str | None, folder: str
) -> None:
    assert data_folder(env) == folder


@pytest.mark.parametrize("env", ["..", "../x", "a/b", "/tmp", ".hidden", "-x", "a b", "prod\n"])  # noqa: S108 nothing is written there
def test_data_folder_when_the_name_could_lead_out_of_it_then_is_refused(env: str) -> None:
    with pytest.raises(UserError) as caught:
        data_folder(env)

    assert str(caught.value) == (
        f"'{env}' is not a name for an environment: use letters, digits, '_' and '-'"
    )


@pytest.mark.parametrize("env", ["01_raw", "06_models", "mlflow", "logs", "runs"])
def test_data_folder_when_the_default_one_has_such_a_folder_then_is_refused(env: str) -> None:
    with pytest.raises(UserError) as caught:
        data_folder(env)

    assert str(caught.value) == (
        f"'{env}' is not a name for an environment: data/{env} is a folder of the default one"
    )


def test_bundles_override_when_it_is_relative_then_is_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALARY_BUNDLES", "my bundles")

    assert bundles_override() == str(tmp_path / "my bundles")


@pytest.mark.parametrize("value", [None, ""])
def test_bundles_override_when_it_is_not_set_then_there_is_none(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("SALARY_BUNDLES", value)

    assert bundles_override() is None


def test_bundles_when_joined_to_a_data_folder_then_are_where_the_table_says() -> None:
    assert (Path("data") / BUNDLES).as_posix() == "data/06_models/bundles"


# --- Runs with a name ------------------------------------------------------------------

VARIABLES = ("SALARY_RUN", "AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID")


@pytest.fixture
def no_run(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no run, to be changed."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_run_folder_when_the_run_has_no_name_then_is_the_environments(
    no_run: pytest.MonkeyPatch,
) -> None:
    assert (run_folder(None), run_folder("wages")) == ("data", "data/wages")


def test_run_folder_when_the_run_has_a_name_then_is_its_own(no_run: pytest.MonkeyPatch) -> None:
    no_run.setenv("SALARY_RUN", "2026-11-28.1")

    assert run_folder(None) == "data/runs/2026-11-28.1"
    assert run_folder("wages") == "data/wages/runs/2026-11-28.1"


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "a b", "x" * 151])
def test_run_name_when_it_could_lead_elsewhere_then_is_refused(
    no_run: pytest.MonkeyPatch, name: str
) -> None:
    no_run.setenv("SALARY_RUN", name)

    with pytest.raises(UserError, match=rf"^SALARY_RUN is '{re.escape(name)}': name a run by up"):
        run_name()


def test_run_name_when_airflow_gives_it_then_fits_into_a_file_name(
    no_run: pytest.MonkeyPatch,
) -> None:
    no_run.setenv("AIRFLOW_CTX_DAG_ID", "salary-kedro")
    no_run.setenv("AIRFLOW_CTX_DAG_RUN_ID", "manual__2026-11-28T20:30:00+00:00")
    first = run_name()
    no_run.setenv("AIRFLOW_CTX_DAG_RUN_ID", "manual__2026-11-28T20:30:00-00:00")

    assert first is not None
    assert re.fullmatch("manual__2026-11-28T20-30-00-00-00-[0-9a-f]{8}", first)
    assert run_name() != first


@pytest.mark.parametrize("written", ["~/bentos", "$HOME/bentos", "${HOME}/bentos"])
def test_bento_home_when_it_is_written_for_a_shell_then_is_where_bentoml_keeps_them(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BENTOML_HOME", written)

    assert str(bento_home()) == expand_env_var(written) == str(tmp_path / "bentos")


def test_bento_home_when_it_is_empty_then_is_the_current_folder_as_for_bentoml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENTOML_HOME", "")

    assert bento_home().absolute() == Path(expand_env_var("")).absolute() == tmp_path
