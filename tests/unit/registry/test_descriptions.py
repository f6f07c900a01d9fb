"""What MLflow's pages say of runs and versions."""

from dataclasses import replace

from salary_kedro.registry.descriptions import (
    MOST,
    Told,
    describe_model,
    describe_run,
    describe_version,
    run_name,
)

FOREST = Told(
    registered="salaries/now",
    number=3,
    model="random_forest",
    run_id="0123456789abcdef",
    experiment_id="1",
    reason="version 3 is promoted: RMSE 5,181.9 against 6,302.0",
    metrics={"rmse": 5181.907, "mae": 999.94, "mape": 0.0812, "rows_train": 28.0, "r2": 0.9},
    data="0123456789abcdef0123",
    files=["verdict.json", "model_card.html", "plots/predicted_vs_actual.png"],
)


def test_run_name_when_the_model_is_known_then_names_it_its_error_and_version() -> None:
    assert run_name("random_forest", 5181.907, 3) == "random_forest · RMSE 5,182 · version 3"
    assert run_name(None, 0.5, 10) == "model · RMSE 0.500 · version 10"


def test_describe_run_when_decided_then_holds_verdict_metrics_and_plots() -> None:
    assert describe_run(FOREST) == (
        "Version 3 is promoted: RMSE 5,181.9 against 6,302.0.\n"
        "\n"
        "| Metric | Value |\n"
        "| --- | ---: |\n"
        "| RMSE | 5,182 |\n"
        "| Mean absolute error | 1,000 |\n"
        "| Mean absolute error, relative | 8.1 % |\n"
        "| Training rows | 28 |\n"
        "\n"
        "[Model card](#/experiments/1/runs/0123456789abcdef/artifacts/model_card.html) · "
        "[Version 3](#/models/salaries%2Fnow/versions/3)\n"
        "\n"
        "![predicted vs actual]"
        "(get-artifact?path=plots%2Fpredicted_vs_actual.png&run_uuid=0123456789abcdef)"
    )


def test_describe_version_when_decided_then_says_why_and_what_it_was_made_from() -> None:
    assert describe_version(FOREST) == (
        "Version 3 is promoted: RMSE 5,181.9 against 6,302.0.\n"
        "\n"
        "| Metric | Value |\n"
        "| --- | ---: |\n"
        "| RMSE | 5,182 |\n"
        "| Mean absolute error | 1,000 |\n"
        "\n"
        "Model `random_forest`, data `0123456789ab`, "
        "run [01234567](#/experiments/1/runs/0123456789abcdef).\n"
        "\n"
        "[Model card](#/experiments/1/runs/0123456789abcdef/artifacts/model_card.html) · "
        "`kedro models show 3`"
    )


def test_describe_version_when_the_reason_holds_marks_then_they_are_shown_not_obeyed() -> None:
    told = Told("m", 1, None, "r", "1", reason="we trust <b>it</b> *more* [x](y) | z")

    assert describe_version(told).startswith(r"We trust \<b\>it\</b\> \*more\* \[x\](y) \| z.")


def test_describe_run_when_there_are_too_many_plots_then_holds_as_many_as_fit() -> None:
    told = Told(
        "m", 1, None, "r", "1", reason="so", files=[f"plots/{i:090}.png" for i in range(99)]
    )

    text = describe_run(told)

    assert len(text) <= MOST
    assert text.endswith(")")
    assert text.count("![") == text.count("&run_uuid=r)") > 10


def test_describe_version_when_the_reason_is_as_long_as_any_then_postgresql_holds_it() -> None:
    told = Told("m", 1, None, "r", "1", reason="<" * 6000)

    assert len(describe_version(told)) <= MOST


def test_describe_model_when_given_then_links_to_the_history() -> None:
    assert "(#/experiments/7?workflowType=machine_learning)" in describe_model("7")


def test_describe_version_when_it_has_won_a_tournament_then_says_so_and_links_its_trials() -> None:
    won = replace(
        FOREST,
        metrics={**FOREST.metrics, "tournament_trials": 1200, "tournament_rmse": 5000.4},
        files=[*FOREST.files, "leaderboard.csv"],
    )

    assert "Model `random_forest`, best of 1,200 trials of a tournament, data" in (
        describe_version(won)
    )
    assert "[Leaderboard](#/experiments/1/runs/0123456789abcdef/artifacts/leaderboard.csv)" in (
        describe_version(won)
    )
    assert "| RMSE in its tournament | 5,000 |" in describe_run(won)
