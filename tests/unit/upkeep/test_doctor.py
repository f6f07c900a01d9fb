"""What an examination finds in a store and its bundles, in which words, and that it only reads."""

import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.project.project import Project
from salary_kedro.promotion.alignment import new_record
from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.promotion.packaging import export_production, pack_version
from salary_kedro.registry.history import History, Record
from salary_kedro.registry.registry import State
from salary_kedro.registry.stages import Stage, Version
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.upkeep.doctor import check_alias, check_tags, examine
from salary_kedro.upkeep.findings import Finding, in_environment
from salary_kedro.upkeep.opening import registry_of
from sites import broken, contents, database_of, model_file, register, with_parameters
from stores import MODEL_NAME, copy_database, ledger_experiments

FIX = "`kedro models doctor --fix`"
MISLED = "the tags mislead people; serving follows the alias"
UNSERVED = "what is served is not what is in production"
NO_CHAMPION = "there is no production model to package, and no new one can be compared with it"
NO_REASON = "nothing says who made it production, and why"
RESTORED = f"{FIX} restores the latest former production that still loads"
UNUSABLE = (
    "no command that needs the registry can work",
    "do what it says, or restore the store from a copy",
)


def record(key: int, action: str, version: int, before: int | None, **changes: Any) -> Record:
    """A record that was carried out; it makes its version production unless told otherwise."""
    plain = {"state": "done", "after": version, "why": "because"}
    return Record.model_validate(
        {
            "key": f"history.{key:09d}-a",
            "action": action,
            "version": version,
            "before": before,
            **plain,
            **changes,
        }
    )


FIRST = record(1, "promotion", 1, None)
SECOND = record(2, "promotion", 2, 1)


def state_of(alias: int | None, stages: dict[int, str], *history: Record) -> State:
    """A registry's state; a version's stages are given in one text."""
    versions = {
        number: Version(number, {Stage(stage): "1.0" for stage in text.split()}, "run")
        for number, text in stages.items()
    }
    return State(alias, History(history), versions)


def is_broken(what: str, why_it_matters: str, remedy: str = f"{FIX} repairs it") -> Finding:
    return Finding("broken", what, why_it_matters, remedy)


def test_check_alias_when_no_version_is_registered_then_advises_to_train_or_import_one() -> None:
    assert [(found.severity, found.what) for found in check_alias(state_of(None, {}))] == [
        ("advice", "no version is registered")
    ]


# --- The alias ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        state_of(2, {1: "archived", 2: "production"}, FIRST, SECOND),
        state_of(1, {1: "production"}, FIRST),
    ],
    ids=["two versions", "one version"],
)
def test_check_when_all_is_well_then_finds_nothing(state: State) -> None:
    assert [*check_alias(state), *check_tags(state)] == []


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        (
            state_of(1, {1: "production", 2: "archived"}, FIRST, SECOND),
            is_broken(
                "the alias 'production' names version 1, but the last record says version 2",
                f"it was moved by hand; {NO_REASON}",
                f"{FIX} obeys the alias and records that it was moved by hand",
            ),
        ),
        (
            state_of(1, {1: "production"}),
            is_broken(
                "no history says why version 1 is production",
                NO_REASON,
                f"{FIX}, and every `kedro run`, begins one",
            ),
        ),
        (
            state_of(None, {1: "archived", 2: "production"}, FIRST, SECOND),
            is_broken(
                "the alias 'production' was deleted; version 2 was production last",
                NO_CHAMPION,
                RESTORED,
            ),
        ),
        (
            state_of(None, {1: "archived"}, FIRST, SECOND),
            is_broken("version 2, which was production, was deleted", NO_CHAMPION, RESTORED),
        ),
        (
            state_of(7, {1: "archived", 2: "production"}, FIRST, SECOND),
            is_broken(
                "the alias 'production' names version 7, which does not exist",
                NO_CHAMPION,
                RESTORED,
            ),
        ),
        (
            state_of(None, {1: "archived", 2: "production"}),
            is_broken(
                "the alias 'production' is missing, but version 2 is tagged production",
                NO_CHAMPION,
                f"{FIX} adopts it",
            ),
        ),
        (
            state_of(None, {1: "production", 2: "production"}),
            is_broken(
                "the alias 'production' is missing, but versions 1, 2 are tagged production",
                NO_CHAMPION,
                "choose one: `kedro models promote N --reason TEXT`",
            ),
        ),
        (
            state_of(None, {1: "archived"}),
            Finding(
                "advice",
                "no version was ever promoted",
                "there is nothing to serve",
                "`kedro models history` says why; `kedro models promote N --reason TEXT` makes one "
                "production",
            ),
        ),
    ],
    ids=[
        "moved by hand",
        "no history",
        "deleted",
        "champion deleted",
        "names none that exists",
        "missing, one tagged",
        "missing, two tagged",
        "nothing promoted",
    ],
)
def test_check_when_the_alias_is_wrong_then_that_alone_is_found(
    state: State, finding: Finding
) -> None:
    assert [*check_alias(state), *check_tags(state)] == [finding]


