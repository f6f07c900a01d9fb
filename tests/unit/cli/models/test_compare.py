"""`kedro models compare` and `replay`, as a person and a program see them."""

import json
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from salary_kedro.cli import cli
from salary_kedro.cli.models.compare import compare_versions, tell
from salary_kedro.cli.models.policy import changed
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.promotion.verdict import Policy
from sites import contents
from support import Project as Copy


def test_compare_when_there_are_no_holdout_rows_then_tells_the_rest_and_why_not_the_scores(
    opened: Project, healthy: Project
) -> None:
    before = contents(healthy)

    found = compare_versions(opened, 1, 2)

    assert (found["scores"], found["verdict"], found["changes"]) == ([None, None], None, [])
    assert found["problem"].startswith("no run has left holdout rows here to score them on")
    assert [one["rmse"] for one in found["versions"]] == [1.0, 2.0]
    assert contents(healthy) == before


def test_compare_when_told_to_people_then_stands_side_by_side(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = {"rmse": 6302.0161, "r2": 0.926, "bias": -4220.13}
    about = {"stage": "archived", "model": "decision_tree", "rmse": 6302.0161}
    tell(
        {
            "versions": [{"version": 2, **about}, {"version": 3, **about, "stage": None}],
            "holdout_rows": 12,
            "scores": [scores, {**scores, "rmse": 5181.9072}],
            "verdict": {"reason": "version 3 is promoted: a gain"},
            "problem": None,
            "parameters": {"data_science.model": ["decision_tree", None]},
            "lineage": {"data_sha256": ["a" * 64, "b" * 64], "parameters": ["{}", "{1}"]},
            "compatible": False,
            "changes": [
                {"field": "grade", "what": "is removed", "breaks": True, "effect": "refused"}
            ],
        }
    )

    assert capsys.readouterr().out.splitlines() == [
        "Version 2  decision_tree, archived",
        "Version 3  decision_tree, of no stage",
        "",
        "Scores on 12 holdout rows, scored now",
        "  metric            version 2  version 3",
        "  RMSE                6,302.0    5,181.9",
        "  R²                    0.926      0.926",
        "  mean error         −4,220.1   −4,220.1",
        "  RMSE at training    6,302.0    6,302.0",
        "",
        "Verdict",
        "  if version 2 were in production: version 3 is promoted: a gain",
        "",
        "Parameters that differ",
        "  parameter               version 2  version 3",
        "  data_science.model  decision_tree          -",
        "",
        "Made from",
        "           version 2     version 3",
        "  data  aaaaaaaaaaaa  bbbbbbbbbbbb",
        "",
        "Contract",
        "BREAKS    grade: is removed (refused)",
    ]


def test_replay_when_nothing_but_people_have_decided_then_says_so(shell: Copy) -> None:
    result = CliRunner().invoke(cli, ["models", "replay"])

    assert (result.exit_code, click.unstyle(result.stdout)) == (
        0,
        "no run has decided anything yet: `make run` trains a model\n",
    )


def test_replay_when_asked_for_json_then_tells_the_policy_and_what_would_be_production(
    shell: Copy,
) -> None:
    options = ["models", "replay", "--params", "promotion.max_rmse=5,promotion.tie=challenger"]

    found = json.loads(CliRunner().invoke(cli, [*options, "--json"]).stdout)

    assert found["policy"] == Policy(max_rmse=5, tie="challenger").model_dump(mode="json")
    assert (found["decisions"], found["production"]) == ([], [2])


def test_replay_when_it_suggests_to_compare_then_by_the_same_policy(
    capsys: pytest.CaptureFixture[str], shell: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = {"when": "2026-03-01T10:00:00", "version": 3, "champion": 1, "was": "archive"}
    why = "not compared; `kedro models compare 1 3` does that"
    found = {
        "decisions": [{**decision, "would_be": "unknown", "differs": False, "why": why}],
        "production": [1, 3],
    }
    monkeypatch.setattr("salary_kedro.cli.models.replay.replay_all", lambda *_: found)
    params = ["--params", "promotion.tie=challenger", "--params", "promotion.max_rmse=5"]

    told = CliRunner().invoke(cli, ["models", "replay", *params, "--env", "local"]).stdout

    suggested = "compare 1 3 --env local --params promotion.tie=challenger,promotion.max_rmse=5`"
    assert suggested in told


def test_compare_when_both_are_the_same_version_then_says_so(shell: Copy) -> None:
    result = CliRunner().invoke(cli, ["models", "compare", "1", "1"])

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: version 1 would be compared with itself: name two versions; `kedro models list` "
        "lists them\n"
    )


def test_compare_when_an_environment_was_asked_for_then_what_it_suggests_names_it(
    shell: Copy,
) -> None:
    result = CliRunner().invoke(cli, ["models", "compare", "1", "9", "--env", "local"])

    assert result.stderr.endswith("; `kedro models list --env local` shows those there are\n")


def test_compare_when_there_are_no_holdout_rows_then_the_run_that_makes_them_names_the_environment(
    opened: Project,
) -> None:
    found = compare_versions(replace(opened, env="local"), 1, 2)

    made = "`kedro run --pipelines data_engineering --env local` makes them"
    assert found["problem"].endswith(made)


def test_compare_when_the_policy_cannot_be_then_says_what_is_wrong(shell: Copy) -> None:
    options = ["models", "compare", "1", "2", "--params", "promotion.max_rmse=-1"]

    result = CliRunner().invoke(cli, options)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: promotion.max_rmse: ")


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ("max_rmse=5", "'max_rmse=5' is no part of a policy: write promotion.KEY=VALUE; keys are "),
        ("promotion.max_rmse", "'promotion.max_rmse' is no part of a policy"),
        ("promotion.max_rmse=-1", "promotion.max_rmse: "),
        ("promotion.maxrmse=1", "promotion.maxrmse: "),
    ],
)
def test_replay_when_the_policy_cannot_be_then_says_what_is_wrong(
    params: str, problem: str
) -> None:
    with pytest.raises(UserError) as caught:
        changed(Policy(), (params,))

    assert str(caught.value).startswith(problem)
