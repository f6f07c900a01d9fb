"""The contest between a new version and production: gather evidence, decide, act."""

import math
from pathlib import Path

import pandas as pd

from salary_kedro.bundle.model_file import read_model
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.stages import Stage, Version
from salary_kedro.lifecycle.store import store_lock
from salary_kedro.lifecycle.verdict import Contestant, Evidence, Verdict, decide
from salary_kedro.modelling.evaluation import holdout_metrics

MODEL_FILE = "model.skops"
CONTRACT_FILE = "extra_files/contract.json"


def contest(registry: Registry, challenger: Version, holdout: pd.DataFrame) -> Verdict:
    """Score challenger and champion on the same rows, decide, and act on the verdict.

    Each is scored through its logged model and the contract logged beside it. The tags
    are first brought into line with the alias. A version that is production already
    stays so.

    Args:
        registry: Where both are.
        challenger: The version that wants to become production.
        holdout: Clean rows that the challenger was not trained on. A champion that was
            trained on other data may have seen some of them.

    Raises:
        UserError: If the champion cannot be loaded or cannot score these rows; nothing
            is promoted or archived then.
    """
    with store_lock(registry.uri):
        return _contest(registry, challenger, holdout)


def _contest(registry: Registry, challenger: Version, holdout: pd.DataFrame) -> Verdict:
    registry.align_tags()
    challenger = registry.version(challenger.number)
    champion = registry.champion()
    if champion is not None and champion.number == challenger.number:
        return _stays(registry, challenger, holdout)
    if Stage.STAGING not in challenger.stages:
        return _settled(challenger, holdout)
    verdict = decide(
        Evidence(
            challenger=_score_challenger(registry, challenger, holdout),
            champion=None if champion is None else _score(registry, champion, holdout),
            holdout_rows=len(holdout),
        )
    )
    if verdict.action == "promote":
        registry.promote(challenger)
    else:
        registry.archive(challenger)
    return verdict


def _stays(registry: Registry, champion: Version, holdout: pd.DataFrame) -> Verdict:
    """The verdict on a version that is production already; nothing is written."""
    own = _score(registry, champion, holdout)
    return Verdict(
        action="promote",
        reason=f"version {champion.number} is production already, and stays so",
        evidence=Evidence(challenger=own, champion=own, holdout_rows=len(holdout)),
    )


def _settled(version: Version, holdout: pd.DataFrame) -> Verdict:
    """The verdict on a version that was archived before; nothing is written."""
    own = Contestant(version=version.number, rmse=version.rmse)
    return Verdict(
        action="archive",
        reason=f"version {version.number} is not promoted: it was archived before, or has no RMSE",
        evidence=Evidence(challenger=own, champion=None, holdout_rows=len(holdout)),
    )


def _score_challenger(registry: Registry, version: Version, holdout: pd.DataFrame) -> Contestant:
    """Score a version whose recorded RMSE must be a finite number to be worth scoring."""
    if version.rmse is None or not math.isfinite(version.rmse):
        return Contestant(version=version.number, rmse=version.rmse)
    return _score(registry, version, holdout)


def _score(registry: Registry, version: Version, holdout: pd.DataFrame) -> Contestant:
    try:
        folder = registry.model_folder(version.number)
        contract = read_contract(folder)
        model = read_model(folder / MODEL_FILE)
        metrics = holdout_metrics(model, holdout, contract)
    except Exception as error:  # a model of another release can fail anywhere
        raise UserError(
            f"version {version.number} cannot score today's holdout rows, so nothing is "
            f"promoted or archived: {error}"
        ) from error
    return Contestant(version=version.number, rmse=metrics["rmse"])


def read_contract(folder: Path) -> Contract:
    """Read the contract logged beside a model."""
    return Contract.parse((folder / CONTRACT_FILE).read_bytes())
