"""Writes what was decided beside the bundles, for services and pages, which read no registry."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from salary_kedro.bundle import BundleError, BundleStore
from salary_kedro.bundle.card import estimator_of, read_parameters
from salary_kedro.bundle.history import (
    MAX_RECORDS,
    MAX_VERSIONS,
    Decision,
    ServedHistory,
    VersionFacts,
)
from salary_kedro.bundle.limits import CONTRACT, MAX_HISTORY_BYTES
from salary_kedro.bundle.signing import Signer, read_signer
from salary_kedro.errors import UserError
from salary_kedro.promotion.logged import EXTRA
from salary_kedro.registry.history import History
from salary_kedro.registry.registry import Registry, RegistryError, State
from salary_kedro.registry.stages import Version

log = logging.getLogger(__name__)

#: Bytes of the longest contract that is told.
MAX_CONTRACT_BYTES = 100_000


def tell_history(registry: Registry, bundles: BundleStore) -> bool:
    """Write the history beside the bundles; what keeps it from that is logged, and no error.

    It is a copy, which the next command writes again. The caller holds the bundles' lock, so
    that of two commands the later one tells what it has read.

    Returns:
        Whether services are told all of it now.
    """
    try:
        signer = read_signer()
        before = _told_before(registry, bundles, signer)
        told = _fitted(_gather(registry, before))
        if told.model_copy(update={"as_of": before.as_of}) != before:
            bundles.write_history(told, signer)
    except (UserError, RegistryError, OSError) as error:
        log.warning("the history cannot be told to services: %s", " ".join(str(error).split()))
        return False
    return True


def _told_before(registry: Registry, bundles: BundleStore, signer: Signer | None) -> ServedHistory:
    """What was told before; where it is signed, only if we have signed it."""
    verifier = None if signer is None else signer.verifier
    try:
        before = replace(bundles, verifier=verifier).history()
    except BundleError:
        return ServedHistory()  # it is written anew
    if before is None or before.model_name != registry.model_name:
        return ServedHistory()
    return before


def _gather(registry: Registry, before: ServedHistory) -> ServedHistory:
    """Read the history, and of the versions what was not told before."""
    state = registry.recent_state()
    verdicts, shown = _verdicts(state.history), [*state.versions.values()][::-1][:MAX_VERSIONS]
    decisions = _decisions(state.history)
    newer = sum(number > state.older for number in state.versions)
    return ServedHistory(
        model_name=registry.model_name,
        records=tuple(decisions[:MAX_RECORDS]),
        versions=tuple(
            _renew(_facts(registry, version, before), version, state, verdicts) for version in shown
        ),
        as_of=datetime.now(UTC),
        more=max(0, len(decisions) - MAX_RECORDS),
        more_versions=newer + state.older - len(shown),
    )


def _decisions(history: History) -> list[Decision]:
    """The records, newest first; of a decision that was carried out, not that it was meant."""
    shown = {"when", "who", "action", "version", "before", "after", "why", "state"}
    carried_out = {record.intent for record in history}
    return [
        Decision(**record.model_dump(include=shown))
        for record in reversed(history)
        if record.key not in carried_out
    ]


def _verdicts(history: History) -> dict[int, dict[str, Any]]:
    """The last verdict on each version, with its evidence."""
    return {
        record.version: record.evidence
        for record in history.done
        if record.evidence is not None and record.action != "import"
    }


def _facts(registry: Registry, version: Version, before: ServedHistory) -> VersionFacts:
    """What is known of a version and never changes; read once, for it takes several requests."""
    known = before.facts_of(version.number)
    if known is not None and known.run_id == version.run_id:
        if known.contract is not None:
            return known
        # Whatever kept it from being fetched may have passed.
        return known.model_copy(update={"contract": _contract(registry, version)})
    run = registry.run(version)
    parameters = read_parameters(run.lineage)
    started = None if run.started is None else datetime.fromtimestamp(run.started / 1000, UTC)
    return VersionFacts(
        version=version.number,
        stage=None,
        rmse=None,
        model=estimator_of(parameters) or run.model,
        when=started,
        run_id=version.run_id,
        metrics={name: x if math.isfinite(x) else None for name, x in run.metrics.items()},
        parameters=parameters or dict(run.parameters),
        data_sha256=run.lineage.data_sha256,
        git_commit=run.lineage.git_commit,
        contract=_contract(registry, version),
    )


def _renew(
    facts: VersionFacts, version: Version, state: State, verdicts: Mapping[int, dict[str, Any]]
) -> VersionFacts:
    """The facts of a version with what changes."""
    stage = "production" if version.number == state.alias else next(iter(version.stages), None)
    rmse = version.rmse
    return facts.model_copy(
        update={
            "stage": stage,
            "rmse": rmse if rmse is not None and math.isfinite(rmse) else None,
            "verdict": verdicts.get(version.number),
        }
    )


def _contract(registry: Registry, version: Version) -> dict[str, Any] | None:
    try:
        content = registry.model_file(version.number, f"{EXTRA}/{CONTRACT}", MAX_CONTRACT_BYTES)
        found: dict[str, Any] = json.loads(content)
    except (UserError, ValueError):
        return None
    return found


def _fitted(history: ServedHistory) -> ServedHistory:
    """The history without as many of its oldest versions as make it too long."""
    while len(history.to_json()) > MAX_HISTORY_BYTES and history.versions:
        kept = history.versions[: len(history.versions) // 2]
        more = history.more_versions + len(history.versions) - len(kept)
        history = history.model_copy(update={"versions": kept, "more_versions": more})
    return history
