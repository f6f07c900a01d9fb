"""The shown code does what the page does: each snippet is run, against a real server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from in_code import curl_of, javascript_of, python_of

VALUES = {"experience_years": 5.5, "job": 'it\'s "$5" \\ naïve 🙂', "manager": True}
TOKEN = "s3cret-token"  # noqa: S105 - of the test alone


def run(command: list[str]) -> str:
    """What a command prints; it must succeed."""
    environment = {**os.environ, "SALARY_TOKEN": TOKEN}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def in_shell(code: str, _: Path) -> str:
    return run(["bash", "-c", f"{code} --silent --noproxy '*'"])


def in_python(code: str, folder: Path) -> str:
    (folder / "ask.py").write_text(code, encoding="utf-8")
    return run([sys.executable, str(folder / "ask.py")])


def in_node(code: str, folder: Path) -> str:
    if shutil.which("node") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Node.js on this machine")
    (folder / "ask.mjs").write_text(code, encoding="utf-8")
    return run(["node", str(folder / "ask.mjs")])


@pytest.mark.process
@pytest.mark.parametrize("has_token", [False, True])
@pytest.mark.parametrize(
    ("write", "execute"),
    [(curl_of, in_shell), (python_of, in_python), (javascript_of, in_node)],
)
def test_code_when_it_is_run_then_sends_the_values_of_the_form(
    scripted_url: str,
    received: list,
    tmp_path: Path,
    write: Callable[..., str],
    execute: Callable[..., str],
    has_token: bool,
) -> None:
    code = write(scripted_url, VALUES, has_token)
    assert "77361.25" in execute(code, tmp_path)  # 72,861.25, and 9,000 for each further year
    assert received == [("POST /predict", VALUES)]


@pytest.mark.parametrize("write", [curl_of, python_of, javascript_of])
def test_code_when_the_service_asks_for_a_token_then_names_its_variable(
    write: Callable[..., str],
) -> None:
    code = write("http://127.0.0.1:3000", VALUES, True)
    assert "SALARY_TOKEN" in code
