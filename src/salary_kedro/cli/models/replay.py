"""`kedro models replay`: what another policy would have decided; writes nothing."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options, option
from salary_kedro.cli.console import Column
from salary_kedro.cli.models.policy import as_options, changed, policy_option
from salary_kedro.project.project import Project
from salary_kedro.upkeep.findings import in_environment

Row = dict[str, Any]
SAID = {"promote": "promoted", "archive": "archived", "unknown": "not known"}
LOOKS: Mapping[str, console.Style] = {"promoted": "good", "archived": "faint", "not known": "warn"}
COLUMNS = (
    Column("when", "when (UTC)", least=16),
    Column("version", right=True),
    Column("champion", right=True),
    Column("was", style=lambda text: LOOKS.get(text, "plain")),
    Column("would_be", "would be", style=lambda text: LOOKS.get(text, "plain")),
)


#: A command that the sentences suggest, up to its options.
COMPARE = re.compile(r"kedro models compare \d+ \d+")


@click.command(short_help="Decide again on every version, by another policy.")
@policy_option
@click.option("--all", "all_", is_flag=True, help="Also the decisions that would be the same.")
@common_options
def replay(params: tuple[str, ...], all_: bool, env: str | None, json_: bool) -> None:
    """Decide again on every version, by another policy, from the evidence stored then.

    The policy is that of conf/, with what --params changes. Lists the decisions that would
    have gone otherwise, and those of which the evidence does not tell. What people decided
    by hand stands. Nothing is trained, scored or written.

    Example: kedro models replay --params promotion.min_relative_gain=0.05
    """
    answer(
        env,
        json_,
        lambda project: replay_all(project, params),
        lambda row: tell(row, all_, option(env) + as_options(params), env),
    )


def replay_all(project: Project, params: tuple[str, ...]) -> Row:
    """Replay all decisions of a project by its policy, or a changed one.

    Raises:
        UserError: If the policy cannot be.
    """
    from salary_kedro.promotion.replay import in_order, replay
    from salary_kedro.upkeep.opening import records_of

    policy = changed(project.parameters.promotion, params)
    found = replay(records_of(project).history().done, policy)
    return {
        "policy": policy.model_dump(mode="json"),
        "decisions": [{**asdict(one), "differs": one.differs} for one in found.decisions],
        "production": in_order(found.production),
    }


def tell(found: Row, all_: bool, options: str = "", env: str | None = None) -> None:
    """Print the decisions that would be others, or all, and what would be in production.

    Args:
        found: What `replay_all` gives.
        all_: Whether to print all.
        options: Those that a command must have which is suggested.
        env: The environment that was asked for.
    """
    decisions = found["decisions"]
    if not decisions:
        none = "no run has decided anything yet: `make run` trains a model"
        console.say(in_environment(none, env))
        return
    chosen = [one for one in decisions if all_ or one["would_be"] != one["was"]]
    if chosen:
        rows = [
            {
                **one,
                "was": SAID[one["was"]],
                "would_be": SAID[one["would_be"]],
                "why": COMPARE.sub(lambda found: found[0] + options, one["why"]),
            }
            for one in chosen
        ]
        console.as_table(rows, COLUMNS, note="why")
        console.echo()
    for line in console.labelled([*_counts(decisions), ("Production", _production(found))]):
        console.echo(line)


def _counts(decisions: list[Row]) -> list[tuple[str, str]]:
    differing = sum(one["differs"] for one in decisions)
    unknown = sum(one["would_be"] == "unknown" for one in decisions)
    same = len(decisions) - differing - unknown
    told = (
        f"{console.count(len(decisions), 'decision')}: {same:,} the same, {differing:,} otherwise"
    )
    return [("Replayed", f"{told}, {unknown:,} that the evidence does not answer")]


def _production(found: Row) -> str:
    names = ["none" if number is None else f"version {number}" for number in found["production"]]
    if len(names) == 1:
        return f"would be {names[0]}"
    return f"cannot be told: {', '.join(names[:-1])} or {names[-1]}"
