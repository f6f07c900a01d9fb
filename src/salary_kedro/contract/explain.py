"""Says in plain words, in one line, what is wrong with a piece of configuration."""

import difflib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from salary_kedro.contract.columns import TAGS

MAX_SHOWN = 60
#: Numbers that are taken for percentages where a share is wanted.
LEAST_PERCENT, PERCENT = 10, 100
#: By Pydantic's name of a problem; the braces are filled from its context.
WORDS = {
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must hold at least {min_length}",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "model_attributes_type": "must hold keys and values",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "string_pattern_mismatch": "must match '{pattern}'",
}
#: Problems of a number, as which Pydantic takes true and false.
BOUNDS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})
#: What Pydantic names after a key that is itself wrong.
KEY = "[key]"
#: Problems whose message needs nothing of what was found.
TOLD = frozenset({"missing", "json_invalid"})


def describe_invalid(
    error: ValidationError, where: str, model: type[BaseModel], content: Any = None
) -> str:
    """Say in one line what is wrong with a piece of configuration, naming each key.

    Args:
        error: What the model raised.
        where: Name of the piece, put before each key.
        model: The model, which knows the keys that are allowed.
        content: What the model was given, if it is at hand: its columns are then called
            by their names instead of their numbers.
    """
    items = error.errors(include_url=False)
    told = [item["loc"] for item in items if item["type"] != "too_short"]
    problems = []
    for item in items:
        place = item["loc"]
        if item["type"] == "too_short" and any(other[: len(place)] == place for other in told):
            continue  # the list is short because its items are wrong, and those are told
        problems.append(f"{_name(where, place, content)}: {_say(item, model)}")
    return "; ".join(problems)


def _name(where: str, place: tuple[int | str, ...], content: Any) -> str:
    """A place as the writer of the configuration knows it: `level.categories, 3rd entry`."""
    name, before = where, "."
    for position, part in enumerate(place):
        if _is_tag(place, position) or part == KEY:
            continue
        content = _inside(content, part)
        known = content.get("name") if isinstance(content, dict) else None
        is_named = not isinstance(part, int) or (known and isinstance(known, str))
        told = (known if isinstance(part, int) else part) if is_named else _entry(part)
        name += f"{before if is_named else ', '}{told}"
        before = "." if is_named else ", "
    return name


def _entry(place: int | str) -> str:
    """What people call an entry of a list, by its place from 0."""
    number = int(place) + 1
    teens = number % 100 in (11, 12, 13)
    end = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{end} entry"


def _is_tag(place: tuple[int | str, ...], position: int) -> bool:
    """Whether a part of a place is no key, but the kind that Pydantic has chosen there."""
    before = place[position - 1] if position else None
    after_choice = isinstance(before, int) or before in ("target", "categories")
    return place[position] in TAGS and after_choice


def _inside(content: Any, part: int | str) -> Any:
    try:
        return content[part]
    except (TypeError, KeyError, IndexError):
        return None


def _say(item: Any, model: type[BaseModel]) -> str:
    kind, found = item["type"], _show(item["input"])
    if isinstance(item["input"], bool) and kind in BOUNDS:
        kind = "float_type"
    match kind:
        case "extra_forbidden":
            allowed = _keys_beside(model, item["loc"])
            return f"unknown key; {_guess(item['loc'][-1], allowed, 'known are')}"
        case "union_tag_not_found":
            return f"the key 'kind' is missing; it is one of {', '.join(_kinds(model, item))}"
        case "union_tag_invalid":
            tag, known = item["ctx"]["tag"], _kinds(model, item)
            return f"kind '{tag}' is not known; {_guess(tag, known, 'it is one of')}"
        case "string_type" if isinstance(item["input"], bool | int | float):
            return f"must be a text (found {found}): write it in quotes, as it is in the table"
        case "value_error":
            return str(item["msg"]).removeprefix("Value error, ")
    context = {name: _number(value) for name, value in item.get("ctx", {}).items()}
    words = WORDS.get(kind, "").format_map(context) or _plain(item["msg"])
    return words if kind in TOLD else f"{words} (found {found}){_hint(item)}"


def _hint(item: Any) -> str:
    """What a percentage is as the share that is wanted; often nothing."""
    found = item["input"]
    wants_share = 1 in (item.get("ctx", {}).get("lt"), item.get("ctx", {}).get("le"))
    if (
        not wants_share
        or not isinstance(found, int | float)
        or not LEAST_PERCENT <= found <= PERCENT
    ):
        return ""
    return f": {found:.15g} % is {found / PERCENT:.15g}"


def _number(value: Any) -> Any:
    return f"{value:.15g}" if isinstance(value, float) else value


def _plain(message: str) -> str:
    return message.replace("Input should be", "must be").replace("a valid string", "a text")


def _show(value: Any) -> str:
    """A value as YAML has it, cut if it is long."""
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _guess(wrong: object, known: list[str], otherwise: str) -> str:
    close = difflib.get_close_matches(str(wrong), known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"{otherwise} {', '.join(known)}"


def _kinds(model: type[BaseModel], item: Any) -> list[str]:
    """The kinds that a column may be of where none or an unknown one was found."""
    return [kind for choice in _models_at(model, item["loc"]) for kind in _kinds_of(choice)]


def _keys_beside(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that a model allows where an unknown one was found."""
    return list(_models_at(model, place[:-1])[0].model_fields)


def _models_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """The models, one or a choice of several, of what is at a place."""
    models = [model]
    for position, part in enumerate(place):
        if _is_tag(place, position):
            models = [choice for choice in models if part in _kinds_of(choice)] or models
        elif part in models[0].model_fields:  # or it is a key that a person has chosen
            models = list(_models_in(models[0].model_fields[str(part)].annotation)) or models
    return models


def _kinds_of(model: type[BaseModel]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return () if kind is None else get_args(kind.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