def test_check_when_a_promotion_was_interrupted_then_names_it() -> None:
    intent = record(2, "promotion", 2, 1, state="intent")
    state = state_of(2, {1: "production", 2: "staging"}, FIRST, intent)

    assert check_alias(state, intent) == [
        is_broken(
            "the promotion of version 2 was begun and not finished",
            "its command was interrupted, unless it is running now",
            f"{FIX} completes it",
        )
    ]


# --- The tags -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "findings"),
    [
        (
            {1: "archived", 2: ""},
            [
                is_broken("version 2 is production, but not tagged production", MISLED),
                is_broken("no version is tagged production", MISLED),
                is_broken("version 2 has no stage tag", "nobody can tell what became of it"),
            ],
        ),
        (
            {1: "production", 2: "archived"},
            [
                is_broken("version 2 is production, but not tagged production", MISLED),
                is_broken("version 1 is tagged production; archived is due", MISLED),
            ],
        ),
        (
            {1: "production", 2: "production"},
            [
                is_broken("versions 1, 2 are tagged production", MISLED),
                is_broken("version 1 is tagged production; archived is due", MISLED),
            ],
        ),
        (
            {1: "archived", 2: "production archived"},
            [is_broken("version 2 has 2 stage tags: production, archived", MISLED)],
        ),
        (
            {1: "", 2: "production"},
            [is_broken("version 1 has no stage tag", "nobody can tell what became of it")],
        ),
        (
            {1: "staging", 2: "production"},
            [is_broken("version 1 is tagged staging; archived is due", MISLED)],
        ),
        (
            {1: "archived", 2: "production", 3: "staging"},
            [
                is_broken(
                    "version 3 is still tagged staging",
                    "nothing was decided on it: its run left promotion out, was interrupted, or "
                    "goes on",
                    f"the next `kedro run`, or `kedro run --pipelines promotion`, lets it contest "
                    f"production; {FIX} archives it",
                )
            ],
        ),
    ],
    ids=[
        "no production tag",
        "tags old",
        "two productions",
        "two stages",
        "untagged",
        "staging again",
        "stale staging",
    ],
)
def test_check_when_tags_are_wrong_then_names_each(
    stages: dict[int, str], findings: list[Finding]
) -> None:
    state = state_of(2, stages, FIRST, SECOND)

    assert [*check_alias(state), *check_tags(state)] == findings


def test_check_when_promoters_raced_then_names_the_version_to_be_compared() -> None:
    rival = record(3, "promotion", 3, 1)  # it replaced version 1, not knowing of version 2
    state = state_of(3, {1: "archived", 2: "staging", 3: "production"}, FIRST, SECOND, rival)

    assert [*check_alias(state), *check_tags(state)] == [
        is_broken(
            "version 2 lost production to a promotion that had not been compared with it",
            "promoters raced, and the better model may not be the one that serves",
            f"the next `kedro run` compares them; {FIX} archives it",
        )
    ]


# --- A whole site ---------------------------------------------------------------------


def what(site: Project, severity: str = "broken") -> list[str]:
    return [found.what for found in examine(site) if found.severity == severity]


