"""The search of a tournament, over scores that are worked out by hand."""

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from salary_kedro.errors import UserError
from salary_kedro.modelling.names import ModelName
from salary_kedro.modelling.search import BATCH, Entry, Plan, Score, Search, run_search
from salary_kedro.modelling.spaces import Setting
from samples import trial

PLAN = Plan(
    candidates={
        "linear_regression": {},
        "ridge": {"alpha": Setting(low=0.01, high=100.0, log=True)},
        "decision_tree": {
            "max_depth": Setting(low=1, high=20),
            "criterion": Setting(choices=("squared_error", "absolute_error")),
        },
    },
    base={"decision_tree": {"min_samples_leaf": 3}},
    trials=30,
    seconds=None,
    workers=2,
    seed=234,
    rows=100,
)
#: The RMSE of a plain run of each.
PLAIN: dict[ModelName, float] = {"linear_regression": 50, "ridge": 40, "decision_tree": 60}


def rmse_of(entry: Entry) -> float:
    """A valley: the best is a tree of depth 7, at 10."""
    match entry.settings:
        case {"alpha": alpha}:
            return 30 + abs(float(alpha) - 1)
        case {"max_depth": depth, "criterion": rule}:
            return 10 + abs(int(depth) - 7) + (rule == "absolute_error")
    return PLAIN[entry.model]


def score(*rmses: float, seconds: float = 1.0, problem: str = "") -> Score:
    return Score(rmses=rmses, seconds=seconds, problem=problem)


def examine(entries: Sequence[Entry]) -> Iterator[Score]:
    """Each fold is one off, to both sides."""
    for entry in entries:
        yield score(rmse_of(entry) - 1, rmse_of(entry) + 1)


def test_search_when_it_begins_then_tries_each_candidate_as_a_plain_run_trains_it() -> None:
    found = run_search(PLAN, examine)

    first = [(trial.model, trial.settings, trial.tuned) for trial in found.trials[:3]]
    assert first == [
        ("linear_regression", {}, False),
        ("ridge", {}, False),
        ("decision_tree", {"min_samples_leaf": 3}, False),
    ]
    assert all(trial.tuned for trial in found.trials[3:])


def test_search_when_done_then_has_found_the_best_and_what_it_improves_on() -> None:
    found = run_search(PLAN, examine)

    assert [trial.number for trial in found.trials] == [*range(1, 31)]
    assert found.winner.model == "decision_tree"
    assert found.winner.settings == {
        "min_samples_leaf": 3,
        "max_depth": 7,
        "criterion": "squared_error",
    }
    assert (found.winner.cv_rmse_mean, found.winner.cv_rmse_sd) == (10, pytest.approx(2**0.5))
    assert found.best_untuned is not None
    assert (found.best_untuned.model, found.best_untuned.cv_rmse_mean) == ("ridge", 40)
    assert (found.ended_by, found.rows) == ("trials", 100)


def test_search_when_repeated_with_the_same_seed_then_is_the_same_and_with_another_not() -> None:
    first, second = run_search(PLAN, examine), run_search(PLAN, examine)
    other = run_search(replace(PLAN, seed=1), examine)

    assert first == second
    assert first.trials[3:] != other.trials[3:]


def test_search_when_it_asks_then_asks_for_a_whole_batch_before_it_is_told_any() -> None:
    asked = []

    def note(entries: Sequence[Entry]) -> Iterable[Score]:
        asked.append(len(entries))
        return examine(entries)

    run_search(replace(PLAN, trials=13), note)

    assert asked == [3, 4, 4, 2]


@pytest.mark.parametrize("killed_after", range(0, 21, 3))
def test_search_when_it_was_killed_then_ends_as_the_uninterrupted_one(killed_after: int) -> None:
    known: dict[str, Score] = {}
    computed = itertools.count(1)

    def remember(entries: Sequence[Entry]) -> Iterator[Score]:
        for entry in entries:
            if repr(entry) not in known:
                if next(computed) == killed_after + 1:
                    raise KeyboardInterrupt
                known[repr(entry)] = next(examine([entry]))
            yield known[repr(entry)]

    with pytest.raises(KeyboardInterrupt):
        run_search(PLAN, remember)

    assert len(known) == killed_after
    assert run_search(PLAN, remember) == run_search(PLAN, examine)


def test_search_when_some_fail_then_goes_on_and_ranks_them_last() -> None:
    def fail_trees(entries: Sequence[Entry]) -> Iterator[Score]:
        for entry in entries:
            bad = entry.model == "decision_tree"
            yield score(problem="ValueError: no") if bad else next(examine([entry]))

    found = run_search(PLAN, fail_trees)

    assert found.winner.model == "ridge"
    failed = [trial for trial in found.ranked if trial.cv_rmse_mean is None]
    assert failed
    assert found.ranked[-len(failed) :] == tuple(failed)
    assert {trial.problem for trial in failed} == {"ValueError: no"}


def test_search_when_all_fail_then_the_winner_is_refused_with_the_reason() -> None:
    found = run_search(
        replace(PLAN, trials=4), lambda entries: [score(problem="MemoryError: ") for _ in entries]
    )

    with pytest.raises(UserError, match=r"no trial of the tournament has succeeded; .*MemoryError"):
        _ = found.winner
    assert found.best_untuned is None


def test_search_when_the_time_is_over_then_ends_after_a_whole_batch() -> None:
    """Seven trials of a second each, by two workers, take three and a half seconds."""
    found = run_search(replace(PLAN, seconds=3.0), examine)

    assert len(found.trials) == 3 + BATCH
    assert found.ended_by == "seconds"


def test_search_when_an_entry_comes_again_then_its_time_counts_once() -> None:
    """Of a depth of 1 or 2 there are two, and one untuned: three seconds, of one worker."""
    tree = {"decision_tree": {"max_depth": Setting(low=1, high=2)}}
    plan = replace(PLAN, candidates=tree, workers=1, trials=21)

    assert run_search(replace(plan, seconds=3.5), examine).ended_by == "trials"
    assert run_search(replace(plan, seconds=2.5), examine).ended_by == "seconds"


def test_search_when_nothing_can_be_tuned_then_tries_the_plain_ones_alone() -> None:
    found = run_search(replace(PLAN, candidates={"ridge": {}, "linear_regression": {}}), examine)

    assert [trial.model for trial in found.trials] == ["ridge", "linear_regression"]
    assert found.ended_by == "trials"


def test_ranked_when_entries_are_equal_or_tie_then_the_first_counts() -> None:
    trials = (
        trial(1, None),
        trial(2, 5, a=1),
        trial(3, 4, a=2),
        trial(4, 4, a=3),
        trial(5, 5, a=1),
    )

    ranked = Search(trials=trials, ended_by="trials", rows=9).ranked

    assert [each.number for each in ranked] == [3, 4, 2, 1]


def test_search_when_it_advances_then_tells_how_far_it_is_and_what_is_best(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "salary_kedro.progress"):
        run_search(replace(PLAN, trials=3), examine)

    told = [(record.done, record.total, record.note) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [
        (1, 3, "linear_regression, RMSE 50.0"),
        (2, 3, "ridge, RMSE 40.0"),
        (3, 3, "ridge, RMSE 40.0"),
    ]
