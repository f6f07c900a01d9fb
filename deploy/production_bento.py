"""production_bento.py BUNDLES NAME: prints name, version and folder of the production Bento.

It is the Bento, of whatever name if NAME is empty, of the bundle that production's pointer in
the folder BUNDLES names; rebuilt if the project's serving code or lock has changed since. EXACT=1
in the environment gives it scikit-learn although its bundle does without.
"""

import os
import sys
from pathlib import Path

import bentoml

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bento import BentoProject
from salary_kedro.bundle.signing import read_verifier
from salary_kedro.errors import UserError

ENV = os.environ.get("KEDRO_ENV")
MAKE_RUN = f"make run ENV={ENV}" if ENV else "make run"
PACKAGE = f"kedro run --pipelines packaging{f' --env {ENV}' if ENV else ''}"


def bring_up_to_date(bundles: BundleStore, name: str) -> bentoml.Bento:
    """The production Bento, made of the project as it is.

    Raises:
        UserError: If nothing is packaged.
        BundleError: If the pointer or its bundle is not good, or the bundle is not signed although
            `SALARY_VERIFY_KEY_FILE` asks for it.
    """
    version = bundles.current()
    if version is None:
        raise UserError(f"no model is packaged in {bundles.folder} yet: run `{MAKE_RUN}`")
    bundles.load(version)  # an image of a bundle that is damaged, or signed by nobody, is no use
    tags = [bento.tag for bento in bentoml.bentos.list() if bento.tag.version == version]
    names = [tag.name for tag in tags if name in ("", tag.name)]
    if not names:
        raise UserError(f"the Bento of bundle {version} is not in the Bento store: run `{PACKAGE}`")
    project = BentoProject(Path.cwd(), exact=bool(os.environ.get("EXACT")))
    return bentoml.bentos.get(project.build(bundles, version, names[0]))


if __name__ == "__main__":
    folder, name = sys.argv[1:]
    try:
        bento = bring_up_to_date(BundleStore(Path(folder), verifier=read_verifier()), name)
    except UserError as error:
        sys.exit(f"Error: {error}")
    print(bento.tag.name, bento.tag.version, bento.path)
