"""What the `kedro models` commands answer, as rows for programs and as text for people."""

import math
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mlflow import MlflowClient

from disks import read_only
from salary_kedro.cli import commands, following
from salary_kedro.cli.commands import Project, open_project
from salary_kedro.errors import UserError
from salary_kedro.promotion.alignment import new_record
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.upkeep.doctor import Site
from sites import contents, copy_site, database_of, register
from stores import MODEL_NAME, alias
from support import Project as Copy


@pytest.fixture
def opened(shell: Copy) -> Project:
    """The project with the healthy store: version 2 is production, version 1 was."""
    return open_project(shell.root, None)


def note(project: Project, number: int, **parameters: str) -> str:
    """Give the run of a version parameters; its id."""
    run_id = project.registry.version(number).run_id
    for name, value in parameters.items():
        MlflowClient().log_param(run_id, name.replace("__", "."), value)
    return run_id


# --- list -----------------------------------------------------------------------------


def test_list_when_there_are_versions_then_gives_a_row_each_the_newest_first(
    opened: Project,
) -> None:
    run_id = note(opened, 1, data_science__model="ridge")
    MlflowClient().set_tag(run_id, "data_sha256", "d" * 64)
    MlflowClient().set_tag(run_id, "code_sha256", "c" * 64)

    newest, oldest = commands.list_versions(opened)

    assert oldest.pop("when").endswith("+00:00")
    assert oldest == {
        "version": 1,
        "stage": "archived",
        "production": False,
        "rmse": 1.0,
        "claimed": False,
        "model": "ridge",
        "data_sha256": "d" * 64,
        "code_sha256": "c" * 64,
    }
    assert (newest["version"], newest["stage"], newest["production"]) == (2, "production", True)
    assert (newest["model"], newest["data_sha256"]) == (None, None)


@pytest.mark.parametrize("value", ["nan", "inf", "low", ""])
def test_list_when_the_tag_holds_no_finite_number_then_the_rmse_is_null(
    value: str, opened: Project
) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "1", "archived", value)

    assert commands.list_versions(opened)[1]["rmse"] is None


def test_list_when_the_tags_are_wrong_then_shows_them_as_they_are(opened: Project) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "archived", "2.0")
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "archived")

    assert [row["stage"] for row in commands.list_versions(opened)] == ["production archived", None]


def test_list_when_the_run_of_a_version_is_gone_then_still_lists_it(
    opened: Project, healthy: Site
) -> None:
    run_id = opened.registry.version(1).run_id
    with closing(sqlite3.connect(database_of(healthy))) as connection, connection:
        connection.execute("UPDATE model_versions SET run_id = 'gone' WHERE run_id = ?", [run_id])

    row = commands.list_versions(opened)[1]

    assert (row["rmse"], row["model"], row["when"]) == (1.0, None, None)


def test_list_when_the_versions_go_beyond_nine_then_sorts_them_as_numbers(
    opened: Project, spare: LoggedModel
) -> None:
    for _ in range(9):
        register(opened.registry, spare)

    assert [row["version"] for row in commands.list_versions(opened)] == list(range(11, 0, -1))


# --- show and history -------------------------------------------------------------------


def test_show_when_the_version_exists_then_tells_all_about_it(opened: Project) -> None:
    run_id = note(opened, 1, data_science__model="ridge")
    state = opened.registry.state()
    verdict = {"action": "archive", "reason": "worse"}
    opened.registry.record(new_record(state, "archiving", 1, "worse", after=2, evidence=verdict))

    shown = commands.show_version(opened, 1)

    assert (shown["version"], shown["stage"], shown["run_id"]) == (1, "archived", run_id)
    assert shown["verdict"] == verdict
    assert [record["why"] for record in shown["history"]] == ["first", "worse"]
    assert shown["lineage"] == {"git_commit": "abc"}
    assert shown["parameters"] == {"data_science.model": "ridge"}
    assert shown["metrics"] == {"rmse": 1.0}


