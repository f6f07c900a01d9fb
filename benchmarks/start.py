"""CPU time of commands, against what bare Kedro needs to tell its version.

Bare Kedro is `kedro --version` in an empty project, in the same environment and with the same
plugins, but without what this package does at Kedro's start. A round runs it and then every
command once, each in a process of its own, so a ratio compares what was measured side by side. The
help of the group `models` loads every one of its commands, so none of their helps costs more.

The commands run in a copy of the project in which one model was trained.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from training import copy_project, environment, read_options, tell

LIMIT = 1.3
KEDRO = str(Path(sys.executable).with_name("kedro"))
#: As `kedro` starts, but without entry points in `kedro.init`, such as this package's.
BARE = """
import sys
from pathlib import Path
from kedro.framework.cli.cli import KedroCLI
KedroCLI(project_path=Path.cwd()).main(sys.argv[1:])
"""
CONTRACT = "conf/base/contract.yml"
#: What only tells of itself, then what reads the store or the raw table.
MEASURED = (
    *("--version", "run --help", "models --help", "contract --help"),
    *("models list", "models history", "models show 1", "models doctor"),
    *("contract check", f"contract diff {CONTRACT} {CONTRACT}"),
)
#: What the plugins cost: imported as Kedro does, beside Kedro alone.
PARTS = {
    "Kedro's own commands": "import kedro.framework.cli.cli",
    "those and kedro-viz": "import kedro.framework.cli.cli, kedro_viz.launchers.cli.main",
    "those and kedro-mlflow": "import kedro.framework.cli.cli, kedro_mlflow.framework.cli.cli",
}
EMPTY = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "empty"\nproject_name = "empty"\n'
    'kedro_init_version = "1.7.0"\nsource_dir = "src"\n',
    "src/empty/__init__.py": "",
    "src/empty/settings.py": "",
    "src/empty/pipeline_registry.py": "def register_pipelines():\n    return {}\n",
}


def main() -> None:
    """Measure, and print the medians and the ratios."""
    rounds = read_options().rounds
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        home, empty = copy_project(Path(folder) / "project"), make_empty(Path(folder) / "empty")
        tell("training a model: kedro run")
        cpu_seconds([KEDRO, "run"], home)
        measured = [run_round(number, home, empty) for number in range(rounds)]
    sys.stdout.write("\n".join(table(measured)) + "\n")


def make_empty(home: Path) -> Path:
    """Make a project in which there is nothing."""
    for name, content in EMPTY.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content, encoding="utf-8")
    return home


def run_round(number: int, home: Path, empty: Path) -> dict[str, float]:
    """CPU seconds by command: of Kedro in the empty project, its parts, and ours."""
    seconds = {name: cpu_seconds([sys.executable, "-c", PARTS[name]], empty) for name in PARTS}
    seconds["bare"] = cpu_seconds([sys.executable, "-c", BARE, "--version"], empty)
    seconds |= {command: cpu_seconds([KEDRO, *command.split()], home) for command in MEASURED}
    tell(f"round {number + 1}: bare {seconds['bare']:.2f} s, {sum(seconds.values()):.0f} s in all")
    return seconds


def cpu_seconds(command: Sequence[str], home: Path) -> float:
    """Seconds of CPU time, user's and system's, of a command that must succeed."""
    process = subprocess.Popen(
        command, cwd=home, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    error = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed:\n{error.decode(errors='replace')[-3000:]}")
    return used.ru_utime + used.ru_stime


def table(measured: Sequence[Mapping[str, float]]) -> list[str]:
    """The aligned table: median seconds, and the median of each round's ratio to bare Kedro."""
    lines = [f"{'median of CPU seconds':<70}{'s':>6}{'ratio':>8}"]
    for name in (*PARTS, "bare", *MEASURED):
        seconds = statistics.median(row[name] for row in measured)
        ratio = statistics.median(row[name] / row["bare"] for row in measured)
        over = f"  over {LIMIT}" if name in MEASURED and ratio > LIMIT else ""
        title = {"bare": "bare Kedro in an empty project: kedro --version"}
        title |= {command: f"kedro {command}" for command in MEASURED}
        lines.append(f"{title.get(name, name):<70}{seconds:>6.2f}{ratio:>8.2f}{over}")
    return lines


if __name__ == "__main__":
    main()
