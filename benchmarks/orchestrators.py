"""Time and memory of training: the Kedro pipelines against ZenML's three steps.

As `training.py` measures them against the bare script, whose functions are what the steps call.
ZenML needs another Pydantic, so it has an environment of its own, made anew of what is pinned here
and of the versions that `requirements.lock` names of what the script imports.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from training import COMMANDS, PIPELINES, PROJECT, compare, judge_all, read_options, report, tell

ZENML = "ZenML"
PINNED = "zenml[local]==0.98.0"
SAME = ("matplotlib", "mlflow", "numpy", "pandas", "pandera", "scikit-learn", "scipy", "skops")
#: Most that the pipelines may take, as a multiple of ZenML's; None is told, not judged.
LIMITS = {"wall time, s": 0.6, "CPU time, s": None, "peak memory, MB": None}


def main() -> None:
    """Prove that the work is the same, measure, report."""
    options = read_options()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        tell(f"installing {PINNED}")
        steps = [str(make_environment(Path(folder))), "benchmarks/zenml_steps.py"]
        commands = {ZENML: steps, PIPELINES: COMMANDS[PIPELINES]}
        results, usages = compare(commands, options.rounds)
    measures = judge_all(usages, ZENML, LIMITS) if usages else {}
    report(results, measures, as_json=options.json)


def make_environment(folder: Path) -> Path:
    """Install ZenML and what the steps import, pip included, which ZenML asks; give its Python."""
    uv = str(Path(sys.executable).with_name("uv"))
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    same = re.findall(rf"^((?:{'|'.join(SAME)})==[^\\\n]+)", lock, re.MULTILINE)
    subprocess.run([uv, "venv", "-q", "--seed", "-p", sys.executable, folder], check=True)
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "-p", folder, PINNED, *same]
    subprocess.run(install, check=True)
    return folder / "bin" / "python"


if __name__ == "__main__":
    main()
