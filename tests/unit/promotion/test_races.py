"""A shared store, without a lock: commands that overlap, played step by step.

Each registry object here belongs to one command; while it writes, another runs as a whole.
"""

from collections.abc import Callable

import pytest
from mlflow import MlflowClient

from salary_kedro.errors import UserError
from salary_kedro.promotion.alignment import align, new_record, pending_intent
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.registry import registry as registry_module
from salary_kedro.registry.history import Action
from salary_kedro.registry.registry import Registry
from salary_kedro.upkeep.doctor import check_alias
from stores import (
    MODEL_NAME,
    Models,
    Stopped,
    alias,
    contest,
    register,
    shared_registry,
    tags,
    told,
)

pytestmark = pytest.mark.slow  # whole decisions, one within the other

Act = Callable[[], object]


@pytest.fixture(autouse=True)
def only_the_newest_is_always_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """All other versions are old, as most are in a registry of thousands."""
    monkeypatch.setattr(registry_module, "NEWEST", 1)


def before(registry: Registry, write: str, act: Act) -> None:
    """Have something happen just before a registry's next write of a kind."""
    original = getattr(registry, write)

    def stalled(*arguments: object) -> object:
        setattr(registry, write, original)
        act()
        return original(*arguments)

    setattr(registry, write, stalled)


def after(registry: Registry, write: str, act: Act) -> None:
    """Have something happen just after a registry's next write of a kind."""
    original = getattr(registry, write)

    def stalled(*arguments: object) -> object:
        setattr(registry, write, original)
        found = original(*arguments)
        act()
        return found

    setattr(registry, write, stalled)


def die() -> None:
    raise Stopped


def in_line(number: int) -> None:
    """One version is in production, all others are archived, and a second look writes nothing."""
    registry = shared_registry()
    state = registry.state()
    stages = {version: list(held) for version, held in tags().items()}
    assert alias() == number
    assert stages == {v: ["production" if v == number else "archived"] for v in stages}
    assert state.history.unreplaced == {number}
    align(registry)
    assert len(registry.state().history) == len(state.history)


@pytest.fixture
def promoter(settled: Registry, models: Models) -> Registry:
    """Holds version 3, which is better than version 2 in production."""
    register(models[1])
    return shared_registry()


@pytest.fixture
def person(settled: Registry) -> Registry:
    """Somebody at the same time."""
    return shared_registry()


# --- Two promoters ----------------------------------------------------------------------


@pytest.fixture
def slow(settled: Registry, models: Models) -> Registry:
    """A promoter of version 3, which has RMSE 3; version 4 has 1, and 1, in production, has 5."""
    promote_by_hand(settled, 1, "begin with the worst")
    for rmse in (3, 1):
        register(models[rmse])
    return shared_registry()


@pytest.mark.parametrize("write", ["record", "move_alias", "annotate", "tag", "untag"])
def test_contest_when_it_stalls_and_a_better_version_wins_meanwhile_then_that_one_stays(
    write: str, slow: Registry
) -> None:
    before(slow, write, lambda: contest(4, registry=shared_registry()))

    verdict = contest(3, registry=slow)

    in_line(4)
    assert verdict.evidence.challenger.version == 3


def test_contest_when_it_was_killed_after_its_late_alias_write_then_the_next_run_puts_it_right(
    slow: Registry, models: Models
) -> None:
    before(slow, "move_alias", lambda: contest(4, registry=shared_registry()))
    after(slow, "move_alias", die)
    with pytest.raises(Stopped):
        contest(3, registry=slow)
    assert alias() == 3

    contest(register(models[9]).number, registry=shared_registry())

    in_line(4)


def test_contest_when_another_run_decides_on_its_version_first_then_reports_that_decision(
    promoter: Registry, models: Models
) -> None:
    def run() -> None:
        contest(register(models[7]).number, registry=shared_registry())

    before(promoter, "record", run)

    verdict = contest(3, registry=promoter)

    assert verdict.reason.startswith("version 3 is promoted: RMSE 1.0 against 3.0; ")
    in_line(3)


# --- A rollback and a promoter ---------------------------------------------------------------


def stands_in_the_next_round(models: Models) -> None:
    """The version chosen by hand, 1, is production; a later run cannot bring 3 back."""
    in_line(1)
    contest(register(models[9]).number, registry=shared_registry())
    in_line(1)


@pytest.mark.parametrize("when", [before, after], ids=["before", "after"])
@pytest.mark.parametrize("write", ["record", "move_alias", "annotate", "tag", "untag"])
def test_roll_back_when_a_promotion_is_under_way_then_stands(
    write: str,
    when: Callable[[Registry, str, Act], None],
    promoter: Registry,
    person: Registry,
    models: Models,
) -> None:
    when(promoter, write, lambda: roll_back(person, "bad", to=1))

    verdict = contest(3, registry=promoter)

    assert verdict.evidence.challenger.version == 3
    stands_in_the_next_round(models)


