"""The history: records in order, and what follows from them."""

from typing import Any

import pytest

from salary_kedro.registry import history as history_module
from salary_kedro.registry.history import History, Record


def record(
    key: int | str,
    action: str,
    version: int,
    before: int | None,
    after: int | None,
    **others: Any,
) -> Record:
    """A record; the number of its key says its place."""
    full = key if isinstance(key, str) else f"history.{key:09d}-a"
    plain = {"action": action, "version": version, "from": before, "to": after}
    return Record.model_validate({"key": full, "state": "done", "why": "so", **plain, **others})


def promotion(key: int, version: int, before: int | None, **others: Any) -> Record:
    return record(key, "promotion", version, before, version, **others)


def archiving(key: int, version: int, production: int | None) -> Record:
    return record(key, "archiving", version, production, production)


def rollback(key: int, before: int | None, version: int, **others: Any) -> Record:
    return record(key, "rollback", version, before, version, **others)


# --- Records -------------------------------------------------------------------------


def test_record_when_written_as_json_then_says_from_and_to_and_reads_back() -> None:
    written = promotion(1, 2, 1)

    text = written.model_dump_json(by_alias=True)

    assert '"from":1,"to":2' in text
    assert Record.model_validate_json(text) == written


def test_record_when_made_then_tells_who_and_when_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")

    made = promotion(1, 1, None)

    assert made.who == "ada"
    assert str(made.when.tzinfo) == "UTC"


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_record_when_the_user_has_no_name_then_says_unknown(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(history_module.getpass, "getuser", nobody)

    assert promotion(1, 1, None).who == "unknown"


@pytest.mark.parametrize(
    ("made", "moves"),
    [
        (promotion(1, 2, 1), True),
        (rollback(1, 2, 1), True),
        (record(1, "repair", 2, None, 2), True),
        (record(1, "import", 3, 2, 2), False),
        (archiving(1, 3, 2), False),
        (archiving(1, 3, None), False),
    ],
)
def test_moves_when_another_version_became_production_then_is_true(
    made: Record, *, moves: bool
) -> None:
    assert made.moves is moves


def test_decision_when_two_records_tell_of_one_then_is_the_same() -> None:
    intent = rollback(1, 2, 1, state="intent")
    done = rollback(2, 2, 1, intent=intent.key)

    assert (intent.decision, done.decision) == (intent.key, intent.key)


# --- Order ------------------------------------------------------------------------------


def test_history_when_given_in_any_order_then_is_in_the_order_of_writing() -> None:
    records = [promotion(10, 2, 1), promotion(9, 1, None), archiving(11, 3, 2)]

    history = History(records)

    assert [item.version for item in history] == [1, 2, 3]
    assert (len(history), history[-1], list(history[:1])) == (3, records[2], [records[1]])


def test_history_when_two_records_complete_one_intent_then_the_first_counts() -> None:
    intent = promotion(1, 1, None, state="intent")
    first, second = (promotion(key, 1, None, intent=intent.key) for key in (2, 3))

    assert list(History([second, first, intent])) == [intent, first]


def test_next_key_when_nothing_was_written_then_is_the_first() -> None:
    assert History([]).next_key().startswith("history.000000001-")


def test_next_key_when_records_are_there_then_sorts_behind_them_and_is_random() -> None:
    history = History([promotion(9, 1, None), promotion(99, 2, 1)])

    keys = {history.next_key() for _ in range(3)}

    assert len(keys) == 3
    assert all(key.startswith("history.000000100-") and key > history[-1].key for key in keys)


# --- What was done ----------------------------------------------------------------------


def test_done_and_unfinished_when_an_intent_was_not_completed_then_tell_them_apart() -> None:
    begun, finished = promotion(1, 1, None, state="intent"), promotion(2, 2, 1, state="intent")
    completion = promotion(3, 2, 1, intent=finished.key)

    history = History([begun, finished, completion])

    assert (history.done, history.unfinished) == ([completion], [begun])


def test_decided_when_versions_were_promoted_or_archived_then_are_those() -> None:
    history = History(
        [promotion(1, 1, None), archiving(2, 2, 1), promotion(3, 3, 1, state="intent")]
    )

    assert history.decided == {1, 2}


def test_productions_when_some_came_back_then_are_the_latest_first_and_each_once() -> None:
    history = History(
        [promotion(1, 1, None), promotion(2, 2, 1), archiving(3, 3, 2), rollback(4, 2, 1)]
    )

    assert history.productions == [1, 2]


@pytest.mark.parametrize(
    ("action", "by_hand"),
    [
        ("rollback", True),
        ("promotion by hand", True),
        ("alias by hand", True),
        ("promotion", False),
        ("repair", False),
        ("import", False),
        ("archiving", False),
    ],
)
def test_by_hand_when_a_person_decided_then_is_that_record(action: str, *, by_hand: bool) -> None:
    decided = record(2, action, 1, 2, 1)

    history = History([promotion(1, 2, None), decided])

    assert history.by_hand == (decided if by_hand else None)


def test_by_hand_when_it_was_not_carried_out_then_is_known_all_the_same() -> None:
    intent = rollback(2, 2, 1, state="intent")

    history = History([promotion(1, 2, None), intent])

    assert history.by_hand == intent


def test_known_when_nobody_decided_by_hand_then_is_none() -> None:
    assert History([promotion(1, 1, None)]).by_hand_state is None


# --- Standing ---------------------------------------------------------------------------


def test_unreplaced_when_each_knew_of_the_one_before_then_is_the_last() -> None:
    history = History([promotion(1, 1, None), promotion(2, 2, 1), archiving(3, 3, 2)])

    assert history.unreplaced == {2}


def test_unreplaced_when_two_replaced_the_same_one_then_are_both() -> None:
    history = History([promotion(1, 1, None), promotion(2, 2, 1), promotion(3, 3, 1)])

    assert history.unreplaced == {2, 3}


def test_unreplaced_when_one_of_two_was_archived_by_contest_then_is_the_other() -> None:
    racing = [promotion(1, 1, None), promotion(2, 2, 1), promotion(3, 3, 1)]

    assert History([*racing, archiving(4, 2, 3)]).unreplaced == {3}


def test_unreplaced_when_one_of_two_won_the_contest_then_is_that_one() -> None:
    racing = [promotion(1, 1, None), promotion(2, 2, 1), promotion(3, 3, 1)]

    assert History([*racing, promotion(4, 2, 3)]).unreplaced == {2}


@pytest.mark.parametrize("action", ["rollback", "promotion by hand", "alias by hand"])
def test_unreplaced_when_a_decision_outranks_contests_then_is_its_version(
    action: str,
) -> None:
    racing = [promotion(1, 1, None), promotion(2, 2, 1), promotion(3, 3, 1)]

    assert History([*racing, record(4, action, 1, 3, 1)]).unreplaced == {1}


def test_unreplaced_when_the_alias_was_repaired_then_a_racing_version_still_contests() -> None:
    racing = [promotion(1, 1, None), promotion(2, 2, 1), promotion(3, 3, 1)]

    assert History([*racing, record(4, "repair", 1, 3, 1)]).unreplaced == {1, 2}


def test_unreplaced_when_a_promotion_did_not_know_of_a_rollback_then_is_what_that_chose() -> None:
    history = History(
        [promotion(1, 1, None), promotion(2, 2, 1), rollback(3, 2, 1), promotion(4, 3, 2)]
    )

    assert history.unreplaced == {1}


def test_unreplaced_when_a_promotion_knew_of_the_rollback_then_is_its_version() -> None:
    before = [promotion(1, 1, None), promotion(2, 2, 1), rollback(3, 2, 1)]
    aware = promotion(4, 3, 1, knows=History(before).by_hand_state)

    assert History([*before, aware]).unreplaced == {3}


def test_unreplaced_when_a_rollback_was_only_intended_then_an_unaware_promotion_stands() -> None:
    intent = rollback(2, 1, 7, state="intent")

    assert History([promotion(1, 1, None), intent, promotion(3, 2, 1)]).unreplaced == {2}


def test_unreplaced_when_a_promotion_knew_of_the_intent_alone_then_is_what_the_rollback_chose() -> (
    None
):
    before = [promotion(1, 1, None), promotion(2, 2, 1), rollback(3, 2, 1, state="intent")]
    half_aware = promotion(5, 3, 2, knows=History(before).by_hand_state)
    done = rollback(4, 2, 1, intent=before[-1].key)

    assert History([*before, half_aware]).unreplaced == {3}
    assert History([*before, done, half_aware]).unreplaced == {1}


def test_unreplaced_when_an_intent_was_not_carried_out_then_leaves_it_as_it_was() -> None:
    history = History([promotion(1, 1, None), promotion(2, 2, 1, state="intent")])

    assert history.unreplaced == {1}


# --- Rolled back ------------------------------------------------------------------------


def test_rolled_back_when_a_person_went_back_then_is_the_version_that_was_left() -> None:
    assert History([promotion(1, 1, None), promotion(2, 2, 1), rollback(3, 2, 1)]).rolled_back == [
        2
    ]


def test_rolled_back_when_a_person_went_back_twice_then_are_both() -> None:
    history = History([rollback(1, 3, 2), rollback(2, 2, 1)])

    assert history.rolled_back == [3, 2]


@pytest.mark.parametrize("action", ["promotion by hand", "alias by hand", "rollback"])
def test_rolled_back_when_a_person_put_it_back_then_is_not_among_them(action: str) -> None:
    history = History([rollback(1, 2, 1), record(2, action, 2, 1, 2)])

    assert 2 not in history.rolled_back


def test_rolled_back_when_the_rollback_was_not_carried_out_then_is_nothing() -> None:
    assert History([rollback(1, 2, 1, state="intent")]).rolled_back == []
