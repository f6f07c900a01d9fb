"""The OpenAPI description: without a finding of the field's linters, and good enough for clients.

Clients that openapi-python-client and openapi-typescript make of it compile, and answer as plain
HTTP does.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from containers import give_up
from kinds import all_kinds
from salary_kedro.contract import Contract
from salary_kedro.contract.request import example_request
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.token import Token
from samples import default_contract
from services import real_service
from support import BIN, ROOT

pytestmark = pytest.mark.process

TOOLS = ROOT / "tests" / "clients"
PROGRAMS = TOOLS / "node_modules" / ".bin"
SECRET = "s3cret-token-of-a-test"  # noqa: S105 - a test's own
SERVICES: dict[str, tuple[Contract, str]] = {
    "default": (default_contract(), ""),
    "professors": (default_contract("professors"), ""),
    "all kinds, with a token": (all_kinds(), SECRET),
}
TYPESCRIPT = [
    *("--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"),
    *("--typeRoots", str(TOOLS / "node_modules" / "@types")),
]


@dataclass(frozen=True)
class Service:
    """A service, a row that it answers, and the token that it wants, empty if none."""

    address: str
    row: dict[str, Any]
    token: str

    def plain(self, method: str, route: str, body: object = None) -> Any:
        """What plain HTTP answers."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = httpx.request(
            method, f"{self.address}/{route}", json=body, headers=headers, timeout=30
        )
        return answer.raise_for_status().json()

    def answers(self) -> dict[str, Any]:
        """What the programs that ask through a client print."""
        one = self.plain("POST", "predict", self.row)
        many = self.plain("POST", "predict_batch", {"rows": [self.row] * 2})
        model = self.plain("GET", "model")
        why = self.plain("POST", "explain", self.row)
        answers = {"one": one, "many": many, "why": why, "model": model}
        return {"version": one["model_version"], **answers}


@pytest.fixture(scope="module", params=SERVICES.values(), ids=SERVICES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A running service over each of the contracts."""
    contract, token = request.param
    settings = Settings(Token(token) if token else None)
    with real_service(contract, tmp_path_factory.mktemp("bundles"), settings) as address:
        yield Service(address, example_request(contract), token)


@pytest.fixture
def described(service: Service, tmp_path: Path) -> Path:
    """The service's description, as a file in an empty folder."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(service.plain("GET", "openapi.json"), indent=1))
    return file


@pytest.fixture
def node() -> Path:
    """Folder of the programs that npm has installed."""
    if obstacle := node_obstacle():
        give_up(obstacle)
    return PROGRAMS


def node_obstacle(programs: Path = PROGRAMS) -> str | None:
    """Why the Node tools cannot run here; None if they can."""
    if shutil.which("node") is None or not programs.is_dir():
        return "the Node tools are not installed (npm ci --prefix tests/clients)"
    found = run(TOOLS, "node", "--version").strip().removeprefix("v")
    needed = json.loads((TOOLS / "package.json").read_text())["engines"]["node"].removeprefix(">=")
    if [int(part) for part in found.split(".")] < [int(part) for part in needed.split(".")]:
        return f"Node {found} is too old for the tools in tests/clients: {needed} is needed"
    return None


def run(folder: Path, *command: str | Path) -> str:
    """Run a program to its good end; gives what it prints."""
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    return result.stdout


def test_description_when_the_validator_reads_it_then_is_valid(described: Path) -> None:
    found: Sequence[object] = list(
        OpenAPIV31SpecValidator(json.loads(described.read_text())).iter_errors()
    )
    assert found == []


def test_description_when_spectral_reads_it_then_finds_nothing(described: Path, node: Path) -> None:
    rules = ("--ruleset", TOOLS / ".spectral.yaml", "--fail-severity", "hint", "--format", "json")
    printed = run(TOOLS, node / "spectral", "lint", *rules, described)
    assert json.loads(printed[: printed.rindex("]") + 1]) == []


def test_description_when_redocly_reads_it_then_finds_nothing(described: Path, node: Path) -> None:
    assert node.is_dir()
    assert json.loads(run(TOOLS, "node", "lint.js", described)) == []


@pytest.mark.parametrize(("found", "is_enough"), [("18.9.1", False), ("18.18.0", True)])
def test_node_when_it_is_too_old_then_says_which_is_needed(
    found: str, is_enough: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "node"
    program.write_text(f"#!/bin/sh\necho v{found}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    told = f"Node {found} is too old for the tools in tests/clients: 18.18 is needed"
    assert node_obstacle(tmp_path) == (None if is_enough else told)


def test_description_when_schemathesis_asks_what_it_allows_then_finds_nothing(
    service: Service, described: Path
) -> None:
    program = "from schemathesis.cli import schemathesis; schemathesis()"
    options = ["--checks=all", "--max-examples=8", "--seed=1", f"--url={service.address}"]
    if "hired" in service.row:  # JSON Schema has no bounds for dates
        options.append("--exclude-checks=positive_data_acceptance")
    if service.token:
        options.append(f"--header=Authorization: Bearer {service.token}")
    run(described.parent, sys.executable, "-c", program, "run", described, *options)


def test_python_client_when_it_is_made_then_compiles_and_answers_as_plain_http(
    service: Service, described: Path
) -> None:
    folder = described.parent
    make = ("generate", "--meta", "none", "--fail-on-warning", "--output-path", "made")
    run(folder, BIN / "openapi-python-client", *make, "--path", described)
    shutil.copy(TOOLS / "ask.py", folder)
    shutil.copy(TOOLS / "mypy.ini", folder)
    run(folder, BIN / "mypy", "--no-incremental", "ask.py", "made")
    row = json.dumps(service.row)
    printed = run(folder, sys.executable, "ask.py", service.address, service.token, row)
    assert json.loads(printed) == service.answers()


def test_typescript_client_when_it_is_made_then_compiles_and_answers_as_plain_http(
    service: Service, described: Path, node: Path
) -> None:
    folder = described.parent
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    shutil.copy(TOOLS / "package.json", folder)
    shutil.copy(TOOLS / "ask.ts", folder)
    run(folder, node / "openapi-typescript", described, "--output", "schema.d.ts")
    row_type = 'import type { components } from "./schema.js";\n'
    written = f"export const row: components['schemas']['Request'] = {json.dumps(service.row)};\n"
    (folder / "row.ts").write_text(row_type + written)
    run(folder, node / "tsc", *TYPESCRIPT, "ask.ts")
    printed = run(folder, "node", "ask.js", service.address, service.token)
    assert json.loads(printed) == service.answers()
