"""What is measured on the clock; CI runs it when nothing else runs."""

from support import prove


def test_service_when_bundles_are_published_under_load_then_follows_and_fails_no_request() -> None:
    prove("swaps")
