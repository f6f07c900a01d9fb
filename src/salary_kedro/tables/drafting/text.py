"""Writes a drafted contract as YAML that a person can read and edit."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from salary_kedro.contract.columns import Learned
from salary_kedro.contract.model import CsvDialect, TableRules
from salary_kedro.contract.spelling import Conversion, Written
from salary_kedro.tables.drafting.draft import ColumnDraft, Draft, FeatureDraft

#: The order of a column's keys in the file; others come last.
KEYS = (
    "column",
    "name",
    "kind",
    "unit",
    "currency",
    "period",
    "format",
    "minimum",
    "maximum",
    "exclusive_minimum",
    "exclusive_maximum",
    "written",
    "conversions",
    "missing_values",
    "top_code",
    "true_values",
    "false_values",
    "categories",
    "required",
    "missing",
    "use",
    "log_scale",
    "example",
    "label",
    "help",
)
#: Keys within keys; others are texts of the table.
NAMES = frozenset().union(
    *(model.model_fields for model in (CsvDialect, Written, Conversion, Learned))
)
ADVICE = (
    "Edit units, labels, help texts and bounds. The model learns from columns of use `feature`;",
    "`audit` columns are kept for reports by group, a `weight` says how many people a row is,",
    "`split` columns serve the split alone, and `ignore` columns are left out.",
    "Sort ranked categories, such as grades, and add `ordered: true`. Quote every text.",
)


def contract_yaml(draft: Draft, origin: Iterable[str]) -> str:
    """The text of `contract.yml`.

    Args:
        draft: The draft.
        origin: Sentences about where it comes from, put first.
    """
    lines = [*_comments([*origin, *draft.remarks, *ADVICE], ""), "contract:", "  features:"]
    for feature in draft.features:
        lines += [*_comments(_said_of(feature), "    "), *_feature(feature)]
    lines += ["  target:", *_comments(_said_of(draft.target), "    ")]
    lines += [f"    {line}" for line in _mapping(_ordered(draft.target.keys))]
    lines += ["  table:", *(f"    {line}" for line in _mapping(_rules(draft.table)))]
    return "\n".join(lines) + "\n"


def _said_of(column: ColumnDraft) -> Iterator[str]:
    if column.picture is not None:
        yield f"{column.picture.said}."
    yield from column.remarks
    yield from (_decided(text, column.keys.get("written") or {}) for text in column.proposals)


def _decided(proposal: str, written: Mapping[str, Any]) -> str:
    """What to do with a proposal, also where the column has its key already."""
    if proposal.startswith("conversions:"):
        return f"If you decide so, and remove the filter: {proposal}"
    found = re.fullmatch(r"written: \{(\w+): (.+)\}", proposal)
    if not found or not written:
        return f"If you decide so: {proposal}"
    key, value = found.groups()
    if isinstance(written.get(key), dict):
        value = f"{_value(written[key])[:-1]}, {value[1:]}"
    others = [f"{name}: {_value(kept)}" for name, kept in written.items() if name != key]
    merged = ", ".join([*others, f"{key}: {value}"])
    return f"If you decide so, replace the line `written` below by: written: {{{merged}}}"


def _comments(sentences: Iterable[str], indent: str) -> Iterator[str]:
    return (f"{indent}# {_printable(text)}" for text in sentences)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _feature(feature: FeatureDraft) -> Iterator[str]:
    lines = _mapping(_ordered(feature.keys))
    return (f"    {'  ' if number else '- '}{line}" for number, line in enumerate(lines))


def _rules(table: TableRules) -> dict[str, Any]:
    given = {
        "filter": dict(table.filter),
        "sheet": table.sheet,
        "named_table": table.named_table,
    }
    return {
        "max_rejected_share": table.max_rejected_share,
        "duplicates": table.duplicates,
        **{key: value for key, value in given.items() if value},
        "csv": table.csv.model_dump(mode="json", exclude_none=True),
    }


def _ordered(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: keys[key] for key in (*KEYS, *keys) if key in keys}


def _mapping(keys: Mapping[str, Any]) -> Iterator[str]:
    return (f"{key}: {_value(value)}" for key, value in keys.items())


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case dict():
            return f"{{{', '.join(f'{_key(key)}: {_value(value[key])}' for key in value)}}}"
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
    return quote(str(value))


def _key(key: str) -> str:
    return key if key in NAMES else quote(key)


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e16:
        return str(int(value))
    text = repr(float(value))
    mantissa, sign, exponent = text.partition("e")
    # YAML takes 1e+20 for a text.
    return f"{mantissa}.0e{exponent}" if sign and "." not in mantissa else text


def quote(text: str) -> str:
    """A text in double quotes, such that YAML and then OmegaConf give it back."""
    plain = re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", text)
    return f'"{"".join(map(_escaped, plain))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    return short or (f"\\u{ord(char):04x}" if ord(char) < 1 << 16 else f"\\U{ord(char):08x}")
