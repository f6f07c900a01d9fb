"""Errors that are meant for people."""

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from salary_kedro.errors import UserError


def test_user_error_when_ipython_shows_it_then_is_the_message_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()
    shell.push({"UserError": UserError})

    shell.run_cell("raise UserError('there is no environment: choose one')")

    assert capsys.readouterr().out == "Error: there is no environment: choose one\n"
