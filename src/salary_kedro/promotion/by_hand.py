"""Decisions that people make by hand: going back, and promoting a version of their choice."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from salary_kedro.bundle.figures import figure
from salary_kedro.bundle.lineage import CLAIMED
from salary_kedro.errors import UserError
from salary_kedro.promotion.alignment import (
    ProductionLostError,
    align,
    loads,
    new_record,
    pending_intent,
)
from salary_kedro.promotion.judge import MAX_ERROR, Judge, UnscorableError
from salary_kedro.promotion.verdict import plain_verdict
from salary_kedro.registry.history import Action
from salary_kedro.registry.registry import Registry, State
from salary_kedro.registry.stages import Version, format_rmse
from salary_kedro.registry.store import store_lock
from salary_kedro.registry.texts import hidden_character

MAX_REASON = 1000
#: Versions that a message names at most.
MAX_NAMED = 20

#: Gives a judge with today's holdout rows; None if there are none here.
FindJudge = Callable[[], Judge | None]


def no_judge() -> None:
    """Find no judge: there are no holdout rows."""


def roll_back(
    registry: Registry,
    reason: str,
    to: int | None = None,
    force: bool = False,
    find_judge: FindJudge = no_judge,
) -> int:
    """Make a former production version production again.

    Repeated after it was interrupted, it completes what was begun. A version whose RMSE is
    claimed by others is measured first, where that can be.

    Args:
        registry: Where the versions are.
        reason: Why, for the history.
        to: The version; if None, the latest former production that was not itself rolled
            back.
        force: Accept a version that was never production.
        find_judge: Called if the version's RMSE must be measured.

    Returns:
        The version that is production now.

    Raises:
        UserError: If there is no such version to go back to; nothing is changed then, but
            for what an earlier command had left undone.
    """
    with store_lock(registry.uri):
        before = registry.recent_state()
        _check_request(registry, before, reason, to)
        begun = pending_intent(registry, before)
        state = _aligned(registry)
        if state.champion is None and not state.history.productions:
            raise UserError("there is no production version yet to roll back; `make run` makes one")
        if begun is not None and begun.action == "rollback" and to in (None, state.alias):
            return begun.version
        target = _rollback_target(state, to, force)
        _check_target(registry, state, target)
        return _move(registry, state, "rollback", target, reason, find_judge)


def promote_by_hand(
    registry: Registry, number: int, reason: str, find_judge: FindJudge = no_judge
) -> int:
    """Make a version production because a person says so.

    A version whose RMSE is claimed by others is measured first, where that can be.

    Args:
        registry: Where the version is.
        number: The version.
        reason: Why, for the history.
        find_judge: Called if the version's RMSE must be measured.

    Returns:
        The version that is production now.

    Raises:
        UserError: If it does not exist, is production already, or does not load; nothing
            is changed then, but for what an earlier command had left undone.
    """
    with store_lock(registry.uri):
        _check_request(registry, registry.recent_state(), reason, number)
        state = _aligned(registry)
        _check_target(registry, state, number)
        return _move(registry, state, "promotion by hand", number, reason, find_judge)


def _check_request(registry: Registry, state: State, reason: str, number: int | None) -> None:
    """Check what can be checked before anything is aligned."""
    if number is not None and number not in state.versions:
        known = ", ".join(map(str, state.versions)) or "none"
        older = f", and older ones up to {state.older}" if state.older else ""
        raise UserError(
            f"there is no version {number} of '{registry.model_name}'; known: {known}{older}"
        )
    if not reason.strip() or len(reason) > MAX_REASON:
        raise UserError(
            f"the reason is empty or longer than {MAX_REASON} characters: say in a sentence why"
        )
    if hidden := hidden_character(" ".join(reason.split())):
        raise UserError(f"the reason contains {hidden}, an invisible character: leave it out")


def _aligned(registry: Registry) -> State:
    try:
        return align(registry)
    except ProductionLostError:
        return registry.recent_state()  # a decision by hand is the way out


def _rollback_target(state: State, to: int | None, force: bool) -> int:
    bad = set(state.history.rolled_back)
    former = [number for number in state.history.productions if number != state.alias]
    if to is not None:
        if to not in former and to != state.alias and not force:
            raise UserError(
                f"version {to} was never production; those that were: "
                f"{_name_some(former, state) or 'none'}. Add --force to choose it all the same"
            )
        return to
    good = next((n for n in former if n not in bad and n in state.versions), None)
    if good is not None:
        return good
    if known := _name_some(former, state):
        raise UserError(
            f"all that were production before version {state.alias} were rolled back: name one "
            f"with --to ({known})"
        )
    raise UserError(
        f"there is no former production version to go back to from version {state.alias}"
    )


def _name_some(numbers: list[int], state: State) -> str:
    """The first of these versions that exist."""
    there = (str(number) for number in numbers if number in state.versions)
    return ", ".join(islice(there, MAX_NAMED))


def _check_target(registry: Registry, state: State, number: int) -> None:
    if number == state.alias:
        raise UserError(f"version {number} is production already")
    if not loads(registry, number):
        raise UserError(f"the model of version {number} does not load, so it cannot serve")


def _move(
    registry: Registry,
    state: State,
    action: Action,
    number: int,
    reason: str,
    find_judge: FindJudge,
) -> int:
    why = " ".join(reason.split())
    told, evidence = _measure(registry, state, state.versions[number], find_judge)
    registry.record(
        new_record(
            state, action, number, why + told, after=number, step="intent", evidence=evidence
        )
    )
    registry.move_alias(number)
    after = align(registry)
    if after.alias != number:
        raise UserError(
            f"the {action} to version {number} was overtaken: somebody made version "
            f"{after.alias} production at the same time; see `kedro models history`"
        )
    return number


def _measure(
    registry: Registry, state: State, version: Version, find_judge: FindJudge
) -> tuple[str, dict[str, Any] | None]:
    """Measure an RMSE that is claimed; give what to add to the reason, and the evidence."""
    if not state.claims(version):
        return "", None
    obstacle = "there are no holdout rows here"
    try:
        judge = find_judge()
        verdict = None if judge is None else judge.measure(version, state.champion)
    except UnscorableError as error:
        verdict, obstacle = None, str(error)[:MAX_ERROR]
    if verdict is None or verdict.evidence.challenger.rmse is None:
        registry.name_source(version, version.source or f"{CLAIMED} by an archive")
        return f"; its RMSE {version.recorded} is claimed, not measured: {obstacle}", None
    rmse, rows = verdict.evidence.challenger.rmse, f"{verdict.evidence.holdout_rows} holdout rows"
    for stage in version.stages:
        registry.tag(version.number, stage, format_rmse(rmse))
    registry.name_source(version, f"measured on {rows}; {version.recorded} was claimed")
    told = f"; RMSE {figure(rmse)} on {rows}, where {version.recorded} was claimed"
    return told, plain_verdict(verdict)
