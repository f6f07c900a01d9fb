"""Aligns the record with the alias, whatever interrupted or edited it.

Every command that writes does this first, and again after it has moved the alias: the end
of a promotion and the recovery from a killed one are the same code. The rules, in order:

1. The alias names a version that nobody replaced (see `History.unreplaced`): nothing to explain.
2. It names the version of an unfinished intent: the decision is completed. An automatic
   promotion that did not know of a decision by hand is taken back instead.
3. It names another version: somebody moved it by hand; that is obeyed, and recorded.
4. It is missing, or names a version that was deleted: the latest former production that
   still loads is restored. Without any history, the one version tagged production is adopted.

Then the tags follow: production for the version that the alias names, staging for those
that nobody has decided on or that racing promoters replaced unseen, archived for all others.
"""

from dataclasses import replace
from typing import Any, Literal

from salary_kedro.errors import UserError
from salary_kedro.promotion.logged import trouble
from salary_kedro.registry.history import BY_HAND, Action, History, Record
from salary_kedro.registry.registry import Registry, State
from salary_kedro.registry.stages import ALIAS, Stage, Version, format_rmse
from salary_kedro.registry.store import is_local

#: Looks at a shared store after which others are taken to write without end.
MAX_PASSES = 100
CHOOSE = "choose one with `kedro models promote N --reason TEXT`"


class ProductionLostError(UserError):
    """Nothing tells which version is production; only a person can choose one."""


def align(registry: Registry, *, all_versions: bool = False) -> State:
    """Align alias, history and tags. The caller holds the store's lock.

    Where there is no lock to hold, others may write meanwhile: this reads again after
    its own writes, until there is nothing left to align.

    Args:
        registry: What is aligned.
        all_versions: Look at every version, which takes the longer the more there are. It also
            finds old ones that people have left without any stage tag.

    Returns:
        The state afterwards.

    Raises:
        ProductionLostError: If no former production version still loads.
        UserError: If others write without end.
    """
    registry.ledger.gather()
    for _ in range(MAX_PASSES):
        state = registry.state() if all_versions else registry.recent_state()
        if not _align_once(registry, state):
            return state
    raise UserError(
        f"other commands keep changing '{registry.model_name}', looked at {MAX_PASSES} times: let "
        f"them end, then try again"
    )


def _align_once(registry: Registry, state: State) -> bool:
    """Align what is not; tell whether anything was written."""
    if state.champion is None:
        return _restore(registry, state)
    intent = pending_intent(registry, state)
    if intent is None and state.champion.number in state.history.unreplaced:
        return align_tags(registry, state)
    if intent is None and registry.ledger.gather(again=True):
        return True  # an earlier release was about to write when its records were moved
    if intent is not None and _outranked(intent, state) and _take_back(registry, state, intent):
        return True
    explanation = _explain(state, state.champion.number, intent)
    align_tags(registry, _with(state, explanation))
    registry.record(explanation)
    return True


def _with(state: State, record: Record) -> State:
    """The state with one more record."""
    return replace(state, history=History([*state.history, record]))


def pending_intent(registry: Registry, state: State) -> Record | None:
    """The unfinished intent that moved the alias to where it is; None if none did.

    In a local store, whose lock one command holds from its intent to its outcome, that
    can only be the last record; in a shared one a stalled command may come late. Of
    several, a person's counts.
    """
    found = [intent for intent in state.history.unfinished if intent.after == state.alias]
    explained = state.alias in state.history.unreplaced
    if is_local(registry.uri):
        found = [intent for intent in found if intent == state.history[-1]]
        explained = explained and not any(intent.action == "repair" for intent in found)
    if explained or not found:
        return None
    return max(found, key=lambda intent: (intent.action in BY_HAND, intent.key))


def _outranked(intent: Record, state: State) -> bool:
    return intent.action not in BY_HAND and intent.knows != state.history.by_hand_state


def _take_back(registry: Registry, state: State, intent: Record) -> bool:
    """Undo an automatic move that did not know of a decision by hand; tell whether it was."""
    by_hand = state.history.by_hand
    target = next((n for n in _by_right(state.history) if n in state.versions), None)
    if target is None or target == state.alias or by_hand is None:
        return False  # what the person chose was deleted since, or is production
    why = f"it was decided without knowing of the {by_hand.action} to version {by_hand.after}"
    if intent.action == "promotion" and intent.version not in state.history.decided:
        reason = f"version {intent.version} is not promoted: {why}"
        verdict = {**(intent.evidence or {}), "action": "archive", "reason": reason}
        record = new_record(
            state, "archiving", intent.version, reason, after=target, evidence=verdict
        )
        state = _with(state, registry.record(record))
    if _is_awaited(by_hand, state.history):
        registry.move_alias(target)  # which completes the decision by hand
    else:
        back = f"the alias is taken back from version {intent.version}: {why}"
        _repair(registry, new_record(state, "repair", target, back, after=target, step="intent"))
    return True


def _by_right(history: History) -> list[int | None]:
    """What the alias should name, where an automatic move has overrun a decision by hand."""
    if history.by_hand is not None and _is_awaited(history.by_hand, history):
        return [history.by_hand.after]
    return [number for number in history.productions if number in history.unreplaced]


def _is_awaited(by_hand: Record, history: History) -> bool:
    """Whether a decision by hand is neither carried out yet nor knowingly overtaken."""
    heeded = any(record.moves and record.knows == by_hand.decision_state for record in history.done)
    return by_hand in history.unfinished and not heeded


