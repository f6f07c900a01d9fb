"""Which of Kedro's own options a run of this project takes, whoever starts it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kedro.io import SharedMemoryDataCatalog

from salary_kedro.errors import UserError


def check_conf_source(project: Path, conf_source: str | Path) -> None:
    """Check that the configuration is the project's own, which every command and doctor reads.

    Args:
        project: The project's folder.
        conf_source: Folder or archive that Kedro was told to read.

    Raises:
        UserError: It is another.
    """
    given = Path(os.path.abspath(conf_source))  # noqa: PTH100 - a link stays one
    if given.name != "conf" or given.parent.resolve() != project.resolve():
        raise UserError(
            f"{conf_source} is given as the source of the configuration, but runs and commands "
            f"read {project / 'conf'} alone, so that they agree on what is in production: leave "
            f"--conf-source out. Other settings belong in an environment of their own, conf/NAME, "
            f"for --env NAME; conf itself may be a link to a folder elsewhere"
        )


def check_run(options: Mapping[str, Any], catalog: object) -> None:
    """Check how a run is to be done, before anything of it is recorded.

    Args:
        options: What Kedro records of a run, by name.
        catalog: The catalog that the run was given.

    Raises:
        UserError: Names the option, says why it is refused and what to do instead.
    """
    if isinstance(catalog, SharedMemoryDataCatalog):  # Kedro gives it to every such runner
        raise UserError(
            "ParallelRunner runs each node in a process of its own, where neither the MLflow run "
            "nor the summary sees it: leave --runner out, or use ThreadRunner. To run nodes in "
            "processes of their own, give their run a name, as docs/elsewhere.md says"
        )
    if options["only_missing_outputs"]:
        raise UserError(
            "--only-missing-outputs would take what earlier runs left in data/ for what this one "
            "should make, from whatever data and parameters: leave it out, and choose where to "
            "begin with --from-nodes NAME"
        )


def check_versions(wanted: Iterable[str], entries: Mapping[str, Any]) -> None:
    """Check that the datasets keep versions of which an earlier one is to be loaded.

    Args:
        wanted: Names of the datasets.
        entries: What the catalog is made from.

    Raises:
        UserError: Names one that does not; Kedro would load what there is.
    """
    for name in wanted:
        if not entries.get(name, {}).get("versioned"):
            raise UserError(
                f"--load-versions names '{name}', of which there is one version alone: leave it "
                f"out. `versioned: true` in catalog.yml keeps versions of a dataset, where its "
                f"type can"
            )
