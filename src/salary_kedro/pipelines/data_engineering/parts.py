"""From a raw table in parts to training and holdout rows: each part as the nodes take a table."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.partitions.repeats import KeyFile, find_repeated, ranges_of, write_keys
from salary_kedro.partitions.storage import read_part, remove, write_bytes
from salary_kedro.partitions.table import (
    KEYS_SAMPLE,
    PartedTable,
    RawPart,
    RawTable,
    joined_print,
    number_parts,
    split_keys,
    with_keys,
    write_rows,
)
from salary_kedro.pipelines.data_engineering.nodes import refuse_rejected, row_counts
from salary_kedro.tables.checked import (
    CheckedTable,
    LastSalary,
    check,
    last_salary,
    refuse_summed,
    refuse_unweighted,
    reject_more,
    unweighted,
)
from salary_kedro.tables.fingerprint import METHOD, fingerprint
from salary_kedro.tables.left_out import REPEATED
from salary_kedro.tables.problems import SAME_ROW, key_cells, same_key
from salary_kedro.tables.row_keys import KEY, Keys, row_keys
from salary_kedro.tables.spreadsheet import safe_frame
from salary_kedro.tables.tally import count_top_coded

#: How the fingerprint of a table in parts is taken: of those of its parts.
PARTS_METHOD = f"{METHOD} of parts"
#: Folders of keys, which are gone once all rows are checked.
RULES, ROWS = "rules", "rows"
#: The rejected rows of a table that is refused before all of it is read.
REJECTED = "rejected_rows.csv"


@dataclass(frozen=True)
class Found:
    """What there is to say of a part of a raw table.

    Attributes:
        path: The file of the valid rows.
        valid: How many these are.
        rejected: The others, as `CheckedTable.rejected` gives them.
        prints: Fingerprints of the part as it was loaded, and of its valid rows.
        counts: As `row_counts` gives them.
        keys: What names each valid row by all that it holds.
        unweighted: Lines of the rows without a weight.
        checked: How many rows were checked.
        salary: The last salary.
    """

    path: str
    valid: int
    rejected: pd.DataFrame
    prints: tuple[str, str]
    counts: dict[str, int]
    keys: KeyFile
    unweighted: pd.Series
    checked: int
    salary: LastSalary


def validate_parts(
    raw_salaries: RawTable, contract: Contract
) -> tuple[PartedTable, pd.DataFrame, PartedTable, dict[str, str], dict[str, int]]:
    """What `validate_salaries` does, part by part; the valid rows go to files of their own.

    Returns:
        As `validate_salaries`; the keys are in the same files as the valid rows. Fingerprints are
        those of the parts, and so of how the table is parted too.

    Raises:
        ContractError: As `validate_salaries`.
        UserError: If there are no rows, or no folder to write them to.
    """
    raw_salaries.refuse_empty()
    folder = raw_salaries.begin_output()
    parts, cluster = raw_salaries.parts, raw_salaries.cluster
    ranges, numbers = ranges_of(len(raw_salaries)), range(len(parts))
    earlier = _find_earlier(raw_salaries, contract, folder, ranges)
    same = {"contract": contract, "folder": folder, "ranges": ranges}
    checked = cluster.map(validate_part, parts, numbers, earlier, **same)
    found = [*_until_too_many(checked, raw_salaries, contract, folder)]
    repeats, known = find_repeated([part.keys for part in found], cluster)
    if contract.table.duplicates == "drop":
        found = [*cluster.map(drop_part, found, known, contract=contract)]
        repeats = 0
    _refuse(found, contract)
    for keys in (RULES, ROWS):
        remove(f"{folder}/{keys}")
    prints = [joined_print(part.prints[place] for part in found) for place in (0, 1)]
    valid = PartedTable(
        folder=folder,
        parts=number_parts([part.path for part in found], [part.valid for part in found]),
        sha256=prints[1],
        sample=f"{folder}/{KEYS_SAMPLE}",  # which the split writes
        cluster=cluster,
    )
    told = {"data_sha256": prints[0], "data_method": PARTS_METHOD, "rows_sha256": prints[1]}
    counts = {**_counted(part.counts for part in found), "repeats": repeats}
    return valid, _below([part.rejected for part in found]), valid, told, counts


def _find_earlier(
    raw: RawTable, contract: Contract, folder: str, ranges: int
) -> list[dict[str, Keys]]:
    """Of each part, by the reason for which they are rejected, the keys that earlier ones have."""
    earlier: list[dict[str, Keys]] = [{} for _ in raw.parts]
    for rule in _rules(contract):
        same = {"rule": rule, "contract": contract, "folder": folder, "ranges": ranges}
        files = [*raw.cluster.map(write_rule_keys, raw.parts, range(len(raw.parts)), **same)]
        for part, keys in zip(earlier, find_repeated(files, raw.cluster)[1], strict=True):
            part[rule] = keys
    return earlier


def _rules(contract: Contract) -> list[str]:
    """The rules that compare each row with all others, by the reason that they give."""
    rules = contract.table
    by_key = [same_key(rules)] if rules.primary_key else []
    return by_key + ([SAME_ROW] if rules.duplicates == "reject" else [])


def write_rule_keys(
    part: RawPart, number: int, *, rule: str, contract: Contract, folder: str, ranges: int
) -> KeyFile:
    """Write the keys of a part of a raw table by which its rows may not repeat others."""
    keys = _rule_keys(check(part.frame(contract), contract), rule, contract)
    path = f"{folder}/{RULES}/{_rules(contract).index(rule)}-{number:06}.keys"
    return write_keys(keys.to_numpy(dtype="uint64"), path, ranges)


def _rule_keys(checked: CheckedTable, rule: str, contract: Contract) -> pd.Series:
    """By number, the keys of the rows of a part that a rule compares."""
    rows = checked.columns
    if rule == SAME_ROW:
        return pd.Series(_content_keys(rows, contract), index=rows.index)
    rows = rows[key_cells(checked.raw.loc[rows.index], contract.table).notna().all(axis="columns")]
    return row_keys(checked.raw, rows, contract)[KEY].set_axis(rows.index)


def _content_keys(rows: pd.DataFrame, contract: Contract) -> Keys:
    """What names each row by all that it holds."""
    rules = contract.table.model_copy(update={"primary_key": ()})
    plain = contract.model_copy(update={"table": rules})
    return row_keys(rows, rows, plain)[KEY].to_numpy(dtype="uint64")


def validate_part(
    part: RawPart,
    number: int,
    earlier: dict[str, Keys],
    *,
    contract: Contract,
    folder: str,
    ranges: int,
) -> Found:
    """Check a part of a raw table, and write its valid rows, each with its key."""
    raw = part.frame(contract)
    checked = check(raw, contract)
    again = {
        rule: found.index[found.isin(keys)]
        for rule, keys in earlier.items()
        for found in (_rule_keys(checked, rule, contract),)
    }
    checked = reject_more(checked, again, contract) if again else checked
    valid = checked.valid
    keys = row_keys(checked.raw, valid, contract)
    path = f"{folder}/valid/{number:06}.parquet"
    write_rows(with_keys(valid, keys), path)
    content = _content_keys(valid, contract)
    return Found(
        path=path,
        valid=len(valid),
        rejected=checked.rejected,
        prints=(fingerprint(raw), fingerprint(valid)),
        counts=row_counts(checked, contract),
        keys=write_keys(content, f"{folder}/{ROWS}/{number:06}.keys", ranges),
        unweighted=unweighted(checked, contract),
        checked=len(checked.columns),
        salary=last_salary(checked, contract),
    )


def drop_part(found: Found, known: Keys, *, contract: Contract) -> Found:
    """Leave out the valid rows of a part that repeat those of an earlier one."""
    rows = read_part(found.path).to_pandas()
    again = np.isin(_content_keys(split_keys(rows)[0], contract), known)
    if not again.any():
        return found
    kept = rows[~again].reset_index(drop=True)
    folder, _, name = found.path.rpartition("/valid/")
    path = f"{folder}/kept/{name}"  # the same again, if it is begun anew
    write_rows(kept, path)
    valid, dropped = split_keys(kept)[0], found.counts[REPEATED] + int(again.sum())
    counts = {"top_coded": count_top_coded(valid, contract), REPEATED: dropped}
    return replace(
        found,
        path=path,
        valid=len(valid),
        prints=(found.prints[0], fingerprint(valid)),
        counts={**found.counts, **counts},
    )


def _until_too_many(
    found: Iterable[Found], raw: RawTable, contract: Contract, folder: str
) -> Iterator[Found]:
    """Give parts as they come, as long as the table may still keep to the allowed share.

    So no more rejected rows come together than may be written, and those of one part.

    Raises:
        UserError: More are rejected already than may be of all rows; those lie in the folder.
    """
    rejected: list[pd.DataFrame] = []
    count = 0
    for number, part in enumerate(found, start=1):
        rejected.append(part.rejected)
        count += len(part.rejected)
        is_last = number == len(raw.parts)  # then the next node refuses them
        if count / len(raw) > contract.table.max_rejected_share and not is_last:
            _refuse_share(_below(rejected), raw, contract, f"{folder}/{REJECTED}")
        yield part


def _refuse_share(rejected: pd.DataFrame, raw: RawTable, contract: Contract, path: str) -> None:
    write_bytes(safe_frame(rejected).to_csv(index=False).encode(), path)
    first = rejected.iloc[0]
    raise UserError(
        f"at least {len(rejected):,} of {len(raw):,} rows break the contract, more than the "
        f"allowed share of {contract.table.max_rejected_share * 100:.15g}%, so no further "
        f"ones are sought: {path} lists each line so far with its reasons (first: "
        f"line {first['line']}, {first['reasons']}); correct the data, or contract.yml"
    )


def _refuse(found: Sequence[Found], contract: Contract) -> None:
    """Refuse what `validate_salaries` refuses of the whole table."""
    salary = LastSalary()
    for part in found:
        salary = part.salary.below(salary)
    refuse_summed(salary, contract)
    lines = pd.concat([part.unweighted for part in found])
    first = int(lines.iloc[0]) if len(lines) else 0
    refuse_unweighted(len(lines), sum(part.checked for part in found), first, contract)


def _below(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several tables of the same columns, of which most may be empty."""
    return pd.concat([part for part in parts if len(part)] or [parts[0]], ignore_index=True)


def _counted(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(total)


def clean_parts(
    valid_salaries: PartedTable, rejected_rows: pd.DataFrame, contract: Contract
) -> PartedTable:
    """What `clean_salaries` does; the rows stay where they are.

    Raises:
        UserError: As `clean_salaries`.
    """
    refuse_rejected(len(valid_salaries), rejected_rows, contract)
    return valid_salaries
