"""Compares two contracts: which changes break clients that were written for the first."""

from collections.abc import Iterator
from dataclasses import dataclass

from salary_kedro.contract.columns import CURRENCY_UNITS, Boolean, Category, Column, Feature
from salary_kedro.contract.model import Contract

SHOWN = 5


@dataclass(frozen=True)
class Change:
    """One difference between two contracts.

    Attributes:
        field: Field name or key that it is about.
        what: What differs.
        breaks: Whether requests that were right before are refused now, or requests or
            the meaning of responses changes.
        effect: What that does.
    """

    field: str
    what: str
    breaks: bool
    effect: str


def compare_contracts(before: Contract, after: Contract) -> list[Change]:
    """Say how a contract differs from an earlier one, what breaks clients first.

    If nothing breaks, each request that the earlier one accepts is accepted.
    """
    changes = [
        *_removed(before, after),
        *_added(before, after),
        *_kept(before, after),
        *_not_sent(before, after),
        *_target(before, after),
        *_table(before, after),
    ]
    return sorted(changes, key=lambda change: not change.breaks)


def _inputs(contract: Contract) -> dict[str, Feature]:
    return {feature.name: feature for feature in contract.inputs}


def _removed(before: Contract, after: Contract) -> Iterator[Change]:
    """Inputs that are no longer taken."""
    taken, now = _inputs(after), {feature.name: feature for feature in after.features}
    by_column = {feature.column: feature.name for feature in after.inputs}
    for name, feature in _inputs(before).items():
        if name in taken:
            continue
        effect = "requests that contain it are refused"
        if name in now:
            yield Change(name, f"is no longer an input, but of use '{now[name].use}'", True, effect)
        elif (other := by_column.get(feature.column)) and other not in _inputs(before):
            yield Change(name, f"is renamed to '{other}'", True, effect)
        else:
            yield Change(name, "is removed", True, effect)


def _added(before: Contract, after: Contract) -> Iterator[Change]:
    """Inputs that were not taken before."""
    known = _inputs(before)
    for name, feature in _inputs(after).items():
        if name in known:
            continue
        if feature.required:
            effect = f"requests without it are refused; it must be {feature.allowed}"
            yield Change(name, "is a new required input", True, effect)
        else:
            yield Change(name, "is a new optional input", False, "requests may leave it out")


def _kept(before: Contract, after: Contract) -> Iterator[Change]:
    known, taken = _inputs(before), _inputs(after)
    for name in [name for name in known if name in taken]:
        yield from _compare(known[name], taken[name])
        yield from _compare_spelling(before, after, name)


def _compare(old: Feature, new: Feature) -> Iterator[Change]:
    name = old.name
    if old.kind != new.kind:
        widened = (old.kind, new.kind) == ("integer", "number")
        effect = "whole numbers are numbers" if widened else f"it must be {new.allowed}"
        yield Change(name, f"kind {old.kind} becomes {new.kind}", not widened, effect)
        if not widened:
            return
    if old.required != new.required:
        what = "becomes required" if new.required else "becomes optional"
        effect = "requests without it are refused" if new.required else "requests may leave it out"
        yield Change(name, what, new.required, effect)
    yield from _compare_values(old, new)
    yield from _compare_unit(name, old.unit, new.unit)
    yield from _compare_keys(old, new)


def _compare_values(old: Column, new: Column) -> Iterator[Change]:
    if isinstance(old, Category) and isinstance(new, Category):
        yield from _compare_categories(old, new)
    elif not isinstance(old, Boolean | Category) and not isinstance(new, Boolean | Category):
        narrower = not new.interval.covers(old.interval)
        if narrower or (old.kind == new.kind and old.interval != new.interval):
            effect = f"it must be {new.allowed}; before: {old.allowed}"
            what = "bounds are narrower" if narrower else "bounds are wider"
            yield Change(old.name, what, narrower, effect)


def _compare_categories(old: Category, new: Category) -> Iterator[Change]:
    if old.listed is None or new.listed is None:
        if new.listed is not None:
            effect = f"it must be {new.allowed}; any text was allowed before"
            yield Change(old.name, "learned categories become a closed list", True, effect)
        elif old.listed is not None:
            yield Change(old.name, "the closed list is dropped", False, "any text is allowed")
        return
    if removed := [text for text in old.listed if text not in new.listed]:
        effect = "requests that contain one are refused"
        yield Change(old.name, f"categories removed: {_show(removed)}", True, effect)
    if added := [text for text in new.listed if text not in old.listed]:
        yield Change(old.name, f"categories added: {_show(added)}", False, "more is allowed")


