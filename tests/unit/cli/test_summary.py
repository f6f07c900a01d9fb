"""The summary of a run, whole or in part."""

import math
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest

from salary_kedro.cli import summary


def contestant(
    version: int, rmse: float | None, data: str = "7a55", method: str | None = "table-1"
) -> dict[str, Any]:
    """A contestant as a verdict holds it; its stored RMSE is one lower."""
    stored = None if rmse is None else rmse - 1
    prints = {"data_sha256": data, "data_method": method}
    return {"version": version, "rmse": rmse, "stored_rmse": stored, **prints}


def summarise(outputs: dict[str, Any], env: str | None, taken: Any = None) -> str:
    """The lines, without the colours that only terminals show."""
    return click.unstyle(summary.summarise(outputs, env, taken))


WITHHELD = (
    "fewer than two groups are told; a small one takes others along, by which its figures could "
    "be worked out"
)
METRICS = {"rmse": 5181.9071, "cv_rmse_mean": 6412.25, "cv_rmse_sd": 1234.5}
OUTPUTS: dict[str, Any] = {
    "salaries": pd.DataFrame({"salary": range(1199)}),
    "rejected_rows": pd.DataFrame({"line": [3, 9]}),
    "metrics": METRICS,
    "registered_version": {"version": 3, "run_id": "r", "model": "random_forest"},
    "verdict": {
        "action": "promote",
        "reason": "version 3 is promoted: ...",
        "evidence": {"challenger": contestant(3, 5181.9), "champion": contestant(2, 6302.016)},
    },
    "bundle_name": "3-0a1b2c3d",
    "bento_tag": "salary_prediction:3-0a1b2c3d",
}


def test_summarise_when_the_whole_loop_ran_then_tells_it_all() -> None:
    assert summarise(OUTPUTS, None) == (
        """
Rows        1,201 read, 2 rejected, see data/02_intermediate/rejected_rows.csv
Model       random_forest, version 3: RMSE 5,181.9 on the holdout rows, """
        """6,412.2 ± 1,234.5 by cross-validation
Champion    version 2: RMSE 6,302.0
Verdict     version 3 is promoted: ...
Production  version 3
Bento       salary_prediction:3-0a1b2c3d
Next        make serve   answer requests on http://127.0.0.1:3000
            make app     open a web page to try the model
            make ui      look at runs and versions in MLflow"""
    )


@pytest.mark.parametrize(
    ("repeats", "told"),
    [(5, ""), (4, ", folded 4 times"), (2, ", folded twice"), (1, ", folded once")],
)
def test_summarise_when_many_rows_were_folded_less_often_then_says_so(
    repeats: int, told: str
) -> None:
    out_of_fold = pd.DataFrame({"repeat": np.repeat(np.arange(repeats), 3)})

    text = summarise({**OUTPUTS, "out_of_fold": out_of_fold}, None)

    assert f"6,412.2 ± 1,234.5 by cross-validation{told}\n" in text


@pytest.mark.parametrize(
    ("median", "text"),
    [
        (6000.0, "RMSE 7,500.0 by the mean, 6,000.0 by the median"),
        (5181.9, "RMSE 7,500.0 by the mean, 5,181.9 by the median: the model is no better"),
    ],
)
def test_summarise_when_plain_baselines_were_scored_then_stand_below_the_model(
    median: float, text: str
) -> None:
    metrics = {**METRICS, "baseline_mean_rmse": 7500.0, "baseline_median_rmse": median}
    outputs = {name: OUTPUTS[name] for name in ("registered_version",)}

    lines = summarise({**outputs, "metrics": metrics}, None).splitlines()

    assert lines[2] == f"Baseline  {text}"


@pytest.mark.parametrize(("mean", "warned"), [(260_000.0, True), (250_000.0, False)])
def test_summarise_when_a_model_is_all_but_exact_then_warns_that_an_input_tells_the_salary(
    mean: float, *, warned: bool
) -> None:
    metrics = {**METRICS, "baseline_mean_rmse": mean, "baseline_median_rmse": 300_000.0}

    lines = summarise({**OUTPUTS, "metrics": metrics}, None).splitlines()

    told = [line for line in lines if line.startswith("Warning") and "all but exact" in line]
    assert len(told) == warned


