"""Which rows a model is trained on, and which it is examined on: split and cross-validation.

scikit-learn is imported where it is used: every command reads the parameters, which are here.
"""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from salary_kedro.contract import Category, Contract
from salary_kedro.contract.columns import Boolean
from salary_kedro.errors import UserError
from salary_kedro.modelling.progress import tell_progress
from salary_kedro.tables.frames import equal_rows
from salary_kedro.tables.row_keys import KEY, keyed_hashes

Places = NDArray[np.intp]
SPLIT = "data_engineering.split"
#: A field of fewer values is hardly one to split by.
FEW = 5


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ByGroup(_Frozen):
    """All rows with the same value of a field, such as one person's, are on one side."""

    group: str = Field(min_length=1)


class ByTime(_Frozen):
    """The latest rows are held out, by a field that holds dates or numbers."""

    time: str = Field(min_length=1)


Way = Literal["random", "stable"] | ByGroup | ByTime


def _read_way(value: Any) -> Any:
    if isinstance(value, ByGroup | ByTime) or value in ("random", "stable"):
        return value
    if isinstance(value, dict):
        # An environment's way stays beside that of --params, unless it is made null there.
        named = {key: field for key, field in value.items() if field is not None}
        known = ("group", "time")
        unknown = [str(key) for key in named if key not in known]
        if unknown and (close := difflib.get_close_matches(unknown[0], known, n=1)):
            raise ValueError(f"unknown key '{unknown[0]}'; did you mean '{close[0]}'?")
        fields = [field for field in named.values() if isinstance(field, str) and field]
        if len(named) == len(fields) == 1 and not unknown:
            return named
    raise ValueError(
        f"must be random, stable, {{group: FIELD}} or {{time: FIELD}} (found {str(value)[:60]!r}); "
        f"of two fields, make one null"
    )


class Splitting(_Frozen):
    """How the clean rows are split.

    Attributes:
        train_size: Share of the rows to train on, above 0 and below 1.
        random_state: Seed of the split.
        repeats: Whether rows that are equal in every column fall on one side, `together`, or
            each by itself, `apart`.
        split: `random`; `stable`, in which each row keeps its side as the table changes; by
            `group`, all rows of one on one side; or by `time`, the latest rows held out.
        strata: Into how many groups of equal size, by their target, the rows are put that a
            random split then divides alike, 2 to 1,000; None for no such groups.
        sample: How many of the training rows are trained on at most, drawn at random; None for
            all. With it, rows stay in the table's order.
    """

    train_size: float = Field(gt=0, lt=1)
    random_state: int = Field(ge=0, le=2**32 - 1)
    repeats: Literal["together", "apart"] = "apart"
    split: Annotated[Way, BeforeValidator(_read_way)] = "random"
    strata: int | None = Field(default=None, ge=2, le=1000)
    # Without one, a version's parameters are those that earlier releases recorded.
    sample: int | None = Field(default=None, ge=2, exclude_if=lambda rows: rows is None)

    @model_validator(mode="after")
    def _check_strata(self) -> "Splitting":
        if self.strata is not None and self.split != "random":
            raise ValueError("strata: only a random split has them; leave them out, as null")
        return self

    @property
    def way(self) -> Literal["random", "stable", "group", "time"]:
        """The split's name, without its field."""
        match self.split:
            case ByGroup():
                return "group"
            case ByTime():
                return "time"
            case name:
                return name

    @property
    def field(self) -> str | None:
        """The field that the rows are split by; None if there is none."""
        match self.split:
            case ByGroup(group=field) | ByTime(time=field):
                return field
        return None


class Fold(NamedTuple):
    """One fold of a cross-validation: places of the rows to fit and to score on."""

    repeat: int
    number: int
    fitted: Places
    scored: Places


def check_split(splitting: Splitting, contract: Contract) -> None:
    """Check that the field that rows are split by is there, and fit for it.

    Raises:
        UserError: It is not; says which fields are.
    """
    if splitting.field is None:
        return
    read = {column.name: column for column in contract.columns}
    where = f"{SPLIT}.{splitting.way}"
    weight = None if contract.weight is None else contract.weight.name
    unfit = {contract.target.name: "the target, what the model predicts", weight: "the weight"}
    column = None if splitting.field in unfit else read.get(splitting.field)
    if column is None:
        known = ", ".join(name for name in read if name not in unfit)
        what = unfit.get(splitting.field, "no field that the contract reads")
        raise UserError(
            f"{where}: '{splitting.field}' is {what}; it may be one of {known}, or a column that "
            f"contract.yml gives `use: split`"
        )
    if isinstance(splitting.split, ByTime) and isinstance(column, Category | Boolean):
        raise UserError(
            f"{where}: '{splitting.field}' is a {column.kind}, which has no time: name a field "
            f"of dates or numbers"
        )


