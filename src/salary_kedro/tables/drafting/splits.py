"""Recognises tables whose rows are not independent: people in several rows, and several years."""

from collections.abc import Iterator, Sequence

from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.draft import Draft, FeatureDraft
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.headers import word_set
from salary_kedro.tables.drafting.identity import (
    EMPLOYERS,
    YEARS,
    is_of_the_row,
    names_employers,
    numbers_each_person,
)

#: Fewer groups do not fill a holdout and five folds; a smaller share of rows flatters little.
MIN_GROUPS, MIN_REPEATED_SHARE = 20, 0.1
#: How columns are called that tell in which round of a survey a row was written.
ROUNDS = word_set("wave round period welle vague ola")
#: Other numbers under `years` are how long something took.
FIRST_YEAR, LAST_YEAR = 1900, 2100
#: How columns are called that number employers, by a word for one and one of these.
NUMBERS = word_set("id ids nr no num number code")
NUMBERED = "It numbers people or rows."
KEPT = (
    "It numbers people or rows, some of whom stand in several: kept to split them, and never "
    "learned from."
)
PERSONAL = "It identifies people."
KEPT_NAMES = (
    "It identifies people, some of whom stand in several rows: kept to split them, and never "
    "learned from."
)


def keep_for_split(features: Sequence[FeatureDraft], facts: Sequence[Facts]) -> list[FeatureDraft]:
    """Keep the column by which the rows must be split, if there is one.

    It numbers people, employers or households of whom enough stand in several rows; of several
    such columns, the one with the fewest groups: whoever shares a household shares a side. Where
    no number does, it is a column of whole names, by the same rule; unless each person has a
    number, for then people share names.
    """
    known = {fact.header: fact for fact in facts}
    kinds = [(NUMBERED, KEPT), (PERSONAL, KEPT_NAMES)]
    if any(map(numbers_each_person, facts)):
        kinds.pop()
    for why, remark in kinds:
        fit = [draft for draft in features if _groups(draft, known[draft.column.column], why)]
        if fit:
            best = min(fit, key=lambda draft: len(known[draft.column.column].counts))
            kept = best.with_use("split", remark)
            return [kept if draft is best else draft for draft in features]
    return list(features)


def _groups(draft: FeatureDraft, fact: Facts, why: str) -> bool:
    """Whether a column groups the rows that is left out since it numbers or names people."""
    if draft.column.use != "ignore" or why not in draft.remarks or fact.missing_share > 0:
        return False
    if why == PERSONAL and not is_of_the_row(fact):
        return False
    repeated = int(fact.counts[fact.counts > 1].sum())
    return len(fact.counts) >= MIN_GROUPS and repeated >= MIN_REPEATED_SHARE * fact.rows


def split_remarks(draft: Draft, facts: Sequence[Facts]) -> Iterator[str]:
    """What the person who edits the draft should know of the split; often nothing."""
    known = {fact.header: fact for fact in facts}
    field = draft.split_field
    if field is not None:
        column = next(c.column for c in draft.features if c.column.name == field)
        groups = len(known[column.column].counts)
        yield (
            f"'{column.column}' has {groups:,} values in {known[column.column].rows:,} rows, so "
            f"people, or households, stand in several: the environment keeps all rows of each on "
            f"one side (data_engineering.split: {{group: {field}}}); a random split would make "
            f"every figure look better than it is."
        )
    for feature in draft.features:
        fact = known[feature.column.column]
        if feature.column.use != "feature":
            continue
        if _numbers_employers(fact) or names_employers(fact):
            verb = "numbers" if _numbers_employers(fact) else "names"
            yield (
                f"'{fact.header}' {verb} {len(fact.counts):,} employers: if the model is for "
                f"others too, data_engineering.split: {{group: {feature.column.name}}} tells how "
                f"well it predicts for employers that it has not met."
            )
        if _tells_rounds(fact):
            yield (
                f"'{fact.header}' has {len(fact.counts):,} different values: if later ones are "
                f"what you want to predict, data_engineering.split: "
                f"{{time: {feature.column.name}}} holds out the latest."
            )


def _tells_rounds(fact: Facts) -> bool:
    """Whether a column tells the year, or the round of a survey, and there are several."""
    found = headers.words(fact.header)
    if len(found) != 1 or not fact.is_numeric or len(fact.counts) < 2:
        return False
    is_year = fact.sizes.min() >= FIRST_YEAR and fact.sizes.max() <= LAST_YEAR
    return bool(ROUNDS & set(found)) or (bool(YEARS & set(found)) and bool(is_year))


def _numbers_employers(fact: Facts) -> bool:
    """Whether a column numbers employers, some of whom have several rows."""
    joined = "".join(headers.words(fact.header))
    named = any(joined == who + number for who in EMPLOYERS for number in NUMBERS)
    return named and len(fact.counts) > 1 and int(fact.counts.max()) > 1
