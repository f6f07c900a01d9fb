"""Archives of all that runs have made: what comes back is one moment, or nothing."""

import errno
import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from mlflow import MlflowClient, MlflowException

from salary_kedro.bundle.bundle import pack
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.project.parameters import RegistryNames
from salary_kedro.project.project import Project
from salary_kedro.registry.store import prepare_store
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.upkeep import backup
from salary_kedro.upkeep.backup import back_up, restore
from salary_kedro.upkeep.doctor import obstacle
from salary_kedro.upkeep.opening import registry_of
from salary_kedro.upkeep.repair import relocate_project
from samples import bundle_files
from sites import (
    broken,
    contents,
    copy_site,
    database_of,
    model_file,
    register,
    site_of,
    with_parameters,
)
from stores import EXPERIMENT, MODEL_NAME, forget_store

pytestmark = pytest.mark.slow  # whole stores, written and read


@pytest.fixture
def file(healthy: Project, tmp_path: Path) -> Path:
    """A backup of the healthy site."""
    back_up(healthy, tmp_path / "all.zip")
    return tmp_path / "all.zip"


@pytest.fixture
def new(tmp_path: Path) -> Project:
    """A site in which there is nothing yet."""
    return site_of(tmp_path / "new project")


@pytest.fixture
def filled(healthy: Project, tmp_path: Path) -> Project:
    """A copy of the healthy site, whose files may be replaced: MLflow has not opened them."""
    return copy_site(healthy, tmp_path / "filled")


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as source:
        return {name: source.read(name) for name in source.namelist()}


def write(file: Path, files: dict[str, bytes], *, seal: bool = False) -> Path:
    """Write an archive; its checksums are made anew if asked for."""
    if seal:
        listed = json.loads(files["backup.json"])
        listed["sha256"] = {
            name: sha256(content).hexdigest()
            for name, content in files.items()
            if name != "backup.json"
        }
        files = {**files, "backup.json": json.dumps(listed).encode()}
    with zipfile.ZipFile(file, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return file


def refusal(site: Project, file: Path) -> str:
    """The one line that a restoring is refused with; nothing may be left of it."""
    with pytest.raises(UserError) as caught:
        restore(site, file)
    folder = database_of(site).parent
    assert [path.name for path in folder.glob("*")] in ([], ["mlflow.db.lock"])
    assert not site.bundles.folder.exists()
    message = str(caught.value)
    assert "\n" not in message
    return message


# --- There and back ---------------------------------------------------------------------


def test_restore_when_the_place_is_new_then_all_is_there_and_well(file: Path, new: Project) -> None:
    result = restore(new, file)

    assert (result["production"], result["versions"]) == (2, 2)
    assert (result["left"], result["set_aside"]) == ([], [])
    assert broken(new) == []
    registry = registry_of(new)
    state = registry.state()
    assert (state.alias, [r.why for r in state.history.done[:2]]) == (2, ["first", "better"])
    assert registry.model_folder(1).is_relative_to(database_of(new).parent / "artifacts")
    assert new.bundles.load(str(new.bundles.current())).predict([[5.0]]).tolist() == [200.0]


def test_restore_when_the_original_is_gone_then_needs_nothing_of_it(
    file: Path, healthy: Project, new: Project
) -> None:
    shutil.rmtree(database_of(healthy).parent / "artifacts")

    restore(new, file)

    assert broken(new) == []


def test_back_up_when_done_then_changes_nothing(healthy: Project, tmp_path: Path) -> None:
    before = contents(healthy)

    made = back_up(healthy, tmp_path / "all.zip")

    assert contents(healthy) == before
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]
    assert (made["versions"], made["production"], made["elsewhere"]) == (2, 2, [])


def test_back_up_when_files_are_of_no_run_then_leaves_them_out(
    healthy: Project, tmp_path: Path
) -> None:
    stray = database_of(healthy).parent / "artifacts" / "later" / "artifacts" / "a.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("of a run that began after this moment")

    back_up(healthy, tmp_path / "all.zip")

    assert not any("later" in name for name in members(tmp_path / "all.zip"))