def point_elsewhere(bundles: BundleStore) -> None:
    bundles.point_to("1-00000000")


def spoil_pointer(bundles: BundleStore) -> None:
    (bundles.folder / "current").write_text("latest")


def spoil_bundle(bundles: BundleStore) -> None:
    (bundles.folder / str(bundles.current()) / "metrics.json").write_text("{}")


def remove_bundle(bundles: BundleStore) -> None:
    shutil.rmtree(bundles.folder / str(bundles.current()))


def remove_pointer(bundles: BundleStore) -> None:
    (bundles.folder / "current").unlink()


def test_examine_when_all_is_well_then_finds_nothing_about_the_store(healthy: Project) -> None:
    assert broken(healthy) == []
    about = ("version", "alias", "store", "bundle", "trained", "model files", "registry")
    assert [
        found for found in what(healthy, "advice") if any(word in found for word in about)
    ] == []


@pytest.mark.parametrize(("keep", "told"), [(None, False), (20, False), (1, True)])
def test_examine_when_bundles_are_beyond_what_is_kept_then_advises(
    keep: int | None, healthy: Project, spare: LoggedModel, told: bool
) -> None:
    for number in (3, 4):  # with 2, more than what is served or would be next
        register(registry_of(healthy), spare)
        promote_by_hand(registry_of(healthy), number, "the next")
        export_production(registry_of(healthy), healthy.bundles)
    healthy.bundles.write(*pack_version(registry_of(healthy), 1))

    packaging = healthy.parameters.packaging.model_copy(update={"keep": keep})

    found = what(with_parameters(healthy, packaging=packaging), "advice")

    assert ("bundles that nothing needs are beyond packaging.keep (1): 1" in found) is told


def test_examine_when_something_is_broken_then_it_comes_before_all_advice(
    healthy: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)  # advice
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "no")
    remove_pointer(healthy.bundles)

    severities = [found.severity for found in examine(healthy)]

    assert severities == sorted(severities, reverse=True)
    assert set(severities) == {"broken", "advice"}


@pytest.mark.parametrize(
    ("damage", "text", "why", "remedy"),
    [
        (
            point_elsewhere,
            "the bundle pointer names 1-00000000, but version 2 is production",
            UNSERVED,
            f"{FIX} moves it",
        ),
        (
            remove_pointer,
            "no bundle was made of version 2, which is production",
            "there is nothing to serve",
            f"{FIX} makes it",
        ),
        (
            spoil_pointer,
            "the pointer {bundles}/current holds 'latest', not a bundle's name",
            "serving falls back to an older bundle, or fails",
            f"{FIX} recreates the bundle",
        ),
        (
            spoil_bundle,
            "bundle {name}: metrics.json was altered: its checksum is not the one in manifest.json",
            "serving falls back to an older bundle, or fails",
            f"{FIX} recreates the bundle",
        ),
        (
            remove_bundle,
            "bundle {name}: manifest.json is missing",
            "serving falls back to an older bundle, or fails",
            f"{FIX} recreates the bundle",
        ),
    ],
)
def test_examine_when_the_bundle_is_wrong_then_says_how(
    damage: Callable[[BundleStore], None], text: str, why: str, remedy: str, healthy: Project
) -> None:
    name = healthy.bundles.current()
    damage(healthy.bundles)

    found = [finding for finding in examine(healthy) if finding.severity == "broken"]

    expected = text.format(name=name, bundles=healthy.bundles.folder)
    assert found == [is_broken(expected, why, remedy)]


def test_examine_when_productions_run_was_deleted_then_says_how_to_restore_it(
    healthy: Project,
) -> None:
    run_id = registry_of(healthy).version(2).run_id
    MlflowClient().delete_run(run_id)

    found = [finding for finding in examine(healthy) if finding.severity == "broken"]

    assert found == [
        is_broken(
            f"the MLflow run {run_id}, which trained version 2, in production, is deleted",
            "`mlflow gc` would remove what tells how the model that is served was trained",
            f"`mlflow runs restore --run-id {run_id}`, with MLFLOW_TRACKING_URI set",
        )
    ]


