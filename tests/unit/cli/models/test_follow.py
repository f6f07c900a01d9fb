"""`kedro models follow`."""

from dataclasses import replace
from pathlib import Path

import pytest

from disks import read_only
from salary_kedro.cli.models import follow
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from sites import copy_site


def test_follow_when_the_store_is_read_only_then_refuses_to_look_at_a_copy_for_ever(
    opened: Project, healthy: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = replace(opened, uri=copy_site(healthy, tmp_path / "site").uri)
    monkeypatch.setattr(follow.time, "sleep", lambda _: pytest.fail("it went on"))

    with read_only(tmp_path / "site"), pytest.raises(UserError, match=r"read-only.*--once"):
        follow.loop(project, 1, follow.tell)