def test_summarise_when_the_run_left_promotion_out_then_says_what_decides() -> None:
    staged = {"registered_version": OUTPUTS["registered_version"]}

    assert summarise(staged, "wages") == (
        "\nStaged  nothing is decided on version 3 yet: `kedro run --pipelines "
        "promotion,packaging --env wages` does"
    )


def test_summarise_when_a_run_of_its_own_left_promotion_out_then_the_command_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SALARY_RUN", "monday")
    staged = {"registered_version": OUTPUTS["registered_version"]}

    assert "`SALARY_RUN=monday kedro run --pipelines promotion,packaging`" in summarise(
        staged, None
    )


@pytest.mark.parametrize(
    ("action", "baseline", "warned"),
    [("promote", 5.0, True), ("promote", 7.0, False), ("archive", 5.0, False)],
)
def test_summarise_when_a_version_that_learned_nothing_is_promoted_then_warns(
    action: str, baseline: float, *, warned: bool
) -> None:
    challenger = {"version": 1, "rmse": 6.0, "stored_rmse": 6.0, "baseline_rmse": baseline}
    evidence = {"challenger": challenger, "champion": None}
    verdict = {"action": action, "reason": "version 1: ...", "evidence": evidence}

    lines = summarise({"verdict": verdict}, "wages").splitlines()

    assert any(line.startswith("Warning") for line in lines) == warned
    assert ("`kedro contract check --env wages`" in lines[-1]) == warned
    assert ("promotion.require_better_than_baseline: true" in lines[-1]) == warned


def test_summarise_when_people_stand_on_both_sides_of_the_split_then_says_what_that_does() -> None:
    assert summarise({"split": {"astride": "person_id"}}, None) == (
        "\nSplit  'person_id' is not used by the split: rows with the same value lie on both "
        "sides, which flatters RMSE and intervals"
    )
    assert summarise({"split": {"astride": None}}, None) == ""


def test_summarise_when_steps_were_timed_then_names_the_slowest_above_what_comes_next() -> None:
    taken = {
        "": 75.2,
        "log_run": 4.26,
        "fit_model": 0.4,
        "cross_validate": 20.0,
        "a": 1.0,
        "b": 3.0,
    }

    lines = summarise(OUTPUTS, None, taken).splitlines()

    assert lines[-4] == "Took        75 s; cross_validate 20 s, log_run 4.3 s, b 3.0 s"
    assert lines[-3].startswith("Next ")


GAP = "Pay gap    sex: Female earn"


def test_summarise_when_medians_are_by_a_category_then_names_it() -> None:
    metrics = {**METRICS, "baseline_mean_rmse": 7500.0, "baseline_median_rmse": 6000.0}
    outputs = {"metrics": metrics, "registered_version": OUTPUTS["registered_version"]}

    found = summarise({**outputs, "report": {"baseline": {"median_by": "rank"}}}, None)

    assert found.splitlines()[2].endswith("by the mean, 6,000.0 by the median of each rank")


def test_summarise_when_coverage_is_lower_than_chance_makes_it_then_says_so() -> None:
    coverage = {"rows": 1200, "share": 0.8, "low": 0.776, "high": 0.822}
    report = {
        "intervals": {"confidence": 0.9, "coverage": coverage, "mean_width": 5.0},
        "groups": None,
    }
    outputs = {name: OUTPUTS[name] for name in ("registered_version", "metrics")}

    found = summarise({**outputs, "calibration": {"reason": ""}, "report": report}, None)

    assert found.splitlines()[2].startswith(
        "Intervals  of 90 % hold 80.0 % of 1,200 holdout rows, beyond chance (77.6 to 82.2 %);"
    )


