"""Eight processes that do the same thing at the same moment."""

import subprocess
import sys
from textwrap import indent

SCRIPT = """
import os, sys
{imports}
gate, opener = os.pipe()
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        os.close(opener)
        os.read(gate, 1)  # returns when nobody holds the other end any more
{action}
        os._exit(0)
    children.append(child)
os.close(opener)
results = [os.waitpid(child, 0)[1] for child in children]
sys.exit(sum(result != 0 for result in results))
"""


def run_eight(imports: str, action: str, *arguments: str) -> None:
    """Import once, then do something in eight processes at once; all must succeed.

    Args:
        imports: Statements that come first, once.
        action: What each process does; `sys.argv[1:]` holds the arguments.
        arguments: Texts for the action.
    """
    script = SCRIPT.format(imports=imports, action=indent(action, " " * 8))
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{result.returncode} of 8 failed:\n{result.stderr}"
