"""How the trials of a tournament are scored: in other processes, each of them once."""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import Any

import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.datasets.trial_scores import TrialScores
from salary_kedro.errors import UserError
from salary_kedro.modelling.examination import (
    Examination,
    FoldScore,
    Map,
    Task,
    examine_on,
    score_entries,
)
from salary_kedro.modelling.folding import fold_rows
from salary_kedro.modelling.search import Entry, Examine, Plan, Score
from salary_kedro.modelling.workers import count_workers, score_on_cluster, worker_processes
from salary_kedro.partitions.cluster import Cluster
from salary_kedro.project.parameters import DataScience, Halves, Tournament, parameters_hash

#: Packages that a score may depend on to its last digit.
COMPUTING = ("scikit-learn", "numpy", "scipy", "pandas")


def plan_search(
    train: pd.DataFrame,
    tournament: Tournament,
    parameters: DataScience,
    cluster: Cluster | None = None,
) -> Plan:
    """What is to be searched."""
    return Plan(
        candidates=tournament.candidates,
        base=parameters.hyperparameters,
        trials=tournament.trials,
        seconds=tournament.seconds,
        workers=cluster.count_workers() if cluster else count_workers(tournament.workers),
        seed=parameters.random_state,
        rows=len(train),
    )


def fingerprint_of(
    halves: Halves, contract: Contract, tournament: Tournament, parameters: DataScience
) -> str:
    """Fingerprint of what a search was asked; the number of workers has no part in what it finds.

    Those of equal ones, on the same rows, are the same.
    """
    asked = tournament.model_copy(update={"workers": None})
    return parameters_hash(contract, halves.parameters, asked, parameters)


@contextmanager
def examiner(
    train: pd.DataFrame,
    halves: Halves,
    contract: Contract,
    tournament: Tournament,
    parameters: DataScience,
    code_lineage: Mapping[str, str],
    known: TrialScores,
    cluster: Cluster | None = None,
) -> Iterator[Examine]:
    """Give what scores entries in other processes, but for those whose score is known."""
    examination = _examination(train, halves, contract, tournament, parameters)
    basis = {
        "rows": halves.train_sha256,
        "split": halves.parameters.model_dump(mode="json"),
        "folds": tournament.cross_validation.model_dump(mode="json"),
        "contract": contract.model_dump(mode="json"),
        "seed": parameters.random_state,
        **{name: code_lineage[name] for name in ("code_sha256", "lock_sha256")},
        **_computed_by(cluster),
    }
    with _workers(examination, tournament, cluster) as score_all:

        def examine(entries: Sequence[Entry]) -> Iterable[Score]:
            return score_entries(entries, len(examination.folds), score_all)

        yield remembering(examine, known, basis)


def _workers(
    examination: Examination, tournament: Tournament, cluster: Cluster | None
) -> AbstractContextManager[Map]:
    """What scores tasks: the workers of a cluster, or processes of this machine."""
    if cluster is None:
        return worker_processes(examination, count_workers(tournament.workers))
    shared = cluster.share(examination)

    def score_all(tasks: Sequence[Task]) -> Iterator[FoldScore]:
        advice = "narrow tournament.candidates"
        return cluster.each(score_on_cluster, ((t,) for t in tasks), advice, examination=shared)

    return nullcontext(score_all)


def _computed_by(cluster: Cluster | None) -> dict[str, str]:
    """The surroundings of whoever computes.

    Raises:
        UserError: The workers of a cluster have other ones than each other.
    """
    found = cluster.ask_workers(_surroundings) if cluster else []
    for other in found[1:]:
        if other != found[0]:
            told = " and ".join(json.dumps(each, sort_keys=True) for each in (found[0], other))
            raise UserError(
                f"the workers compute with different packages, so that scores could not be "
                f"compared: {told}; install the same in all of them"
            )
    return found[0] if found else _surroundings()


def _surroundings() -> dict[str, str]:
    """What computes: the lock file tells what should be installed, not what is."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in COMPUTING},
    }


def _examination(
    train: pd.DataFrame,
    halves: Halves,
    contract: Contract,
    tournament: Tournament,
    parameters: DataScience,
) -> Examination:
    folding = fold_rows(
        train,
        halves.parameters,
        folds=tournament.cross_validation.folds,
        repeats=tournament.cross_validation.repeats_of(len(train)),
        random_state=parameters.random_state,
        asked_by="tournament",
    )
    return examine_on(train, contract, folding, parameters.random_state)


def remembering(examine: Examine, known: TrialScores, basis: Mapping[str, Any]) -> Examine:
    """Score each entry once: what is known is taken, what is found out is kept at once.

    Args:
        examine: Scores entries.
        known: The scores that are known.
        basis: All that a score depends on but for its entry.
    """

    def recall(entries: Sequence[Entry]) -> Iterator[Score]:
        keys = [_key(basis, entry) for entry in entries]
        new = {key: entry for key, entry in zip(keys, entries, strict=True) if not known.get(key)}
        found = zip(new.items(), examine([*new.values()]), strict=True)
        for key in keys:
            while (score := known.get(key)) is None:
                (fresh, entry), scored = next(found)
                known.put(fresh, entry, scored)
            yield score

    return recall


def _key(basis: Mapping[str, Any], entry: Entry) -> str:
    content = json.dumps([basis, entry.model, entry.settings], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
