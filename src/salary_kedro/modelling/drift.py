"""Whether requests are distributed as the training rows were, by more than chance explains.

Counts are compared by the population stability index (PSI; Yurdakul 2018, Statistical Properties of
Population Stability Index, Western Michigan University), numbers also by how far they are shifted.
Fixed bounds for it, such as 0.1 and 0.2, mean nothing without the numbers of rows: without any
drift it is about (bins - 1) (1/n + 1/m), 0.3 of 28 rows and 10 bins. So what chance gives is
drawn: the shares that the n training rows came from follow a Dirichlet distribution (of bins
that are cut at their own quantiles exactly so: Wilks 1962, Mathematical Statistics, 7.7), and the m
requests are a draw from those. The p-values of all fields are adjusted by Holm (1979,
Scandinavian Journal of Statistics 6). Where rows are countless, chance explains next to nothing, so
that a difference must also be large enough to matter.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from salary_kedro.bundle.profile import CategoryProfile, NumberProfile
from salary_kedro.modelling.profile import count_numbers

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]
Verdict = Literal["shifted", "other", "small", "quiet", "unknown"]
#: Verdicts on a field that count as drift.
DRIFTED: tuple[Verdict, ...] = ("shifted", "other")

#: Cells beside bins and categories.
NO_VALUE, OTHERS = "(no value)", "(any other)"
SEED = 234
#: Draws of what chance gives, at least; and for each p-value at the smallest bound of Holm.
MIN_DRAWS, DRAWS_BELOW = 9_999, 20
#: No more than so many, but so many for each p-value there.
MAX_DRAWS, LEAST_BELOW = 200_000, 4
#: Numbers that are drawn at once.
CHUNK = 1_000_000
#: Rows that each cell counts as having more than it has, on both sides: Jeffreys' prior.
FLOOR = 0.5
#: Chance that a shift is found of the size that is told as the smallest which can be.
POWER = 0.8


@dataclass(frozen=True)
class Baseline:
    """What is compared with: training rows by cell.

    Attributes:
        names: What each cell holds, for people.
        counts: Rows of each.
        bins: How many of the cells, the first ones, are bins of a number, ascending; 0 for none,
            and of a number that had one value.
    """

    names: tuple[str, ...]
    counts: Counts
    bins: int = 0


@dataclass(frozen=True)
class Thresholds:
    """What counts as drift.

    Attributes:
        false_alarms: Share of reports that may find any without there being any.
        least_shift: The smallest shift that matters, in standard deviations of training.
        least_psi: By how much PSI must exceed what chance gives on average to matter.
        least_rows: Fewer requests, or training rows, are not judged.
    """

    false_alarms: float
    least_shift: float
    least_psi: float
    least_rows: int


@dataclass(frozen=True)
class Finding:
    """How a field of the requests compares.

    Attributes:
        verdict: `shifted`: a number is higher or lower; `other`: its values are spread otherwise;
            `small`: one of these by more than chance, but too little to matter; `quiet`: no more
            than chance explains; `unknown`: too few rows, or nothing to compare.
        rows: Requests that were compared.
        psi: PSI of the cells.
        chance_psi: What it is on average without any drift.
        p_psi: How often chance gives so much; adjusted for the number of comparisons.
        shift: By how many standard deviations a normal number would have moved whose bins shift
            so; positive for a higher one. A single value counts no more than its bin does, and
            beyond the outer bins nothing does. NaN of what is no number.
        p_shift: How often chance shifts the ranks so far, likewise; NaN of what is no number.
        detectable: The smallest shift that would mostly be found; NaN of what is no number.
        names: What each cell holds.
        baseline: Share of the training rows in each cell.
        requests: Share of the requests.
    """

    verdict: Verdict
    rows: int
    psi: float = math.nan
    chance_psi: float = math.nan
    p_psi: float = math.nan
    shift: float = math.nan
    p_shift: float = math.nan
    detectable: float = math.nan
    names: tuple[str, ...] = ()
    baseline: tuple[float, ...] = ()
    requests: tuple[float, ...] = ()


def say_number(value: float) -> str:
    """An end of a bin, for people."""
    return f"{value:.6g}"


def number_cells(
    profile: NumberProfile, values: Numbers, say: Callable[[float], str] = say_number
) -> tuple[Baseline, Counts]:
    """Count numbers by the bins of a profile, and those without a value beside them.

    Args:
        profile: How the number was distributed in training.
        values: What was asked, NaN for a missing value; these are left out where training had so
            few of them that it does not tell how many.
        say: Writes the end of a bin for people.
    """
    known = values[np.isfinite(values)]
    bins = 0 if _is_one_value(profile) else len(profile.counts)
    names, counts = bin_names(profile, say), [*profile.counts]
    asked = count_numbers(known, profile.edges).tolist()
    missing = len(values) - len(known)
    if profile.missing is not None and (profile.missing or missing):
        names, counts, asked = [*names, NO_VALUE], [*counts, profile.missing], [*asked, missing]
    return Baseline(tuple(names), np.array(counts), bins), np.array(asked)


def text_cells(profile: CategoryProfile, texts: pd.Series) -> tuple[Baseline, Counts]:
    """Count texts by the categories of a profile: the common ones, no value, all others.

    Args:
        profile: How often each came in training.
        texts: What was asked.
    """
    tally, missing = texts.value_counts(), int(texts.isna().sum())
    cells = {name: (rows, int(tally.get(name, 0))) for name, rows in profile.categories.items()}
    others = len(texts) - sum(asked for _, asked in cells.values())
    if profile.missing is not None:
        others -= missing
        if profile.missing or missing:
            cells[NO_VALUE] = (profile.missing, missing)
    if profile.others or others or len(cells) < 2:
        cells[OTHERS] = (profile.others, others)
    known, asked = np.array([*cells.values()], dtype=np.int64).reshape(-1, 2).T
    return Baseline(tuple(cells), known), asked


def bin_names(profile: NumberProfile, say: Callable[[float], str] = say_number) -> list[str]:
    """What each bin of a number holds, for people."""
    ends = [say(edge) for edge in profile.edges]
    if _is_one_value(profile):
        return [f"below {ends[-1]}", ends[-1], f"above {ends[-1]}"]
    between = [f"{low} to {high}" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}", *between, f"above {ends[-1]}"] if ends else ["any number"]


def _is_one_value(profile: NumberProfile) -> bool:
    """Whether all rows of training count as having one value, which the last edge is."""
    return len(profile.counts) == 3 and profile.counts[0] == profile.counts[2] == 0


def psi(baseline: Counts, requests: Counts) -> Numbers:
    """The population stability index of counts by cell, shape (..., cells).

    No cell is empty: each has half a row more.
    """
    expected, found = _shares(baseline), _shares(requests)
    total: Numbers = ((found - expected) * np.log(found / expected)).sum(axis=-1)
    return total


def compare(
    fields: Mapping[str, tuple[Baseline, Counts]], thresholds: Thresholds
) -> dict[str, Finding]:
    """Judge all fields of one report together.

    Args:
        fields: What was learned of each, and what was asked.
        thresholds: What counts as drift.
    """
    known = {name: pair for name, pair in fields.items() if _is_comparable(*pair, thresholds)}
    tests = sum(1 + _has_order(pair[0]) for pair in known.values())
    draws = _draws(tests / thresholds.false_alarms)
    found = {name: Finding("unknown", int(pair[1].sum())) for name, pair in fields.items()}
    for place, (name, pair) in enumerate(known.items()):
        measured = _measure(*pair, draws, np.random.default_rng([SEED, place]))
        found[name] = replace(measured, detectable=_detectable(*pair, tests, thresholds))
    adjusted = iter(holm([p for name in known for p in _p_values(found[name])]))
    for name in known:
        p_psi, is_number = next(adjusted), not math.isnan(found[name].p_shift)
        p_shift = next(adjusted) if is_number else math.nan
        all_together = replace(found[name], p_psi=p_psi, p_shift=p_shift)
        found[name] = replace(all_together, verdict=_judge(all_together, thresholds))
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, so that the smallest of them is one all together."""
    order = np.argsort(p_values, kind="stable")
    adjusted, so_far = np.zeros(len(p_values)), 0.0
    for place, index in enumerate(order):
        so_far = max(so_far, (len(p_values) - place) * p_values[index])
        adjusted[index] = min(1.0, so_far)
    return [float(value) for value in adjusted]