def split_rows(
    rows: pd.DataFrame, keys: pd.DataFrame, target: str, splitting: Splitting
) -> tuple[Places, Places]:
    """Decide which rows to train on, and which to hold out.

    Args:
        rows: Clean rows.
        keys: Their names, `tables.row_keys`.
        target: Field of the target.
        splitting: How they are split.

    Returns:
        Places of training and holdout rows.

    Raises:
        UserError: If there are too few rows for both, or they lack what they are split by.
    """
    train, holdout = _sides(rows, keys, target, splitting)
    if splitting.sample is None:
        return train, holdout
    drawn: Places = np.sort(train)[draw_sample(len(train), splitting)]
    return drawn, np.sort(holdout)


def draw_sample(rows: int, splitting: Splitting) -> Places:
    """Places of those of so many training rows that are trained on, in their order.

    They depend on how many there are alone, and on the seed.
    """
    if splitting.sample is None or rows <= splitting.sample:
        return np.arange(rows)
    generator = np.random.default_rng(splitting.random_state)
    drawn = generator.choice(rows, splitting.sample, replace=False, shuffle=False)
    return np.asarray(np.sort(drawn), dtype=np.intp)


def _sides(
    rows: pd.DataFrame, keys: pd.DataFrame, target: str, splitting: Splitting
) -> tuple[Places, Places]:
    match splitting.split:
        case "stable":
            is_train = keeps_side(keys, splitting)
        case ByTime():
            is_train = _before_cut(_known(rows, splitting), splitting.train_size)
        case _:
            return _drawn(rows, target, splitting)
    refuse_one_side(int(is_train.sum()), len(rows), splitting)
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


def refuse_one_side(train: int, rows: int, splitting: Splitting) -> None:
    """Check that there are training rows, and others.

    Raises:
        UserError: If all rows are of one side.
    """
    if train in (0, rows):
        raise _too_few(rows, "rows", splitting)


def keeps_side(keys: pd.DataFrame, splitting: Splitting) -> NDArray[np.bool_]:
    """Of each row, whether its keyed hash, as a share of all hashes, is below `train_size`."""
    secret = f"split {splitting.random_state}".encode()
    hashes = keyed_hashes(keys[KEY].to_numpy(dtype=np.uint64), secret)
    return np.asarray(hashes / 2.0**64 < splitting.train_size)


def _before_cut(times: pd.Series, train_size: float) -> NDArray[np.bool_]:
    """Cut between two times, where the earlier rows' share is nearest to `train_size`."""
    shares = times.value_counts(normalize=True).sort_index().cumsum()[:-1]
    if shares.empty:
        raise UserError(
            f"{SPLIT}.time: all {len(times):,} rows have the same '{times.name}', so that none is "
            f"later than others: choose another split"
        )
    nearest = int((shares - train_size).abs().argmin())
    last, share = shares.index[nearest], float(shares.iloc[nearest])
    if share < train_size / 2 or 1 - share < (1 - train_size) / 2:
        raise UserError(
            f"{SPLIT}.time: of all cuts between two times, the one by '{times.name}' that is "
            f"nearest to {train_size:.0%} leaves {share:.0%} of the {len(times):,} rows to train "
            f"on: set data_engineering.train_size nearer to that, or choose another split"
        )
    return np.asarray(times <= last, dtype=bool)


def _drawn(rows: pd.DataFrame, target: str, splitting: Splitting) -> tuple[Places, Places]:
    """Draw which rows to train on, one draw for all that stay together."""
    numbers = _units(rows, splitting)
    units = int(numbers.max()) + 1 if len(rows) else 0
    if (splitting.strata or 0) > units // 2:
        raise _too_few(units, _noun(splitting), splitting)
    strata = _strata(rows[target], numbers, splitting.strata)
    train, holdout = draw_units(units, splitting, strata)
    if units == len(rows):
        return train, holdout
    places = pd.Series(range(len(rows)), index=numbers.to_numpy())
    return _rows_of(places, train), _rows_of(places, holdout)


def _rows_of(places: "pd.Series[int]", units: Places) -> Places:
    return np.asarray(places.loc[pd.Index(units)], dtype=np.intp)


def draw_units(
    units: int, splitting: Splitting, strata: Places | None = None
) -> tuple[Places, Places]:
    """Draw which of so many units, such as groups of rows, to train on, and which to hold out.

    Args:
        units: How many there are; they are numbered from 0.
        splitting: How they are drawn.
        strata: The group of each within which is drawn alike; None for no groups.

    Raises:
        UserError: If there are too few for both.
    """
    from sklearn.model_selection import train_test_split

    try:
        train, holdout = train_test_split(
            np.arange(units),
            train_size=splitting.train_size,
            random_state=splitting.random_state,
            stratify=strata,
        )
    except ValueError as error:
        raise _too_few(units, _noun(splitting), splitting) from error
    return train, holdout