def section(gap: float | None) -> dict[str, Any]:
    """A column of two groups."""
    ends = {"gap": gap, "gap_low": gap and gap - 7_000, "gap_high": gap and gap + 7_000}
    none = {"gap": None, "gap_low": None, "gap_high": None}
    groups = [{"group": "Female", **ends}, {"group": "Male", **none}]
    return {"column": "sex", "reference": "Male", "withheld": 0, "groups": groups}


@pytest.mark.parametrize(
    ("gap", "lines"),
    [
        (
            None,
            [
                (
                    "Pay gap    sex: none is known, for the inputs tell nearly all of who is in "
                    "which group"
                )
            ],
        ),
        (
            -20_000.0,
            [f"{GAP} 20,000.0 less than Male with the same inputs, interval −27,000 to −13,000"],
        ),
        (
            -4_806.53,
            [
                (
                    f"{GAP} 4,806.5 less than Male with the same inputs, interval −11,807 to +2,193"
                    ", within chance"
                )
            ],
        ),
        (
            0.25,
            [
                (
                    f"{GAP} 0.25 more than Male with the same inputs, interval −7,000 to +7,000"
                    ", within chance"
                )
            ],
        ),
    ],
)
def test_summarise_when_the_model_was_looked_into_then_tells_coverage_and_the_largest_gap(
    gap: float | None, lines: list[str]
) -> None:
    coverage = {"rows": 12, "share": 11 / 12, "low": 0.61515, "high": 0.99789}
    report = {
        "intervals": {"confidence": 0.9, "coverage": coverage, "mean_width": 20_961.04},
        "groups": {"columns": [section(gap)]},
    }
    outputs = {name: OUTPUTS[name] for name in ("registered_version", "metrics")}

    found = summarise({**outputs, "calibration": {"reason": ""}, "report": report}, None)

    text = "of 90 % hold 91.7 % of 12 holdout rows, within chance (61.5 to 99.8 %)"
    told = [f"Intervals  {text}; 20,961.0 wide on average", *lines]
    assert found.splitlines()[2:-1] == told  # the last one tells that nothing is decided yet


def test_summarise_when_there_are_no_intervals_then_says_why() -> None:
    outputs = {name: OUTPUTS[name] for name in ("registered_version", "metrics")}
    report = {"intervals": None, "groups": None}

    found = summarise({**outputs, "calibration": {"reason": "few rows"}, "report": report}, None)

    assert found.splitlines()[2] == "Intervals  none: few rows"


def test_summarise_when_no_row_was_rejected_then_names_no_file() -> None:
    outputs = {"salaries": pd.DataFrame({"salary": [1.0]}), "rejected_rows": pd.DataFrame()}

    assert summarise(outputs, None) == "\nRows  1 read, 0 rejected"


def test_summarise_when_nothing_was_in_production_then_names_no_champion() -> None:
    verdict = {"reason": "version 1 is promoted", "evidence": {"champion": None}}

    assert summarise({"verdict": verdict}, None) == "\nVerdict  version 1 is promoted"


def test_summarise_when_the_verdict_rests_on_unseen_rows_then_the_champion_has_that_rmse_too() -> (
    None
):
    champion = {**contestant(2, 6302.016), "unseen_rmse": 7000.26}
    evidence = {"challenger": contestant(3, 5181.9), "champion": champion, "rests_on": "unseen"}

    text = summarise({"verdict": {"reason": "so", "evidence": evidence}}, None)

    assert text.splitlines()[1] == (
        "Champion  version 2: RMSE 6,302.0; 7,000.3 on those that neither has seen"
    )


def test_summarise_when_the_environment_is_another_then_its_commands_say_so() -> None:
    lines = summarise(OUTPUTS, "prod").splitlines()

    assert lines[-3:] == [
        "Next        make serve ENV=prod   answer requests on http://127.0.0.1:3000",
        "            make app              open a web page to try the model",
        "            make ui ENV=prod      look at runs and versions in MLflow",
    ]


