"""The contest for production."""

import json

from salary_kedro.promotion.alignment import align, new_record
from salary_kedro.promotion.judge import Judge, UnscorableError
from salary_kedro.promotion.verdict import Verdict, plain_verdict
from salary_kedro.registry.registry import Registry, State
from salary_kedro.registry.stages import Stage, Version
from salary_kedro.registry.store import store_lock


def decide_contest(registry: Registry, mine: Version, judge: Judge) -> Verdict:
    """Decide on every version that nobody has decided on yet, `mine` among them.

    After each decision the registry is read again and aligned, until nothing
    is left to decide: on a shared server others may have decided meanwhile. Where the
    policy lets a champion be replaced that cannot be scored, that counts for `mine` alone:
    it goes first, and the others contest what is in production then, or wait.

    Returns:
        The verdict on `mine`; another run may have given it.

    Raises:
        UserError: If production was lost, or it or `mine` cannot score the rows.
    """
    with store_lock(registry.uri):
        state = align(registry)
        while rival := _next_rival(state, judge, mine):
            _decide_on(registry, state, rival, judge, mine)
            state = align(registry)
            if rival.number in state.history.decided:
                _annotate(registry, rival, judge, _verdict_on(state, rival, judge))
        return _verdict_on(state, mine, judge)


def _next_rival(state: State, judge: Judge, mine: Version) -> Version | None:
    undecided = [v for v in state.versions.values() if Stage.STAGING in v.stages]
    if undecided and state.champion is not None and judge.gives_up(state.champion):
        undecided = [v for v in undecided if v.number == mine.number]
    return next(iter(undecided), None)


def _decide_on(
    registry: Registry, state: State, rival: Version, judge: Judge, mine: Version
) -> None:
    verdict = _judge(registry, state, rival, judge, mine)
    plain = plain_verdict(verdict)
    if verdict.action == "promote":
        intent = new_record(
            state,
            "promotion",
            rival.number,
            verdict.reason,
            after=rival.number,
            step="intent",
            evidence=plain,
        )
        registry.record(intent)
        registry.move_alias(rival.number)
    else:
        registry.record(
            new_record(
                state, "archiving", rival.number, verdict.reason, after=state.alias, evidence=plain
            )
        )


def _annotate(registry: Registry, version: Version, judge: Judge, verdict: Verdict) -> None:
    """Write a verdict where people look for it."""
    files = {"verdict.json": json.dumps(plain_verdict(verdict), indent=2)}
    if verdict.evidence.challenger.rmse is not None:
        files["holdout_errors.csv"] = judge.error_table(verdict)
    registry.annotate(version, verdict.action, verdict.reason, files)


def _judge(
    registry: Registry, state: State, rival: Version, judge: Judge, mine: Version
) -> Verdict:
    try:
        verdict = judge.judge(rival, state.champion)
    except UnscorableError as error:
        if rival.number == mine.number:
            raise
        return judge.refuse(rival, str(error))
    twin = _rolled_back_twin(registry, state, rival)
    return verdict if twin is None else judge.overrule(verdict, twin)


def _verdict_on(state: State, mine: Version, judge: Judge) -> Verdict:
    """The last verdict on a version, as the history holds it."""
    about = [record for record in state.history.done if record.version == mine.number]
    for record in reversed(about):
        if record.evidence is not None and record.action != "import":
            return Verdict.model_validate(record.evidence)
    if mine.number == state.alias:
        return judge.confirm(mine)
    why = about[-1].why if about else "it was archived before, or has no RMSE"
    return judge.refuse(mine, why.removeprefix(f"version {mine.number} is not promoted: "))


def _rolled_back_twin(registry: Registry, state: State, rival: Version) -> str | None:
    """Why a version may not be promoted that repeats one that was rolled back."""
    bad = state.history.rolled_back
    twins = registry.twins(rival) if bad else ()
    number = next((number for number in bad if number in twins), None)
    if number is None:
        return None
    return (
        f"it is made of the same data, parameters and code as version {number}, which was "
        f"rolled back; change one of them, or promote it by hand"
    )
