"""Batch scoring as people run it: `kedro run --pipelines batch_scoring`."""

import re
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import pandas as pd
import pytest

from support import BIN, Project, copy_trained, untimed, wait_until

RUN = ("run", "--pipelines", "batch_scoring")
MANY = 400_000


@pytest.fixture
def scorer(_trained: Project, tmp_path: Path) -> Project:
    """A project of one's own, with version 1 (linear regression) in production."""
    return copy_trained(_trained, tmp_path / "project")


def score(project: Project, source: str, target: str) -> subprocess.CompletedProcess[str]:
    return project.run("kedro", *RUN, "--params", f"rows_to_score={source},scored_rows={target}")


def runs(project: Project) -> int:
    """Number of MLflow runs, deleted ones included."""
    database = project.store.removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as store:
        return int(store.execute("SELECT count(*) FROM runs").fetchone()[0])


def test_batch_scoring_when_no_file_is_named_then_takes_those_of_the_catalog(
    scorer: Project,
) -> None:
    (scorer.root / "data/01_raw/rows_to_score.csv").write_text(
        "Name,Experience Years\n007,5\nx,abc\ny,30\n"
    )
    before = runs(scorer)

    done = scorer.kedro_run("--pipelines", "batch_scoring")

    scored = pd.read_csv(scorer.root / "data/07_model_output/scored_rows.csv", dtype="str")
    assert scored["Name"].tolist() == ["007", "y"]
    assert scored["salary"].astype(float).tolist() == pytest.approx(
        [72861.25402208201, 313382.0], rel=1e-3
    )
    assert scored["model_version"].tolist() == ["1", "1"]
    told, took = done.stdout.rsplit("\n", 2)[:2]
    assert re.fullmatch(r"Took        \d+(\.\d)? s(; .*)?", took)
    assert told == (
        "\nProduction  version 1\n"
        "Scored      2 rows, 1 with warnings\n"
        f"File        {scorer.root}/data/07_model_output/scored_rows.csv\n"
        "Prediction  column salary\n"
        "Rejected    1 of 3 rows (33.3 %), which have no prediction: "
        f"{scorer.root}/data/07_model_output/scored_rows_rejected.csv lists each line with its "
        "reasons"
    )
    assert untimed(done.stderr) == "[ 1/2] load_production\n[ 2/2] score_rows\n"
    assert runs(scorer) == before


@pytest.mark.parametrize(
    ("rows", "source", "target", "says"),
    [
        ("Experience Years\n1\n", "", "out/s.csv", "parameters.rows_to_score: is empty: name a"),
        ("Experience Years\n1\n", "rows.csv", "", "parameters.scored_rows: is empty: name a"),
        (None, "gone.csv", "out/s.csv", "there is no file"),
        ("Experience Years\n1\n", "rows.csv", "/proc/s.csv", "cannot be written"),
    ],
)
def test_batch_scoring_when_something_is_wrong_then_ends_with_one_line_and_leaves_nothing(
    rows: str | None, source: str, target: str, says: str, scorer: Project
) -> None:
    if rows is not None and source:
        (scorer.root / source).write_text(rows)

    done = score(scorer, source, target)

    assert done.returncode == 1
    error = done.stderr.split("score_rows\n")[-1]
    assert error.startswith("Error: ")
    assert says in error
    assert error.count("\n") == 1
    assert not (scorer.root / "out").exists()


def test_batch_scoring_when_more_rows_are_rejected_than_may_be_then_keeps_those_alone(
    scorer: Project,
) -> None:
    (scorer.root / "rows.csv").write_text("Experience Years\n1\nx\n")

    done = score(scorer, "rows.csv", "out/s.csv,batch_scoring.max_rejected_share=0.3")

    assert (done.returncode, done.stdout) == (1, "")
    error = done.stderr.split("score_rows\n")[-1]
    assert error.startswith("Error: 1 of 2 rows break the contract, more than the allowed share of")
    assert error.count("\n") == 1
    assert [path.name for path in (scorer.root / "out").iterdir()] == ["s_rejected.csv"]