def test_examine_when_productions_run_is_gone_then_advises(healthy: Project) -> None:
    run_id = registry_of(healthy).version(2).run_id
    with closing(sqlite3.connect(database_of(healthy))) as connection, connection:
        connection.execute("DELETE FROM runs WHERE run_uuid = ?", (run_id,))

    assert broken(healthy) == []
    assert f"the MLflow run {run_id}, which trained version 2, in production, is gone" in what(
        healthy, "advice"
    )


def test_examine_when_an_archived_versions_run_was_deleted_then_finds_nothing(
    healthy: Project,
) -> None:
    MlflowClient().delete_run(registry_of(healthy).version(1).run_id)

    assert broken(healthy) == []


def test_examine_when_the_model_was_deleted_whose_bundle_is_served_then_says_so(
    healthy: Project,
) -> None:
    MlflowClient().delete_registered_model(MODEL_NAME)

    found = [finding for finding in examine(healthy) if finding.severity == "broken"]

    assert found == [is_unexplained(healthy)]


def test_examine_when_the_store_is_gone_and_a_bundle_is_served_then_says_so(
    healthy: Project, tmp_path: Path
) -> None:
    elsewhere = replace(healthy, uri=f"sqlite:///{tmp_path}/mlflow.db")

    found = [finding for finding in examine(elsewhere) if finding.severity == "broken"]

    assert found == [is_unexplained(elsewhere)]
    assert not (tmp_path / "mlflow.db").exists()


def is_unexplained(site: Project) -> Finding:
    """What is said of a bundle that the registry knows nothing of."""
    return is_broken(
        f"the bundle pointer names {site.bundles.current()}, but the registry knows of no version "
        "that is or was in production",
        "a model is served whose record was deleted, or lies in another store",
        "`make run` trains and promotes a version; `kedro models restore FILE` brings a store "
        f"back; remove {site.bundles.folder}/current to serve nothing",
    )


def test_examine_when_the_bundle_is_of_an_earlier_store_then_says_what_to_do(
    healthy: Project,
) -> None:
    model_file(healthy, 2).write_bytes(model_file(healthy, 1).read_bytes())
    name = str(healthy.bundles.current())

    found = [finding for finding in examine(healthy) if finding.severity == "broken"]

    remedy = f"remove {healthy.bundles.folder / name}; {FIX} then recreates the bundle"
    what = f"the bundle {name} holds another model than version 2"
    assert found == [is_broken(what, UNSERVED, remedy)]


def test_examine_when_the_production_model_is_gone_then_says_what_it_means(
    healthy: Project,
) -> None:
    model_file(healthy, 2).unlink()

    assert [found for found in examine(healthy) if found.severity == "broken"] == [
        is_broken(
            "version 2, in production: its model file is missing",
            "no new version can be compared with it, and it cannot be packaged",
            "restore it from a copy, or `kedro models rollback --reason TEXT`",
        )
    ]


def test_examine_when_the_production_model_is_damaged_then_says_so_and_not_to_remove_its_bundle(
    healthy: Project,
) -> None:
    model_file(healthy, 2).write_bytes(b"no model")

    assert what(healthy) == [
        "version 2, in production: the model file cannot be loaded: File is not a zip file"
    ]


def test_examine_when_the_model_of_an_archived_version_is_gone_then_advises(
    healthy: Project,
) -> None:
    model_file(healthy, 1).unlink()

    assert what(healthy) == []
    assert Finding(
        "advice",
        "model files are missing: version 1",
        "these versions cannot be shown, compared or rolled back to",
        "restore them from a copy, or delete the versions with `make ui`",
    ) in examine(healthy)


def test_examine_when_a_promotion_stopped_after_the_alias_then_names_it(
    healthy: Project, spare: LoggedModel
) -> None:
    registry = registry_of(healthy)
    register(registry, spare)
    registry.record(new_record(registry.state(), "promotion", 3, "better", after=3, step="intent"))
    registry.move_alias(3)

    assert what(healthy)[0] == "the promotion of version 3 was begun and not finished"


