"""`make audit`: pip-audit for real, asking advisories that a server on loopback makes up."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support import ROOT, free_port

ADVISORY = {
    "id": "PYSEC-1999-1",
    "summary": "It spoils cattle.",
    "affected": [
        {
            "package": {"name": "spoilt", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Speaks as OSV does: one advisory, for the package named spoilt."""

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = query["package"]["name"] == "spoilt"
        answer = json.dumps({"vulns": [ADVISORY]} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def advisories() -> Iterator[str]:
    """Address of a server of advisories."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def audit(lock: Path, names: list[str], address: str) -> subprocess.CompletedProcess[str]:
    return audit_all([write(lock, [f"{name}==1.0" for name in names])], address)


def write(lock: Path, pins: list[str]) -> Path:
    lock.write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in pins))
    return lock


def audit_all(locks: list[Path], address: str) -> subprocess.CompletedProcess[str]:
    settings = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": address}
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit", *locks],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_audit_when_no_package_is_affected_then_says_so(advisories: str, tmp_path: Path) -> None:
    result = audit(tmp_path / "a.lock", ["sound", "whole"], advisories)

    assert result.returncode == 0, result.stderr
    assert result.stdout == "No known vulnerability in 2 packages of 1 lock files.\n"


def test_audit_when_locks_name_different_versions_then_looks_up_each_once(
    advisories: str, tmp_path: Path
) -> None:
    one = write(tmp_path / "a.lock", ["sound==1.0", "whole==1.0"])
    other = write(tmp_path / "b.lock", ["sound==1.1", "whole==1.0"])

    result = audit_all([one, other], advisories)

    assert result.returncode == 0, result.stderr
    assert result.stdout == "No known vulnerability in 3 packages of 2 lock files.\n"


def test_audit_when_a_package_is_affected_then_names_it_and_fails(
    advisories: str, tmp_path: Path
) -> None:
    result = audit(tmp_path / "a.lock", ["sound", "spoilt"], advisories)

    assert result.returncode == 1
    assert result.stdout == "spoilt 1.0: PYSEC-1999-1, fixed in 2.0\n"
    assert result.stderr == "Error: 1 of 2 packages have known vulnerabilities\n"


def test_audit_when_the_advisories_are_out_of_reach_then_fails_in_one_line(tmp_path: Path) -> None:
    result = audit(tmp_path / "a.lock", ["sound"], f"http://127.0.0.1:{free_port()}/")

    assert result.returncode == 1
    assert result.stderr.startswith("Error: the advisories cannot be asked, nothing was audited: ")
    assert result.stderr.count("\n") == 1
