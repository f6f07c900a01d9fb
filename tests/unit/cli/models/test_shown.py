"""`kedro models show`, as people read it."""

from typing import Any

import pytest

from salary_kedro.bundle.report import (
    ColumnScores,
    Coverage,
    GroupReport,
    GroupScores,
    ImportanceReport,
    InputImportance,
    IntervalScores,
    PercentileScores,
    Report,
)
from salary_kedro.cli.models.shown import tell

EVIL = "\x1b[2J\x07\u202e\nnext"
GROUPS = GroupReport(
    rows=400,
    min_rows=5,
    confidence=0.95,
    columns=(
        ColumnScores(
            column="sex",
            withheld=2,
            reference="Male",
            groups=(
                GroupScores(
                    group="Female",
                    rows=39,
                    mean_residual=-6305.3,
                    low=-11425.1,
                    high=-1185.4,
                    rmse=16896.8,
                    mae=1.0,
                    coverage=0.95,
                    told=0.1,
                    gap=-5572.2,
                    gap_low=-11322.3,
                    gap_high=178.0,
                ),
                GroupScores(
                    group="Male",
                    rows=358,
                    mean_residual=-320.8,
                    low=-2767.7,
                    high=2126.1,
                    rmse=23736.4,
                    mae=1.0,
                ),
            ),
        ),
    ),
)
IMPORTANCE = ImportanceReport(
    rows=120, repeats=5, inputs=(InputImportance(input="rank", importance=11675.0, spread=1660.6),)
)
TABLE = """
    group   rows  mean residual  unexplained gap               RMSE  within
    Female    39         −6,305  −5,572 (−11,322 to +178)  16,896.8    95 %
    Male     358           −321  -                         23,736.4       -
""".splitlines()[1:]
SHOWN: dict[str, Any] = {
    "version": 3,
    "stage": "production",
    "production": True,
    "imported": False,
    "claimed": False,
    "verdict_claimed": False,
    "rmse": 6311.26,
    "model": "ridge",
    "when": "2026-11-29T19:16:01+00:00",
    "run_id": "r1",
    "verdict": {"reason": "version 3 is promoted"},
    "history": [{"when": "2026-11-29T19:16:05+00:00", "action": "promotion", "why": "better"}],
    "lineage": {"data_sha256": "d" * 64, "git_commit": "abc", "git_dirty": "true"},
    "parameters": {"data_science.model": "ridge", "data_science.random_state": "234"},
    "metrics": {"rmse": 6311.26, "cv_rmse_mean": 5253.54, "cv_rmse_sd": 966.17, "rows_train": 28.0},
    "no_intervals": "",
    "runtime_reason": "it has no arrays: its steps are odd",
    "report": Report(groups=GROUPS, importance=IMPORTANCE).model_dump(mode="json"),
}


