"""From a file of rows to one with a salary for each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.contract import Contract
from salary_kedro.contract.scoring import comparing_contract, scoring_contract, truth_contract
from salary_kedro.partitions.scored import ScoredParts
from salary_kedro.pipelines.batch_scoring.scoring import (
    Names,
    rejected_table,
    score,
    scored_table,
)
from salary_kedro.project.parameters import BatchScoring
from salary_kedro.promotion.packaging import export_production
from salary_kedro.registry.registry import Registry
from salary_kedro.tables.header import check_header
from salary_kedro.tables.own_tables import rename_beside
from salary_kedro.tables.reader import Chunk, TableReader
from salary_kedro.tables.writer import ScoredTables, TooManyRejectedError

CHUNK_ROWS = 50_000
#: What became of no rows at all.
NOTHING = {"scored": 0, "rejected": 0, "left_out": 0, "warned": 0}


def load_production(bundles: BundleStore, registry: Registry) -> Bundle:
    """Load the bundle of the production version; it is exported first if need be.

    Raises:
        UserError: If there is no production version.
    """
    return bundles.load(export_production(registry, bundles))


def _advice(inputs: Contract, production: Bundle, *, is_csv: bool) -> str:
    """What to do about a file that lacks columns: the model's own contract is what it is."""
    delimiter = inputs.table.csv.delimiter
    separated = f", and CSV whose cells are separated by {delimiter!r}" if is_csv else ""
    return (
        f"version {production.version} reads the headers of the table that it was trained on"
        f"{separated}; write the file so, or "
        f"name the environment of another model with --env"
    )


def score_rows(
    rows_to_score: TableReader,
    scored_rows: ScoredTables,
    production: Bundle,
    parameters: BatchScoring,
) -> dict[str, Any]:
    """Score the rows that keep to the contract of the model's own bundle; reject the others.

    Args:
        rows_to_score: The rows; the target and audit columns need not be there.
        scored_rows: Where the rows go: as they were, with what `scored_table` adds.
        production: The model.
        parameters: How many rows may be rejected, and what the prediction is called.

    Returns:
        How many rows were `scored`, `rejected`, `left_out` and `warned` of, `scored_file` and
        `rejected_file`, the `model_version`, and which columns of the scored file hold the
        `predicted` target and the `given` one, None if the rows do not have it.

    Raises:
        UserError: If the file cannot be read, or lacks a column; or none can be written; or
            more rows are rejected than may be, in which case only these are written.
    """
    csv = production.contract.table.csv
    header = rows_to_score.header(scoring_contract(production.contract))
    scorer = plan(header, production, parameters, scored_rows.raw_mark, rows_to_score.is_csv())
    tally = Counter(NOTHING)
    with scored_rows.replace(csv, rows_to_score.path) as (scored, rejected):
        for chunk in rows_to_score.chunks(scorer.read, CHUNK_ROWS):
            good, bad, found = scorer.score(chunk)
            scored.write(good)
            rejected.write(bad)
            tally.update(found)
        is_there = scored_rows.path.exists()
        check_share(tally, parameters.max_rejected_share, scored_rows, is_there=is_there)
    return report(tally, scorer, scored_rows, header)


@dataclass(frozen=True)
class Scorer:
    """Scores chunks of one table.

    Attributes:
        production: The model.
        names: What the columns of the scored rows are called.
        moment: When that was.
    """

    production: Bundle
    names: Names
    moment: datetime

    @property
    def read(self) -> Contract:
        """What the chunks are read by."""
        contract = self.production.contract
        return comparing_contract(contract) if self.names.compared else scoring_contract(contract)

    def score(self, chunk: Chunk) -> tuple[pa.Table, pa.Table, dict[str, int]]:
        """The scored rows, the rejected ones, and how many rows became what."""
        truth = truth_contract(self.production.contract) if self.names.compared else None
        inputs = scoring_contract(self.production.contract)
        scores = score(chunk, self.production, inputs, truth)
        good = scored_table(chunk.cells, scores, self.production, self.moment, self.names)
        return good, rejected_table(chunk, scores, self.names.raw_mark), scores.count()


def plan(
    header: Sequence[str],
    production: Bundle,
    parameters: BatchScoring,
    raw_mark: str,
    is_csv: bool = False,
) -> Scorer:
    """Decide how a table is scored, by its header.

    Raises:
        UserError: If it lacks a column.
    """
    inputs = scoring_contract(production.contract)
    check_header(header, inputs, _advice(inputs, production, is_csv=is_csv))
    compared = set(truth_contract(production.contract).headers) <= set(header)
    prediction = parameters.prediction_column or production.contract.target.name
    return Scorer(production, Names(prediction, raw_mark, compared), datetime.now(UTC))


def report(
    tally: Mapping[str, int],
    scorer: Scorer,
    tables: ScoredTables | ScoredParts,
    header: Sequence[str],
) -> dict[str, Any]:
    """What `score_rows` gives."""
    return {
        **tally,
        "model_version": scorer.production.version,
        "scored_file": str(tables.path),
        "rejected_file": str(tables.rejected),
        "predicted": scorer.names.prediction,
        "given": _given(header, scorer.production.contract, scorer.names),
    }


def check_share(
    tally: Mapping[str, int], allowed: float, tables: ScoredTables | ScoredParts, *, is_there: bool
) -> None:
    """Check that not too many rows were rejected.

    Args:
        tally: How many were.
        allowed: How many may be, as a share.
        tables: Where the rows go.
        is_there: Whether there are scored rows of an earlier run.

    Raises:
        TooManyRejectedError: If so, or if all were.
    """
    rejected, total = tally["rejected"], tally["rejected"] + tally["scored"]
    kept = " (what it holds is of an earlier run)" if is_there else ""
    if rejected and rejected == total:
        raise TooManyRejectedError(
            f"none of {total:,} rows keeps to the contract, so {tables.path} is not written{kept}: "
            f"{tables.rejected} lists each line with its reasons; correct the rows, or name the "
            f"environment of their model with --env"
        )
    if rejected and rejected / total > allowed:
        raise TooManyRejectedError(
            f"{rejected:,} of {total:,} rows break the contract, more than the allowed share of "
            f"{allowed * 100:.15g}%, so {tables.path} is not written{kept}: {tables.rejected} "
            f"lists each line with its reasons; correct the rows, or raise "
            f"batch_scoring.max_rejected_share"
        )


def _given(header: Sequence[str], contract: Contract, names: Names) -> str | None:
    """What the scored file calls a column that holds the target already, or is called like it."""
    renamed = rename_beside(header, names.added, names.raw_mark)
    target = contract.target
    pairs = zip(header, renamed, strict=True)
    alike = [
        (name != target.column, new)
        for name, new in pairs
        if name == target.column or name.casefold() == target.name.casefold()
    ]
    return min(alike)[1] if alike else None
