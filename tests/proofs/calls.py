"""Listens to every call that reaches MLflow's registry, in this process."""

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest.mock import patch

from mlflow import MlflowClient

Moment = Literal["before", "after"]
Listener = Callable[[Moment, str], None]
REGISTRY_CALL = re.compile(r"^[a-z]\w*(registered_model|model_version|experiment)")
ALIAS_WRITE = "set_registered_model_alias"
TAG_WRITES = ("set_model_version_tag", "delete_model_version_tag")
READS = ("get_", "search_")


@contextmanager
def heard(listener: Listener) -> Iterator[None]:
    """Tell a listener before and after every registry call, whoever makes it.

    Calls that a call makes of itself are part of it.
    """
    inside: list[str] = []
    methods = {name: getattr(MlflowClient, name) for name in dir(MlflowClient)}
    wrapped = {
        name: _wrap(name, method, listener, inside)
        for name, method in methods.items()
        if REGISTRY_CALL.match(name) and callable(method)
    }
    with patch.multiple(MlflowClient, **wrapped):
        yield


def _wrap(
    name: str, method: Callable[..., Any], listener: Listener, inside: list[str]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        if inside:
            return method(*arguments, **options)
        listener("before", name)
        inside.append(name)
        try:
            result = method(*arguments, **options)
        finally:
            inside.pop()
            listener("after", name)
        return result

    return call


def at(number: int, moment: Moment, action: Callable[[], None]) -> Listener:
    """A listener that does something before or after the call of a number, counted from 1."""
    begun = 0

    def listen(now: Moment, name: str) -> None:
        nonlocal begun
        begun += now == "before"
        if (begun, now) == (number, moment):
            action()

    return listen
