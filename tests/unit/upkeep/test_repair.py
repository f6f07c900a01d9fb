"""What `doctor --fix` does, and that it does nothing the second time."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.project.parameters import RegistryNames
from salary_kedro.project.project import Project
from salary_kedro.promotion.alignment import new_record
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.upkeep.doctor import examine
from salary_kedro.upkeep.opening import registry_of
from salary_kedro.upkeep.repair import repair
from sites import broken, contents, copy_site, database_of, model_file, register, with_parameters
from stores import MODEL_NAME, age_history, alias, ledger_experiments, tags

pytestmark = pytest.mark.slow  # whole stores, damaged and repaired

Damage = Callable[[Project], None]
Stages = dict[int, list[str]]


def stages(name: str = MODEL_NAME) -> Stages:
    """The stage tags of every version."""
    known = ("staging", "production", "archived")
    return {number: [tag for tag in known if tag in found] for number, found in tags(name).items()}


def actions(site: Project) -> list[tuple[str, int]]:
    """Action and version of every record."""
    return [(record.action, record.version) for record in registry_of(site).state().history.done]


HEALTHY = [("promotion by hand", 1), ("promotion by hand", 2)]


def tag(version: int, stage: str) -> Damage:
    return lambda site: MlflowClient().set_model_version_tag(
        site.model_name, str(version), stage, "1.0"
    )


def untag(version: int, stage: str) -> Damage:
    return lambda site: MlflowClient().delete_model_version_tag(
        site.model_name, str(version), stage
    )


def move_alias(site: Project) -> None:
    MlflowClient().set_registered_model_alias(MODEL_NAME, "production", "1")


def keep_history_as_before(site: Project) -> None:
    age_history()


def delete_history(site: Project) -> None:
    (home,) = ledger_experiments()
    MlflowClient().delete_experiment(home.experiment_id)


def delete_alias(site: Project) -> None:
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")


def dangle_alias(site: Project) -> None:
    with closing(sqlite3.connect(database_of(site))) as connection, connection:
        connection.execute("UPDATE registered_model_aliases SET version = 7")


def delete_champion(site: Project) -> None:
    MlflowClient().delete_model_version(MODEL_NAME, "2")


def stage_again(site: Project) -> None:
    untag(1, "archived")(site)
    tag(1, "staging")(site)


def write_pointer(text: str) -> Damage:
    return lambda site: (site.bundles.folder / "current").write_text(text) and None


def spoil_bundle(site: Project) -> None:
    (site.bundles.folder / str(site.bundles.current()) / "metrics.json").write_text("{}")


def lose_bundles(site: Project) -> None:
    shutil.rmtree(site.bundles.folder)


IN_LINE: Stages = {1: ["archived"], 2: ["production"]}
DAMAGES: dict[str, tuple[Damage, int, Stages, list[tuple[str, int]]]] = {
    "alias moved": (
        move_alias,
        1,
        {1: ["production"], 2: ["archived"]},
        [*HEALTHY, ("alias by hand", 1)],
    ),
    "alias deleted": (delete_alias, 2, IN_LINE, [*HEALTHY, ("repair", 2)]),
    "alias dangles": (dangle_alias, 2, IN_LINE, [*HEALTHY, ("repair", 2)]),
    "champion deleted": (delete_champion, 1, {1: ["production"]}, [*HEALTHY, ("repair", 1)]),
    "history of an earlier release": (keep_history_as_before, 2, IN_LINE, HEALTHY),
    "history deleted": (delete_history, 2, IN_LINE, HEALTHY),
    "no production tag": (untag(2, "production"), 2, IN_LINE, HEALTHY),
    "two stages": (tag(2, "archived"), 2, IN_LINE, HEALTHY),
    "two productions": (tag(1, "production"), 2, IN_LINE, HEALTHY),
    "untagged": (untag(1, "archived"), 2, IN_LINE, HEALTHY),
    "staging again": (stage_again, 2, IN_LINE, HEALTHY),
    "pointer elsewhere": (write_pointer("1-00000000\n"), 2, IN_LINE, HEALTHY),
    "pointer garbage": (write_pointer("latest"), 2, IN_LINE, HEALTHY),
    "bundle altered": (spoil_bundle, 2, IN_LINE, HEALTHY),
    "bundles lost": (lose_bundles, 2, IN_LINE, HEALTHY),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_repair_when_something_is_wrong_then_repairs_it_once(name: str, healthy: Project) -> None:
    damage, production, expected, recorded = DAMAGES[name]
    damage(healthy)
    assert broken(healthy) != []

    done, left = repair(healthy)

    assert (left, broken(healthy)) == ([], [])
    assert done != []
    assert (alias(), stages()) == (production, expected)
    assert actions(healthy) == recorded
    assert str(healthy.bundles.current()).startswith(f"{production}-")
    before = contents(healthy)
    assert repair(healthy) == ([], [])
    assert contents(healthy) == before


def test_repair_when_all_is_well_then_does_nothing(healthy: Project) -> None:
    before = contents(healthy)

    assert repair(healthy) == ([], [])

    assert contents(healthy) == before


def test_repair_when_tags_are_wrong_then_says_what_they_were(healthy: Project) -> None:
    untag(1, "archived")(healthy)
    tag(2, "staging")(healthy)

    done, _ = repair(healthy)

    assert done == [
        "version 1 is tagged archived; it was untagged",
        "version 2 is tagged production; it was staging and production",
    ]


def test_repair_when_the_alias_is_restored_then_says_why_and_moves_the_pointer(
    healthy: Project,
) -> None:
    delete_champion(healthy)

    done, _ = repair(healthy)

    assert done == [
        "version 2 was deleted; version 1 is the latest former production that can serve",
        "version 1 is tagged production; it was archived",
        f"the bundle pointer names {healthy.bundles.current()}",
    ]


@pytest.mark.parametrize("value", ["3.0", "low"])
def test_repair_when_a_version_was_left_over_then_archives_it_with_the_reason(
    value: str, healthy: Project, spare: LoggedModel
) -> None:
    register(registry_of(healthy), spare)
    MlflowClient().set_model_version_tag(MODEL_NAME, "3", "staging", value)

    done, left = repair(healthy)

    reason = "version 3 is not promoted: left over from an interrupted run"
    assert (done, left) == ([reason, "version 3 is tagged archived; it was staging"], [])
    assert tags()[3] == {"archived": value}
    version = MlflowClient().get_model_version(MODEL_NAME, "3")
    assert version.tags["verdict"] == "archive"
    assert str(version.description).startswith(f"V{reason[1:]}.")
    last = registry_of(healthy).state().history[-1]
    assert (last.action, last.state, last.why) == ("archiving", "done", reason)
    assert (last.version, last.before, last.after) == (3, 2, 2)


@pytest.mark.parametrize(("moved", "production"), [(False, 2), (True, 3)])
def test_repair_when_a_promotion_was_interrupted_then_completes_what_was_begun(
    moved: bool, production: int, healthy: Project, spare: LoggedModel
) -> None:
    registry = registry_of(healthy)
    register(registry, spare)
    registry.record(new_record(registry.state(), "promotion", 3, "better", after=3, step="intent"))
    if moved:
        registry.move_alias(3)

    _, left = repair(healthy)

    assert (alias(), left, broken(healthy)) == (production, [], [])
    assert stages()[3] == ["production" if moved else "archived"]


def test_repair_when_no_former_production_is_left_then_changes_nothing_and_says_so(
    healthy: Project,
) -> None:
    for number in "12":
        MlflowClient().delete_model_version(MODEL_NAME, number)
    before = contents(healthy)

    done, left = repair(healthy)

    assert (done, len(left)) == ([], 1)
    assert left[0].what == (
        "it cannot be repaired: the alias 'production' is gone, and none of the former production "
        "versions (2, 1) still loads: choose one with `kedro models promote N --reason TEXT`"
    )
    assert left[0].severity == "broken"
    assert contents(healthy) == before


def test_repair_when_the_production_model_is_gone_then_leaves_production_and_bundle(
    healthy: Project,
) -> None:
    model_file(healthy, 2).unlink()
    before = contents(healthy)

    done, left = repair(healthy)

    assert done == []
    assert left[0].what.startswith(
        "it cannot be repaired: the model files of version 2 cannot be read: "
    )
    assert contents(healthy) == before


def other_model(site: Project, spare: LoggedModel, *tagged: str) -> Project:
    """Another registered model in the store, its versions tagged so by hand."""
    other = replace(
        with_parameters(site, registry=RegistryNames(model_name="other")),
        bundles=BundleStore(site.bundles.folder / "other"),
    )
    for stage in tagged:
        number = register(registry_of(other), spare)
        untag(number, "staging")(other)
        tag(number, stage)(other)
    return other


def test_repair_when_one_is_tagged_and_nothing_was_recorded_then_adopts_it(
    healthy: Project, spare: LoggedModel
) -> None:
    other = other_model(healthy, spare, "production", "archived")

    done, left = repair(other)

    assert (alias("other"), left, broken(other)) == (1, [], [])
    assert done[0] == "version 1 was tagged production, and no alias named it"
    assert actions(other) == [("repair", 1)]


def test_repair_when_two_are_tagged_and_nothing_was_recorded_then_asks_to_choose(
    healthy: Project, spare: LoggedModel
) -> None:
    other = other_model(healthy, spare, "production", "production")
    before = contents(other)

    done, left = repair(other)

    assert done == []
    assert left[0].what == (
        "it cannot be repaired: versions 1, 2 are all tagged production, and neither alias nor "
        "history says which it is: choose one with `kedro models promote N --reason TEXT`"
    )
    assert contents(other) == before


def test_repair_when_nothing_was_promoted_then_makes_no_bundle(
    healthy: Project, spare: LoggedModel
) -> None:
    other = other_model(healthy, spare, "archived")

    assert repair(other) == ([], [])
    assert not other.bundles.folder.exists()


def test_repair_when_there_is_no_store_then_creates_none(healthy: Project, tmp_path: Path) -> None:
    elsewhere = replace(healthy, uri=f"sqlite:///{tmp_path}/none/mlflow.db")

    assert repair(elsewhere) == ([], [])

    assert list(tmp_path.iterdir()) == []


def test_repair_when_the_store_is_no_database_then_says_so_and_leaves_it(
    healthy: Project, tmp_path: Path
) -> None:
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"no database" * 100)
    spoilt = replace(healthy, uri=f"sqlite:///{database}", artifacts=None)

    done, left = repair(spoilt)

    assert done == []
    assert [found.what for found in left] == [
        f"it cannot be repaired: the store {database} cannot be opened (file is not a database)"
    ]
    assert database.read_bytes() == b"no database" * 100


def test_repair_when_the_project_was_copied_then_points_the_store_here_and_records_it(
    healthy: Project, tmp_path: Path
) -> None:
    copied = copy_site(healthy, tmp_path / "copy")
    original = contents(healthy)
    assert len(broken(copied)) == 1

    done, left = repair(copied)

    why = (
        f"the store pointed to {database_of(healthy).parent}/artifacts; it points to this "
        f"project now"
    )
    assert (done, left, broken(copied)) == ([why], [], [])
    last = registry_of(copied).state().history[-1]
    assert (last.action, last.version, last.why) == ("repair", 2, why)
    assert model_file(copied, 2).is_relative_to(tmp_path)
    assert contents(healthy) == original


def test_repair_when_the_artifacts_were_not_moved_along_then_changes_nothing(
    healthy: Project, tmp_path: Path
) -> None:
    copied = copy_site(healthy, tmp_path / "copy")
    shutil.rmtree(database_of(copied).parent / "artifacts")
    before = contents(copied)

    done, left = repair(copied)

    assert done == []
    assert left[0].what == (
        f"it cannot be repaired: the store was moved without its artifacts: bring them to "
        f"{tmp_path}/copy/mlflow/artifacts first"
    )
    assert contents(copied) == before


def test_repair_when_done_then_what_is_left_is_advice_alone(healthy: Project) -> None:
    lose_bundles(healthy)

    repair(healthy)

    assert {found.severity for found in examine(healthy)} <= {"advice"}


def test_repair_when_the_history_lay_elsewhere_or_was_deleted_then_says_so(
    healthy: Project,
) -> None:
    keep_history_as_before(healthy)
    assert repair(healthy)[0] == ["moved to the experiment that keeps the history: 4 records"]

    delete_history(healthy)
    assert repair(healthy)[0] == [
        "the experiment 'salaries history', which keeps the history, is restored"
    ]