def test_summarise_when_the_environment_is_another_then_names_its_file_of_rejected_rows() -> None:
    assert "see data/prod/02_intermediate/rejected_rows.csv" in summarise(OUTPUTS, "prod")


@pytest.mark.parametrize("env", [None, "local", "base"])
def test_summarise_when_the_environment_is_the_default_then_its_commands_do_not(
    env: str | None,
) -> None:
    assert "ENV=" not in summarise(OUTPUTS, env)


def test_summarise_when_nothing_ran_then_is_empty() -> None:
    assert summarise({}, None) == ""


@pytest.mark.parametrize("missing", sorted(OUTPUTS))
def test_summarise_when_any_part_did_not_run_then_tells_the_others(missing: str) -> None:
    outputs = {name: output for name, output in OUTPUTS.items() if name != missing}

    assert summarise(outputs, None) != summarise(OUTPUTS, None)


@pytest.mark.parametrize("alone", sorted(OUTPUTS))
def test_summarise_when_one_part_ran_alone_then_does_not_fail(alone: str) -> None:
    assert isinstance(summarise({alone: OUTPUTS[alone]}, None), str)


@pytest.mark.parametrize("rmse", [None, math.nan, math.inf])
def test_summarise_when_the_champion_has_no_finite_rmse_then_does_not_fail(
    rmse: float | None,
) -> None:
    evidence = {"challenger": contestant(3, 1.0), "champion": contestant(2, rmse)}

    assert "version 2" in summarise({"verdict": {"reason": "", "evidence": evidence}}, None)


def test_summarise_when_the_targets_unit_is_large_then_still_tells_the_scores() -> None:
    metrics = {"rmse": 0.0123, "cv_rmse_mean": 0.0456, "cv_rmse_sd": 0.0078}

    text = summarise({**OUTPUTS, "metrics": metrics}, None)

    assert all(number in text for number in ("0.0123", "0.0456", "0.0078"))


def test_summarise_when_the_data_were_fingerprinted_in_two_ways_then_claims_nothing() -> None:
    champion = contestant(2, 6302.0, "other", method=None)
    evidence = {"challenger": contestant(3, 5181.9), "champion": champion}

    text = summarise({"verdict": {"reason": "", "evidence": evidence}}, None)

    assert "version 2: RMSE 6,302.0\n" in text


def test_summarise_when_the_champion_was_trained_on_other_data_then_tells_its_stored_score() -> (
    None
):
    evidence = {"challenger": contestant(3, 5181.9), "champion": contestant(2, 6302.0, "other")}

    text = summarise({"verdict": {"reason": "", "evidence": evidence}}, None)

    assert "version 2: RMSE 6,302.0 on today's rows, 6,301.0 at its training on other data" in text


def move(before: int | None, after: int, why: str) -> dict[str, Any]:
    return {"from": before, "to": after, "why": why}


def test_summarise_when_the_only_move_is_the_verdicts_then_tells_it_once() -> None:
    moves = [move(2, 3, OUTPUTS["verdict"]["reason"])]

    assert summarise({**OUTPUTS, "production_moves": moves}, None) == summarise(OUTPUTS, None)


def test_summarise_when_the_run_moved_the_alias_otherwise_then_tells_every_move() -> None:
    verdict = {"reason": "version 3 is not promoted: worse", "evidence": {"champion": None}}
    moves = [move(None, 1, "it was lost"), move(1, 2, "version 2 is promoted: better")]

    assert summarise({"verdict": verdict, "production_moves": moves}, None) == (
        """
Verdict  version 3 is not promoted: worse
Moved    production from none to version 1: it was lost
         production from version 1 to version 2: version 2 is promoted: better"""
    )