def test_batch_scoring_when_nothing_is_in_production_then_says_what_to_do(project: Project) -> None:
    (project.root / "rows.csv").write_text("Experience Years\n1\n")

    done = score(project, "rows.csv", "s.csv")

    assert done.returncode == 1
    assert "has no production version" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("target", "whose"),
    [
        ("data/01_raw/salary_data.csv", "'raw_salaries' of the catalog"),
        ("data/06_models/../01_raw/salary_data.csv", "'raw_salaries' of the catalog"),
        ("file://{root}/data/01_raw/salary_data.csv", "'raw_salaries' of the catalog"),
        ("conf/base/scored.csv", "the configuration"),
    ],
)
def test_batch_scoring_when_the_file_is_the_projects_own_then_refuses_before_anything_is_read(
    target: str, whose: str, scorer: Project
) -> None:
    target = target.format(root=scorer.root)
    path = str(scorer.root / target.removeprefix("file://"))

    done = score(scorer, "gone.csv", f"{target},overwrite=true")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: {path} belongs to {whose} and is never overwritten: name another file for "
        f"scored_rows, such as data/07_model_output/scored.csv\n"
    )
    assert len(pd.read_csv(scorer.root / "data/01_raw/salary_data.csv")) == 40


def test_batch_scoring_when_only_the_rejected_rows_would_go_there_then_refuses(
    scorer: Project,
) -> None:
    table = scorer.root / "out" / "s_rejected.csv"
    table.parent.mkdir()
    table.symlink_to(scorer.root / "data/01_raw/salary_data.csv")

    done = score(scorer, "gone.csv", "out/s.csv")

    assert done.stderr.startswith(f"Error: {table} belongs to 'raw_salaries' of the catalog")
    assert table.is_symlink()


def test_batch_scoring_when_another_file_is_there_then_replaces_it_only_when_told_to(
    scorer: Project,
) -> None:
    (scorer.root / "rows.csv").write_text("Experience Years\n1\n")
    (scorer.root / "mine.csv").write_text("mine\n")

    refused = score(scorer, "rows.csv", "mine.csv")
    kept = (scorer.root / "mine.csv").read_text()
    told = score(scorer, "rows.csv", "mine.csv,overwrite=true")
    again = score(scorer, "rows.csv", "mine.csv")

    assert (refused.returncode, kept) == (1, "mine\n")
    assert refused.stderr.startswith(f"Error: {scorer.root}/mine.csv already exists and is not")
    assert refused.stderr.count("\n") == 1
    assert (told.returncode, again.returncode) == (0, 0)


@pytest.fixture
def killed(scorer: Project) -> Path:
    """The scored file of an earlier run, after another run was killed while it wrote."""
    rows, scored = scorer.root / "rows.csv", scorer.root / "out" / "s.csv"
    rows.write_text("Experience Years\n5\n")
    assert score(scorer, "rows.csv", "out/s.csv").returncode == 0
    rows.write_text("Experience Years\n" + "6\n" * MANY)
    command = [str(BIN / "kedro"), *RUN, "--params", "rows_to_score=rows.csv,scored_rows=out/s.csv"]
    process = subprocess.Popen(
        command, cwd=scorer.root, env=scorer.environment, stderr=subprocess.DEVNULL
    )
    draft = scored.parent / ".s.csv.part" / "s.csv"

    def has_written() -> bool:
        with suppress(FileNotFoundError):  # it has its final name by now
            return draft.stat().st_size > 0
        return False

    wait_until(lambda: has_written() or process.poll() is not None, "the run to write")
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the run had ended before it could be killed"
    assert draft.is_file()
    return scored


def test_batch_scoring_when_it_is_killed_then_the_earlier_output_stays_and_the_next_run_works(
    scorer: Project, killed: Path
) -> None:
    assert len(pd.read_csv(killed)) == 1

    assert score(scorer, "rows.csv", "out/s.csv").returncode == 0

    assert len(pd.read_csv(killed)) == MANY
    assert sorted(path.name for path in killed.parent.iterdir()) == ["s.csv", "s_rejected.csv"]
