"""How far long work has come is logged; short work passes in silence."""

import logging

import pytest

from salary_kedro.modelling import progress
from salary_kedro.modelling.progress import tell_progress


def told(
    seconds: float, items: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> list[str]:
    """What is logged of items that take some seconds each, by a clock that only they move."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with caplog.at_level(logging.INFO, progress.PROGRESS.name):
        for _ in tell_progress(range(items), items, "folds"):
            clock[0] += seconds
    return caplog.messages


def test_progress_when_each_item_takes_long_then_is_told_after_each(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert told(35, 5, monkeypatch, caplog) == [
        "1 of 5 folds, about 2 min left",  # 140 s
        "2 of 5 folds, about 105 s left",
        "3 of 5 folds, about 70 s left",
        "4 of 5 folds, about 35 s left",
    ]


def test_progress_when_items_are_quick_then_is_told_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert told(4, 7, monkeypatch, caplog) == [
        "3 of 7 folds, about 16 s left",  # 12 s have passed
        "6 of 7 folds, about 4 s left",
    ]


def test_progress_when_all_is_over_within_ten_seconds_then_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert told(0.3, 25, monkeypatch, caplog) == []


def test_progress_when_items_come_then_gives_each_of_them() -> None:
    assert list(tell_progress("abc", 3, "folds")) == ["a", "b", "c"]
