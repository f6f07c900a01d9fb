"""Recognises columns of yes and no, in many languages."""

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from salary_kedro.contract.columns import Boolean
from salary_kedro.contract.spelling import tidy
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.oddities import odd_remark

#: Yes and no are written in no more ways than this.
MAX_SPELLINGS = 12
#: What people write for yes and no, in small letters: the languages of one line say both.
YES_AND_NO = (
    ("yes y t on x", "no n f off"),
    ("ja j wahr", "nein n falsch"),
    ("ja j", "nee n"),
    ("ja", "nej"),
    ("ja", "nei"),
    ("já", "nei"),
    ("oui o vrai v", "non n faux f"),
    ("si sí s verdadero vero v", "no n falso f"),
    ("sim s verdadeiro v", "não nao n falso f"),
    ("да д истина", "нет н ложь"),
    ("так т", "ні н"),
    ("да", "не"),
    ("tak t prawda", "nie n fałsz"),
    ("ano pravda", "ne nepravda"),
    ("áno ano", "nie"),
    ("da", "nu"),
    ("da", "ne"),
    ("igen igaz", "nem hamis"),
    ("evet doğru", "hayır hayir yanlış"),
    ("kyllä kylla", "ei"),
    ("jah", "ei"),
    ("ναι", "όχι οχι"),
    ("نعم", "لا"),
    ("כן", "לא"),
    ("हाँ हां", "नहीं"),
    ("是 对", "否 不 不是"),
    ("有", "無 无"),
    ("はい", "いいえ"),
    ("예 네", "아니오 아니요"),
    ("ya", "tidak"),
    ("có", "không"),
)
WAYS = tuple(
    (frozenset(f"{yes} 1 true".split()), frozenset(f"{no} 0 false".split()))
    for yes, no in YES_AND_NO
)
#: What is put where something holds, beside cells that are left empty.
MARKS = frozenset({"x", "✓", "✔", "☑", "√", "•", "yes", "y", "ja", "oui", "sí", "si", "true"})

Found = tuple[Boolean, tuple[str, ...]]


def as_boolean(fact: Facts) -> Found | None:
    """A column of yes and no, and remarks; None if it holds something else."""
    texts = fact.counts.index
    folded = [_fold(text) for text in texts[: MAX_SPELLINGS + 1]]
    if not folded or len(folded) > MAX_SPELLINGS:
        return None
    if len({*folded}) == 1 and folded[0] in MARKS and fact.missing_share > 0:
        return _column(fact, np.full(len(folded), fill_value=True), ["no"]), (_care(texts[0]),)
    for yes, no in WAYS:
        is_yes = np.array([text in yes for text in folded])
        is_no = np.array([text in no for text in folded])
        known = is_yes | is_no
        if is_yes.any() and is_no.any() and fact.keeps_kind(known) and not _counts(fact, known):
            odd = fact.odd(known)
            column = _column(fact, is_yes, texts[is_no])
            return column, (odd_remark(odd, "boolean"),) if odd else ()
    return None


def _counts(fact: Facts, known: NDArray[np.bool_]) -> bool:
    """Whether zeros and ones stand among few other numbers, such as those of children."""
    numbers = ~np.isnan(fact.numbers)
    return bool(numbers[known].all() and numbers[~known].any())


def _fold(text: str) -> str:
    plain = tidy(text).lower()
    return plain[0] if re.fullmatch("[01][.,]0+", plain) else plain


def _care(mark: str) -> str:
    return f"'{mark}' or nothing stands in its cells: nothing is read as no value, not as no."


def _column(fact: Facts, is_yes: NDArray[np.bool_], falses: Iterable[str]) -> Boolean:
    trues = fact.counts.index[is_yes]
    return Boolean(
        **fact.measured,
        kind="boolean",
        true_values=tuple(sorted(trues)),
        false_values=tuple(sorted(falses)),
        example=bool(fact.counts[is_yes].sum() * 2 > fact.counts.sum()),
    )