def test_examine_when_a_promotion_stopped_before_the_alias_then_the_version_is_left_over(
    healthy: Project, spare: LoggedModel
) -> None:
    registry = registry_of(healthy)
    register(registry, spare)
    registry.record(new_record(registry.state(), "promotion", 3, "better", after=3, step="intent"))

    assert what(healthy) == ["version 3 is still tagged staging"]


def test_examine_when_the_store_names_another_place_then_says_so_and_opens_nothing_there(
    healthy: Project, tmp_path: Path
) -> None:
    there = tmp_path / "copy" / "mlflow"
    copied = replace(
        healthy,
        uri=f"sqlite:///{there}/mlflow.db",
        artifacts=(there / "artifacts").as_uri(),
    )
    (there / "artifacts").mkdir(parents=True)
    copy_database(database_of(healthy), there / "mlflow.db")
    model_file(healthy, 2).write_bytes(b"the original's")

    former = database_of(healthy).parent / "artifacts"
    assert [found for found in examine(copied) if found.severity == "broken"] == [
        is_broken(
            f"the store still points to {former}",
            "the project was moved or copied: its models are not found, or are read from the "
            "original",
            f"{FIX} points the store to this project's folder",
        )
    ]


# --- A store that cannot be examined ---------------------------------------------------


NOTHING_TRAINED = Finding(
    "advice",
    "nothing was trained in this environment yet",
    "there is no model to serve",
    "`make run` trains, promotes and packages one",
)


def test_examine_when_there_is_no_store_then_advises_to_train_and_creates_nothing(
    healthy: Project, tmp_path: Path
) -> None:
    bundles = BundleStore(tmp_path / "bundles")
    elsewhere = replace(healthy, uri=f"sqlite:///{tmp_path}/none/mlflow.db", bundles=bundles)

    assert NOTHING_TRAINED in examine(elsewhere)
    assert what(elsewhere) == []
    assert not (tmp_path / "none").exists()


