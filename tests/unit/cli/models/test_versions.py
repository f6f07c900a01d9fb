"""`kedro models list`, `show` and `history`, as rows for programs."""

import math
import sqlite3
from contextlib import closing

import pytest
from mlflow import MlflowClient

from salary_kedro.cli.models import versions
from salary_kedro.project.project import Project
from salary_kedro.promotion.alignment import new_record
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.upkeep.opening import registry_of
from sites import database_of, register
from stores import MODEL_NAME


def note(project: Project, number: int, **parameters: str) -> str:
    """Give the run of a version parameters; its id."""
    run_id = registry_of(project).version(number).run_id
    for name, value in parameters.items():
        MlflowClient().log_param(run_id, name.replace("__", "."), value)
    return run_id


def test_list_when_there_are_versions_then_gives_a_row_each_the_newest_first(
    opened: Project,
) -> None:
    run_id = note(opened, 1, data_science__model="ridge")
    MlflowClient().set_tag(run_id, "data_sha256", "d" * 64)
    MlflowClient().set_tag(run_id, "code_sha256", "c" * 64)

    newest, oldest = versions.list_page(opened, None)["rows"]

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

    assert versions.list_page(opened, None)["rows"][1]["rmse"] is None


def test_list_when_there_are_more_than_a_page_then_shows_the_newest_and_how_to_go_on(
    opened: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(versions, "PAGE", 1)

    for page in (1, 2, 3):
        versions.tell_versions(versions.list_page(opened, page))

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "20" in line] == ["2", "1"]
    assert lines[3:5] == [
        "Page 1 of 2: versions 2 to 2",
        "Older ones: kedro models list --page 2",
    ]
    assert lines[-1] == "there is no page 3: the last one is 2"


def test_list_when_versions_of_a_page_were_deleted_then_no_other_page_shows_them(
    opened: Project, spare: LoggedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        register(registry_of(opened), spare)
    MlflowClient().delete_model_version(MODEL_NAME, "4")
    monkeypatch.setattr(versions, "PAGE", 2)

    pages = [versions.list_page(opened, page)["rows"] for page in (1, 2, 3, 4, 9)]

    assert [[row["version"] for row in rows] for rows in pages] == [[5], [3, 2], [1], [], []]


def test_list_when_the_tags_are_wrong_then_shows_them_as_they_are(opened: Project) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "archived", "2.0")
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "archived")

    assert [row["stage"] for row in versions.list_page(opened, None)["rows"]] == [
        "production archived",
        None,
    ]


def test_list_when_the_run_of_a_version_is_gone_then_still_lists_it(
    opened: Project, healthy: Project
) -> None:
    run_id = registry_of(opened).version(1).run_id
    with closing(sqlite3.connect(database_of(healthy))) as connection, connection:
        connection.execute("UPDATE model_versions SET run_id = 'gone' WHERE run_id = ?", [run_id])

    row = versions.list_page(opened, None)["rows"][1]

    assert (row["rmse"], row["model"], row["when"]) == (1.0, None, None)


def test_list_when_the_versions_go_beyond_nine_then_sorts_them_as_numbers(
    opened: Project, spare: LoggedModel
) -> None:
    for _ in range(9):
        register(registry_of(opened), spare)

    assert [row["version"] for row in versions.list_page(opened, None)["rows"]] == list(
        range(11, 0, -1)
    )


def test_show_when_the_version_exists_then_tells_all_about_it(opened: Project) -> None:
    run_id = note(opened, 1, data_science__model="ridge")
    state = registry_of(opened).state()
    verdict = {"action": "archive", "reason": "worse"}
    registry_of(opened).record(
        new_record(state, "archiving", 1, "worse", after=2, evidence=verdict)
    )

    shown = versions.show_version(opened, 1)

    assert (shown["version"], shown["stage"], shown["run_id"]) == (1, "archived", run_id)
    assert shown["verdict"] == verdict
    assert [record["why"] for record in shown["history"]] == ["first", "worse"]
    assert shown["lineage"] == {"git_commit": "abc"}
    assert shown["parameters"] == {"data_science.model": "ridge"}
    assert shown["metrics"] == {"rmse": 1.0}
    assert shown["runtime_reason"] == "it has no arrays: its steps are DummyRegressor"


def test_show_when_a_metric_is_not_a_number_then_it_is_null(opened: Project) -> None:
    MlflowClient().log_metric(registry_of(opened).version(1).run_id, "r2", math.nan)

    assert versions.show_version(opened, 1)["metrics"] == {"rmse": 1.0, "r2": None}


def test_show_when_nothing_was_judged_then_the_verdict_is_null(opened: Project) -> None:
    assert versions.show_version(opened, 1)["verdict"] is None


def test_history_when_decisions_were_made_then_tells_each_once_in_order(opened: Project) -> None:
    rows = versions.list_decisions(opened)

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
    state = registry_of(opened).state()
    registry_of(opened).record(new_record(state, "rollback", 1, "too high", after=1, step="intent"))

    last = versions.list_decisions(opened)[-1]

    assert (last["action"], last["version"], last["state"]) == ("rollback", 1, "unfinished")
