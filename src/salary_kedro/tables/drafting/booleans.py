"""Recognises columns of yes and no."""

from salary_kedro.contract.columns import Boolean
from salary_kedro.tables.drafting.facts import Facts

#: Yes and no are written in no more ways than this.
MAX_SPELLINGS = 12
YES = ("yes", "y", "true", "t", "1", "ja", "oui", "si", "sí", "sim", "да")
NO = ("no", "n", "false", "f", "0", "nein", "non", "no", "no", "não", "нет")
PAIRS = frozenset(zip(YES, NO, strict=True))


def as_boolean(fact: Facts) -> Boolean | None:
    """A column of yes and no; None if it holds something else."""
    if len(fact.counts) > MAX_SPELLINGS:
        return None
    lowered = fact.counts.index.str.lower()
    pairs = [pair for pair in PAIRS if set(lowered) == set(pair)]
    if not pairs:
        return None
    texts = fact.counts.index
    yes = lowered == pairs[0][0]
    return Boolean(
        **fact.measured,
        kind="boolean",
        true_values=tuple(sorted(texts[yes])),
        false_values=tuple(sorted(texts[~yes])),
        example=bool(fact.counts[yes].sum() > fact.counts[~yes].sum()),
    )
