"""Scores a table in parts: each part as `score_rows` scores a chunk of a file."""

from collections import Counter
from typing import Any

import numpy as np

from salary_kedro.bundle import Bundle
from salary_kedro.partitions.scored import ScoredParts
from salary_kedro.partitions.storage import write_part
from salary_kedro.partitions.table import RawPart, RawTable
from salary_kedro.pipelines.batch_scoring.nodes import NOTHING, Scorer, check_share, plan, report
from salary_kedro.project.parameters import BatchScoring
from salary_kedro.tables.header import tidy_names
from salary_kedro.tables.reader import Chunk, as_frame


def score_parts(
    rows_to_score: RawTable, scored_rows: ScoredParts, production: Bundle, parameters: BatchScoring
) -> dict[str, Any]:
    """What `score_rows` does, part by part; there is a file of scored rows for each.

    Raises:
        UserError: As `score_rows`.
    """
    rows_to_score.refuse_empty()
    contract = production.contract
    header = tidy_names(rows_to_score.header(), contract)
    scorer = plan(header, production, parameters, scored_rows.raw_mark)
    tally, parts = Counter(NOTHING), rows_to_score.parts
    with scored_rows.replace(rows_to_score.path) as drafts:
        files = [f"{number:06}.parquet" for number in range(len(parts))]
        good, bad = ([f"{d}/{file}" for file in files] for d in (drafts.scored, drafts.rejected))
        shared = rows_to_score.cluster.share(scorer)
        for found in rows_to_score.cluster.map(score_part, parts, good, bad, scorer=shared):
            tally.update(found)
        is_there = scored_rows.keeps_earlier()
        check_share(tally, parameters.max_rejected_share, scored_rows, is_there=is_there)
    return report(tally, scorer, scored_rows, header)


def score_part(part: RawPart, good: str, bad: str, *, scorer: Scorer) -> dict[str, int]:
    """Score a part, write its rows, and count them."""
    cells = part.cells()
    cells = cells.rename_columns(tidy_names(cells.column_names, scorer.read))
    needed = [name for name in cells.column_names if name in scorer.read.headers]
    lines = np.arange(part.first, part.first + len(cells), dtype=np.int64) + 1
    chunk = Chunk(cells, as_frame(cells.select(needed)), lines, len(cells))
    scored, rejected, counts = scorer.score(chunk)
    write_part(scored, good)
    write_part(rejected, bad)
    return counts
