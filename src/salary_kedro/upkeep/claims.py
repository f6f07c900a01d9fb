"""What an archive of another project claims, checked before any of it becomes part of the record.

Nothing here was measured or written by this project: names, parameters, lineage, metrics and
verdict could hold what acts on a screen, what MLflow refuses half-way, or what passes for a
tag of MLflow's own.
"""

import math
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from salary_kedro.errors import UserError
from salary_kedro.registry.texts import hidden_character

MAX_NAME = 250  # MLflow's, of models, parameters, metrics and tags
MAX_VALUE = 100_000  # of a text; MLflow keeps 6,000 of a parameter, 8,000 of a run's tag
MAX_ENTRIES = 100  # MLflow's, of what is logged at once
MAX_DEPTH = 10
MAX_VERSION = 2**31 - 1
LINE_BREAKS = "\t\n\r"  # which headers of real tables hold
_KEY = re.compile(r"[/\w.\- :]+")
_FORBIDDEN_IN_MODELS = "/:"


def check_origin(manifest: Mapping[str, Any]) -> None:
    """Check the name and number that the version had where it came from.

    Raises:
        UserError: If the name is none that MLflow takes and people can read, or the number
            is none of a version.
    """
    name, number = manifest.get("model_name"), manifest.get("version")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        raise UserError(f"the name of its model must have 1 to {MAX_NAME} characters")
    if not name.isprintable() or any(char in name for char in _FORBIDDEN_IN_MODELS):
        raise UserError(
            f"the name of its model, {name[:80]!r}, contains a character that people would not "
            f"see, '/' or ':'"
        )
    if type(number) is not int or not 1 <= number <= MAX_VERSION:  # True is an int too
        raise UserError(f"its version is {str(number)[:80]!r}, not a number from 1")


def check_entries(where: str, entries: Mapping[str, Any]) -> None:
    """Check names and values that are to be logged in a run of MLflow.

    Raises:
        UserError: If MLflow would refuse one, or take it for its own, or people would not
            see all of it.
    """
    if len(entries) > MAX_ENTRIES:
        raise UserError(f"{where} holds {len(entries)} entries, more than {MAX_ENTRIES}")
    for name, value in entries.items():
        if not _is_key(name):
            raise UserError(f"{where} names {name[:80]!r}, which is no name in MLflow")
        if name.lower().startswith("mlflow."):
            raise UserError(f"{where} names {name[:80]!r}, which is MLflow's own")
        check_texts(f"{where}.{name}", value)


def _is_key(name: str) -> bool:
    plain = posixpath.normpath(name) == name and not name.startswith(("/", ".."))
    return len(name) <= MAX_NAME and _KEY.fullmatch(name) is not None and plain and name != "."


def check_metrics(metrics: Mapping[str, float | None]) -> None:
    """Check that each metric is a number or none, and the RMSE one that can be.

    Raises:
        UserError: Names the metric.
    """
    check_entries("metrics.json", metrics)
    rmse = metrics.get("rmse")
    if rmse is None:
        raise UserError("metrics.json lacks the RMSE")
    if rmse < 0:
        raise UserError(f"metrics.json.rmse is {rmse}, but no RMSE is below 0")


def check_texts(where: str, value: Any, allowed: str = "", depth: int = MAX_DEPTH) -> None:
    """Check every text and number within a value as JSON gives it.

    Args:
        where: Name of the value, for the message.
        value: The value.
        allowed: Invisible characters that are allowed.
        depth: How deep lists and objects may lie in each other.

    Raises:
        UserError: If a text is too long or contains a character that would act on a screen, a
            number is not finite, or values lie too deep in each other.
    """
    if depth == 0:
        raise UserError(f"{where[:80]} holds values that lie too deep in each other")
    if isinstance(value, str):
        _check_text(where, value, allowed)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where} is {value}, not a finite number")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_text(f"a name in {where}", key, allowed)
            check_texts(f"{where}.{key}", item, allowed, depth - 1)
    elif isinstance(value, list):
        for item in value:
            check_texts(where, item, allowed, depth - 1)


def _check_text(where: str, text: str, allowed: str) -> None:
    if len(text) > MAX_VALUE:
        raise UserError(f"{where} is {len(text)} characters long, more than {MAX_VALUE}")
    if hidden := hidden_character(text, allowed):
        raise UserError(f"{where} contains {hidden}, an invisible character")
