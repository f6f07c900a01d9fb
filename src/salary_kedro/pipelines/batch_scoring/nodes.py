"""From a file of rows to one with a salary for each."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.contract import Contract
from salary_kedro.contract.scoring import scoring_contract
from salary_kedro.contract.table import check_header
from salary_kedro.datasets.table_reader import TableReader
from salary_kedro.datasets.table_writer import ScoredTables
from salary_kedro.lifecycle.packaging import export_production
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.parameters import RegistryNames
from salary_kedro.pipelines.batch_scoring.scoring import rejected_table, score, scored_table

CHUNK_ROWS = 50_000


def load_production(bundles: BundleStore, registry: RegistryNames) -> Bundle:
    """Load the bundle of the production version; it is exported first if need be.

    Raises:
        UserError: If there is no production version.
    """
    return bundles.load(export_production(Registry(registry.model_name), bundles))


def _advice(inputs: Contract, production: Bundle) -> str:
    """What to do about a file that lacks columns: the model's own contract is what it is."""
    return (
        f"version {production.version} reads the headers of the table that it was trained on, and "
        f"CSV whose cells are separated by {inputs.table.csv.delimiter!r}; write the file so"
    )


def score_rows(
    rows_to_score: TableReader, scored_rows: ScoredTables, production: Bundle
) -> dict[str, Any]:
    """Score the rows that keep to the contract of the model's own bundle; reject the others.

    Args:
        rows_to_score: The rows; the target and audit columns need not be there.
        scored_rows: Where the rows go: as they were, with what `scored_table` adds.
        production: The model.

    Returns:
        How many rows were `scored`, `rejected` and `warned` of, `scored_file` and
        `rejected_file`, and the `model_version`.

    Raises:
        UserError: If the file cannot be read, or lacks a column; or none can be written.
    """
    inputs = scoring_contract(production.contract)
    check_header(rows_to_score.header(inputs), inputs, _advice(inputs, production))
    moment, tally = datetime.now(UTC), Counter(scored=0, rejected=0, warned=0)
    with scored_rows.replace(inputs.table.csv, rows_to_score.path) as (scored, rejected):
        for chunk in rows_to_score.chunks(inputs, CHUNK_ROWS):
            scores = score(chunk.values, production, inputs)
            scored.write(scored_table(chunk.cells, scores, production, moment))
            rejected.write(rejected_table(chunk, scores))
            tally.update(scores.count())
    return {
        **tally,
        "model_version": production.version,
        "scored_file": str(scored_rows.path),
        "rejected_file": str(scored_rows.rejected),
    }