def test_summarise_when_its_own_version_was_replaced_again_then_tells_both_moves() -> None:
    reason = OUTPUTS["verdict"]["reason"]
    moves = [move(2, 3, reason), move(3, 1, "version 1 is promoted: better")]

    lines = summarise({**OUTPUTS, "production_moves": moves}, None).splitlines()

    assert lines[5:7] == [
        f"Moved       production from version 2 to version 3: {reason}",
        "            production from version 3 to version 1: version 1 is promoted: better",
    ]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["1-0"], "1 bundle beyond packaging.keep, with the Bento of each: 1-0"),
        (["4-0", "3-0", "2-0", "1-0"],
         "4 bundles beyond packaging.keep, with the Bento of each: 4-0, 3-0, 2-0, ..."),
    ],
)  # fmt: skip
def test_summarise_when_bundles_were_removed_then_tells_which(names: list[str], text: str) -> None:
    lines = summarise({**OUTPUTS, "removed_bundles": names}, None).splitlines()

    assert f"Removed     {text}" in lines


def test_summarise_when_no_bundle_was_removed_then_does_not_say_so() -> None:
    assert summarise({**OUTPUTS, "removed_bundles": []}, None) == summarise(OUTPUTS, None)


def test_summarise_when_a_reason_would_act_on_the_screen_then_is_shown_in_plain_signs() -> None:
    verdict = {"reason": "a\x1b[2Jb\u202ec", "evidence": {"champion": None}}

    assert summarise({"verdict": verdict}, None) == "\nVerdict  a [2Jb c"


REPORT = {
    "scored": 4998,
    "rejected": 2502,
    "left_out": 0,
    "warned": 31,
    "model_version": 3,
    "scored_file": "data/07_model_output/scored_rows.csv",
    "rejected_file": "data/07_model_output/scored_rows_rejected.csv",
    "predicted": "salary",
    "given": "Salary",
}


def test_summarise_when_a_file_was_scored_then_tells_how_many_rows_and_where() -> None:
    assert (
        summarise({"scoring_report": REPORT}, None)
        == """
Production  version 3
Scored      4,998 rows, 31 with warnings
File        data/07_model_output/scored_rows.csv
Prediction  column salary; Salary is what the file had
Rejected    2,502 of 7,500 rows (33.4 %), which have no prediction: \
data/07_model_output/scored_rows_rejected.csv lists each line with its reasons"""
    )


def test_summarise_when_every_row_was_scored_then_names_no_rejected_file() -> None:
    summary = summarise({"scoring_report": {**REPORT, "rejected": 0, "given": None}}, None)

    assert summary.endswith("Prediction  column salary\nRejected    0 rows")


def test_summarise_when_rows_were_left_out_or_repeat_then_says_how_many_and_why() -> None:
    counts = {"no_rows": 1, "filtered": 0, "dropped": 4912, "repeats": 0, "top_coded": 7}
    outputs = {"salaries": [0] * 3, "rejected_rows": [], "row_counts": counts}

    assert summarise(outputs, None).splitlines() == [
        "",
        "Rows  4,915 read, 0 rejected",
        "      1 left out as lines that are not rows",
        "      4,912 left out as repeats of an earlier row",
        "      7 are cut off at the top code, which the model takes for their salary",
    ]


def test_summarise_when_a_file_had_lines_that_are_no_rows_then_says_so() -> None:
    summary = summarise({"scoring_report": {**REPORT, "left_out": 2}}, None)

    assert summary.splitlines()[-1].strip() == "2 left out as lines that are not rows"


def test_summarise_when_a_model_was_watched_then_tells_what_differs_and_what_to_do() -> None:
    report = {
        "model_version": 3,
        "words": "requests differ from the training rows in years",
        "retrain": "kedro run --env wages",
        "drift": {
            "problem": None,
            "rows": 2000,
            "warned": 0.52,
            "unusable": ["a.parquet cannot be read"],
            "findings": [{"words": "years: higher"}, {"words": "town: no more"}],
        },
        "errors": {"sources": [{"source": "the salaries in a.csv", "words": "RMSE 5.0"}]},
        "shadow": {"words": ["version 4 differs by +5.0"]},
    }

    assert summarise({"monitoring_report": report}, "wages") == (
        """
Production  version 3
Requests    2,000 logged rows of that version; 1 file of the log not used: see the report
Warned      52.0 % of them: beyond what was trained on
Drift       years: higher
            town: no more
Since       by the salaries in a.csv: RMSE 5.0
Shadow      version 4 differs by +5.0
Verdict     requests differ from the training rows in years
Next        kedro run --env wages   train again, once the table has such rows
Report      data/wages/08_reporting/monitoring.html"""
    )