def _repair(registry: Registry, intent: Record) -> None:
    """Move the alias to where it belongs, and record it."""
    registry.record(intent)
    registry.move_alias(intent.version)
    state = registry.recent_state()
    if state.alias == intent.version:
        registry.record(_complete(state, intent))


def _explain(state: State, alias: int, intent: Record | None) -> Record:
    """The record that says why the alias names a version that does not stand yet."""
    if intent is not None:
        return _complete(state, intent)
    before = next((n for n in state.history.productions if n in state.history.unreplaced), None)
    action: Action = "alias by hand" if state.history.productions else "repair"
    why = (
        f"the alias '{ALIAS}' was moved by hand to version {alias}"
        if state.history.productions
        else f"version {alias} was production before this history began"
    )
    return new_record(state, action, alias, why, before=before, after=alias)


def _complete(state: State, intent: Record) -> Record:
    """The record that says that an intent was carried out."""
    kept = intent.model_dump(exclude={"key", "when", "state", "intent", "knows"})
    return Record(
        **kept,
        key=state.history.next_key(),
        state="done",
        intent=intent.key,
        knows=state.history.by_hand_state,
    )


def _restore(registry: Registry, state: State) -> bool:
    """Restore an alias that is missing or names no version; tell whether anything was written."""
    found = _lost_production(registry, state)
    if found is None:
        return align_tags(registry, state)
    number, why = found
    intent = new_record(state, "repair", number, why, before=None, after=number, step="intent")
    _repair(registry, intent)
    return True


def _lost_production(registry: Registry, state: State) -> tuple[int, str] | None:
    """The version that must have been production, and why; None if there never was one."""
    if former := state.history.productions:
        bad = state.history.rolled_back
        for number in sorted(former, key=lambda number: number in bad):
            if number in state.versions and loads(registry, number):
                return number, _say_restored(state, number)
        raise ProductionLostError(
            f"the alias '{ALIAS}' is gone, and none of the former production versions "
            f"({', '.join(map(str, former))}) still loads: {CHOOSE}"
        )
    tagged = [v.number for v in state.versions.values() if Stage.PRODUCTION in v.stages]
    if len(tagged) > 1:
        raise ProductionLostError(
            f"versions {', '.join(map(str, tagged))} are all tagged production, and neither alias "
            f"nor history says which it is: {CHOOSE}"
        )
    if not tagged:
        return None
    return tagged[0], f"version {tagged[0]} was tagged production, and no alias named it"


def _say_restored(state: State, number: int) -> str:
    last, place = state.history.productions[0], f"version {number} was production last"
    if number != last:
        place = f"version {number} is the latest former production that can serve"
    gone = (
        f"the alias '{ALIAS}' was gone" if last in state.versions else f"version {last} was deleted"
    )
    rolled_back = ", though it was rolled back" if number in state.history.rolled_back else ""
    return f"{gone}; {place}{rolled_back}"


def loads(registry: Registry, number: int) -> bool:
    """Tell whether a version's logged model can still be loaded, in either of its forms."""
    try:
        return trouble(registry.model_folder(number)) is None
    except UserError:
        return False


def align_tags(registry: Registry, state: State) -> bool:
    """Give every version the one stage tag that is due; tell whether anything was written.

    Production is taken from the old version before the new one gets it. A version gets
    its new tag before it loses the old one, for the RMSE is in the tag.
    """
    due = {number: due_stage(version, state) for number, version in state.versions.items()}
    wrong = [v for v in state.versions.values() if set(v.stages) != {due[v.number]}]
    for version in sorted(wrong, key=lambda version: due[version.number] == Stage.PRODUCTION):
        stage = due[version.number]
        if stage not in version.stages:
            registry.tag(version.number, stage, version.recorded or _run_rmse(registry, version))
        for other in version.stages:
            if other != stage:
                registry.untag(version.number, other)
    return bool(wrong)


def due_stage(version: Version, state: State) -> Stage:
    """The stage that a version should be tagged with."""
    if version.number == state.alias:
        return Stage.PRODUCTION
    if version.number in state.contested:
        return Stage.STAGING
    undecided = version.number not in state.history.decided
    return Stage.STAGING if undecided and set(version.stages) == {Stage.STAGING} else Stage.ARCHIVED


def _run_rmse(registry: Registry, version: Version) -> str:
    """RMSE of a version whose tags were lost, from its run; `nan` if that is lost too."""
    metrics = registry.run(version).metrics
    return format_rmse(metrics["rmse"]) if "rmse" in metrics else "nan"


def new_record(
    state: State,
    action: Action,
    number: int,
    why: str,
    *,
    after: int | None,
    before: int | Literal["alias"] | None = "alias",
    step: Literal["intent", "done"] = "done",
    evidence: dict[str, Any] | None = None,
) -> Record:
    """A record to be appended to the history as it is now.

    Args:
        state: What the registry holds now.
        action: What is done.
        number: The version it is about.
        why: One sentence.
        after: Production version afterwards.
        before: Production version before; what the alias names if not given.
        step: `intent` if the alias is yet to be moved.
        evidence: The verdict it rests on.
    """
    return Record(
        key=state.history.next_key(),
        action=action,
        state=step,
        version=number,
        before=state.alias if before == "alias" else before,
        after=after,
        why=why,
        knows=state.history.by_hand_state,
        evidence=evidence,
    )
