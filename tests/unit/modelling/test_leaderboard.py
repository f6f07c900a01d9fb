"""The trials as a table and as a plot."""

import pandas as pd
import pytest

from salary_kedro.errors import UserError
from salary_kedro.modelling.leaderboard import leaderboard_table, plot_leaderboard
from salary_kedro.modelling.search import Search
from samples import trial

SEARCH = Search(
    trials=(
        trial(1, 20.5),
        trial(2, None, "decision_tree", max_depth=3, criterion="x"),
        trial(3, 1 / 3, alpha=0.1),
        trial(4, 900, alpha=9.0),
    ),
    ended_by="trials",
    rows=28,
)


def test_table_when_made_then_the_best_stands_first_with_its_settings_as_json() -> None:
    expected = pd.DataFrame(
        {
            "rank": [1, 2, 3, 4],
            "trial": [3, 1, 4, 2],
            "model": ["ridge", "ridge", "ridge", "decision_tree"],
            "tuned": ["yes", "no", "yes", "yes"],
            "cv_rmse_mean": [1 / 3, 20.5, 900, None],
            "cv_rmse_sd": [2, 2, 2, None],
            "settings": [
                '{"alpha": 0.1}',
                "{}",
                '{"alpha": 9.0}',
                '{"criterion": "x", "max_depth": 3}',
            ],
            "problem": ["", "", "", "ValueError: no"],
        }
    )

    pd.testing.assert_frame_equal(leaderboard_table(SEARCH), expected)


def test_plot_when_drawn_then_names_the_models_the_winner_and_what_is_beyond() -> None:
    figure = plot_leaderboard(SEARCH, "euros")
    (axes,) = figure.axes

    assert [label.get_text() for label in axes.get_yticklabels()] == ["ridge", "decision_tree"]
    assert axes.get_xlabel() == "RMSE (euros); 2 of 3 are beyond"
    suptitle = figure.get_suptitle()
    assert suptitle.startswith("Tournament, by cross-validation on the training rows\nridge · RMSE")
    assert suptitle.endswith("euros · n = 28")


def test_plot_when_plain_runs_are_near_then_shows_them() -> None:
    near = SEARCH.trials[0].model_copy(update={"cv_rmse_mean": 0.5})
    figure = plot_leaderboard(SEARCH.model_copy(update={"trials": (near, *SEARCH.trials[1:])}), "")

    assert figure.axes[0].get_xlabel() == "RMSE; 1 of 3 are beyond"
    assert figure.axes[0].get_xlim()[1] > 0.5


def test_plot_when_all_trials_have_failed_then_says_why() -> None:
    failed = SEARCH.model_copy(update={"trials": SEARCH.trials[1:2]})

    with pytest.raises(UserError, match="no trial of the tournament has succeeded"):
        plot_leaderboard(failed, "")


def test_plot_when_the_best_is_without_error_then_is_drawn() -> None:
    exact = SEARCH.trials[0].model_copy(update={"cv_rmse_mean": 0.0})

    figure = plot_leaderboard(SEARCH.model_copy(update={"trials": (exact,)}), "")

    assert figure.axes[0].get_xlim()[1] == 1