def test_show_when_a_metric_is_not_a_number_then_it_is_null(opened: Project) -> None:
    MlflowClient().log_metric(opened.registry.version(1).run_id, "r2", math.nan)

    assert commands.show_version(opened, 1)["metrics"] == {"rmse": 1.0, "r2": None}


def test_show_when_nothing_was_judged_then_the_verdict_is_null(opened: Project) -> None:
    assert commands.show_version(opened, 1)["verdict"] is None


def test_history_when_decisions_were_made_then_tells_each_once_in_order(opened: Project) -> None:
    rows = commands.history(opened)

    assert [(row["action"], row["version"], row["from"], row["to"]) for row in rows] == [
        ("promotion by hand", 1, None, 1),
        ("promotion by hand", 2, 1, 2),
    ]
    assert [(row["state"], row["why"]) for row in rows] == [("done", "first"), ("done", "better")]
    assert list(rows[0]) == [
        "when", "who", "action", "state", "version", "from", "to", "why", "evidence",
        "claimed",
    ]  # fmt: skip


def test_history_when_a_decision_came_to_nothing_then_tells_that_it_is_unfinished(
    opened: Project,
) -> None:
    state = opened.registry.state()
    opened.registry.record(new_record(state, "rollback", 1, "too high", after=1, step="intent"))

    last = commands.history(opened)[-1]

    assert (last["action"], last["version"], last["state"]) == ("rollback", 1, "unfinished")


# --- rollback and promote ---------------------------------------------------------------


def test_rollback_when_done_then_production_bundle_and_history_say_so(opened: Project) -> None:
    result = commands.rollback(opened, None, "too high", force=False)

    assert (result["production"], alias()) == (1, 1)
    assert result["bundle"] == opened.bundles.current()
    assert opened.bundles.load(result["bundle"]).predict([[5.0]]).tolist() == [100.0]
    last = commands.history(opened)[-1]
    assert (last["action"], last["from"], last["to"], last["why"]) == ("rollback", 2, 1, "too high")


def test_promote_when_done_then_production_bundle_and_history_say_so(
    opened: Project, spare: LoggedModel
) -> None:
    register(opened.registry, spare)

    result = commands.promote(opened, 3, "agreed")

    assert (result["production"], alias()) == (3, 3)
    assert opened.bundles.load(result["bundle"]).predict([[5.0]]).tolist() == [300.0]
    last = commands.history(opened)[-1]
    assert (last["action"], last["to"], last["why"]) == ("promotion by hand", 3, "agreed")


