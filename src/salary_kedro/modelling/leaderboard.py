"""The trials of a tournament as a table and as a plot."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from salary_kedro.modelling import style
from salary_kedro.modelling.search import Search, Trial

COLUMNS = ("rank", "trial", "model", "tuned", "cv_rmse_mean", "cv_rmse_sd", "settings", "problem")
#: Trials that are this many times as far off as the best are beyond the plot.
FAR = 2.0


def leaderboard_table(search: Search) -> pd.DataFrame:
    """The different entries, the best first; columns `COLUMNS`, settings as JSON.

    How long they took is not in it, so that equal searches give equal tables.
    """
    rows = [
        (
            rank,
            trial.number,
            trial.model,
            "yes" if trial.tuned else "no",
            trial.cv_rmse_mean,
            trial.cv_rmse_sd,
            json.dumps(trial.settings, sort_keys=True),
            trial.problem,
        )
        for rank, trial in enumerate(search.ranked, start=1)
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS])


def plot_leaderboard(search: Search, unit: str) -> Figure:
    """Each trial by its model and RMSE; the models in the order of their best ones.

    Args:
        search: The trials.
        unit: The target's unit; empty if it has none.
    """
    best = search.winner
    models = list(dict.fromkeys(trial.model for trial in search.ranked))
    subject = style.Subject(best.model, best.cv_rmse_mean or 0.0, search.rows, unit)
    size = (7, max(2.6, 1.7 + 0.45 * len(models)))
    figure = style.blank("Tournament, by cross-validation on the training rows", subject, size)
    axes = style.panel(figure)
    tuned = [trial for trial in search.ranked if trial.tuned]
    plain = [trial for trial in search.ranked if not trial.tuned]
    axes.plot(
        *_places(tuned, models), "o", color=style.ROWS, alpha=0.55, ms=6, mew=0, label="tuned"
    )
    axes.plot(
        *_places(plain, models), "D", color=style.QUIET, mfc="none", ms=7, label="as a plain run"
    )
    axes.plot(*_places([best], models), "o", color=style.MODEL, ms=8, label="the winner")
    axes.set_yticks(range(len(models)), models, parse_math=False)
    axes.set_ylim(len(models) - 0.5, -0.5)
    beyond = _bound(axes, search)
    style.count_in_thousands(axes.xaxis)
    name = f"RMSE ({unit})" if unit else "RMSE"
    axes.set_xlabel(f"{name}{beyond}", parse_math=False)
    style.add_legend(figure)
    return figure


def _places(trials: Sequence[Trial], models: Sequence[str]) -> tuple[list[float], list[int]]:
    """Where trials are drawn, across and up; those that failed nowhere."""
    known = [(trial.cv_rmse_mean, models.index(trial.model)) for trial in trials]
    across = [np.nan if rmse is None else rmse for rmse, _ in known]
    return across, [up for _, up in known]


def _bound(axes: Axes, search: Search) -> str:
    """Let bad guesses not squeeze the others together; says how many are beyond the plot."""
    found = np.array([t.cv_rmse_mean for t in search.ranked if t.cv_rmse_mean is not None])
    plain = [t.cv_rmse_mean or 0.0 for t in search.ranked if not t.tuned]
    best = found.min()
    most = max([best * 1.02, *(rmse for rmse in plain if rmse < FAR * best)]) * 1.03
    most = most or 1.0  # all are without error
    low = best - 0.05 * (most - best)
    axes.set_xlim(low, most)
    beyond = int((found > most).sum())
    return f"; {beyond:,} of {len(found):,} are beyond" if beyond else ""
