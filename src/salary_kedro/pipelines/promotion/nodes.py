"""The contest for production."""

from typing import Any

import pandas as pd

from salary_kedro.bundle import BundleStore
from salary_kedro.lifecycle import packaging
from salary_kedro.lifecycle.judge import Judge
from salary_kedro.lifecycle.promotion import plain_verdict, settle
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.verdict import Policy
from salary_kedro.parameters import RegistryNames


def bring_into_line(
    registered_version: dict[str, Any], bundles: BundleStore, registry: RegistryNames
) -> dict[str, int | None]:
    """Bring tags and bundle pointer into line with the alias, whatever an earlier run left.

    Returns:
        The production `version` before the contest; None if there is none yet.
    """
    return {"version": packaging.bring_into_line(Registry(registry.model_name), bundles)}


def promote_if_better(
    registered_version: dict[str, Any],
    production_before: dict[str, int | None],
    holdout: pd.DataFrame,
    registry: RegistryNames,
    policy: Policy,
) -> dict[str, Any]:
    """Let the new version contest the production one on the same holdout rows.

    Versions that another run left undecided contest it too.

    Returns:
        The verdict on the new version, with its reason and evidence, as plain JSON.
    """
    store = Registry(registry.model_name)
    challenger = store.version(registered_version["version"])
    return plain_verdict(settle(store, challenger, Judge(store, holdout, policy)))
