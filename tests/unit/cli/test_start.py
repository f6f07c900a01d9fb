"""Commands answer at once: what they do not need is not imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT, Project

pytestmark = pytest.mark.process

SLOW = ("sklearn", "skops", "scipy.stats", "pandera", "matplotlib", "bentoml", "pooch", "optuna")
STORE = ("sqlalchemy", "alembic")
#: Runs a command, and ends with the names of all modules that it has imported.
COMMAND = """
import json, sys
from kedro.framework.cli.cli import main
try:
    main()
finally:
    sys.stdout.write("\\n" + json.dumps(sorted(sys.modules)))
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """Every module that a command has imported by its end, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["run", "--help"], ["models", "--help"], ["contract", "check", "--help"]],
    ids=" ".join,
)
def test_command_when_it_only_tells_of_itself_then_imports_no_library_that_works(
    arguments: list[str],
) -> None:
    assert not imported(ROOT, *arguments).intersection(SLOW + STORE)


def test_list_when_it_asks_the_store_then_imports_no_library_of_tables_or_training(
    shell: Project,
) -> None:
    assert not imported(shell.root, "models", "list").intersection(SLOW)


def test_pipelines_when_registered_then_what_only_a_tournament_needs_is_not_imported() -> None:
    code = (
        "import sys; from salary_kedro.pipeline_registry import register_pipelines;"
        "register_pipelines(); print('optuna' in sys.modules, 'sklearn' in sys.modules)"
    )

    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == [
        "False",
        "True",
    ]
