"""Splits clean rows in parts, each part as one machine splits a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.folding import (
    SPLIT,
    Places,
    Splitting,
    draw_sample,
    draw_units,
    keeps_side,
    refuse_missing,
    refuse_one_side,
)
from salary_kedro.partitions.storage import read_part, remove_earlier, remove_others
from salary_kedro.partitions.table import (
    Part,
    PartedTable,
    joined_print,
    number_parts,
    put_together,
    split_keys,
    write_rows,
)
from salary_kedro.pipelines.data_engineering.nodes import (
    refuse_one_target,
    refuse_other_rows,
    tell_halves,
)
from salary_kedro.project.parameters import DataEngineering
from salary_kedro.tables.fingerprint import fingerprint

#: How the folders of holdout rows begin; their sample; and the groups to train on.
HOLDOUT, SAMPLE, GROUPS = "holdout-", "sample.parquet", "groups.parquet"


@dataclass(frozen=True)
class Sides:
    """What there is to say of a part of the clean rows that was split.

    Attributes:
        train: How many are to train on.
        holdout: How many others there are; they are written.
        sha256: Their fingerprint.
        lowest: The lowest target to train on; not a number if there is none.
        highest: The highest one.
    """

    train: int
    holdout: int
    sha256: str
    lowest: float
    highest: float


def split_parts(
    salaries: PartedTable,
    row_keys: PartedTable,
    data_fingerprint: dict[str, str],
    contract: Contract,
    parameters: DataEngineering,
) -> tuple[pd.DataFrame, PartedTable, dict[str, Any]]:
    """What `split_salaries` does, part by part, of a split that is `stable` or by `group`.

    Returns:
        As `split_salaries`: the training rows that are trained on, in memory; and the holdout
        rows in files of their own, with a sample of them.

    Raises:
        UserError: As `split_salaries`; or if the split needs the whole table.
    """
    folder = f"{salaries.folder}/{HOLDOUT}{uuid4().hex}"
    paths = [f"{folder}/{number:06}.parquet" for number in range(len(salaries.parts))]
    refuse_other_rows(salaries.sha256, data_fingerprint)
    groups = _draw_groups(salaries, f"{folder}/{GROUPS}", parameters)
    same = {"groups": groups, "contract": contract, "parameters": parameters}
    found = [*salaries.cluster.map(split_part, salaries.parts, paths, **same)]
    total = sum(part.train for part in found)
    refuse_one_side(total, len(salaries), parameters)
    ends = pd.Series([end for part in found for end in (part.lowest, part.highest)])
    refuse_one_target(total, ends.min(), ends.max(), contract)
    holdout = _holdout_of(salaries, folder, paths, found)
    train = _take(salaries, [part.train for part in found], groups, parameters, is_split=True)
    seen = _take(holdout, [part.holdout for part in found], None, parameters)
    (train, train_keys), (seen, seen_keys) = split_keys(train), split_keys(seen)
    keys = pd.concat([train_keys, seen_keys])
    write_rows(seen, holdout.sample, numbered=True)
    write_rows(keys, row_keys.sample, numbered=True)
    halves = tell_halves(train, seen, keys, data_fingerprint, contract, parameters)
    told = {"drawn_from": total if total > len(train) else None, "holdout_of": len(holdout)}
    halves = halves.model_copy(update=told)
    remove_others(salaries.folder, folder, HOLDOUT)
    remove_earlier(salaries.folder)  # not before there is something in their place
    return train, holdout, halves.model_dump(mode="json")


def _holdout_of(
    salaries: PartedTable, folder: str, paths: Sequence[str], found: Sequence[Sides]
) -> PartedTable:
    """The table of what is held out, which lies in those files."""
    return PartedTable(
        folder=folder,
        parts=number_parts(paths, [part.holdout for part in found]),
        sha256=joined_print(part.sha256 for part in found),
        sample=f"{folder}/{SAMPLE}",
        cluster=salaries.cluster,
    )


def split_part(
    part: Part, path: str, *, groups: str | None, contract: Contract, parameters: DataEngineering
) -> Sides:
    """Split a part of the clean rows, and write those that are held out, by their numbers."""
    rows = part.frame()
    is_train = side_of(rows, groups, parameters)
    target, holdout = rows.loc[is_train, contract.target.name], rows[~is_train]
    write_rows(holdout, path, numbered=True)
    return Sides(
        train=int(is_train.sum()),
        holdout=len(holdout),
        sha256=fingerprint(split_keys(holdout)[0]),
        lowest=float(target.min()),
        highest=float(target.max()),
    )


def side_of(rows: pd.DataFrame, groups: str | None, parameters: Splitting) -> NDArray[np.bool_]:
    """Of each row of a part, with its key, whether it is to train on."""
    if groups is None:
        return keeps_side(split_keys(rows)[1], parameters)
    drawn = read_part(groups).to_pandas()[parameters.field]
    return rows[str(parameters.field)].isin(drawn).to_numpy(dtype=bool)


def _draw_groups(salaries: PartedTable, path: str, parameters: DataEngineering) -> str | None:
    """Draw the groups to train on, as one machine does, and write them; none of another split.

    They are numbered in the order in which they first appear.
    """
    if parameters.way == "stable":
        return None
    if parameters.way != "group":
        raise UserError(
            f"{SPLIT} is {parameters.way}, which needs the whole table at once, and this one is "
            f"in parts: choose stable or {{group: FIELD}}"
        )
    field = str(parameters.field)
    found = [*salaries.cluster.map(groups_of, salaries.parts, field=field)]
    refuse_missing(sum(missing for _, missing in found), len(salaries), parameters)
    groups = pd.concat([values for values, _ in found]).drop_duplicates(ignore_index=True)
    train, _ = draw_units(len(groups), parameters)
    write_rows(groups.iloc[sorted(train)].to_frame(field), path)
    return path


def groups_of(part: Part, *, field: str) -> tuple[pd.Series, int]:
    """The different values of a field in a part, in their order; and how many rows have none."""
    values = part.column(field)
    return values.dropna().drop_duplicates(), int(values.isna().sum())


def _take(
    table: PartedTable,
    counts: Sequence[int],
    groups: str | None,
    parameters: DataEngineering,
    *,
    is_split: bool = False,
) -> pd.DataFrame:
    """The sample of the training rows of a table in parts; or of all rows, if those are a half.

    Args:
        table: The table.
        counts: How many such rows each part has.
        groups: The groups to train on, as `side_of` takes them.
        parameters: How large the sample is, and how the rows are split.
        is_split: Whether the rows are those of both halves.
    """
    drawn = draw_sample(sum(counts), parameters)
    ends = pairwise(accumulate(counts, initial=0))
    places = [drawn[slice(*np.searchsorted(drawn, end))] - end[0] for end in ends]
    wanted = [place for place in range(len(counts)) if len(places[place])]
    taken = table.cluster.map(
        take_part,
        [table.parts[place] for place in wanted],
        [places[place] for place in wanted],
        groups=groups,
        splitting=parameters if is_split else None,
    )
    return put_together([*taken])


def take_part(
    part: Part, places: Places, *, groups: str | None, splitting: Splitting | None
) -> pd.DataFrame:
    """Some rows of a part, by their places among those to train on; of a half, among all."""
    rows = part.frame()
    if splitting is not None:
        rows = rows[side_of(rows, groups, splitting)]
    return rows.iloc[places]
