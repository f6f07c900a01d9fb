"""`kedro models doctor`: what is wrong, and what is repaired."""

import sys
from dataclasses import asdict
from typing import Any

import click

from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options
from salary_kedro.project.project import Project

Row = dict[str, Any]


@click.command()
@click.option("--fix", is_flag=True, help="Repair what can be repaired, and record it.")
@common_options
def doctor(fix: bool, env: str | None, json_: bool) -> None:
    """Examine everything, and say what to do.

    Each finding says what is wrong, why it matters and what to do. Without --fix nothing
    is written.
    The exit code is 1 if something is broken, and 0 if there is nothing but advice.
    --fix archives versions that are still tagged staging: let runs end first.

    Example: kedro models doctor --fix
    """
    result = answer(env, json_, lambda project: diagnose(project, fix), tell)
    if not result["healthy"]:
        sys.exit(1)


def diagnose(project: Project, fix: bool) -> Row:
    """Say what is wrong; repair it first if asked to."""
    from salary_kedro.upkeep.doctor import examine
    from salary_kedro.upkeep.repair import repair

    fixed, left = repair(project) if fix else ([], [])
    found = examine(project)
    known = {finding.what for finding in found}
    findings = [*(f for f in left if not any(what in f.what for what in known)), *found]
    return {
        "findings": [asdict(finding) for finding in findings],
        "fixed": fixed,
        "healthy": all(finding.severity == "advice" for finding in findings),
    }


def tell(result: Row) -> None:
    """Print what was repaired, and what is wrong or could be better."""
    lines = [("fixed ", line) for line in result["fixed"]]
    for finding in result["findings"]:
        lines += [
            (finding["severity"], finding["what"]),
            (" " * len(finding["severity"]), f"why it matters: {finding['why_it_matters']}"),
            (" " * len(finding["severity"]), f"what to do: {finding['remedy']}"),
        ]
    for line in console.labelled(lines):
        console.echo(line)
    if not result["findings"]:
        console.say("nothing is wrong", "good")
    elif result["healthy"]:
        console.say("nothing is broken", "good")
