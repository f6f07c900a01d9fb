"""Several `kedro` commands in one process, so that Python and the libraries start once.

`python in_one_process.py '[["contract", "check"], ["run"]]'` runs them one after the other.
"""

import json
import sys
from pathlib import Path

from kedro.framework.cli.cli import KedroCLI


def main() -> None:
    """Run the commands; the first that fails ends it all."""
    cli = KedroCLI(project_path=Path.cwd())
    for arguments in json.loads(sys.argv[1]):
        cli.main(arguments, standalone_mode=False)


if __name__ == "__main__":
    main()