def link_metrics(bundle: Path) -> None:
    """Let a file of a bundle lead to another place of this machine."""
    (bundle / "metrics.json").rename(bundle.parent / "elsewhere.json")
    (bundle / "metrics.json").symlink_to(bundle.parent / "elsewhere.json")


def fill_metrics(bundle: Path) -> None:
    (bundle / "metrics.json").write_bytes(b" " * 250_001)


def replace_by_file(bundle: Path) -> None:
    shutil.rmtree(bundle)
    bundle.write_text("no folder")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (link_metrics, "metrics.json is a symbolic link; copy what it points to"),
        (fill_metrics, "metrics.json has 250,001 bytes, more than the allowed 250,000"),
        (replace_by_file, "[Errno 20] Not a directory: "),
    ],
)
def test_back_up_when_a_bundle_holds_what_is_never_read_then_says_so_and_leaves_nothing(
    healthy: Project, tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    name = str(healthy.bundles.current())
    spoil(healthy.bundles.folder / name)

    with pytest.raises(UserError) as caught:
        back_up(healthy, tmp_path / "all.zip")

    assert str(caught.value).startswith(f"bundle {name}: {why}")
    assert list(tmp_path.iterdir()) == []


def test_back_up_when_a_file_of_a_bundle_is_missing_then_the_others_are_in_it(
    healthy: Project, tmp_path: Path
) -> None:
    name = str(healthy.bundles.current())
    (healthy.bundles.folder / name / "metrics.json").unlink()

    back_up(healthy, tmp_path / "all.zip")

    inside = {name for name in members(tmp_path / "all.zip") if name.startswith("bundles/")}
    assert f"bundles/{name}/model.skops" in inside
    assert f"bundles/{name}/metrics.json" not in inside


def test_back_up_when_a_model_lies_elsewhere_then_says_that_it_is_not_in_it(
    healthy: Project, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(database_of(healthy))) as connection, connection:
        connection.execute(
            "UPDATE model_versions SET storage_location = 's3://a/b' WHERE version = 1"
        )

    assert back_up(healthy, tmp_path / "all.zip")["elsewhere"] == ["s3://a/b"]


def test_restore_when_a_version_awaited_its_verdict_then_it_is_archived_with_the_reason(
    healthy: Project,
    spare: LoggedModel,
    tmp_path: Path,
    new: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backup, "LOOKS", 2)
    monkeypatch.setattr(backup, "PAUSE", 0)
    register(registry_of(healthy), spare)
    back_up(healthy, tmp_path / "all.zip")

    result = restore(new, tmp_path / "all.zip")

    assert "version 3 is not promoted: left over from an interrupted run" in result["fixed"]
    assert broken(new) == []


def test_back_up_when_a_verdict_comes_soon_then_waits_for_it(
    healthy: Project, spare: LoggedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(registry_of(healthy), spare)
    client = MlflowClient()

    def decide(_: float) -> None:
        client.set_model_version_tag(MODEL_NAME, "3", "archived", "3.0")
        client.delete_model_version_tag(MODEL_NAME, "3", "staging")

    monkeypatch.setattr(backup.time, "sleep", decide)
    back_up(healthy, tmp_path / "all.zip")

    (tmp_path / "copy.db").write_bytes(members(tmp_path / "all.zip")["mlflow.db"])
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        tags = copy.execute("SELECT key FROM model_version_tags WHERE version = 3").fetchall()
    assert tags == [("archived",)]


# --- Where bundles of several models lie -------------------------------------------------


@pytest.fixture
def stranger(filled: Project, contract: Contract) -> Path:
    """A bundle of another model with the number of a version, where ours lie."""
    name, files = pack("other salaries", 2, bundle_files(contract))
    filled.bundles.write(name, files)
    return filled.bundles.folder / name


def test_back_up_when_a_bundle_is_of_another_model_then_leaves_it_out(
    filled: Project, stranger: Path, tmp_path: Path
) -> None:
    relocate_project(filled)
    forget_store()

    back_up(filled, tmp_path / "ours.zip")

    bundles = {name.split("/")[1] for name in members(tmp_path / "ours.zip") if "bundles/" in name}
    assert bundles == {*filled.bundles.names()} - {stranger.name}


def test_restore_when_a_bundle_is_of_another_model_then_leaves_it_where_it_is(
    file: Path, filled: Project, stranger: Path
) -> None:
    restore(filled, file, force=True)

    assert stranger.is_dir()
    assert broken(filled) == []


@pytest.mark.parametrize(("owner", "is_left"), [(MODEL_NAME, False), ("other salaries", True)])
def test_restore_when_nothing_in_it_is_production_then_no_bundle_of_ours_is_served(
    owner: str, is_left: bool, filled: Project, stranger: Path, tmp_path: Path
) -> None:
    empty = site_of(tmp_path / "empty")
    prepare_store(empty.uri, EXPERIMENT, empty.artifacts)
    back_up(empty, tmp_path / "empty.zip")
    filled.bundles.belong_to(owner)
    filled.bundles.point_to(stranger.name if is_left else str(filled.bundles.current()))
    forget_store()

    result = restore(filled, tmp_path / "empty.zip", force=True)

    assert result["production"] is None
    choice = filled.bundles.choose()
    assert (choice and choice.bundle.model_name) == ("other salaries" if is_left else None)
    pointers = [place for place in result["set_aside"] if Path(place).name == "current"]
    assert len(pointers) == (0 if is_left else 1)


# --- What must be refused ----------------------------------------------------------------


def test_back_up_when_the_file_exists_then_keeps_it(healthy: Project, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_text("mine")

    with pytest.raises(UserError, match="exists already: choose another name"):
        back_up(healthy, tmp_path / "all.zip")

    assert (tmp_path / "all.zip").read_text() == "mine"


def test_back_up_when_it_fails_half_way_then_leaves_nothing(
    healthy: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_add_bundles", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        back_up(healthy, tmp_path / "all.zip")

    assert list(tmp_path.iterdir()) == []


def test_back_up_when_a_name_holds_a_backslash_then_is_restored(
    healthy: Project, new: Project, tmp_path: Path
) -> None:
    model_file(healthy, 1).with_name("report \\ 2026.txt").write_text("as told")

    back_up(healthy, tmp_path / "all.zip")
    restore(new, tmp_path / "all.zip")

    (found,) = database_of(new).parent.rglob("report * 2026.txt")
    assert (found.name, found.read_text()) == ("report \\ 2026.txt", "as told")


def test_back_up_when_a_name_is_not_utf8_then_says_which(healthy: Project, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(model_file(healthy, 1).parent) + b"/caf\xe9.txt"))
    odd.write_text("logged by another tool")

    says = r"^an archive holds names in UTF-8 alone: rename '.*/caf\\udce9.txt'$"
    with pytest.raises(UserError, match=says):
        back_up(healthy, tmp_path / "all.zip")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fails", ["opened", "read"])
def test_back_up_when_a_file_cannot_be_read_then_names_that_one(
    fails: str, healthy: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_file(healthy, 1)
    if fails == "read":
        model.unlink()
        model.symlink_to("/proc/self/mem")  # can be opened, but its first bytes not be read
    else:
        real = Path.open

        def refuse(path: Path, *arguments: str) -> object:
            if path == model:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real(path, *arguments)

        monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(UserError, match=f"^{model} cannot be read "):
        back_up(healthy, tmp_path / "all.zip")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("work", [back_up, restore])
def test_backup_when_the_store_is_a_servers_then_says_what_to_back_up(
    work: object, healthy: Project, tmp_path: Path
) -> None:
    shared = replace(healthy, uri="http://mlflow.example:5000", artifacts=None)

    with pytest.raises(UserError, match=r"^the store is not a file of this machine: .*pg_dump"):
        work(shared, tmp_path / "all.zip")  # type: ignore[operator] # both take these two

    assert list(tmp_path.iterdir()) == []


def test_restore_when_something_is_there_then_refuses_and_changes_nothing(
    file: Path, healthy: Project
) -> None:
    before = contents(healthy)

    with pytest.raises(UserError, match=r"there is something already in .*add --force"):
        restore(healthy, file)

    assert contents(healthy) == before


def test_restore_when_forced_then_sets_aside_what_was_there(
    file: Path, healthy: Project, tmp_path: Path, new: Project
) -> None:
    restore(new, file)
    marker = database_of(new).parent / "artifacts" / "mine.txt"
    marker.write_text("mine")
    stranger = new.bundles.folder / "9-00000000"
    stranger.mkdir()
    forget_store()

    result = restore(new, file, force=True)

    aside = [Path(place) for place in result["set_aside"]]
    assert any((place / "mine.txt").is_file() for place in aside)
    assert not marker.exists()
    assert not stranger.exists()
    assert {path.name.partition(".before-")[0] for path in aside} >= {"mlflow.db", "artifacts"}


@pytest.mark.parametrize("failing", ["artifacts", "mlflow.db"])
def test_restore_when_it_fails_half_way_then_all_is_as_it_was(
    failing: str, file: Path, filled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, bundles = contents(filled), filled.bundles.names()
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if Path(target).name == failing and path.parent.name.startswith(".restore-"):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(UserError, match=r"cannot be restored \(Invalid cross-device link\)"):
        restore(filled, file, force=True)

    assert (contents(filled), filled.bundles.names()) == (before, bundles)


def test_restore_when_one_was_killed_half_way_then_the_doctor_says_so_and_another_completes_it(
    file: Path, filled: Project
) -> None:
    database = database_of(filled)
    for place, aside in backup._asides(filled).items():
        if place.exists():
            aside.parent.mkdir(exist_ok=True)
            place.rename(aside)
    left = database.with_name(".restore-mlflow.db-killed")
    left.mkdir()
    (left / "mlflow.db").touch()

    found = obstacle(filled.uri)
    result = restore(filled, file, force=True)

    assert found is not None
    assert found.severity == "broken"
    assert f"a restore has set one aside as {database}.before-" in found.what
    assert "kedro models restore FILE --force" in found.remedy
    assert (result["production"], broken(filled)) == (2, [])
    assert not left.exists()
    assert obstacle(filled.uri) is None


def test_restore_when_it_cannot_be_repaired_then_says_where_the_old_data_are(
    file: Path, filled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Project) -> None:
        raise MlflowException("no such\ntable")

    monkeypatch.setattr(backup, "repair", fail)
    with pytest.raises(UserError) as caught:
        restore(filled, file, force=True)

    told, _, places = str(caught.value).partition("; what was there is set aside in ")
    assert told.endswith(
        "is restored, but not repaired (no such table): put that right, then run "
        "`kedro models doctor --fix`"
    )
    assert {Path(place).name.partition(".before-")[0] for place in places.split(", ")} >= {
        *("mlflow.db", "artifacts", "current")
    }
    assert all(Path(place).exists() for place in places.split(", "))


def test_restore_when_the_old_store_has_a_log_beside_it_then_that_is_still_beside_it(
    file: Path, filled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_of(filled).with_name("mlflow.db-wal").write_bytes(b"log")
    monkeypatch.setattr(backup, "repair", lambda site: ([], []))

    result = restore(filled, file, force=True)

    store = next(path for path in result["set_aside"] if Path(path).name.startswith("mlflow.db."))
    assert f"{store}-wal" in result["set_aside"]


def test_restore_when_a_run_began_meanwhile_then_refuses_all_the_same(
    file: Path, new: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = backup.store_lock

    def late(uri: str) -> object:
        taken = lock(uri)
        database_of(new).parent.mkdir(parents=True)
        database_of(new).write_bytes(b"a run's")
        return taken

    monkeypatch.setattr(backup, "store_lock", late)
    with pytest.raises(UserError, match="there is something already in"):
        restore(new, file)

    assert database_of(new).read_bytes() == b"a run's"


def test_restore_when_the_archive_is_of_another_model_then_names_both(
    file: Path, new: Project
) -> None:
    other = with_parameters(new, registry=RegistryNames(model_name="other salaries"))

    message = refusal(other, file)

    assert f"holds versions of '{MODEL_NAME}'" in message
    assert "this environment's model is 'other salaries'" in message


@pytest.mark.parametrize("share", [0, 0.001, 0.25, 0.5, 0.99, 0.99999])
def test_restore_when_the_archive_was_cut_short_then_changes_nothing(
    share: float, file: Path, new: Project, tmp_path: Path
) -> None:
    content = file.read_bytes()
    (tmp_path / "short.zip").write_bytes(content[: int(len(content) * share)])

    assert "or it was cut short or altered" in refusal(new, tmp_path / "short.zip")


@pytest.mark.parametrize("listed", ["[]", "5", '"a"', '{"format": 1}', "[" * 100_000, "null"])
def test_restore_when_the_list_in_it_is_none_then_is_refused(
    listed: str, file: Path, new: Project, tmp_path: Path
) -> None:
    odd = write(tmp_path / "odd.zip", {**members(file), "backup.json": listed.encode()})

    assert "or it was cut short or altered" in refusal(new, odd)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("kind", ["backup.json", "mlflow.db"])
def test_restore_when_a_member_is_packed_otherwise_then_is_refused_before_it_is_unpacked(
    kind: str, method: int, file: Path, new: Project, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as target:
        for name, content in members(file).items():
            target.writestr(name, content, method if name == kind else zipfile.ZIP_STORED)

    assert f"'{kind}' is packed in another way" in refusal(new, tmp_path / "odd.zip")


def test_restore_when_the_list_in_it_is_huge_then_is_refused_before_it_is_read(
    file: Path, new: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it read"))
    with zipfile.ZipFile(tmp_path / "huge.zip", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("backup.json", b" " * (backup.MAX_CONTENTS + 1))

    assert "backup.json has 64,000,001 bytes" in refusal(new, tmp_path / "huge.zip")


def test_restore_when_the_archive_is_no_regular_file_then_does_not_wait_for_it(
    new: Project, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.zip")

    assert "pipe.zip is not a regular file" in refusal(new, tmp_path / "pipe.zip")


@pytest.mark.parametrize("kind", ["mlflow.db", "artifacts/", "bundles/"])
def test_restore_when_a_file_was_altered_then_names_it_and_changes_nothing(
    kind: str, file: Path, new: Project, tmp_path: Path
) -> None:
    files = members(file)
    name = next(name for name in files if name.startswith(kind))

    altered = write(tmp_path / "altered.zip", {**files, name: files[name] + b" "})

    assert f"{name} was altered: its checksum is not the one in" in refusal(new, altered)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "artifacts/../../evil", "artifacts", "bundles/evil/x", "other/x",
     "artifacts//x", "artifacts\\..\\x", "bundles/1-00000000", "bundles/1-00000000/a/b",
     "bundles/1-00000000-more/a"],
)  # fmt: skip
def test_restore_when_a_name_leads_elsewhere_then_is_refused_and_writes_nothing(
    name: str, file: Path, new: Project, tmp_path: Path
) -> None:
    evil = write(tmp_path / "evil.zip", {**members(file), name: b"x"}, seal=True)

    assert "it holds " in refusal(new, evil)


def test_restore_when_a_file_is_missing_or_more_are_there_then_is_refused(
    file: Path, new: Project, tmp_path: Path
) -> None:
    files = members(file)
    less = {name: content for name, content in files.items() if name != "mlflow.db"}

    assert "lists other files" in refusal(new, write(tmp_path / "less.zip", less))
    assert "it lacks mlflow.db" in refusal(new, write(tmp_path / "no.zip", less, seal=True))


def test_restore_when_the_store_in_it_is_none_then_is_refused(
    file: Path, new: Project, tmp_path: Path
) -> None:
    odd = write(tmp_path / "odd.zip", {**members(file), "mlflow.db": b"garbage" * 99}, seal=True)

    assert "mlflow.db is no store" in refusal(new, odd)


def test_restore_when_there_is_no_file_then_says_so(new: Project, tmp_path: Path) -> None:
    assert refusal(new, tmp_path / "none.zip").endswith("(No such file or directory)")


def test_restore_when_the_format_is_another_then_says_so(
    file: Path, new: Project, tmp_path: Path
) -> None:
    files = members(file)
    listed = {**json.loads(files["backup.json"]), "format": 2}
    later = write(tmp_path / "b.zip", {**files, "backup.json": json.dumps(listed).encode()})

    assert "its format 2 is not known" in refusal(new, later)


def test_restore_when_there_is_no_room_then_says_so_before_it_unpacks(
    file: Path, new: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: full)

    assert "has room for 10" in refusal(new, file)
