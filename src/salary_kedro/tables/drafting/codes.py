"""Recognises codes that stand for no value among numbers, and values that were cut off."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.tables.drafting.spellings import holds_number

#: What people write for a missing number.
MISSING_WORDS = frozenset(
    {
        *("?", "-", "--", "–", "—", ".", "..", "*", "n.a.", "n.d.", "k.a.", "k. a.", "n/v"),
        *("unknown", "missing", "not provided", "not available", "not applicable", "not reported"),
        *("not disclosed", "undisclosed", "not stated", "not specified", "unspecified", "tbd"),
        *("confidential", "withheld", "suppressed", "refused", "refusal", "no answer"),
        *("don't know", "dont know", "do not know", "prefer not to say", "prefer not to answer"),
        *("keine angabe", "unbekannt", "s/d", "inconnu", "non renseigné", "sin datos", "#", "x"),
    }
)
#: Other words are taken for missing numbers where so many cells are numbers, and words so few.
WORDS_BESIDE, MAX_WORDS = 0.8, 5
#: Distinct texts that are looked at to tell whether a column may hold numbers.
WORDED = 50
#: Numbers that survey archives use for a refusal, for "don't know" and the like.
CODE = re.compile(r"-[1-9]|-?([789])\1+|-?9+[678]|-?7777?")
#: A code is so many times as large as the other values.
FAR = 1.5
#: Distinct other values from which on they tell what is far. Among fewer, in so many rows, only
#: sure codes count: from -7 down, or of two digits beside small numbers.
MIN_OTHERS, MIN_ROWS = 5, 5
SURE, SMALL = -7, 20
#: One digit is a code where scales end well below it; nobody can tell without asking.
DIGITS, SCALE = ("7", "8", "9"), 5
#: Share of the rows at a maximum, and how much more frequent it is than values near it.
CUT_SHARE, CUT_TIMES, CUT_NEIGHBOURS, MIN_CUT_VALUES = 0.01, 3, 10, 20


def missing_words(counts: "pd.Series[Any]") -> tuple[str, ...]:
    """Words that stand for missing values in what else is a column of numbers.

    Args:
        counts: Rows by distinct text, without texts that are missing anyway.
    """
    first = counts.index[:WORDED]
    if not any(map(holds_number, first)):
        return ()
    worded = [text for text in counts.index.tolist() if not any(map(str.isdigit, text))]
    known = [text for text in worded if text.strip().casefold() in MISSING_WORDS]
    others = [text for text in worded if text not in known]
    numbers = int(counts.sum() - counts[worded].sum())
    few = len(worded) <= MAX_WORDS and numbers >= WORDS_BESIDE * counts.sum()
    repeated = any(counts[text] > 1 for text in others)
    return tuple(sorted(worded if others and few and (repeated or known) else known))


def missing_codes(
    counts: "pd.Series[Any]", numbers: NDArray[np.float64], labelled: Sequence[str]
) -> tuple[str, ...]:
    """Numbers that stand for missing values: apart from all others, and written as codes are.

    Args:
        counts: Rows by distinct text, without texts that are missing anyway.
        numbers: The texts as numbers, shape (texts,); NaN where one is none.
        labelled: Texts of numbers that the file itself labels.
    """
    texts = [text for text in counts.index.tolist() if CODE.fullmatch(text) or text in labelled]
    is_code = np.asarray(counts.index.isin(texts)) & ~np.isnan(numbers)
    others = ~is_code & ~np.isnan(numbers)
    if not is_code.any() or counts[others].sum() < MIN_ROWS:
        return ()
    low, high = float(numbers[others].min()), float(numbers[others].max())
    apart = ((numbers < 0) & (low >= 0)) | ((numbers >= FAR * high) & (high > 0))
    if others.sum() < MIN_OTHERS:
        apart &= (numbers <= SURE) | ((numbers > 0) & (high <= SMALL))
    kept = is_code & apart & (counts.to_numpy() > 1)
    single = is_code & apart & ((np.abs(numbers) >= 5 * high) | counts.index.isin(labelled))
    return tuple(sorted(counts.index[kept | single]))


def possible_codes(counts: "pd.Series[Any]", numbers: NDArray[np.float64]) -> tuple[str, ...]:
    """Texts of one digit that may be codes: `9` beside a scale from 1 to 4.

    Args:
        counts: Rows by distinct text, without texts that mean no value.
        numbers: The texts as numbers, shape (texts,); NaN where one is none.
    """
    is_code = np.asarray(counts.index.isin(DIGITS)) & (counts.to_numpy() > 1)
    others = numbers[~is_code & ~np.isnan(numbers)]
    if not is_code.any() or len(others) < 2 or others.min() < 0 or others.max() > SCALE:
        return ()
    if (others != np.floor(others)).any():
        return ()
    return tuple(sorted(counts.index[is_code & (numbers >= FAR * others.max())]))


def cut_off(counts: "pd.Series[Any]", numbers: NDArray[np.float64]) -> tuple[float, int] | None:
    """The value at which higher ones were cut off, and its rows; None if none were.

    Args:
        counts: Rows by distinct text.
        numbers: The texts as numbers, shape (texts,); NaN where one is none.
    """
    rows = pd.Series(counts.to_numpy(), index=numbers).groupby(level=0).sum()
    if len(rows) < MIN_CUT_VALUES:
        return None
    top, below = int(rows.iloc[-1]), rows.iloc[-1 - CUT_NEIGHBOURS : -1]
    if top <= CUT_SHARE * rows.sum() or top < CUT_TIMES * max(int(below.max()), 1):
        return None
    return float(rows.index[-1]), top


def code_remarks(
    missing: Sequence[str],
    possible: Sequence[str],
    counts: "pd.Series[Any]",
    labelled: Sequence[str],
) -> Iterator[str]:
    """What the person who edits the draft should know of the codes of a column.

    Args:
        missing: Texts that are proposed to mean no value.
        possible: Texts that may mean no value.
        counts: Rows by distinct text, these included.
        labelled: Texts of numbers that the file itself labels.
    """
    if shown := _with_shares(missing, counts):
        verb = "means" if len(missing) == 1 else "mean"
        yield f"{shown} {verb} no value here: see `missing_values`."
    if shown := _with_shares(possible, counts):
        are = "stands" if len(possible) == 1 else "stand"
        listed = ", ".join(f'"{text}"' for text in possible)
        yield (
            f"{shown} {are} apart from the other numbers: if that means no answer, add "
            f"`missing_values: [{listed}]`."
        )
    decided = (*missing, *possible)
    others = [text for text in labelled if text in counts.index and text not in decided]
    if others:
        quoted = ", ".join(f"'{text}'" for text in others)
        yield f"The file labels {quoted}: if that is no amount, add it to `missing_values`."


def _with_shares(texts: Sequence[str], counts: "pd.Series[Any]") -> str:
    """Texts, each with its share of the rows that have one."""
    cells = int(counts.sum())
    return ", ".join(f"'{text}' ({counts[text] / cells:.1%})" for text in texts)
