"""Run inside an image by its own Python: lists what is installed there, as JSON.

`python` is the interpreter's version, `packages` names and versions of Python packages, `debian`
the paragraphs of dpkg's status files, of which distroless images have one a package.
"""

import json
import platform
from importlib.metadata import distributions
from pathlib import Path

dpkg = Path("/var/lib/dpkg")
found = [*dpkg.glob("status"), *sorted(dpkg.glob("status.d/*"))]
contents = {
    "python": platform.python_version(),
    "packages": sorted({(package.name, package.version) for package in distributions()}),
    "debian": "\n\n".join(path.read_text(encoding="utf-8") for path in found),
}
print(json.dumps(contents))