@pytest.mark.parametrize("write", ["record", "move_alias"])
def test_promote_by_hand_when_a_promotion_is_under_way_then_stands(
    write: str, promoter: Registry, person: Registry, models: Models
) -> None:
    before(promoter, write, lambda: promote_by_hand(person, 1, "it is fairer"))

    contest(3, registry=promoter)

    stands_in_the_next_round(models)


@pytest.mark.parametrize("write", ["record", "move_alias"])
def test_contest_when_a_rollback_overtook_it_then_says_that_it_did_not_know(
    write: str, promoter: Registry, person: Registry
) -> None:
    before(promoter, write, lambda: roll_back(person, "bad", to=1))

    verdict = contest(3, registry=promoter)

    assert (verdict.action, verdict.reason) == (
        "archive",
        "version 3 is not promoted: it was decided without knowing of the rollback to version 1",
    )
    assert told()[2:] == [
        ("rollback", 1, 2, 1),
        ("archiving", 3, 3, 1),
        ("repair", 1, 3, 1),
    ]


@pytest.mark.parametrize(("when", "write"), [(before, "record"), (before, "move_alias")])
def test_roll_back_when_a_whole_run_comes_before_its_alias_write_then_stands(
    when: Callable[[Registry, str, Act], None],
    write: str,
    promoter: Registry,
    person: Registry,
    models: Models,
) -> None:
    when(person, write, lambda: contest(3, registry=promoter))

    assert roll_back(person, "bad", to=1) == 1

    stands_in_the_next_round(models)


def test_roll_back_when_a_whole_run_comes_after_its_alias_write_then_says_what_happened(
    promoter: Registry, person: Registry
) -> None:
    after(person, "move_alias", lambda: contest(3, registry=promoter))

    with pytest.raises(UserError) as caught:
        roll_back(person, "bad", to=1)

    assert str(caught.value) == (
        "the rollback to version 1 was overtaken: somebody made version 3 production at the same "
        "time; see `kedro models history`"
    )
    in_line(3)
    assert told()[2:] == [("rollback", 1, 2, 1), ("promotion", 3, 1, 3)]


@pytest.mark.parametrize("write", ["record", "move_alias"])
def test_roll_back_when_a_promoter_reads_its_intent_and_overruns_its_alias_then_stands(
    write: str, promoter: Registry, person: Registry, models: Models
) -> None:
    before(person, "move_alias", die)  # the person's command goes on below
    with pytest.raises(Stopped):
        roll_back(person, "bad", to=1)

    def go_on() -> None:
        person.move_alias(1)
        align(person)

    before(promoter, write, go_on)
    contest(3, registry=promoter)

    stands_in_the_next_round(models)


def test_roll_back_when_killed_before_its_alias_write_then_an_overrun_promotion_carries_it_out(
    promoter: Registry, person: Registry, models: Models
) -> None:
    def begin() -> None:
        before(person, "move_alias", die)
        with pytest.raises(Stopped):
            roll_back(person, "bad", to=1)

    before(promoter, "move_alias", begin)
    contest(3, registry=promoter)

    stands_in_the_next_round(models)


def test_roll_back_when_killed_before_its_alias_write_then_nobody_is_said_to_have_moved_the_alias(
    promoter: Registry, person: Registry, models: Models
) -> None:
    before(person, "move_alias", die)
    before(person, "record", lambda: contest(3, registry=promoter))
    with pytest.raises(Stopped):
        roll_back(person, "bad", to=1)

    contest(register(models[9]).number, registry=shared_registry())

    in_line(3)
    assert told()[2:] == [("promotion", 3, 2, 3), ("archiving", 4, 3, 3)]


@pytest.mark.parametrize("write", ["record", "move_alias"])
def test_contest_when_killed_while_it_gives_way_to_a_rollback_then_the_next_run_goes_on(
    write: str, promoter: Registry, person: Registry, models: Models
) -> None:
    after(promoter, "move_alias", lambda: before(promoter, write, die))
    before(promoter, "move_alias", lambda: roll_back(person, "bad", to=1))
    with pytest.raises(Stopped):
        contest(3, registry=promoter)
    assert alias() == 3

    contest(register(models[9]).number, registry=shared_registry())

    stands_in_the_next_round(models)


def test_contest_when_the_version_that_a_person_chose_was_deleted_since_then_is_completed(
    promoter: Registry, person: Registry
) -> None:
    def choose_and_delete() -> None:
        roll_back(person, "bad", to=1)
        MlflowClient().delete_model_version(MODEL_NAME, "1")

    before(promoter, "move_alias", choose_and_delete)

    verdict = contest(3, registry=promoter)

    assert verdict.action == "promote"
    assert tags() == {2: {"archived": "3.0"}, 3: {"production": "1.0"}}


# --- Two people ---------------------------------------------------------------------------------


@pytest.fixture
def third(settled: Registry, models: Models) -> Registry:
    """Versions 1, 2 and 3 were promoted, each in its turn."""
    contest(register(models[1]).number)
    return shared_registry()


