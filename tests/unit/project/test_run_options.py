"""Kedro's own options: which of them a run takes, and what it says of the others."""

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, SharedMemoryDataCatalog

from salary_kedro.errors import UserError
from salary_kedro.project.run_options import check_conf_source, check_run, check_versions

PLAIN: dict[str, Any] = {"only_missing_outputs": False}
ENTRIES = {"model": {"type": "pickle"}, "raw": {"type": "pandas.CSVDataset", "versioned": True}}


@pytest.mark.parametrize("given", ["conf", "conf/", "{root}/conf", "{root}/data/../conf"])
def test_check_conf_source_when_it_is_the_projects_own_then_is_silent(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    check_conf_source(tmp_path, given.format(root=tmp_path))


def test_check_conf_source_when_conf_is_a_link_to_elsewhere_then_is_silent(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (project / "conf").symlink_to(elsewhere)

    check_conf_source(project, str(project / "conf"))


def test_check_conf_source_when_the_project_is_reached_by_a_link_then_is_silent(
    tmp_path: Path,
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "project")

    check_conf_source(tmp_path / "project", tmp_path / "link" / "conf")


@pytest.mark.parametrize("name", ["elsewhere/conf", "project/other", "project/conf.tar.gz"])
def test_check_conf_source_when_it_is_another_then_names_it_and_the_projects_own(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        check_conf_source(tmp_path / "project", tmp_path / name)

    assert str(caught.value) == (
        f"{tmp_path / name} is given as the source of the configuration, but runs and commands "
        f"read {tmp_path}/project/conf alone, so that they agree on what is in production: leave "
        "--conf-source out. Other settings belong in an environment of their own, conf/NAME, for "
        "--env NAME; conf itself may be a link to a folder elsewhere"
    )


def test_check_run_when_nothing_is_asked_for_then_is_silent() -> None:
    check_run(PLAIN, DataCatalog())


def test_check_run_when_the_runner_is_parallel_then_says_why_not() -> None:
    with pytest.raises(UserError, match=r"^ParallelRunner runs each node in a process of its own"):
        check_run(PLAIN, SharedMemoryDataCatalog())


def test_check_run_when_only_missing_outputs_are_wanted_then_says_why_not() -> None:
    with pytest.raises(UserError, match=r"^--only-missing-outputs would take what earlier runs"):
        check_run({**PLAIN, "only_missing_outputs": True}, DataCatalog())


def test_check_versions_when_a_dataset_keeps_none_then_names_it() -> None:
    with pytest.raises(UserError, match=r"^--load-versions names 'model', of which there is one"):
        check_versions(["raw", "model"], ENTRIES)


def test_check_versions_when_the_dataset_keeps_some_then_is_silent() -> None:
    check_versions(["raw"], ENTRIES)
