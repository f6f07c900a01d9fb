"""Rollback and promotion by hand: where they lead, and what they refuse."""

from collections.abc import Callable

import pytest
from mlflow import MlflowClient

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.registry.registry import Registry
from samples import constant
from stores import (
    MODEL_NAME,
    Models,
    alias,
    all_of_it,
    contest,
    log,
    own_registry,
    register,
    tags,
    told,
)

THE_STORY = [("promotion", 1, None, 1), ("promotion", 2, 1, 2)]


@pytest.fixture
def third(settled: Registry, models: Models) -> Registry:
    """Versions 1, 2 and 3 were promoted, each in its turn; they have RMSEs 5, 3 and 1."""
    contest(register(models[1]).number)
    return settled


def refused(decide: Callable[[], object]) -> str:
    """What is said when a decision is refused; nothing may be written."""
    before = all_of_it()
    with pytest.raises(UserError) as caught:
        decide()
    assert all_of_it() == before
    return str(caught.value)


# --- Rollback --------------------------------------------------------------------------


def test_roll_back_when_no_version_is_given_then_goes_to_the_production_before(
    settled: Registry,
) -> None:
    assert roll_back(settled, " it is bad ") == 1

    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "3.0"}})
    assert told() == [*THE_STORY, ("rollback", 1, 2, 1)]
    intent, done = settled.state().history[-2:]
    assert (done.why, done.intent) == ("it is bad", intent.key)


def test_roll_back_when_done_twice_then_goes_further_back(third: Registry) -> None:
    assert [roll_back(third, "bad"), roll_back(third, "bad too")] == [2, 1]

    assert told()[3:] == [("rollback", 2, 3, 2), ("rollback", 1, 2, 1)]


def test_roll_back_when_a_version_came_after_a_rollback_then_passes_over_the_one_rolled_back(
    settled: Registry, models: Models
) -> None:
    roll_back(settled, "2 is bad")
    contest(register(models[1]).number)

    assert roll_back(settled, "3 is bad too") == 1


def test_roll_back_when_the_one_before_was_deleted_then_passes_over_it(third: Registry) -> None:
    MlflowClient().delete_model_version(MODEL_NAME, "2")

    assert roll_back(third, "bad") == 1


def test_roll_back_when_a_version_is_given_then_goes_to_that(third: Registry) -> None:
    assert roll_back(third, "bad", to=1) == 1

    assert (alias(), told()[-1]) == (1, ("rollback", 1, 3, 1))


def test_roll_back_when_the_version_given_was_rolled_back_then_goes_there_all_the_same(
    settled: Registry,
) -> None:
    roll_back(settled, "2 is bad")

    assert roll_back(settled, "no, it was not", to=2) == 2
    assert settled.state().history.rolled_back == [1]


def test_roll_back_when_forced_then_goes_to_a_version_that_was_never_production(
    settled: Registry, models: Models
) -> None:
    contest(register(models[7]).number)

    assert roll_back(settled, "I know what I do", to=3, force=True) == 3
    assert tags() == {1: {"archived": "5.0"}, 2: {"archived": "3.0"}, 3: {"production": "7.0"}}


def test_roll_back_when_the_alias_is_gone_then_goes_to_the_production_before_the_lost_one(
    settled: Registry,
) -> None:
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")

    assert roll_back(settled, "2 is bad") == 1

    assert told()[2:] == [("repair", 2, None, 2), ("rollback", 1, 2, 1)]


def test_roll_back_when_tags_were_edited_then_brings_them_into_line_too(settled: Registry) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "1", "staging", "5.0")

    roll_back(settled, "2 is bad")

    assert tags() == {1: {"production": "5.0"}, 2: {"archived": "3.0"}}


def test_roll_back_when_the_version_was_never_production_then_refuses(
    settled: Registry, models: Models
) -> None:
    contest(register(models[7]).number)

    assert refused(lambda: roll_back(settled, "bad", to=3)) == (
        "version 3 was never production; those that were: 1. Add --force to choose it all the same"
    )


@pytest.mark.parametrize("force", [False, True])
def test_roll_back_when_the_version_is_unknown_then_refuses(
    settled: Registry, *, force: bool
) -> None:
    assert refused(lambda: roll_back(settled, "bad", to=9, force=force)) == (
        "there is no version 9 of 'salaries'; known: 1, 2"
    )


@pytest.mark.parametrize("force", [False, True])
def test_roll_back_when_the_version_is_production_already_then_refuses(
    settled: Registry, *, force: bool
) -> None:
    assert refused(lambda: roll_back(settled, "bad", to=2, force=force)) == (
        "version 2 is production already"
    )


def test_roll_back_when_there_is_no_former_production_then_refuses(
    store: str, models: Models
) -> None:
    contest(register(models[5]).number)

    assert refused(lambda: roll_back(own_registry(), "bad")) == (
        "there is no former production version to go back to from version 1"
    )


def test_roll_back_when_all_before_were_rolled_back_then_refuses_and_names_them(
    settled: Registry,
) -> None:
    roll_back(settled, "2 is bad")

    assert refused(lambda: roll_back(settled, "1 is bad too")) == (
        "all that were production before version 1 were rolled back: name one with --to (2)"
    )


def test_roll_back_when_nothing_was_ever_in_production_then_refuses(
    store: str, models: Models
) -> None:
    register(models[5])

    assert refused(lambda: roll_back(own_registry(), "bad")) == (
        "there is no production version yet to roll back; `make run` makes one"
    )


# --- Promotion by hand -------------------------------------------------------------------


