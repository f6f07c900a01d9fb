"""The contest for production."""

from typing import Any

import pandas as pd

from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.clusters import clusters_of
from salary_kedro.modelling.evaluation import weights_of
from salary_kedro.partitions.table import PartedTable
from salary_kedro.project.parameters import Halves
from salary_kedro.promotion.contest import decide_contest
from salary_kedro.promotion.judge import Judge
from salary_kedro.promotion.packaging import align_and_package
from salary_kedro.promotion.parted_judge import judge_parts
from salary_kedro.promotion.verdict import Policy, plain_verdict
from salary_kedro.registry.registry import Registry
from salary_kedro.tables.trained_rows import RowPrints


def bring_into_line(
    registered_version: dict[str, Any], bundles: BundleStore, registry: Registry
) -> dict[str, Any]:
    """Align tags and bundle pointer with the alias, whatever an earlier run left.

    Returns:
        The production `version` before the contest, None if there is none yet; and the
        `moves` of the alias that this took, as `Registry.moves` gives them.
    """
    return {"version": align_and_package(registry, bundles), "moves": registry.moves()}


def promote_if_better(
    registered_version: dict[str, Any],
    production_before: dict[str, Any],
    holdout: pd.DataFrame | PartedTable,
    row_keys: pd.DataFrame | PartedTable,
    row_secret: bytes,
    split: dict[str, Any],
    registry: Registry,
    policy: Policy,
    contract: Contract,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Let the new version contest the production one on the same holdout rows.

    Versions that another run left undecided contest it too.

    Returns:
        The verdict on the new version, with its reason and evidence, as plain JSON; and
        every move of the alias that this run has made, as `Registry.moves` gives them.
    """
    challenger = registry.version(registered_version["version"])
    judge = judge_on(holdout, row_keys, row_secret, split, registry, policy, contract)
    try:
        verdict = decide_contest(registry, challenger, judge)
    except UserError as error:
        raise _with_moves(error, [*production_before["moves"], *registry.moves()]) from error
    return plain_verdict(verdict), [*production_before["moves"], *registry.moves()]


def judge_on(
    holdout: pd.DataFrame | PartedTable,
    row_keys: pd.DataFrame | PartedTable,
    row_secret: bytes,
    split: dict[str, Any],
    registry: Registry,
    policy: Policy,
    contract: Contract,
) -> Judge:
    """A judge who knows which of the holdout rows a version was trained on.

    Raises:
        UserError: If the tables are of different splits.
    """
    halves = Halves.model_validate(split)
    if isinstance(holdout, PartedTable) and isinstance(row_keys, PartedTable):
        halves.refuse_others(holdout=holdout.in_memory(), keys=row_keys.in_memory())
        return judge_parts(holdout, row_secret, halves.parameters, registry, policy, contract)
    if isinstance(holdout, PartedTable) or isinstance(row_keys, PartedTable):
        raise UserError(
            "either holdout or row_keys is in parts, and the other is not: let catalog.yml have "
            "both so, and run the pipeline data_engineering again"
        )
    halves.refuse_others(holdout=holdout, keys=row_keys)
    group = halves.parameters.field if halves.parameters.way == "group" else None
    return Judge(
        registry,
        holdout,
        policy,
        weights_of(holdout, contract),
        RowPrints.of(holdout, row_keys, contract, row_secret, group),
        halves.parameters.way,
        clusters_of(holdout, contract, halves.parameters),
    )


def _with_moves(error: UserError, moves: list[dict[str, Any]]) -> UserError:
    """The error, and what became of production before it."""
    told = "".join(f"; this run made version {m['to']} production: {m['why']}" for m in moves)
    return UserError(f"{error}{told}")