def _show(texts: list[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(f"'{text}'" for text in texts[:SHOWN]) + more


def _compare_unit(name: str, old: str, new: str) -> Iterator[Change]:
    if old != new:
        what = f"unit '{old}' becomes '{new}'"
        effect = (
            "old requests are accepted, but their meaning changes" if old else "it is now stated"
        )
        yield Change(name, what, bool(old), effect)


#: What of an input matters to the table or to people, but not to clients.
_KEYS = {
    "column": "the table must have the new header",
    "label": "people see it",
    "help": "people see it",
    "example": "people see it",
    "format": "the table must write dates this way; requests do not change",
    "true_values": "the table must write yes this way; requests do not change",
    "false_values": "the table must write no this way; requests do not change",
    "missing": "the next model treats missing values differently",
    "ordered": "the next model encodes the categories differently",
    "log_scale": "the next model is fitted differently",
    "missing_values": "other cells of the table have no value; requests do not change",
    "written": "the table must write its numbers this way; requests do not change",
    "conversions": "the table's numbers are converted differently; requests do not change",
    "pivot_year": "the table's two-digit years are read differently; requests do not change",
    "top_code": "other values of the table are counted as cut off",
}


def _compare_spelling(before: Contract, after: Contract, name: str) -> Iterator[Change]:
    """Whether texts that were taken for listed ones still are."""
    old, new = _inputs(before)[name], _inputs(after)[name]
    if not isinstance(old, Category) or not isinstance(new, Category):
        return
    was, becomes = (old.fold, before.table.trim), (new.fold, after.table.trim)
    if was != becomes:
        breaks = new.listed is not None and any(a > b for a, b in zip(was, becomes, strict=True))
        then = "texts must be spelt as they are listed" if breaks else "other texts are one"
        yield Change(name, "what does not matter of texts differs", breaks, then)


def _compare_keys(old: Column, new: Column) -> Iterator[Change]:
    for key, effect in _KEYS.items():
        if getattr(old, key, None) != getattr(new, key, None):
            yield Change(old.name, f"{key} differs", False, effect)
    if isinstance(old, Category) and isinstance(new, Category):
        if old.listed is None and new.listed is None and old.min_count != new.min_count:
            effect = "the next model learns other categories; requests do not change"
            yield Change(old.name, "min_count differs", False, effect)
        elif old.listed != new.listed and set(old.listed or ()) == set(new.listed or ()):
            yield Change(old.name, "the order of the categories differs", False, "people see it")


def _not_sent(before: Contract, after: Contract) -> Iterator[Change]:
    """Audit columns, the weight, and ignored ones."""
    old = {item.name: item for item in before.features if item.use != "feature"}
    new = {item.name: item for item in after.features if item.use != "feature"}
    inputs = _inputs(before).keys() | _inputs(after).keys()
    for name in sorted((old.keys() | new.keys()) - inputs):
        was, becomes = old.get(name), new.get(name)
        if was is None and becomes is not None:
            effect = "nothing" if becomes.use == "ignore" else "the table must have it"
            yield Change(name, f"is a new column of use '{becomes.use}'", False, effect)
        elif becomes is None:
            yield Change(
                name, "is removed; it was not an input", False, "reports no longer show it"
            )
        elif was != becomes:
            yield Change(name, "differs; it is not an input", False, "requests do not change")


def _target(before: Contract, after: Contract) -> Iterator[Change]:
    old, new = before.target, after.target
    if old.name != new.name:
        effect = f"responses contain '{new.name}' instead of '{old.name}'"
        yield Change(old.name, f"the target is renamed to '{new.name}'", True, effect)
    for key in ("unit", "currency", "period"):
        was, becomes = getattr(old, key), getattr(new, key)
        if was != becomes:
            breaks = bool(was) and not (key == "unit" and _is_told(was, becomes))
            effect = "the meaning of responses changes" if breaks else "it is now stated"
            yield Change(old.name, f"{key} '{was}' becomes '{becomes}'", breaks, effect)
    if old.kind != new.kind or old.interval != new.interval:
        effect = f"the table's must be {new.allowed}; responses stay numbers"
        yield Change(old.name, "kind or bounds of the target differ", False, effect)
    yield from _compare_keys(old, new)


def _is_told(was: str, becomes: str) -> bool:
    """Whether a unit in which a draft left the currency open is the same, with a currency."""
    before, left_open, after = was.partition(CURRENCY_UNITS)
    told = becomes.removeprefix(before).removesuffix(after)
    return bool(left_open and told.strip()) and becomes == f"{before}{told}{after}"


def _table(before: Contract, after: Contract) -> Iterator[Change]:
    for key in type(before.table).model_fields:
        if getattr(before.table, key) != getattr(after.table, key):
            effect = "the table is read and checked differently; requests do not change"
            yield Change(f"table.{key}", "differs", False, effect)
    for key in type(before.request_log).model_fields:
        if getattr(before.request_log, key) != getattr(after.request_log, key):
            effect = "the service may log other things; requests do not change"
            yield Change(f"request_log.{key}", "differs", False, effect)


def compatible(changes: list[Change]) -> bool:
    """Whether clients of the earlier contract can stay as they are."""
    return not any(change.breaks for change in changes)
