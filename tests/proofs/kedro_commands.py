"""Runs the project's commands one after the other in one process, which imports Kedro once.

Reads one JSON list of arguments a line; answers each with one: exit code, output, errors.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from kedro.framework.cli.cli import KedroCLI


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Run a command as `kedro` would; its exit code, and what it printed on both ways out."""
    code: str | int | None = 0
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            KedroCLI(Path.cwd()).main(arguments, prog_name="kedro")
        except SystemExit as ended:
            code = ended.code
    return code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue()


def main() -> None:
    """Answer until there are no more lines."""
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)  # noqa: T201 - it is a program


if __name__ == "__main__":
    main()