def _strata(target: pd.Series, numbers: pd.Series, strata: int | None) -> Places | None:
    """The quantile group of each unit's target; None for none, as of a constant target."""
    if strata is None or target.nunique() < 2:
        return None
    by_unit = target.groupby(numbers.to_numpy()).mean()
    return np.asarray(pd.qcut(by_unit, strata, labels=False, duplicates="drop"), dtype=np.intp)


def _units(rows: pd.DataFrame, splitting: Splitting) -> pd.Series:
    """Number from 0 what stays together: rows of a group, or equal rows, or each row."""
    if isinstance(splitting.split, ByGroup):
        return pd.Series(pd.factorize(_known(rows, splitting))[0], index=rows.index)
    together = splitting.repeats == "together"
    return equal_rows(rows) if together else pd.Series(range(len(rows)))


def _known(rows: pd.DataFrame, splitting: Splitting) -> pd.Series:
    """The field that rows are split by, which none may lack."""
    field, way = str(splitting.field), splitting.way
    if field not in rows:
        raise UserError(f"{SPLIT}.{way}: the clean rows have no field '{field}'")
    refuse_missing(int(rows[field].isna().sum()), len(rows), splitting)
    return rows[field]


def refuse_missing(missing: int, rows: int, splitting: Splitting) -> None:
    """Check that no row lacks the field that they are split by.

    Raises:
        UserError: If some do; says how many.
    """
    if missing:
        raise UserError(
            f"{SPLIT}.{splitting.way}: {missing:,} of {rows:,} rows have no '{splitting.field}', "
            f"so that no side is theirs: give the column `required: true` in contract.yml, which "
            f"rejects them, or choose another split"
        )


def _too_few(count: int, noun: str, splitting: Splitting) -> UserError:
    if isinstance(splitting.split, ByGroup):
        return UserError(
            f"{SPLIT}.group: {count} {noun} cannot be split into {splitting.train_size:.0%} to "
            f"train on and a holdout: split by another field, or bring rows of more groups"
        )
    strata = f", each of {splitting.strata} strata" if splitting.strata else ""
    return UserError(
        f"data_engineering.train_size: {count} {noun} cannot be split into "
        f"{splitting.train_size:.0%} training rows and a holdout{strata}: bring more rows"
    )


def _noun(splitting: Splitting, rows: str = "rows") -> str:
    if splitting.field is not None:
        return f"different '{splitting.field}' among the {rows}"
    return f"different {rows}" if splitting.repeats == "together" else rows


def fold_rows(
    train: pd.DataFrame,
    splitting: Splitting,
    *,
    folds: int,
    repeats: int,
    random_state: int,
    asked_by: str = "data_science",
) -> Iterator[Fold]:
    """Fold training rows as they were split: by groups, forward in time, or at random.

    Forward in time, each fold is fitted on all times before those that it is scored on, of which
    each has the same number; the earliest are scored on in none, and nothing is repeated. Of few
    times there are as many folds as these allow. How many are done is logged if they take long.

    Args:
        train: The training rows.
        splitting: How they were split.
        folds: Number of folds, at least 2.
        repeats: How often the rows are shuffled and folded again.
        random_state: Seed of the shuffles.
        asked_by: Group of the parameters that holds how they are folded.

    Raises:
        UserError: If there are too few rows, groups or times.
    """
    from sklearn.model_selection import RepeatedKFold, TimeSeriesSplit

    if isinstance(splitting.split, ByTime):
        codes = pd.factorize(_known(train, splitting), sort=True)[0]
        folds = min(folds, max(2, codes.max(initial=-1)))
        _check_folds(folds, folds + 1, codes.max(initial=-1) + 1, splitting, asked_by)
        splitter: Any = TimeSeriesSplit(n_splits=folds)
    else:
        codes = _units(train, splitting).to_numpy()
        _check_folds(folds, folds, codes.max(initial=-1) + 1, splitting, asked_by)
        splitter = RepeatedKFold(n_splits=folds, n_repeats=repeats, random_state=random_state)
    units = range(codes.max() + 1)
    drawn = tell_progress(splitter.split(units), splitter.get_n_splits(units), "folds")
    for number, (fitted, scored) in enumerate(drawn):
        where = (np.flatnonzero(np.isin(codes, part)) for part in (fitted, scored))
        yield Fold(number // folds, number % folds, *where)


def _check_folds(folds: int, needed: int, units: int, splitting: Splitting, asked_by: str) -> None:
    if units < needed:
        can_lower = folds > 2 and units > needed - folds + 1
        way_out = "lower the folds" if can_lower else "choose another split"
        if splitting.field is not None and units < FEW:
            way_out = f"split by another field{', or lower the folds' if can_lower else ''}"
        raise UserError(
            f"{asked_by}.cross_validation.folds: {folds} folds need at least {needed} "
            f"{_noun(splitting, 'training rows')}, there are {units}: {way_out}, or bring more rows"
        )
