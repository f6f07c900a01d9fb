"""Recognises columns that tell who people are: what no salary should depend on."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.vocabulary import (
    BEGINNINGS,
    BORN,
    COLOURS,
    CORE_VALUES,
    DATES,
    ENDS,
    EXEMPT,
    LANGUAGES,
    PLACES,
    STEMS,
    TRAITS,
    VALUES,
)

#: A column's texts tell what it is if they are known words in so many of its rows.
KNOWN_SHARE = 0.9
#: Two columns may be compared by so many rows, and are only by so many.
MIN_ROWS, MAX_ROWS = 30, 20_000
#: Groups that a column may part people into.
MAX_GROUPS = 30


def trait_of(fact: Facts) -> str | None:
    """What a column tells about people that must not be learned from, such as "sex"; or None."""
    return _by_header(fact.header) or _by_values(fact)


def _by_header(header: str) -> str | None:
    found = headers.words(header)
    forms = set(_forms(found))
    for trait, known in TRAITS.items():
        named = forms & known or any(stem in form for stem in STEMS[trait] for form in forms)
        named = named or any(form.endswith(ENDS.get(trait, ())) for form in forms)
        if named and not EXEMPT[trait] & set(found):
            return trait
    if not (BORN & set(found) or any(word.startswith(BEGINNINGS) for word in found)):
        return None
    return "origin" if PLACES & set(found) else "age" if DATES & set(found) else None


def _forms(found: Sequence[str]) -> Iterator[str]:
    """The words of a header, and neighbours written together, also without numbers at the end."""
    for form in (*found, *map("".join, itertools.pairwise(found)), "".join(found)):
        yield form
        yield form.rstrip("0123456789")


def _by_values(fact: Facts) -> str | None:
    if (
        fact.counts.empty
        or len(fact.counts) > MAX_GROUPS
        or COLOURS & set(headers.words(fact.header))
    ):
        return None
    rows = int(fact.counts.sum())
    needed = 1 if LANGUAGES & set(headers.words(fact.header)) else 2
    plain = fact.counts.groupby(fact.counts.index.map(_plain)).sum()
    is_place = bool(PLACES & set(headers.words(fact.header)))
    for trait, known in VALUES.items():
        if trait == "sex" and is_place:
            continue  # codes of France and Croatia are salutations, too
        is_known = plain.index.isin(known)
        if len(CORE_VALUES[trait] & set(plain.index)) >= needed and plain[is_known].sum() >= (
            KNOWN_SHARE * rows
        ):
            return trait
    return None


def _plain(text: str) -> str:
    """A text in lower case, without accents, marks, and numbers at its begin: `1. White`."""
    return " ".join(word for word in headers.words(text) if not word.isdecimal())


def follow(texts: pd.DataFrame, sources: Sequence[str]) -> dict[str, str]:
    """Find columns that are made from sensitive ones: the same in other words, or a product.

    Args:
        texts: The rows of the table.
        sources: Headers of the sensitive columns.

    Returns:
        By header, the sensitive column that it is made from.
    """
    if len(texts) < MIN_ROWS:
        return {}
    head = texts.head(MAX_ROWS).replace("", None)
    codes = {str(name): pd.factorize(head[name])[0] for name in head.columns}
    groups = {name: codes[name].max() + 1 for name in sources}
    found: dict[str, str] = {}
    for source in (name for name, count in groups.items() if 1 < count <= len(head) / 2):
        for name in codes.keys() - set(sources) - found.keys():
            if _are_one(codes[name], codes[source]) or _is_product(name, source, codes):
                found[name] = source
    return found


def _are_one(codes: NDArray[np.intp], others: NDArray[np.intp]) -> bool:
    """Whether two columns are one but for their words, in the rows that have both."""
    both = (codes >= 0) & (others >= 0)
    first, second = pd.factorize(codes[both])[0], pd.factorize(others[both])[0]
    return int(both.sum()) * 2 > len(codes) and bool((first == second).all())


def _is_product(name: str, source: str, codes: Mapping[str, NDArray[np.intp]]) -> bool:
    """Whether a column is another one within a group of two, and one value elsewhere."""
    known = (codes[name] >= 0) & (codes[source] >= 0)
    own, groups = codes[name][known], codes[source][known]
    for group in (0, 1) if codes[source].max() == 1 else ():
        inside = groups == group
        if len(np.unique(own[~inside])) == 1 < len(np.unique(own[inside])):
            return any(
                len(np.unique(other[known][~inside])) > 1
                and _are_one(own[inside], other[known][inside])
                for where, other in codes.items()
                if where not in (name, source)
            )
    return False
