"""Where an environment keeps its files."""

from pathlib import Path

import pytest

from salary_kedro.errors import UserError
from salary_kedro.locations import BUNDLES, bundles_override, data_folder


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


@pytest.mark.parametrize("env", ["01_raw", "06_models", "mlflow", "logs"])
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
    monkeypatch.delenv("SALARY_BUNDLES", raising=False)
    if value is not None:
        monkeypatch.setenv("SALARY_BUNDLES", value)

    assert bundles_override() is None


def test_bundles_when_joined_to_a_data_folder_then_are_where_the_table_says() -> None:
    assert (Path("data") / BUNDLES).as_posix() == "data/06_models/bundles"
