"""Decisions that people make by hand: going back, and promoting a version of their choice."""

from salary_kedro.errors import UserError
from salary_kedro.lifecycle.alignment import (
    ProductionLostError,
    align,
    loads,
    new_record,
    pending_intent,
)
from salary_kedro.lifecycle.history import Action
from salary_kedro.lifecycle.registry import Registry, State
from salary_kedro.lifecycle.store import store_lock
from salary_kedro.lifecycle.texts import hidden_sign

MAX_REASON = 1000


def roll_back(registry: Registry, reason: str, to: int | None = None, force: bool = False) -> int:
    """Make a former production version production again.

    Repeated after it was interrupted, it completes what was begun.

    Args:
        registry: Where the versions are.
        reason: Why, for the history.
        to: The version; if None, the latest former production that was not itself rolled
            back.
        force: Accept a version that was never production.

    Returns:
        The version that is production now.

    Raises:
        UserError: If there is no such version to go back to; nothing is changed then, but
            for what an earlier command had left undone.
    """
    with store_lock(registry.uri):
        before = registry.state()
        _check_request(registry, before, reason, to)
        begun = pending_intent(registry, before)
        state = _aligned(registry)
        if state.champion is None and not state.history.productions:
            raise UserError("there is no production version yet to roll back; `make run` makes one")
        if begun is not None and begun.action == "rollback" and to in (None, state.alias):
            return begun.version
        target = _rollback_target(state, to, force)
        _check_target(registry, state, target)
        return _move(registry, state, "rollback", target, reason)


def promote_by_hand(registry: Registry, number: int, reason: str) -> int:
    """Make a version production because a person says so.

    Returns:
        The version that is production now.

    Raises:
        UserError: If it does not exist, is production already, or does not load; nothing
            is changed then, but for what an earlier command had left undone.
    """
    with store_lock(registry.uri):
        _check_request(registry, registry.state(), reason, number)
        state = _aligned(registry)
        _check_target(registry, state, number)
        return _move(registry, state, "promotion by hand", number, reason)


def _check_request(registry: Registry, state: State, reason: str, number: int | None) -> None:
    """Check what can be checked before anything is brought into line."""
    if number is not None and number not in state.versions:
        known = ", ".join(map(str, state.versions)) or "none"
        raise UserError(f"there is no version {number} of '{registry.model_name}'; known: {known}")
    if not reason.strip() or len(reason) > MAX_REASON:
        raise UserError(
            f"the reason is empty or longer than {MAX_REASON} characters: say in a sentence why"
        )
    if hidden := hidden_sign(" ".join(reason.split())):
        raise UserError(f"the reason holds {hidden}, which people would not see: leave it out")


def _aligned(registry: Registry) -> State:
    try:
        return align(registry)
    except ProductionLostError:
        return registry.state()  # a decision by hand is the way out


def _rollback_target(state: State, to: int | None, force: bool) -> int:
    known = [n for n in state.history.productions if n != state.alias and n in state.versions]
    if to is not None:
        if to not in known and to != state.alias and not force:
            raise UserError(
                f"version {to} was never production; those that were: "
                f"{', '.join(map(str, known)) or 'none'}. Add --force to choose it all the same"
            )
        return to
    good = [number for number in known if number not in state.history.rolled_back]
    if not good and known:
        raise UserError(
            f"all that were production before version {state.alias} were rolled back: name one "
            f"with --to ({', '.join(map(str, known))})"
        )
    if not good:
        raise UserError(
            f"there is no former production version to go back to from version {state.alias}"
        )
    return good[0]


def _check_target(registry: Registry, state: State, number: int) -> None:
    if number == state.alias:
        raise UserError(f"version {number} is production already")
    if not loads(registry, number):
        raise UserError(f"the model of version {number} does not load, so it cannot serve")


def _move(registry: Registry, state: State, action: Action, number: int, reason: str) -> int:
    why = " ".join(reason.split())
    registry.record(new_record(state, action, number, why, after=number, step="intent"))
    registry.move_alias(number)
    after = align(registry)
    if after.alias != number:
        raise UserError(
            f"the {action} to version {number} was overtaken: somebody made version "
            f"{after.alias} production at the same time; see `kedro models history`"
        )
    return number
