"""A service under load and under attack: it is timed, so CI runs it when nothing else runs."""

from support import prove


def test_service_when_bundles_are_published_under_load_then_follows_and_fails_no_request() -> None:
    prove("swaps")


def test_service_when_it_is_told_to_end_or_restart_under_load_then_loses_no_request() -> None:
    prove("drains")


def test_service_when_it_is_asked_with_hostile_intent_then_goes_on_answering() -> None:
    prove("hostile")
