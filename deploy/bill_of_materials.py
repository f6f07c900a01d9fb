"""bill_of_materials.py IMAGE PACKAGES LOCK: a CycloneDX bill of materials of an image, as JSON.

The image is NAME:VERSION, PACKAGES the folder of its Python packages, LOCK the lock file they come
from. Debian's packages are read from standard input, as paragraphs of a dpkg status file.
Equal input gives equal output: there is no time and no random number in it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]


def list_packages(packages: Path) -> dict[str, Any]:
    """The bill of a folder of Python packages: names, versions, licences, what needs what."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder)
        site = next(Path(folder).glob("lib/python*/site-packages"))
        (site / "packages.pth").write_text(f"{packages.resolve()}\n", encoding="utf-8")
        tool = [
            sys.executable,
            "-m",
            "cyclonedx_py",
            "environment",
            "--output-reproducible",
            folder,
        ]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        result = subprocess.run(tool, env=environment, capture_output=True, check=True)
    bill: dict[str, Any] = json.loads(result.stdout)
    return bill


def read_hashes(lock: str) -> dict[str, list[str]]:
    """SHA-256 of the files that a lock allows, by `name==version`."""
    pins = re.split(r"^(?=\S+==)", lock, flags=re.MULTILINE)[1:]
    return {
        re.split(r"[\s;\\]", pin, maxsplit=1)[0]: re.findall(r"--hash=sha256:(\w+)", pin)
        for pin in pins
    }


def with_hashes(component: Component, hashes: dict[str, list[str]]) -> Component:
    """A Python package with the hashes that its files were checked against."""
    name = re.sub(r"[-_.]+", "-", component["name"]).lower()
    locked = {
        "type": "distribution",
        "url": component["purl"],
        "comment": "installed from one of these files, as locked",
        "hashes": [
            {"alg": "SHA-256", "content": digest}
            for digest in hashes[f"{name}=={component['version']}"]
        ],
    }
    return {**component, "externalReferences": [*component.get("externalReferences", []), locked]}


def debian_component(paragraph: str) -> Component:
    """One installed package of Debian, from its paragraph of a dpkg status file."""
    fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, flags=re.MULTILINE))
    name, version, machine = fields["Package"], fields["Version"], fields["Architecture"]
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={machine}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def complete(bill: dict[str, Any], image: str, hashes: dict[str, list[str]], status: str) -> Any:
    """A bill with the image as its subject, hashes, and Debian's packages."""
    name, _, version = image.partition(":")
    subject = {"type": "container", "bom-ref": image, "name": name, "version": version}
    paragraphs = [text for text in re.split(r"\n{2,}", status) if "Package: " in text]
    installed = [debian_component(text) for text in paragraphs if "deinstall" not in text]
    components = [with_hashes(component, hashes) for component in bill["components"]]
    components += sorted(installed, key=lambda component: component["bom-ref"])
    holds = {"ref": image, "dependsOn": [component["bom-ref"] for component in components]}
    return {
        **bill,
        "metadata": {**bill["metadata"], "component": subject},
        "components": components,
        "dependencies": [holds, *bill["dependencies"]],
    }


if __name__ == "__main__":
    image, packages, lock = sys.argv[1:]
    hashes = read_hashes(Path(lock).read_text(encoding="utf-8"))
    bill = complete(list_packages(Path(packages)), image, hashes, sys.stdin.read())
    json.dump(bill, sys.stdout, indent=2)
