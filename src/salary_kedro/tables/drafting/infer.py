"""Drafts a contract from a table, for a person to edit."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract.columns import MAX_INTEGER, MAX_NUMBER, MAX_TEXT
from salary_kedro.contract.model import Contract, ContractError, CsvDialect
from salary_kedro.tables.csv_arguments import KNOWN_MISSING
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.sniff import (
    find_marks,
    find_missing,
    to_numbers,
    without_missing,
)

#: A column of at most so many texts, each in so many rows, gets a closed list.
MAX_LISTED, MIN_LISTED_ROWS = 20, 5
MIN_COUNT = 10
#: Yes and no are written in no more ways than this.
MAX_SPELLINGS = 12
#: Texts are no categories where more than this share of them is unique.
UNIQUE_SHARE = 0.5
IDENTIFIER_SHARE = 0.9
INDICATED_SHARE = 0.05
#: Rows by which a column may be found to be made from the target.
LEAK_ROWS, MIN_LEAK_ROWS, LEAK_CORRELATION = 20_000, 30, 0.9999
EMPTY = "It has no value in any row."
LONG = f"Free text: it has texts of more than {MAX_TEXT} characters."
LEAK = "It rises or falls exactly with the target, from which it seems to be made."
#: No person's text is shown as an example.
MADE_UP = "text"
TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S")
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
DATES = (*(day + time for day in DAYS for time in TIMES), "%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
COMPACT_DATE = "%Y%m%d"
YEARS = (1800, 2200)
YES = ("yes", "y", "true", "t", "1", "ja", "oui", "si", "sí", "sim", "да")
NO = ("no", "n", "false", "f", "0", "nein", "non", "no", "no", "não", "нет")
PAIRS = frozenset(zip(YES, NO, strict=True))


@dataclass(frozen=True)
class Facts:
    """What the rows of a table show about one column.

    Attributes:
        header: Its header in the file.
        rows: Rows of the table, missing values included.
        counts: Rows by distinct text, without missing ones.
        numbers: The distinct texts as numbers, shape (texts,); NaN where one is none.
    """

    header: str
    rows: int
    counts: "pd.Series[Any]"
    numbers: NDArray[np.float64]

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value, 0 to 1."""
        return 1 - int(self.counts.sum()) / self.rows if self.rows else 0.0

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers, and none is a code such as `0042`."""
        if not len(self.numbers) or np.isnan(self.numbers).any():
            return False
        return bool((np.abs(self.numbers) <= MAX_NUMBER).all()) and not self.has_codes

    @property
    def has_codes(self) -> bool:
        """Whether a number is written with a zero before it, as only codes are."""
        return bool(self.counts.index.str.fullmatch(r"0\d+").any())

    @property
    def unique_share(self) -> float:
        """Distinct texts by rows that have one."""
        return len(self.counts) / max(int(self.counts.sum()), 1)


@dataclass(frozen=True)
class ColumnDraft:
    """A proposed column.

    Attributes:
        keys: Its keys in the contract.
        missing_share: Share of the drafted rows without a value, 0 to 1.
        remarks: What the person who edits the draft should know.
    """

    keys: dict[str, Any]
    missing_share: float
    remarks: tuple[str, ...] = ()

    def ignored(self, why: str) -> "ColumnDraft":
        """The same column, left out."""
        return replace(self, keys={**self.keys, "use": "ignore"}, remarks=(why, *self.remarks))


@dataclass(frozen=True)
class Draft:
    """A proposed contract.

    Attributes:
        features: Its features, in the order of the file.
        target: Its target.
        table: Keys of its table.
        remarks: What the person who edits the draft should know about it as a whole.
    """

    features: tuple[ColumnDraft, ...]
    target: ColumnDraft
    table: dict[str, Any]
    remarks: tuple[str, ...] = field(default=())

    @property
    def contract(self) -> Contract:
        """The contract itself."""
        return Contract.model_validate(
            {
                "features": [column.keys for column in self.features],
                "target": self.target.keys,
                "table": self.table,
            }
        )


def draft_contract(texts: pd.DataFrame, dialect: CsvDialect, target: str | None = None) -> Draft:
    """Draft a contract from the rows of a table.

    Args:
        texts: Texts, under the file's headers; an empty text, a missing
            value and what pandas knows as one count as missing.
        dialect: How the file is written, as far as it is known; marks of numbers and of
            missing values are looked for.
        target: Header of the column to predict; None to find it by its header.

    Raises:
        ContractError: If there is no row, no target or nothing to learn from; says what
            to do.
    """
    if texts.empty:
        raise ContractError("the table has a header but no rows: bring at least one row of data")
    dialect, missing = _complete(texts, dialect)
    facts = [_look(header, texts[header], dialect, missing) for header in texts.columns]
    position = _find_target(facts, target)
    names = headers.field_names(fact.header for fact in facts)
    drafts = [_propose(fact, name) for fact, name in zip(facts, names, strict=True)]
    chosen = _as_target(facts[position], names[position])
    leaks = _made_from_target(texts, facts, position)
    features = [
        draft.ignored(LEAK) if draft.keys["column"] in leaks else draft
        for draft in drafts
        if draft.keys["column"] != facts[position].header
    ]
    return Draft(_with_input(features), chosen, _table(dialect, chosen), _about(texts, dialect))


def _complete(texts: pd.DataFrame, dialect: CsvDialect) -> tuple[CsvDialect, list[str]]:
    """Find how numbers and missing values are written."""
    known = [without_missing(texts[name].value_counts(), ()).index for name in texts.columns]
    decimal, thousands = find_marks(known, dialect.delimiter)
    found = dialect.model_copy(update={"decimal": decimal, "thousands": thousands})
    if missing := find_missing(known, found):
        found = found.model_copy(update={"missing": (*_usual_missing(texts), *missing)})
    return found, missing


def _usual_missing(texts: pd.DataFrame) -> list[str]:
    """Texts in the table that pandas reads as missing, but for empty ones."""
    found: set[str] = set()
    for name in texts.columns:
        found.update(texts[name][texts[name].isin(KNOWN_MISSING)].unique())
    return sorted(found)


def _about(texts: pd.DataFrame, dialect: CsvDialect) -> tuple[str, ...]:
    usual = _usual_missing(texts)
    if not usual or dialect.missing:
        return ()
    shown = ", ".join(usual)
    return (
        f"Cells that hold {shown} are read as missing; table.csv.missing can list other texts.",
    )


def _look(header: str, values: pd.Series, dialect: CsvDialect, missing: Sequence[str]) -> Facts:
    counts = without_missing(values.value_counts(), missing)
    counts.index = counts.index.astype("str")
    numbers = to_numbers(counts.index, dialect.decimal, dialect.thousands)
    return Facts(header, len(values), counts, numbers)


# --- The target ------------------------------------------------------------------------


def _find_target(facts: Sequence[Facts], target: str | None) -> int:
    numeric = [position for position, fact in enumerate(facts) if fact.is_numeric]
    shown = ", ".join(f"'{facts[position].header}'" for position in numeric) or "none"
    if target is not None:
        return _named_target(facts, target, numeric, shown)
    ranks = {position: headers.target_rank(facts[position].header) for position in numeric}
    named = {position: rank for position, rank in ranks.items() if rank is not None}
    best = [position for position, rank in named.items() if rank == min(named.values())]
    if len(best) == 1:
        return best[0]
    if not named and len(numeric) == 1:
        return numeric[0]
    if not numeric:
        raise ContractError(
            "no column holds numbers alone, so there is no salary to predict: is this a table, "
            "and are currency signs and words left out of its numbers?"
        )
    found = "no column" if not named else "more than one column"
    raise ContractError(
        f"{found} sounds like the salary to predict; the columns of numbers are {shown}: name one "
        f"with --target COLUMN (a number has no currency sign)"
    )


def _named_target(facts: Sequence[Facts], target: str, numeric: list[int], shown: str) -> int:
    position = next((i for i, fact in enumerate(facts) if fact.header == target), None)
    if position is None:
        known = ", ".join(f"'{fact.header}'" for fact in facts)
        raise ContractError(f"--target '{target}' is no column of the table; it has {known}")
    if position not in numeric:
        raise ContractError(
            f"--target '{target}' does not hold numbers alone, and only numbers can be predicted; "
            f"the columns of numbers are {shown}: take out currency signs and words"
        )
    return position


def _as_target(fact: Facts, name: str) -> ColumnDraft:
    low, high = float(fact.numbers.min()), float(fact.numbers.max())
    currency, period = headers.pay_of(fact.header)
    lower, _, _ = _with_head_room(low, high, whole=False)
    example = float(f"{np.median(fact.numbers):.2g}")  # so rounded, it is nobody's salary
    bounds = {"exclusive_minimum": 0} if low > 0 else {"minimum": 0 if low == 0 else lower}
    unit = f"{currency or 'currency units'}{f' a {period}' if period else ''}"
    keys = {
        **_names(fact, name),
        "kind": "number",
        "unit": unit,
        "currency": currency,
        "period": period,
        **bounds,
        "log_scale": False,
        "example": example if example > 0 or low <= 0 else high,
    }
    remarks = ["What the model predicts."]
    asked = {"currency (three letters)": currency, "period": period}
    if lacking := [what for what, found in asked.items() if not found]:
        remarks.append(f"Say which {' and '.join(lacking)} it is in.")
    return ColumnDraft(keys, fact.missing_share, tuple(remarks))


def _table(dialect: CsvDialect, target: ColumnDraft) -> dict[str, Any]:
    """Keys of the table; rows without a target are rejected, and must be allowed to be."""
    lacking = math.ceil(target.missing_share * 100 + 1) / 100 if target.missing_share else 0
    share = min(max(0.05, lacking), 1)
    return {
        "max_rejected_share": share,
        "duplicates": "keep",
        "csv": dialect.model_dump(mode="json", exclude_none=True),
    }


def _made_from_target(texts: pd.DataFrame, facts: Sequence[Facts], position: int) -> frozenset[str]:
    """Headers of the columns of numbers that have the target's very order."""
    if len(texts) < MIN_LEAK_ROWS:
        return frozenset()
    head = texts.head(LEAK_ROWS)
    ranks = {
        fact.header: head[fact.header].map(_by_text(fact)).rank()
        for fact in facts
        if fact.is_numeric and len(fact.counts) >= MIN_LEAK_ROWS
    }
    if (own := facts[position].header) not in ranks:
        return frozenset()
    alike = pd.DataFrame(ranks).corrwith(ranks[own]).abs()
    return frozenset(alike.index[alike > LEAK_CORRELATION]) - {own}


