"""A project as the commands open it."""

import pytest

from salary_kedro.project.project import Project, open_project
from support import Project as Copy


@pytest.fixture
def opened(shell: Copy) -> Project:
    """The project with the healthy store: version 2 is production, version 1 was."""
    return open_project(shell.root, None)