def _draws(strictness: float) -> int:
    """How many draws tell p-values apart at the smallest bound, which is 1 / strictness."""
    most = max(MAX_DRAWS, math.ceil(LEAST_BELOW * strictness))
    return min(most, max(MIN_DRAWS, math.ceil(DRAWS_BELOW * strictness)))


def _is_comparable(baseline: Baseline, asked: Counts, thresholds: Thresholds) -> bool:
    is_there = len(baseline.counts) > 1 and bool(baseline.counts.any())
    return is_there and int(asked.sum()) >= thresholds.least_rows


def _has_order(baseline: Baseline) -> bool:
    return baseline.bins > 1


def _p_values(finding: Finding) -> list[float]:
    return [finding.p_psi, *([] if math.isnan(finding.p_shift) else [finding.p_shift])]


def _measure(baseline: Baseline, asked: Counts, draws: int, random: np.random.Generator) -> Finding:
    """Compare one field, with p-values that are not adjusted yet."""
    rows, found = int(asked.sum()), float(psi(baseline.counts, asked))
    scores = _scores(baseline) if _has_order(baseline) else np.empty(0)
    chunks = [*_by_chance(baseline, rows, scores, draws, random)]
    by_chance, moved = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    p_shift = math.nan
    if len(scores):
        p_shift = _two_sided(_mean_score(asked[None], scores)[0], moved)
    return Finding(
        verdict="quiet",
        rows=rows,
        psi=found,
        chance_psi=float(by_chance.mean()),
        p_psi=_share_beyond(by_chance >= found),
        shift=_shift(baseline, asked),
        p_shift=p_shift,
        names=baseline.names,
        baseline=tuple((baseline.counts / baseline.counts.sum()).tolist()),
        requests=tuple((asked / rows).tolist()),
    )


