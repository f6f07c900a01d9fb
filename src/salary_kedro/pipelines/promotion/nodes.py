"""The contest for production."""

import json
from typing import Any

import pandas as pd

from salary_kedro.lifecycle.promotion import contest
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.parameters import RegistryNames


def promote_if_better(
    registered_version: dict[str, Any], holdout: pd.DataFrame, registry: RegistryNames
) -> dict[str, Any]:
    """Let the new version contest the production one on the same holdout rows.

    Returns:
        The verdict, with its reason and evidence, as plain JSON.
    """
    store = Registry(registry.model_name)
    challenger = store.version(registered_version["version"])
    verdict = contest(store, challenger, holdout)
    plain: dict[str, Any] = json.loads(verdict.model_dump_json())  # what is not finite is null
    return plain
