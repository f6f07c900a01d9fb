"""Judges versions by holdout rows in parts: each part is scored by who handles it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.bundle.files import read_regular
from salary_kedro.bundle.limits import CONTRACT, MODEL, RUNTIME, RUNTIME_ARRAYS, max_size
from salary_kedro.contract import Contract
from salary_kedro.modelling.clusters import cluster_field
from salary_kedro.modelling.comparison import Errors
from salary_kedro.modelling.evaluation import weights_of
from salary_kedro.modelling.folding import Splitting
from salary_kedro.partitions.table import Part, PartedTable, split_keys
from salary_kedro.promotion.judge import Judge, Rows, score_rows
from salary_kedro.promotion.logged import EXTRA
from salary_kedro.promotion.verdict import Policy, Verdict
from salary_kedro.registry.registry import Registry
from salary_kedro.tables.row_keys import value_keys
from salary_kedro.tables.trained_rows import Header, RowPrints

#: The most rows whose errors are told one by one.
MOST_TOLD = 1_000_000
#: What of a model's folder it takes to score rows.
SCORING = (MODEL, *(f"{EXTRA}/{name}" for name in (CONTRACT, RUNTIME, RUNTIME_ARRAYS)))


def judge_parts(
    holdout: PartedTable,
    secret: bytes,
    splitting: Splitting,
    registry: Registry,
    policy: Policy,
    contract: Contract,
) -> Judge:
    """A judge by holdout rows in parts, who knows which of them a version was trained on.

    Args:
        holdout: The rows, and what names each.
        secret: By which they are fingerprinted.
        splitting: How they were split.
        registry: Where the versions are.
        policy: What a challenger must achieve.
        contract: Names their columns.
    """
    group = splitting.field if splitting.way == "group" else None
    field = cluster_field(holdout.in_memory(), contract, splitting)
    looks = holdout.cluster.map(look_at, holdout.parts, contract=contract, field=field)
    targets, weights, clusters = zip(*looks, strict=True)
    rows = pd.DataFrame({contract.target.name: np.concatenate(targets)})
    prints = PartedPrints(holdout, contract, secret, group)
    return PartedJudge(
        registry,
        rows,
        policy,
        None if contract.weight is None else np.concatenate(weights),
        prints,
        splitting.way,
        None if field is None else _number_clusters(np.concatenate(clusters)),
        parts=holdout,
    )


def look_at(
    part: Part, *, contract: Contract, field: str | None
) -> tuple[Errors, Errors | None, NDArray[np.uint64] | None]:
    """The targets of a part, the weights of its rows, and to whom they belong."""
    rows = part.frame()
    column = next((column for column in contract.columns if column.name == field), None)
    whose = None if column is None else value_keys(rows[column.name], column)
    target = rows[contract.target.name].to_numpy(dtype=np.float64)
    return target, weights_of(rows, contract), whose


def _number_clusters(keys: NDArray[np.uint64]) -> NDArray[np.intp] | None:
    """Number to whom rows belong, as `clusters_of` does; one without a value is one by itself."""
    alone = keys == 0
    numbers = np.full(len(keys), -1, dtype=np.intp)
    numbers[~alone] = pd.factorize(keys[~alone])[0]
    numbers[alone] = numbers.max() + 1 + np.arange(np.count_nonzero(alone))
    return None if numbers.max() + 1 == len(numbers) else numbers


@dataclass(frozen=True)
class PartedPrints:
    """Fingerprints of rows in parts, which are taken where these are; see `RowPrints`.

    Attributes:
        parts: The rows.
        contract: Tells what names a row.
        secret: Without it nobody can tell whose a fingerprint is.
        group: Field of the rows that tells whose they are; None if none does.
    """

    parts: PartedTable
    contract: Contract
    secret: bytes
    group: str | None

    @property
    def header(self) -> Header:
        """What they are of, and by which secret."""
        return self._of_none().header

    def among(self, trained: RowPrints) -> Rows:
        """Tell of each row whether it is among others, as `RowPrints.among` does.

        Raises:
            UserError: If that cannot be told.
        """
        self._of_none().among(trained)
        cluster, parts = self.parts.cluster, self.parts.parts
        same = {"trained": cluster.share(trained), "prints": cluster.share(self)}
        return np.concatenate([*cluster.map(are_among, parts, **same)])

    def knows_groups_of(self, trained: RowPrints) -> bool:
        """Tell whether it can be told, of these rows' groups, which are among others."""
        return self._of_none().knows_groups_of(trained)

    def of(self, rows: pd.DataFrame) -> RowPrints:
        """The fingerprints of some rows with their keys."""
        clean, keys = split_keys(rows)
        return RowPrints.of(clean, keys, self.contract, self.secret, self.group)

    def _of_none(self) -> RowPrints:
        return self.of(self.parts.parts[0].frame()[:0])


def are_among(part: Part, *, trained: RowPrints, prints: PartedPrints) -> Rows:
    """Tell of each row of a part whether a model was trained on it."""
    return prints.of(part.frame()).among(trained)


class PartedJudge(Judge):
    """Scores versions on the same rows in parts; here are their targets alone."""

    def __init__(self, *known: Any, parts: PartedTable) -> None:
        """Take what `Judge` takes, of the rows the targets alone; and where the rows are."""
        super().__init__(*known)
        self._parts = parts

    def error_table(self, verdict: Verdict) -> str:
        """Errors a row, as CSV; of so many rows, the first million."""
        whole = self._errors
        self._errors = {number: errors[:MOST_TOLD] for number, errors in whole.items()}
        try:
            return super().error_table(verdict)
        finally:
            self._errors = whole

    def _score(self, number: int, folder: Path) -> Errors:
        files = {
            name: read_regular(folder / name, max_size(Path(name).name))
            for name in SCORING
            if (folder / name).exists()
        }
        cluster = self._parts.cluster
        found = [*cluster.map(score_part, self._parts.parts, files=cluster.share(files))]
        troubles: Sequence[str] = [trouble for _, trouble in found if trouble is not None]
        if troubles:
            self._by_arrays[number] = troubles[0]
        return np.concatenate([errors for errors, _ in found])


def score_part(part: Part, *, files: dict[str, bytes]) -> tuple[Errors, str | None]:
    """Score a part by a logged model, as `judge.score_rows` does; its files come along."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return score_rows(Path(folder), part.frame())
