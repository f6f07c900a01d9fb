"""bill_of_materials.py IMAGE PACKAGES LOCK: a CycloneDX bill of materials of an image, as JSON.

The image is NAME:VERSION, PACKAGES the folder of its Python packages, LOCK the lock file they come
from. What list_contents.py found in the image is read from standard input: the interpreter, what
Python packages came with the base image, and Debian's packages.
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


def normalized(name: str) -> str:
    """A Python package's one name, however it is spelt."""
    return re.sub(r"[-_.]+", "-", name).lower()


def with_hashes(component: Component, hashes: dict[str, list[str]]) -> Component:
    """A Python package with the hashes that its files were checked against."""
    name = normalized(component["name"])
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


def base_component(kind: str, name: str, version: str) -> Component:
    """Something of Python that the base image brought: the interpreter, or a package."""
    purl = f"pkg:{kind}/{normalized(name)}@{quote(version, safe='')}"
    described = {"description": "came with the base image", "purl": purl}
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, **described}


def debian_components(status: str) -> list[Component]:
    """Debian's installed packages, from the paragraphs of dpkg's status files."""
    components = []
    for paragraph in re.split(r"\n{2,}", status):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, flags=re.MULTILINE))
        # A package that was removed is still listed; distroless images state no status.
        if "Package" not in fields or not fields.get("Status", " installed").endswith(" installed"):
            continue
        name, version, machine = fields["Package"], fields["Version"], fields["Architecture"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={machine}"
        common = {"type": "library", "bom-ref": purl, "purl": purl}
        components.append({**common, "name": name, "version": version})
    return sorted(components, key=lambda component: str(component["bom-ref"]))


def complete(
    bill: dict[str, Any], image: str, hashes: dict[str, list[str]], contents: dict[str, Any]
) -> dict[str, Any]:
    """A bill with the image as its subject, hashes, and what came with the base image."""
    name, _, version = image.partition(":")
    subject = {"type": "container", "bom-ref": image, "name": name, "version": version}
    ours = {(normalized(part["name"]), part["version"]) for part in bill["components"]}
    components = [
        *(with_hashes(component, hashes) for component in bill["components"]),
        base_component("generic", "python", contents["python"]),
        *(
            base_component("pypi", package, release)
            for package, release in contents["packages"]
            if (normalized(package), release) not in ours
        ),
        *debian_components(contents["debian"]),
    ]
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
    bill = complete(list_packages(Path(packages)), image, hashes, json.load(sys.stdin))
    json.dump(bill, sys.stdout, indent=2)
