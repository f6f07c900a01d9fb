"""Search for the best model and settings; the winner is then trained as any model is."""

from kedro.pipeline import Node, Pipeline, node

from salary_kedro.pipelines.tournament.nodes import (
    choose_winner,
    log_search,
    plot_leaderboard,
    rank_trials,
    search_models,
)

CONTRACT = {"contract": "params:contract"}
#: What decides on a search, but for the rows.
ASKED = {
    "split": "split",
    **CONTRACT,
    "tournament": "params:tournament",
    "parameters": "params:data_science",
}
#: What the winner is trained by, and the plot that its run holds beside those of any model.
WINNING = "winning_parameters"
FIGURES = {"leaderboard": "leaderboard_plot"}


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline([*_search(), *_record()])


def _search() -> list[Node]:
    """Try models and settings, and show how they did."""
    return [
        node(
            search_models,
            inputs={
                "train": "train",
                "code_lineage": "code_lineage",
                "trial_scores": "trial_scores",
                "trial_cluster": "trial_cluster",
                **ASKED,
            },
            outputs="search",
            name="search_models",
        ),
        node(
            rank_trials,
            inputs={"search": "search"},
            outputs="leaderboard",
            name="rank_trials",
        ),
        node(
            plot_leaderboard,
            inputs={"search": "search", **CONTRACT},
            outputs="leaderboard_plot",
            name="plot_leaderboard",
        ),
    ]


def _record() -> list[Node]:
    """Log the search, and give what the winner is trained by."""
    return [
        node(
            log_search,
            inputs={"search": "search", "leaderboard": "leaderboard", **ASKED},
            outputs="logged_search",
            name="log_search",
        ),
        node(
            choose_winner,
            inputs={"logged_search": "logged_search", **ASKED},
            outputs=WINNING,
            name="choose_winner",
        ),
    ]