def test_promote_by_hand_when_a_version_lost_its_contest_then_makes_it_production(
    settled: Registry, models: Models
) -> None:
    contest(register(models[7]).number)

    assert promote_by_hand(settled, 3, " it is fairer ") == 3

    assert tags() == {1: {"archived": "5.0"}, 2: {"archived": "3.0"}, 3: {"production": "7.0"}}
    assert told()[3:] == [("promotion by hand", 3, 2, 3)]
    assert settled.state().history[-1].why == "it is fairer"


def test_promote_by_hand_when_nothing_is_in_production_then_makes_it_production(
    store: str, models: Models
) -> None:
    register(models[5])

    promote_by_hand(own_registry(), 1, "the first")

    assert (alias(), tags()) == (1, {1: {"production": "5.0"}})


def test_promote_by_hand_when_a_version_was_rolled_back_then_it_is_not_any_more(
    settled: Registry,
) -> None:
    roll_back(settled, "2 is bad")
    promote_by_hand(settled, 2, "no, it was not")

    assert settled.state().history.rolled_back == []


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (9, "there is no version 9 of 'salaries'; known: 1, 2"),
        (2, "version 2 is production already"),
    ],
)
def test_promote_by_hand_when_the_version_cannot_be_then_refuses(
    number: int, message: str, settled: Registry
) -> None:
    assert refused(lambda: promote_by_hand(settled, number, "so")) == message


# --- What both refuse -----------------------------------------------------------------------

DECISIONS = pytest.mark.parametrize(
    "decide",
    [
        pytest.param(roll_back, id="roll back"),
        pytest.param(lambda registry, reason: promote_by_hand(registry, 1, reason), id="promote"),
    ],
)
Decision = Callable[[Registry, str], int]


@DECISIONS
@pytest.mark.parametrize("length", [0, 1001])
def test_decision_when_the_reason_is_empty_or_too_long_then_refuses(
    length: int, decide: Decision, settled: Registry
) -> None:
    assert refused(lambda: decide(settled, "x" * length)) == (
        "the reason is empty or longer than 1000 characters: say in a sentence why"
    )


@DECISIONS
def test_decision_when_the_reason_is_blank_then_refuses(
    decide: Decision, settled: Registry
) -> None:
    assert refused(lambda: decide(settled, " \n ")).startswith("the reason is empty ")


@DECISIONS
@pytest.mark.parametrize("char", ["\x1b", "\u202e", "\x00"])
def test_decision_when_the_reason_holds_what_people_do_not_see_then_refuses(
    char: str, decide: Decision, settled: Registry
) -> None:
    assert refused(lambda: decide(settled, f"too{char}[2J high")) == (
        f"the reason contains U+{ord(char):04X}, an invisible character: leave it out"
    )


@DECISIONS
def test_decision_when_the_reason_is_as_long_as_may_be_then_takes_it(
    decide: Decision, settled: Registry
) -> None:
    assert decide(settled, "ä" * 1000) == 1
    assert settled.state().history[-1].why == "ä" * 1000


@DECISIONS
def test_decision_when_the_model_does_not_load_then_refuses(
    decide: Decision, store: str, models: Models, contract: Contract
) -> None:
    registry = own_registry()
    contest(register(log(constant(105), contract, 5.0)).number)
    contest(register(models[3]).number)
    (registry.model_folder(1) / "model.skops").write_bytes(b"garbage")

    assert refused(lambda: decide(registry, "so")) == (
        "the model of version 1 does not load, so it cannot serve"
    )


# --- A version that repeats one that was rolled back ----------------------------------------------


def made_of(number: int, **changes: str) -> None:
    """Say on a version's run what it was made of."""
    client = MlflowClient()
    run_id = client.get_model_version(MODEL_NAME, str(number)).run_id
    lineage = {"data_sha256": "d", "parameters_sha256": "p", "code_sha256": "c", **changes}
    for name, value in lineage.items():
        client.set_tag(run_id, name, value)


@pytest.fixture
def rolled_back(settled: Registry, models: Models) -> Registry:
    """Version 2, made of d, p and c, was rolled back; version 3, with RMSE 1, is in staging."""
    made_of(2)
    roll_back(settled, "2 is bad")
    register(models[1])
    return settled


def test_contest_when_a_version_repeats_one_that_was_rolled_back_then_archives_it_and_says_so(
    rolled_back: Registry,
) -> None:
    made_of(3)

    verdict = contest(3)

    assert (verdict.action, verdict.reason) == (
        "archive",
        (
            "version 3 is not promoted: it is made of the same data, parameters and code as "
            "version 2, which was rolled back; change one of them, or promote it by hand"
        ),
    )
    assert verdict.evidence.challenger.rmse == 1.0
    assert alias() == 1


@pytest.mark.parametrize("changed", ["data_sha256", "parameters_sha256", "code_sha256"])
def test_contest_when_one_thing_is_other_than_in_the_one_rolled_back_then_promotes(
    changed: str, rolled_back: Registry
) -> None:
    made_of(3, **{changed: "other"})

    assert contest(3).action == "promote"


def test_contest_when_it_is_not_known_what_a_version_is_made_of_then_promotes(
    rolled_back: Registry,
) -> None:
    assert contest(3).action == "promote"


def test_contest_when_the_one_rolled_back_was_promoted_by_hand_since_then_its_twin_may_be_too(
    rolled_back: Registry,
) -> None:
    promote_by_hand(rolled_back, 2, "it was not bad")
    made_of(3)

    assert contest(3).action == "promote"


def test_promote_by_hand_when_a_version_repeats_one_that_was_rolled_back_then_promotes_it(
    rolled_back: Registry,
) -> None:
    made_of(3)
    contest(3)

    assert promote_by_hand(rolled_back, 3, "all the same") == 3
