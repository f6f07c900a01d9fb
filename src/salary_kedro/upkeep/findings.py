"""What an examination finds."""

import re
import shlex
from dataclasses import dataclass
from typing import Literal

FIX = "`kedro models doctor --fix`"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or could be better.

    Attributes:
        severity: `broken` if an invariant does not hold, else `advice`.
        what: What was found.
        why_it_matters: What comes of it.
        remedy: What to do.
    """

    severity: Literal["broken", "advice"]
    what: str
    why_it_matters: str
    remedy: str


def broken(what: str, why_it_matters: str, remedy: str = f"{FIX} repairs it") -> Finding:
    """An invariant that does not hold."""
    return Finding("broken", what, why_it_matters, remedy)


def advice(what: str, why_it_matters: str, remedy: str) -> Finding:
    """Something that could be better."""
    return Finding("advice", what, why_it_matters, remedy)


def in_environment(text: str, env: str | None) -> str:
    """A sentence whose commands, in backticks, name the environment that they are for.

    Those that name one already stay as they are, and so do those that only tell what wrote a file.

    Args:
        text: The sentence.
        env: The environment; None for the default one.
    """
    if not env:
        return text
    quoted = shlex.quote(env)
    made = text.replace("`make run`", f"`make run ENV={quoted}`")
    commands = "`(kedro (?:models|run|contract check)(?![^`]* --env )[^`]*)`(?! wrote)"
    return re.sub(commands, lambda found: f"`{found[1]} --env {quoted}`", made)
