"""Tournaments among the professors: better than any default, repeatable, resumed after kill -9."""

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from proofs.tally import Tally
from support import copy_project, is_running, wait_until
from tournaments import Tournament

ENV = "professors"
TRIALS, KILLS = 60, 6


def prove_tournament(
    folder: Path, share: float, seed: int, tell: Callable[[str], None] = print
) -> Iterator[Tally]:
    """Hold one tournament twice, and once killed so many times on its way.

    Args:
        folder: Where the copies of the project are made.
        share: Share of the full counts.
        seed: Decides when it is killed.
        tell: Told of the progress.
    """
    trials, kills = max(12, round(TRIALS * share)), max(1, round(KILLS * share))
    first = _hold(folder / "first", trials, tell)
    if trials >= TRIALS:  # fewer need not find anything better than six defaults
        yield Tally(f"tournament of {trials} trials: a gain", 1, [*_check_gain(first)])
    second = _hold(folder / "second", trials, tell)
    again = f"tournament of {trials} trials once more, to the digit"
    yield Tally(again, 1, [*_check_same(first, second)])
    killed = _new(folder / "killed", trials)
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(1, _scores(first)), kills))
    violations = [text for at in moments for text in _kill(killed, at, tell)]
    killed.run()
    violations += _check_same(first, killed)
    yield Tally("the same tournament, killed with -9 and resumed", len(moments), violations)


def _new(folder: Path, trials: int) -> Tournament:
    return Tournament(copy_project(folder), ENV, f"tournament.trials={trials}")


def _hold(folder: Path, trials: int, tell: Callable[[str], None]) -> Tournament:
    tournament = _new(folder, trials)
    tournament.run()
    tell(f"a tournament of {trials} trials held")
    return tournament


def _scores(tournament: Tournament) -> int:
    """How many different entries it has scored."""
    return len(tournament.leaderboard.splitlines()) - 1


def _check_gain(tournament: Tournament) -> Iterator[str]:
    rows = [*csv.DictReader(tournament.leaderboard.decode().splitlines())]
    best, plain = rows[0], next(row for row in rows if row["tuned"] == "no")
    if not float(best["cv_rmse_mean"]) < float(plain["cv_rmse_mean"]):
        yield (
            f"the best default, {plain['model']}, has an RMSE of {plain['cv_rmse_mean']} by "
            f"cross-validation, and nothing is better"
        )


def _check_same(first: Tournament, other: Tournament) -> Iterator[str]:
    if first.leaderboard != other.leaderboard:
        yield "the leaderboard is another one"
    if [_untimed(trial) for trial in first.trials] != [_untimed(trial) for trial in other.trials]:
        yield "the trials are other ones"


def _untimed(trial: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in trial.items() if name != "seconds"}


def _kill(tournament: Tournament, scores: int, tell: Callable[[str], None]) -> Iterator[str]:
    """Kill it as soon as there are so many scores."""
    workers = tournament.kill(lambda: tournament.scored() >= scores)
    tell(f"killed after {tournament.scored()} scores")
    try:
        wait_until(lambda: not any(map(is_running, workers)), "the workers to end")
    except AssertionError:
        yield f"killed after {scores} scores, it left workers that run on"