@pytest.mark.parametrize("number", [2, 9])
def test_promote_when_refused_but_the_bundle_is_signed_then_says_so_once(
    number: int, opened: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    monkeypatch.setenv("SALARY_SIGNING_KEY", key.decode())
    name = opened.bundles.current()

    first, second = (refusal(opened, number) for _ in range(2))

    assert first == [f"the production version is packaged now, as bundle {name}, signed"]
    assert second == []
    assert (opened.bundles.folder / str(name) / "manifest.sig").is_file()


def test_rollback_when_refused_but_the_pointer_is_moved_then_says_so(opened: Project) -> None:
    name = opened.bundles.current()
    (opened.bundles.folder / "current").unlink()

    with pytest.raises(UserError) as caught:
        commands.rollback(opened, 2, "too high", force=False)

    assert str(caught.value) == "version 2 is production already"
    told = f"the production version is packaged now, as bundle {name}"
    assert caught.value.__notes__ == [told]
    assert opened.bundles.current() == name


def refusal(project: Project, number: int) -> list[str]:
    """What is told beside the reason when a promotion is refused."""
    with pytest.raises(UserError) as caught:
        commands.promote(project, number, "agreed")
    return list(getattr(caught.value, "__notes__", []))


# --- export and import -------------------------------------------------------------------


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
        commands.export(opened, 2, Path(file))

    assert str(caught.value) == (
        f"{file} belongs to {whose} and is not written over: choose another file, such as "
        f"version-2.zip"
    )
    assert not Path(file).exists()


@pytest.mark.parametrize("file", ["conf/base/parameters_all.yml", "data/06_models/all.zip"])
def test_backup_when_the_project_owns_the_place_then_writes_nothing(
    file: str, opened: Project
) -> None:
    with pytest.raises(UserError, match="is not written over: choose another file"):
        commands.backup(opened, Path(file))

    assert not Path(file).exists()


def test_import_when_the_archive_was_exported_then_it_is_a_version_like_it(
    opened: Project, tmp_path: Path
) -> None:
    file = tmp_path / "two.zip"

    assert commands.export(opened, 2, file) == {"version": 2, "file": str(file)}
    assert commands.import_(opened, file) == {"version": 3, "file": str(file)}

    newest = commands.list_versions(opened)[0]
    assert (newest["stage"], newest["production"], newest["rmse"]) == ("archived", False, 2.0)
    assert commands.history(opened)[-1]["action"] == "import"
    assert alias() == 2


def test_import_when_done_then_every_command_tells_that_its_figures_are_claimed(
    opened: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.export(opened, 2, tmp_path / "two.zip")
    commands.import_(opened, tmp_path / "two.zip")

    rows, shown = commands.list_versions(opened), commands.show_version(opened, 3)
    commands.as_versions(rows)
    commands.as_version(shown)

    assert [row["claimed"] for row in rows] == [True, False, False]
    assert (shown["claimed"], shown["imported"], shown["verdict_claimed"]) == (True, True, False)
    assert [row["claimed"] for row in commands.history(opened)] == [False, False, True]
    out = capsys.readouterr().out
    assert "archived    2.0 (claimed)" in out
    assert "rmse (claimed): 2.0\n" in out
    assert "metrics (claimed)\n  rmse: 2.0\n" in out


def test_promote_when_the_signing_key_cannot_be_read_then_changes_nothing(
    opened: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SALARY_SIGNING_KEY_FILE", str(tmp_path / "nokey.pem"))

    with pytest.raises(UserError, match=r"nokey\.pem', which cannot be read"):
        commands.promote(opened, 1, "agreed")

    assert opened.registry.state().alias == 2


def test_promote_when_packaging_fails_then_says_that_production_has_moved(
    opened: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise UserError("the bundles cannot be written")

    monkeypatch.setattr("salary_kedro.cli.commands.export_production", fail)
    with pytest.raises(UserError, match=r"^version 1 is in production now, but not .*fix`"):
        commands.promote(opened, 1, "agreed")

    assert opened.registry.state().alias == 1


def test_promote_when_it_was_imported_then_is_measured_on_the_holdout_rows_of_the_last_run(
    opened: Project, tmp_path: Path
) -> None:
    commands.export(opened, 2, tmp_path / "two.zip")
    commands.import_(opened, tmp_path / "two.zip")
    holdout = opened.root / "data" / "05_model_input" / "holdout.parquet"
    holdout.parent.mkdir()
    pd.DataFrame({"years": [1.0, 2.0], "salary": [204.0, 204.0]}).to_parquet(holdout)

    assert commands.promote(opened, 3, "agreed")["claimed"] is False

    row = commands.list_versions(opened)[0]
    assert (row["rmse"], row["claimed"]) == (4.0, False)


@pytest.mark.parametrize("content", [None, b"garbage"])
def test_promote_when_it_was_imported_and_there_are_no_holdout_rows_then_says_it_is_claimed(
    content: bytes | None, opened: Project, tmp_path: Path
) -> None:
    commands.export(opened, 2, tmp_path / "two.zip")
    commands.import_(opened, tmp_path / "two.zip")
    if content is not None:
        holdout = opened.root / "data" / "05_model_input" / "holdout.parquet"
        holdout.parent.mkdir()
        holdout.write_bytes(content)

    assert commands.promote(opened, 3, "agreed")["claimed"] is True

    assert "is claimed, not measured: " in commands.history(opened)[-1]["why"]


def test_import_when_the_tags_were_wrong_then_first_brings_them_into_line(
    opened: Project, tmp_path: Path
) -> None:
    commands.export(opened, 2, tmp_path / "two.zip")
    MlflowClient().set_model_version_tag(MODEL_NAME, "1", "production", "1.0")
    (opened.bundles.folder / "current").unlink()

    commands.import_(opened, tmp_path / "two.zip")

    stages = [row["stage"] for row in commands.list_versions(opened)]
    assert stages == ["archived", "production", "archived"]
    assert str(opened.bundles.current()).startswith("2-")


def test_import_when_there_is_no_store_yet_then_creates_one(
    opened: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.export(opened, 2, tmp_path / "two.zip")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/new/mlflow.db")
    monkeypatch.setenv("SALARY_BUNDLES", str(tmp_path / "bundles"))
    new = open_project(opened.root, None)

    assert commands.import_(new, tmp_path / "two.zip")["version"] == 1

    assert [row["stage"] for row in commands.list_versions(new)] == ["archived"]
    assert commands.promote(new, 1, "agreed")["production"] == 1


# --- doctor ------------------------------------------------------------------------------


def test_doctor_when_nothing_is_broken_then_is_healthy(opened: Project) -> None:
    result = commands.doctor(opened, fix=False)

    assert (result["healthy"], result["fixed"]) == (True, [])
    assert {finding["severity"] for finding in result["findings"]} <= {"advice"}


def test_doctor_when_something_is_broken_then_says_so_and_fix_mends_it(opened: Project) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "archived")

    found = commands.doctor(opened, fix=False)
    fixed = commands.doctor(opened, fix=True)

    assert (found["healthy"], found["fixed"]) == (False, [])
    assert found["findings"][0] == {
        "severity": "broken",
        "what": "version 1 has no stage tag",
        "why_it_matters": "nobody can tell what became of it",
        "remedy": "`kedro models doctor --fix` mends it",
    }
    assert (fixed["healthy"], fixed["fixed"]) == (
        True,
        ["version 1 is tagged archived; it was untagged"],
    )


def test_doctor_when_it_cannot_be_mended_then_says_that_too(opened: Project) -> None:
    for number in "12":
        MlflowClient().delete_model_version(MODEL_NAME, number)

    result = commands.doctor(opened, fix=True)

    assert (result["healthy"], result["fixed"]) == (False, [])
    assert result["findings"][0]["what"].startswith("it cannot be mended: ")


# --- What must be refused -----------------------------------------------------------------


def moved(opened: Project, healthy: Site, folder: Path, patch: pytest.MonkeyPatch) -> Project:
    """The project with a copied store, which still names the original's artifacts."""
    copied = copy_site(healthy, folder)
    patch.setenv("MLFLOW_TRACKING_URI", copied.uri)
    return open_project(opened.root, None)


def test_commands_when_the_store_was_copied_then_those_that_read_models_or_write_refuse(
    opened: Project, healthy: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "two.zip"
    commands.export(opened, 2, file)
    copied = moved(opened, healthy, tmp_path / "copy", monkeypatch)
    before = contents(healthy)

    for command in (
        lambda: commands.show_version(copied, 1),
        lambda: commands.rollback(copied, None, "too high", force=False),
        lambda: commands.promote(copied, 1, "agreed"),
        lambda: commands.export(copied, 1, tmp_path / "one.zip"),
        lambda: commands.import_(copied, file),
    ):
        with pytest.raises(UserError, match="was moved or copied, and its store still points to"):
            command()
    assert len(commands.list_versions(copied)) == 2
    assert len(commands.history(copied)) == 2
    assert contents(healthy) == before


def test_commands_when_nothing_was_trained_then_say_so_and_create_nothing(
    opened: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/new/mlflow.db")
    new = open_project(opened.root, None)

    for command in (
        lambda: commands.list_versions(new),
        lambda: commands.history(new),
        lambda: commands.show_version(new, 1),
        lambda: commands.rollback(new, None, "too high", force=False),
        lambda: commands.promote(new, 1, "agreed"),
        lambda: commands.export(new, 1, tmp_path / "one.zip"),
    ):
        with pytest.raises(UserError, match=r"^no model was ever trained in this environment: "):
            command()
    assert not (tmp_path / "new").exists()


def test_raw_data_when_it_can_be_fetched_then_is_none(shell: Copy) -> None:
    assert open_project(shell.root, None).raw_data == shell.root / "data/01_raw/salary_data.csv"
    catalog = shell.root / "conf" / "base" / "catalog.yml"
    catalog.write_text(catalog.read_text().replace("url: null", "url: https://example.org/a.csv"))

    assert open_project(shell.root, None).raw_data is None


# --- For people ---------------------------------------------------------------------------


def test_diagnosis_when_there_is_something_to_say_then_says_what_why_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding = {"severity": "advice", "what": "a", "why_it_matters": "b", "remedy": "c"}

    commands.as_diagnosis({"fixed": ["done"], "findings": [finding], "healthy": True})

    assert capsys.readouterr().out == (
        "fixed   done\n"
        "advice  a\n"
        "        why it matters: b\n"
        "        what to do: c\n"
        "nothing is broken\n"
    )


def test_diagnosis_when_something_is_broken_then_does_not_end_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding = {"severity": "broken", "what": "a", "why_it_matters": "b", "remedy": "c"}

    commands.as_diagnosis({"fixed": [], "findings": [finding], "healthy": False})

    assert "nothing is" not in capsys.readouterr().out


def test_diagnosis_when_nothing_is_found_then_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    commands.as_diagnosis({"fixed": [], "findings": [], "healthy": True})

    assert capsys.readouterr().out == "nothing is wrong\n"


# --- A store that cannot be written to ----------------------------------------------------


@pytest.mark.parametrize("kept", ["in the database", "in the log beside it"])
def test_commands_when_the_store_is_read_only_then_those_that_read_work_as_ever(
    kept: str, opened: Project, healthy: Site, tmp_path: Path
) -> None:
    place = copy_site(healthy, tmp_path / "site")
    database = database_of(place)
    project = replace(opened, uri=place.uri, bundles=place.bundles)
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("UPDATE model_versions SET description = 'told' WHERE version = 1")
        writer.commit()
        if kept == "in the log beside it":  # as a process leaves it that is killed
            shutil.copytree(database.parent, tmp_path / "killed")
    if kept == "in the log beside it":
        shutil.copytree(tmp_path / "killed", database.parent, dirs_exist_ok=True)
        database.with_name(f"{database.name}-shm").unlink()

    with read_only(tmp_path / "site"):
        listed = [row["version"] for row in commands.list_versions(project)]
        decided = [row["version"] for row in commands.history(project)]
        shown = commands.show_version(project, 1)["version"]
        told = MlflowClient().get_model_version(MODEL_NAME, "1").description
        found = [row["what"] for row in commands.doctor(project, fix=False)["findings"]]
        with pytest.raises(UserError) as refused:
            commands.rollback(project, None, "why", force=False)

    assert (listed, decided, shown, told) == ([2, 1], [1, 2], 1, "told")
    assert not [what for what in found if "store" in what]
    assert str(refused.value) == (
        f"the lock {database}.lock cannot be taken: {database}.lock is read-only: make it "
        f"writable, or work on a copy"
    )


def test_follow_when_the_store_is_read_only_then_refuses_to_look_at_a_copy_for_ever(
    opened: Project, healthy: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = replace(opened, uri=copy_site(healthy, tmp_path / "site").uri)
    monkeypatch.setattr(following.time, "sleep", lambda _: pytest.fail("it went on"))

    with read_only(tmp_path / "site"), pytest.raises(UserError, match=r"read-only.*--once"):
        following.loop(project, 1, following.tell)
