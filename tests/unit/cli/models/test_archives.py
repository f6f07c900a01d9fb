"""`kedro models export`, `import` and `backup`."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from salary_kedro.cli.models import archives, decisions, versions
from salary_kedro.cli.models.archives import tell_backup
from salary_kedro.cli.models.shown import tell
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project, open_project
from stores import MODEL_NAME, alias


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("conf/local/two.zip", "the configuration"),
        ("data/06_models/../01_raw/two.zip", "the pipelines"),
        ("src/two.zip", "the project's own files"),
        ("data/professors/two.zip", "the data of the environment 'professors'"),
    ],
)
def test_export_when_the_project_owns_the_place_then_writes_nothing(
    file: str, whose: str, opened: Project
) -> None:
    with pytest.raises(UserError) as caught:
        archives.export_to(opened, 2, Path(file))

    assert str(caught.value) == (
        f"{file} belongs to {whose} and is never overwritten: choose another file, such as "
        f"version-2.zip"
    )
    assert not Path(file).exists()


@pytest.mark.parametrize("file", ["conf/base/parameters_all.yml", "data/06_models/all.zip"])
def test_backup_when_the_project_owns_the_place_then_writes_nothing(
    file: str, opened: Project
) -> None:
    with pytest.raises(UserError, match="is never overwritten: choose another file"):
        archives.back_up_to(opened, Path(file))

    assert not Path(file).exists()


def test_tell_when_an_environment_was_asked_for_then_what_is_suggested_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    archives.tell_imported({"file": "two.zip", "version": 3}, "wages")
    restored = {"versions": 1, "production": 1, "set_aside": [], "fixed": [], "left": ["it is old"]}
    archives.tell_restored(restored, "wages")
    decisions.tell_production({"production": 3, "bundle": "3-0a", "claimed": True}, "wages")

    told = capsys.readouterr().out
    assert "`kedro models promote 3 --reason TEXT --env wages` makes it production" in told
    assert "it is old; see `kedro models doctor --env wages`" in told
    assert "`kedro models history --env wages` says why" in told


def test_import_when_the_archive_was_exported_then_it_is_a_version_like_it(
    opened: Project, tmp_path: Path
) -> None:
    file = tmp_path / "two.zip"

    assert archives.export_to(opened, 2, file) == {"version": 2, "file": str(file)}
    assert archives.import_from(opened, file) == {"version": 3, "file": str(file)}

    newest = versions.list_page(opened, None)["rows"][0]
    assert (newest["stage"], newest["production"], newest["rmse"]) == ("archived", False, 2.0)
    assert versions.list_decisions(opened)[-1]["action"] == "import"
    assert alias() == 2


def test_import_when_done_then_every_command_tells_that_its_figures_are_claimed(
    opened: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives.export_to(opened, 2, tmp_path / "two.zip")
    archives.import_from(opened, tmp_path / "two.zip")

    rows, shown = versions.list_page(opened, None)["rows"], versions.show_version(opened, 3)
    versions.tell_versions(versions.list_page(opened, 1))
    tell(shown)

    assert [row["claimed"] for row in rows] == [True, False, False]
    assert (shown["claimed"], shown["imported"], shown["verdict_claimed"]) == (True, True, False)
    assert [row["claimed"] for row in versions.list_decisions(opened)] == [False, False, True]
    out = capsys.readouterr().out
    assert "archived    2.0*  -" in out
    assert "* claimed by the archive it came from" in out
    assert "Version 3, archived, imported\n" in out
    assert "RMSE  2.0 (claimed)\n" in out
    assert "From (claimed)  commit abc\n" in out


def test_import_when_the_tags_were_wrong_then_first_brings_them_into_line(
    opened: Project, tmp_path: Path
) -> None:
    archives.export_to(opened, 2, tmp_path / "two.zip")
    MlflowClient().set_model_version_tag(MODEL_NAME, "1", "production", "1.0")
    (opened.bundles.folder / "current").unlink()

    archives.import_from(opened, tmp_path / "two.zip")

    stages = [row["stage"] for row in versions.list_page(opened, None)["rows"]]
    assert stages == ["archived", "production", "archived"]
    assert str(opened.bundles.current()).startswith("2-")


def test_import_when_there_is_no_store_yet_then_creates_one(
    opened: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives.export_to(opened, 2, tmp_path / "two.zip")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/new/mlflow.db")
    monkeypatch.setenv("SALARY_BUNDLES", str(tmp_path / "bundles"))
    new = open_project(opened.root, None)

    assert archives.import_from(new, tmp_path / "two.zip")["version"] == 1

    assert [row["stage"] for row in versions.list_page(new, None)["rows"]] == ["archived"]
    assert decisions.make_production(new, 1, "agreed")["production"] == 1


def test_backup_when_told_then_says_that_the_key_is_not_in_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_backup({"file": "all.zip", "versions": 1, "production": 1, "elsewhere": []})

    assert "Not in it: the key that tells which rows" in capsys.readouterr().out