def test_examine_when_the_store_is_an_empty_file_then_sets_up_no_tables(
    healthy: Project, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()

    assert NOTHING_TRAINED in examine(replace(healthy, uri=f"sqlite:///{empty}"))
    assert empty.read_bytes() == b""


def test_examine_when_tables_are_missing_then_names_it_and_sets_up_none(
    healthy: Project, tmp_path: Path
) -> None:
    partial = tmp_path / "partial.db"
    copy_database(database_of(healthy), partial)
    with closing(sqlite3.connect(partial)) as connection:
        connection.execute("DROP TABLE webhook_events")
    before = partial.read_bytes()

    found = examine(replace(healthy, uri=f"sqlite:///{partial}"))

    assert found[0] == is_broken(
        "the store lacks tables that MLflow needs (1 of them)",
        "its creation was interrupted, or another version of MLflow made it",
        "keep a copy of it; `make run` then completes it",
    )
    assert partial.read_bytes() == before


def test_examine_when_another_mlflow_made_the_store_then_says_what_to_do(
    healthy: Project, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    copy_database(database_of(healthy), other)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")

    found = examine(replace(healthy, uri=f"sqlite:///{other}"))

    assert found[0].what.startswith(f"the store {other} has the schema ffffffffffff, but only ")
    assert f"`mlflow db upgrade sqlite:///{other}` brings it up to date" in found[0].what
    assert (found[0].why_it_matters, found[0].remedy) == (
        "its models cannot be examined, nor can it be told its place if the project is moved",
        "do what it says",
    )


def test_examine_when_the_store_is_no_database_then_says_so(
    healthy: Project, tmp_path: Path
) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 100)

    found = examine(replace(healthy, uri=f"sqlite:///{tmp_path}/mlflow.db"))

    what = f"the store {tmp_path}/mlflow.db cannot be opened (file is not a database)"
    assert found[0] == is_broken(what, *UNUSABLE)


def test_examine_when_the_path_of_the_store_cannot_be_used_then_says_so(
    healthy: Project, tmp_path: Path
) -> None:
    (tmp_path / "100%.db").touch()

    found = what(replace(healthy, uri=f"sqlite:///{tmp_path}/100%.db"))

    assert len(found) == 1
    assert "contains '%', which MLflow cannot open" in found[0]


def test_examine_when_nothing_answers_at_the_store_then_says_so_without_waiting(
    healthy: Project, pauses: list[float]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
        found = examine(replace(healthy, uri=uri, artifacts=None))

    assert sum(pauses) < 5
    assert (found[0].why_it_matters, found[0].remedy) == UNUSABLE
    assert found[0].what.startswith(f"the tracking store {uri} cannot be reached (")


@pytest.mark.parametrize("uri", ["htp://127.0.0.1", "http://", "http://127.0.0.1:port", "mlruns"])
def test_examine_when_the_uri_is_malformed_then_says_so(uri: str, healthy: Project) -> None:
    found = what(replace(healthy, uri=uri, artifacts=None))

    assert len(found) == 1
    assert found[0].startswith(f"the tracking URI {uri} is ")


def test_examine_when_a_record_is_unreadable_then_says_so_in_one_line(healthy: Project) -> None:
    registry_of(healthy).ledger.write("history.x", '{"key": 1}')

    found = [finding for finding in examine(healthy) if finding.severity == "broken"]

    assert len(found) == 1
    assert found[0].what.startswith("the registry cannot be read: ")
    assert "\n" not in found[0].what
    assert (found[0].why_it_matters, found[0].remedy) == UNUSABLE


def test_examine_when_an_earlier_release_has_written_since_then_says_what_to_do(
    healthy: Project,
) -> None:
    MlflowClient().set_registered_model_tag(MODEL_NAME, "history.000000009-a", "{}")

    (found,) = [finding for finding in examine(healthy) if finding.severity == "broken"]

    assert found.what == (
        "the registered model has tags that are records of the history, as releases before this "
        "one made them: 1"
    )
    assert found.remedy == "use one release only; `kedro models doctor --fix` moves them"


def test_examine_when_the_experiment_of_the_history_was_deleted_then_says_so(
    healthy: Project,
) -> None:
    (home,) = ledger_experiments()
    MlflowClient().delete_experiment(home.experiment_id)

    assert what(healthy) == ["the experiment that keeps the history is deleted: salaries history"]


# --- It only reads --------------------------------------------------------------------


def delete_champion(site: Project) -> None:
    MlflowClient().delete_model_version(MODEL_NAME, "2")


def tag_both(site: Project) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "1", "production", "1.0")


def move_alias(site: Project) -> None:
    MlflowClient().set_registered_model_alias(MODEL_NAME, "production", "1")


def lose_bundles(site: Project) -> None:
    shutil.rmtree(site.bundles.folder)


def leave_alone(site: Project) -> None:
    """Nothing is wrong."""


@pytest.mark.parametrize(
    "damage", [leave_alone, delete_champion, tag_both, move_alias, lose_bundles]
)
def test_examine_when_done_then_has_written_nothing(
    damage: Callable[[Project], None], healthy: Project
) -> None:
    damage(healthy)
    before = contents(healthy)

    examine(healthy)

    assert contents(healthy) == before


def test_examine_when_the_bundles_model_is_a_link_then_what_it_leads_to_is_not_read(
    healthy: Project,
) -> None:
    bundle = healthy.bundles.folder / str(healthy.bundles.current())
    (bundle / "model.skops").unlink()
    (bundle / "model.skops").symlink_to(bundle / "contract.json")

    found = what(healthy)

    assert found == [
        f"bundle {bundle.name}: model.skops is a symbolic link; copy what it points to"
    ]


def test_in_environment_when_a_sentence_has_commands_then_each_names_it() -> None:
    told = "`make run` trains one; `kedro models import FILE` brings one; remove `current`"
    assert in_environment(told, None) == told
    assert in_environment(told, "prod") == (
        "`make run ENV=prod` trains one; `kedro models import FILE --env prod` brings one; remove "
        "`current`"
    )


def test_in_environment_when_a_command_names_one_or_only_wrote_then_stays_as_it_is() -> None:
    told = "`kedro models list --env wages` lists; no archive that `kedro models export` wrote"
    assert in_environment(told, "prod") == told