def test_summarise_when_salaries_were_judged_without_a_log_then_says_why_there_is_no_drift() -> (
    None
):
    report = {
        "model_version": 3,
        "words": "nothing differs",
        "retrain": None,
        "drift": {"problem": "there is no log", "findings": []},
        "errors": {"sources": []},
        "shadow": {"words": []},
    }

    told = summarise({"monitoring_report": report}, None)

    assert "Requests    there is no log" in str(told).splitlines()


@pytest.mark.parametrize(
    ("groups", "withheld", "why"),
    [
        (["Female"], 0, "all rows are of one group, Female"),
        (["Female"], 1, WITHHELD),
        ([], 2, WITHHELD),
    ],
)
def test_summarise_when_no_groups_can_be_compared_then_says_why(
    groups: list[str], withheld: int, why: str
) -> None:
    column = {
        "column": "sex",
        "reference": None,
        "withheld": withheld,
        "groups": [{"group": name, "gap": None} for name in groups],
    }
    outputs = {name: OUTPUTS[name] for name in ("registered_version", "metrics")}
    report = {"intervals": None, "groups": {"columns": [column]}}

    found = summarise({**outputs, "calibration": {"reason": "few"}, "report": report}, None)

    assert found.splitlines()[3] == f"Pay gap    sex: none is known, for {why}"


@pytest.mark.parametrize(
    ("effective", "told"),
    [
        (22.7, "111 holdout rows, which tell as much as 23 independent ones, within chance"),
        (111.0, "111 holdout rows, within chance"),
        (None, "111 holdout rows, within chance"),
    ],
)
def test_summarise_when_several_rows_are_one_persons_then_says_as_how_many_they_count(
    effective: float | None, told: str
) -> None:
    coverage = {"rows": 111, "effective_rows": effective, "share": 0.9, "low": 0.7, "high": 0.97}
    report = {
        "intervals": {"confidence": 0.9, "coverage": coverage, "mean_width": 5.0},
        "groups": None,
    }
    outputs = {name: OUTPUTS[name] for name in ("registered_version", "metrics")}

    found = summarise({**outputs, "calibration": {"reason": ""}, "report": report}, None)

    assert f"hold 90.0 % of {told} (70.0 to 97.0 %)" in found


BOARD = pd.DataFrame(
    {
        "model": ["ridge", "ridge", "decision_tree"],
        "tuned": ["yes", "no", "yes"],
        "cv_rmse_mean": [5000.25, 5100.5, 6000.0],
    }
)


def test_summarise_when_a_tournament_was_held_then_tells_what_it_has_gained() -> None:
    assert summarise({"leaderboard": BOARD}, "wages") == (
        """
Tournament  3 settings of 2 models; best is ridge, RMSE 5,000.2, against 5,100.5 """
        """of ridge, the best untuned, by cross-validation
            all of them: data/wages/07_model_output/leaderboard.csv"""
    )


def test_summarise_when_all_untuned_have_failed_then_names_none_of_them() -> None:
    failed = BOARD.assign(cv_rmse_mean=[5000.25, float("nan"), 6000.0])

    first, _ = summarise({"leaderboard": failed}, None).strip().splitlines()

    assert first.endswith("; best is ridge, RMSE 5,000.2, by cross-validation")


def test_summarise_when_no_setting_is_better_than_a_plain_runs_then_names_one_alone() -> None:
    first, _ = summarise({"leaderboard": BOARD.iloc[1:2]}, None).strip().splitlines()

    assert first == (
        "Tournament  1 setting of 1 model; best is ridge, RMSE 5,100.5, which no other settings "
        "beat, by cross-validation"
    )