def _by_chance(
    baseline: Baseline, rows: int, scores: Numbers, draws: int, random: np.random.Generator
) -> Iterator[tuple[Numbers, Numbers]]:
    """PSI and mean scores of draws without drift, a chunk at a time."""
    size = max(1, CHUNK // len(baseline.counts))
    for start in range(0, draws, size):
        shares = random.dirichlet(baseline.counts + FLOOR, min(size, draws - start))
        drawn = random.multinomial(rows, shares)
        yield psi(baseline.counts, drawn), _mean_score(drawn, scores)


def _shares(counts: Counts) -> Numbers:
    floored = counts.astype(np.float64) + FLOOR
    shares: Numbers = floored / floored.sum(axis=-1, keepdims=True)
    return shares


def _scores(baseline: Baseline) -> Numbers:
    """Normal scores of the bins, by their middle ranks (van der Waerden 1952)."""
    shares = _shares(baseline.counts[: baseline.bins])
    scores: Numbers = ndtri(np.cumsum(shares) - shares / 2)
    return scores


def _mean_score(counts: Counts, scores: Numbers) -> Numbers:
    """Mean score of the rows in bins, of each draw; 0 where there are none."""
    binned = counts[:, : len(scores)]
    means: Numbers = binned @ scores / np.maximum(binned.sum(axis=1), 1)
    return means


def _two_sided(found: float, by_chance: Numbers) -> float:
    below, above = _share_beyond(by_chance <= found), _share_beyond(by_chance >= found)
    return min(1.0, 2 * min(below, above))


def _share_beyond(is_beyond: NDArray[np.bool_]) -> float:
    """A p-value of draws, never 0 (Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9)."""
    return float((1 + is_beyond.sum()) / (1 + len(is_beyond)))


def _shift(baseline: Baseline, asked: Counts) -> float:
    """By how many standard deviations a normal number with these bins has moved, if not far.

    That is by how much the mean score has, over by how much it does of one standard deviation.
    """
    if not _has_order(baseline):
        return math.nan
    scores, shares = _scores(baseline), _shares(baseline.counts[: baseline.bins])
    ends = ndtri(np.cumsum(shares)[:-1])
    heights = np.exp(-(ends**2) / 2) / math.sqrt(2 * math.pi)
    slope = float(np.diff(scores) @ heights)
    counted = np.stack([asked, baseline.counts])
    after, before = _mean_score(counted, scores)
    return float(after - before) / slope


def _detectable(baseline: Baseline, asked: Counts, tests: int, thresholds: Thresholds) -> float:
    """The shift of a normal number that is found in 80 of 100 reports, all others being quiet."""
    if not _has_order(baseline):
        return math.nan
    sides = ndtri(1 - thresholds.false_alarms / tests / 2) + ndtri(POWER)
    rows = 1 / baseline.counts.sum() + 1 / asked.sum()
    return max(thresholds.least_shift, float(sides * math.sqrt(rows)))


def _judge(finding: Finding, thresholds: Thresholds) -> Verdict:
    is_shifted = finding.p_shift <= thresholds.false_alarms
    is_other = finding.p_psi <= thresholds.false_alarms
    if is_shifted and abs(finding.shift) >= thresholds.least_shift:
        return "shifted"
    if is_other and finding.psi - finding.chance_psi >= thresholds.least_psi:
        return "other"
    return "small" if is_shifted or is_other else "quiet"