@pytest.mark.parametrize("write", ["record", "move_alias"])
def test_roll_back_when_another_comes_before_its_alias_write_then_the_later_write_stands(
    write: str, third: Registry, person: Registry
) -> None:
    before(third, write, lambda: roll_back(person, "bad", to=2))

    assert roll_back(third, "bad", to=1) == 1

    in_line(1)


@pytest.mark.parametrize("write", ["move_alias", "untag", "tag"])
def test_roll_back_when_another_comes_after_its_alias_write_then_says_that_it_was_overtaken(
    write: str, third: Registry, person: Registry
) -> None:
    after(third, write, lambda: roll_back(person, "bad", to=2))

    with pytest.raises(UserError, match="was overtaken: somebody made version 2 production"):
        roll_back(third, "bad", to=1)

    in_line(2)


def as_it_untags_the_chosen_one(person: Registry, act: Act) -> None:
    """Have something happen when a decision by hand has tagged both versions that it is about."""
    after(person, "tag", lambda: after(person, "tag", act))


def test_roll_back_when_an_old_version_loses_its_last_tag_to_two_people_then_gets_it_back(
    settled: Registry, person: Registry
) -> None:
    as_it_untags_the_chosen_one(
        person, lambda: promote_by_hand(shared_registry(), 2, "it was right")
    )

    with pytest.raises(UserError, match="was overtaken: somebody made version 2 production"):
        roll_back(person, "bad", to=1)

    in_line(2)


def test_roll_back_when_killed_after_an_old_version_lost_its_last_tag_then_the_next_run_tags_it(
    settled: Registry, person: Registry, models: Models
) -> None:
    def decide_otherwise() -> None:
        promote_by_hand(shared_registry(), 2, "it was right")
        after(person, "untag", die)

    as_it_untags_the_chosen_one(person, decide_otherwise)
    with pytest.raises(Stopped):
        roll_back(person, "bad", to=1)
    assert tags()[1] == {}

    contest(register(models[9]).number, registry=shared_registry())

    in_line(2)


def test_roll_back_when_another_aims_at_the_same_version_then_both_succeed(
    third: Registry, person: Registry
) -> None:
    before(third, "record", lambda: roll_back(person, "bad", to=1))

    assert roll_back(third, "bad", to=1) == 1

    in_line(1)


# --- Late writes ------------------------------------------------------------------------


def intend(registry: Registry, action: Action, number: int, key: str | None = None) -> None:
    """Record an intent, and stall before the alias."""
    record = new_record(registry.state(), action, number, "...", after=number, step="intent")
    registry.record(record if key is None else record.model_copy(update={"key": key}))


def test_align_when_a_person_and_a_run_promote_one_version_at_once_then_ends(
    settled: Registry, models: Models
) -> None:
    registry = shared_registry()
    register(models[1])
    intend(registry, "promotion by hand", 3, "history.000000009-00000000")
    intend(registry, "promotion", 3, "history.000000009-ffffffff")
    registry.move_alias(3)

    align(registry)

    in_line(3)


def test_align_when_a_take_back_comes_late_then_the_better_version_contests_again(
    settled: Registry, models: Models
) -> None:
    register(models[5])
    slow, quick = shared_registry(), shared_registry()
    intend(slow, "promotion", 3)
    roll_back(quick, "it drifts", to=1)
    quick.move_alias(3)

    def others() -> None:
        align(quick)
        contest(register(models[1]).number, registry=quick)

    before(slow, "move_alias", others)
    align(slow)
    assert "alias by hand" not in {action for action, *_ in told()}

    contest(register(models[9]).number, registry=quick)

    in_line(4)


def test_align_when_a_rollback_was_given_up_before_a_promotion_then_is_not_carried_out_later(
    settled: Registry, models: Models
) -> None:
    register(models[5])
    slow, person = shared_registry(), shared_registry()
    intend(slow, "promotion", 3)
    before(person, "move_alias", die)
    with pytest.raises(Stopped):
        roll_back(person, "it drifts", to=1)
    register(models[1])
    contest(4, registry=shared_registry())
    slow.move_alias(3)

    contest(register(models[9]).number, registry=shared_registry())

    in_line(4)


def test_check_alias_when_a_promotion_was_begun_twice_and_done_once_then_finds_nothing(
    settled: Registry, models: Models
) -> None:
    registry = shared_registry()
    register(models[1])
    intend(registry, "promotion", 3)
    contest(3, registry=registry)

    state = registry.state()

    assert check_alias(state, pending_intent(registry, state)) == []


def test_align_when_others_write_without_end_then_says_so(
    settled: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salary_kedro.promotion.alignment.MAX_PASSES", 3)
    registry = shared_registry()
    original = registry.recent_state

    def state() -> object:
        found = original()
        MlflowClient().delete_model_version_tag(MODEL_NAME, "1", next(iter(tags()[1]), "archived"))
        return found if tags()[1] else original()

    monkeypatch.setattr(registry, "recent_state", state)

    with pytest.raises(UserError, match=r"^other commands keep changing 'salaries'"):
        align(registry)