def _by_text(fact: Facts) -> "pd.Series[Any]":
    return pd.Series(fact.numbers, index=fact.counts.index)


# --- Features --------------------------------------------------------------------------


def _propose(fact: Facts, name: str) -> ColumnDraft:
    keys, remarks = _describe(fact)
    required = fact.missing_share == 0
    keys = {**_names(fact, name), **keys, "required": required, "use": "feature"}
    if not required and keys["kind"] != "category":
        keys["missing"] = "indicate" if fact.missing_share > INDICATED_SHARE else "impute"
    draft = ColumnDraft(keys, fact.missing_share, remarks)
    if why := _useless(fact, keys["kind"]):
        return draft.ignored(why)
    if headers.is_sensitive(fact.header):
        kept = "Sensitive: kept for reports by group, and never learned from."
        return replace(draft, keys={**keys, "use": "audit"}, remarks=(kept, *remarks))
    if headers.is_age(fact.header):
        told = 'Many laws protect age: use "audit" keeps it from the model.'
        return replace(draft, remarks=(told, *remarks))
    return draft


def _names(fact: Facts, name: str) -> dict[str, Any]:
    label = headers.label_of(fact.header, name)
    return {"column": fact.header, "name": name, "label": label, "help": ""}


def _useless(fact: Facts, kind: str) -> str | None:
    """Why a column is left out; None if it may be learned from."""
    if fact.counts.empty:
        return EMPTY
    reasons = {
        "It has the same value in every row.": len(fact.counts) == 1 and fact.missing_share == 0,
        LONG: int(fact.counts.index.str.len().max()) > MAX_TEXT,
        "It tells who somebody is.": headers.is_personal(fact.header),
        "It numbers the rows.": kind == "integer" and _numbers_the_rows(fact),
        "Nearly every row has a text of its own.": kind == "category"
        and fact.unique_share > UNIQUE_SHARE,
    }
    return next((why for why, holds in reasons.items() if holds), None)


