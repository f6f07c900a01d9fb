"""deploy/bill_of_materials.py, given what an image was made of and what is found in it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import ROOT

STATUS = """\
Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.17-1~deb12u2
Description: nobody is to deinstall it

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: zlib1g
Architecture: amd64
Version: 1:1.2.13
"""


@pytest.fixture
def bill(tmp_path: Path) -> dict[str, Any]:
    """The bill of an image with one locked package, on a base with pip and some of Debian's."""
    metadata = tmp_path / "packages" / "our_own-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: Our_Own\nVersion: 1.0\n")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"our-own==1.0 \\\n    --hash=sha256:{'ab' * 32}\n    # via nothing\n")
    contents = {"python": "3.11.9", "packages": [["our-own", "1.0"], ["pip", "24.0"]]}
    result = subprocess.run(
        [
            sys.executable,
            ROOT / "deploy" / "bill_of_materials.py",
            "salaries:2",
            metadata.parents[1],
            lock,
        ],
        input=json.dumps({**contents, "debian": STATUS}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    read: dict[str, Any] = json.loads(result.stdout)
    return read


def test_bill_when_written_then_lists_what_was_locked_and_what_the_base_image_brought(
    bill: dict[str, Any],
) -> None:
    assert [part["purl"] for part in bill["components"]] == [
        "pkg:pypi/our-own@1.0",
        "pkg:generic/python@3.11.9",
        "pkg:pypi/pip@24.0",
        "pkg:deb/debian/libssl3@3.0.17-1~deb12u2?arch=amd64",
        "pkg:deb/debian/zlib1g@1%3A1.2.13?arch=amd64",
    ]


def test_bill_when_written_then_what_was_locked_bears_its_hashes(bill: dict[str, Any]) -> None:
    locked = bill["components"][0]["externalReferences"][-1]

    assert locked["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]


def test_bill_when_written_then_is_the_images(bill: dict[str, Any]) -> None:
    assert bill["metadata"]["component"] == {
        "type": "container",
        "bom-ref": "salaries:2",
        "name": "salaries",
        "version": "2",
    }