def told(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[str]:
    tell({**SHOWN, **changes})
    return capsys.readouterr().out.splitlines()


def test_tell_when_all_is_known_then_the_findings_come_first_in_aligned_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(capsys) == [
        "Version 3, production",
        "",
        "Verdict",
        "  Decided  version 3 is promoted",
        "",
        "How good it is",
        "  RMSE  6,311.3 on the holdout rows, 5,253.5 ± 966.2 by cross-validation",
        "",
        "Pay by group",
        "  of 400 rows that no model had seen: the holdout, and training rows out of fold",
        "",
        "  sex, compared with Male",
        *TABLE,
        "    2 groups withheld, to protect the small ones",
        "",
        "What the error rests on",
        "  if its values are shuffled among 120 holdout rows",
        "  input     RMSE rises by",
        "  rank   11,675 ± 1,660.6",
        "",
        "How it was made",
        "  Model    ridge",
        "  Trained  2026-11-29 19:16:01 UTC",
        "  Rows     28 to train on",
        "  From     data dddddddddddd, commit abc, with changes that are not committed",
        "  Run      r1",
        "  Arrays   it has no arrays: its steps are odd",
        "",
        "Parameters",
        "  data_science  model=ridge, random_state=234",
        "",
        "History (UTC)",
        "  2026-11-29 19:16:05  promotion",
        "      better",
        "",
        "All of it, to the last digit: kedro models show 3 --json",
    ]


def test_tell_when_a_version_is_of_an_earlier_release_then_leaves_out_what_is_not_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = told(
        capsys, report=None, metrics={}, verdict=None, lineage={}, model=None, when=None, stage=None
    )

    assert lines[:11] == [
        "Version 3, of no stage",
        "",
        "How good it is",
        "  RMSE  6,311.3",
        "",
        "How it was made",
        "  Model    unknown",
        "  Trained  unknown",
        "  From     unknown",
        "  Run      r1",
        "  Arrays   it has no arrays: its steps are odd",
    ]
    assert not {"Pay by group", "What the error rests on"} & set(lines)


def test_tell_when_a_text_would_act_on_the_screen_then_is_shown_in_plain_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = len(told(capsys))
    record = {"when": "2026-11-29T19:16:05+00:00", "action": "import", "why": EVIL}

    lines = told(
        capsys,
        verdict={"reason": EVIL},
        history=[record],
        lineage={"git_commit": EVIL},
        parameters={EVIL: EVIL},
    )

    assert len(lines) == plain
    assert all(sign.isprintable() for line in lines for sign in line)


def test_tell_when_a_figure_is_negative_then_has_a_minus_as_all_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    inputs = (InputImportance(input="employer", importance=-48.7, spread=1.5),)
    report = Report(importance=IMPORTANCE.model_copy(update={"inputs": inputs}))

    lines = told(capsys, report=report.model_dump(mode="json"), metrics={"r2": -0.226})

    assert "  employer    −48.7 ± 1.5" in lines
    assert "  Others  R² −0.226" in lines


def test_tell_when_there_are_no_intervals_then_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = told(capsys, no_intervals="8 training rows were predicted out of fold")

    assert "  Intervals  none: 8 training rows were predicted out of fold" in lines


def test_tell_when_a_person_made_it_production_then_says_so_above_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_hand = {"when": "2026-11-29T19:16:05+00:00", "action": "promotion by hand", "why": "urgent"}
    records = [{**SHOWN["history"][0], "to": 2}, {**by_hand, "to": 3}]

    lines = told(capsys, history=records, verdict={"reason": "version 3 is not promoted: x"})
    left = told(capsys, history=records, production=False)

    assert lines[2:5] == [
        "Verdict",
        "  By hand  made production by hand: urgent",
        "  Decided  version 3 is not promoted: x",
    ]
    assert not any("By hand" in line for line in left)


def test_tell_when_an_audited_column_has_one_group_then_says_why_there_is_no_gap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    column = GROUPS.columns[0].model_copy(
        update={"withheld": 0, "groups": GROUPS.columns[0].groups[1:]}
    )
    report = Report(groups=GROUPS.model_copy(update={"columns": (column,)}))

    lines = told(capsys, report=report.model_dump(mode="json"))

    assert "    no gap: all rows are of one group, Male" in lines


@pytest.mark.parametrize(("p_value", "fit"), [(0.8861, "consistent"), (0.049, "not consistent")])
def test_tell_when_intervals_were_scored_then_says_how_they_did(
    p_value: float, fit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    coverage = Coverage(rows=12, share=0.75, low=0.428, high=0.945)
    report = Report(
        intervals=IntervalScores(confidence=0.9, coverage=coverage, mean_width=16912.9),
        percentiles=PercentileScores(rows=12, histogram=(0.5, 0.5), ks=0.1, p_value=p_value),
    )

    lines = told(capsys, report=report.model_dump(mode="json"))

    assert lines[9] == (
        "  Intervals    of 90 % hold 75 % of 12 holdout rows (by chance 42.8 % to 94.5 %), "
        "16,912.9 wide on average"
    )
    assert lines[10] == (
        f"  Percentiles  of 12 holdout rows: {fit} with an even spread (Kolmogorov-Smirnov, "
        f"p = {p_value:.2g})"
    )
