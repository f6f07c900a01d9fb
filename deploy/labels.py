"""labels.py BENTO BUNDLE: labels of the service's image, from its bundle, for a Containerfile."""

import json
import sys
from pathlib import Path

from salary_kedro.bundle.files import read_regular
from salary_kedro.bundle.limits import LINEAGE, MANIFEST, METRICS, max_size

OCI = "org.opencontainers.image"
OURS = "salary_kedro"


def labels(bento: str, bundle: Path) -> dict[str, str]:
    """What a bundle says about the model, its quality and what it was made from.

    Args:
        bento: Name of the Bento that holds the bundle.
        bundle: The bundle's folder.
    """
    manifest, metrics, lineage = (
        json.loads(read_regular(bundle / name, max_size(name)))
        for name in (MANIFEST, METRICS, LINEAGE)
    )
    made_from = {key: value for key, value in lineage.items() if key != "parameters"}  # long
    return {
        f"{OCI}.title": bento,
        f"{OCI}.version": bundle.name,
        f"{OCI}.revision": str(lineage.get("git_commit", "")),
        f"{OCI}.description": "Predicts salaries with the production model, over HTTP.",
        f"{OCI}.licenses": "Apache-2.0",
        f"{OURS}.model.name": manifest["model_name"],
        f"{OURS}.model.version": str(manifest["version"]),
        f"{OURS}.rmse": str(metrics.get("rmse")),
        f"{OURS}.bento": f"{bento}:{bundle.name}",
        **{f"{OURS}.lineage.{key}": str(value) for key, value in sorted(made_from.items())},
    }


def instruction(labels: dict[str, str]) -> str:
    """The instruction that sets labels; nothing in a value means more than itself."""
    pairs = (
        f"{key}={json.dumps(value, ensure_ascii=False).replace('$', chr(92) + '$')}"
        for key, value in labels.items()
    )
    return " ".join(["LABEL", *pairs])


if __name__ == "__main__":
    print(instruction(labels(sys.argv[1], Path(sys.argv[2]))))