def _numbers_the_rows(fact: Facts) -> bool:
    if headers.is_identifier(fact.header):
        return fact.unique_share > IDENTIFIER_SHARE
    consecutive = np.ptp(fact.numbers) == len(fact.numbers) - 1
    return fact.rows >= MIN_LEAK_ROWS and fact.unique_share == 1 and bool(consecutive)


def _describe(fact: Facts) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Kind, values and example of a column, and remarks."""
    if keys := _as_boolean(fact):
        return keys, ()
    if dates := _as_date(fact):
        return dates
    if fact.is_numeric:
        return _as_number(fact), ()
    return _as_category(fact), ()


def _as_boolean(fact: Facts) -> dict[str, Any] | None:
    if len(fact.counts) > MAX_SPELLINGS:
        return None
    lowered = fact.counts.index.str.lower()
    pairs = [pair for pair in PAIRS if set(lowered) == set(pair)]
    if not pairs:
        return None
    texts = fact.counts.index
    yes = lowered == pairs[0][0]
    return {
        "kind": "boolean",
        "true_values": sorted(texts[yes]),
        "false_values": sorted(texts[~yes]),
        "example": bool(fact.counts[yes].sum() > fact.counts[~yes].sum()),
    }


def _as_date(fact: Facts) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    texts = fact.counts.index
    compact = fact.is_numeric and bool(texts.str.fullmatch(r"\d{8}").all())
    formats = (COMPACT_DATE,) if compact else () if fact.is_numeric else DATES
    fitting = list(_fitting(texts, formats))
    if not fitting:
        return None
    days = pd.to_datetime(texts, format=fitting[0])
    start, end = date(_year(days.year.min(), -1), 1, 1), date(_year(days.year.max(), 1), 12, 31)
    middle = date((start.year + end.year) // 2, 7, 1)
    keys = {"kind": "date", "format": fitting[0], "minimum": start, "maximum": end}
    other = [f"'{way}'" for way in fitting[1:]]
    remark = f"Day and month are ambiguous: {', '.join(other)} would fit as well; check format."
    return {**keys, "example": middle}, (remark,) if other else ()


def _fitting(texts: pd.Index, formats: Iterable[str]) -> Iterable[str]:
    """The formats by which all texts are days of a likely year."""
    for way in formats if len(texts) else ():
        if pd.to_datetime(texts[:20], format=way, errors="coerce").isna().any():
            continue
        days = pd.to_datetime(texts, format=way, errors="coerce")
        if days.notna().all() and days.year.min() >= YEARS[0] and days.year.max() <= YEARS[1]:
            yield way


def _year(year: int, step: int) -> int:
    return int(year) + step


def _as_number(fact: Facts) -> dict[str, Any]:
    low, high = float(fact.numbers.min()), float(fact.numbers.max())
    is_whole = bool((fact.numbers == np.floor(fact.numbers)).all())
    whole = is_whole and max(abs(low), abs(high)) <= MAX_INTEGER
    lower, upper, example = _with_head_room(low, high, whole=whole)
    return {
        "kind": "integer" if whole else "number",
        "unit": headers.unit_of(fact.header),
        "minimum": lower,
        "maximum": upper,
        "example": example,
    }


def _with_head_room(low: float, high: float, *, whole: bool) -> tuple[float, float, float]:
    """Round bounds about a tenth of the range away, and a round value between them.

    The lower one is not below 0 where no value is.
    """
    limit = MAX_INTEGER if whole else MAX_NUMBER
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span)) / 2
    step = max(1.0, math.floor(step)) if whole else step
    if step < 1e-300 or not math.isfinite((abs(low) + abs(high)) / step):
        return low, high, low
    lower = _round_to(low - span / 10, step, math.floor)
    lower = max(lower, 0.0 if low >= 0 else -limit)
    upper = min(_round_to(high + span / 10, step, math.ceil), limit)
    middle = _round_to((low + high) / 2, step, round)
    lower, upper = min(lower, low), max(upper, high)
    return lower, upper, middle if lower <= middle <= upper else low


def _round_to(value: float, step: float, rounded: Any) -> float:
    return float(f"{rounded(value / step) * step:.12g}")


def _as_category(fact: Facts) -> dict[str, Any]:
    counts = fact.counts
    is_short = counts.index.str.len() <= MAX_TEXT
    common = counts[(counts >= MIN_LISTED_ROWS) & is_short]
    listed = 0 < len(counts) <= MAX_LISTED and len(common) == len(counts)
    categories: Any = sorted(counts.index) if listed else {"min_count": MIN_COUNT}
    example = str(common.idxmax()) if len(common) else MADE_UP
    return {"kind": "category", "categories": categories, "example": example}


def _with_input(features: Sequence[ColumnDraft]) -> tuple[ColumnDraft, ...]:
    """Use the least unsuited column where none is left to learn from.

    Raises:
        ContractError: If there is no column beside the target that could be used.
    """
    if any(draft.keys["use"] == "feature" for draft in features):
        return tuple(features)
    usable = [draft for draft in features if _may_be_used(draft)]
    if not usable:
        raise ContractError(
            "the table has no column to predict the target from: bring at least one more, with "
            "values that differ from row to row"
        )
    kept = min(usable, key=lambda draft: draft.keys["use"] != "audit")
    remark = "Used all the same: there is no better column to learn from."
    used = replace(kept, keys={**kept.keys, "use": "feature"}, remarks=(*kept.remarks, remark))
    return tuple(used if draft is kept else draft for draft in features)


def _may_be_used(draft: ColumnDraft) -> bool:
    return LONG not in draft.remarks and EMPTY not in draft.remarks


def soften(draft: Draft, column: str) -> Draft:
    """Take a column that its own rows break for texts; a category, that does not help, is ignored.

    Args:
        draft: The draft that was tried on its table.
        column: Header of the column.
    """
    changed = tuple(
        _softened(feature) if feature.keys["column"] == column else feature
        for feature in draft.features
    )
    return replace(draft, features=_with_input(changed))


def _softened(feature: ColumnDraft) -> ColumnDraft:
    keys = feature.keys
    if keys["kind"] == "category":
        return feature.ignored("Its values cannot be read as categories.")
    plain = {key: keys[key] for key in ("column", "name", "label", "help", "use")}
    texts = {"kind": "category", "categories": {"min_count": MIN_COUNT}, "required": False}
    remark = f"Looked like a {keys['kind']}, but not all of its cells are."
    return replace(feature, keys={**plain, **texts, "example": MADE_UP}, remarks=(remark,))
