"""A table in parts, on real workers, beside the same table on one machine."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from parted import CONTRACT, Site, make_part, make_site, serve_parts, write_parts
from salary_kedro.contract import Contract
from salary_kedro.partitions.cluster import Cluster
from salary_kedro.partitions.table import RawTable, put_together, split_keys
from salary_kedro.pipelines.data_engineering.nodes import validate_salaries
from salary_kedro.pipelines.data_engineering.parts import validate_parts
from salary_kedro.tables.whole import read_table

PARTS, ROWS = 12, 4_000
WORKERS = f"partitions.workers=2,partitions.part_rows={ROWS // 2}"
#: Training rows that are trained on: fewer than there are, and more than are held out.
SAMPLE = 20_000


def in_parts(*pipelines: str, **parameters: str) -> tuple[str, ...]:
    """Arguments of a run in parts."""
    given = [WORKERS, *(f"{name}={value}" for name, value in parameters.items())]
    chosen = ("--pipelines", ",".join(pipelines)) if pipelines else ()
    return (*chosen, "--params", ",".join(given))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Both environments after a whole run; the sample holds all holdout rows."""
    parameters = f"data_engineering: {{split: stable, sample: {SAMPLE}}}\n"
    site = make_site(tmp_path_factory.mktemp("stable") / "p", PARTS, ROWS, parameters)
    site.project.kedro_run("--env", "whole", "--params", "model=decision_tree")
    site.project.kedro_run("--env", "dask", *in_parts(model="decision_tree"))
    write_parts(site.project.root / "new", 4, ROWS, seed=900)
    return site


#: A tournament that is short, and tries an estimator whose sums depend on the number of threads.
SHORT = """
tournament:
  trials: 8
  cross_validation: {folds: 3, repeats: 1}
  candidates:
    random_forest: null
    spline_ridge: null
    hist_gradient_boosting:
      max_iter: {low: 5, high: 40}
"""


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Both environments after a split by group."""
    parameters = f"data_engineering: {{split: {{group: person}}, sample: {SAMPLE}}}\n"
    site = make_site(tmp_path_factory.mktemp("group") / "p", PARTS, ROWS, parameters)
    site.project.kedro_run("--env", "whole", "--pipelines", "data_engineering")
    site.project.kedro_run("--env", "dask", *in_parts("data_engineering"))
    return site


def test_parts_when_checked_then_reject_the_same_rows(trained: Site) -> None:
    whole, parts = (
        (trained.data(env) / "02_intermediate/rejected_rows.csv").read_text()
        for env in ("whole", "dask")
    )

    assert parts == whole
    assert 50 < whole.count("\n") < 200


@pytest.mark.parametrize("split", ["trained", "grouped"])
def test_parts_when_split_then_put_the_same_rows_on_each_side(
    split: str, request: pytest.FixtureRequest
) -> None:
    site: Site = request.getfixturevalue(split)

    whole, parts = (
        pd.read_parquet(site.data(env) / "05_model_input/train.parquet")
        for env in ("whole", "dask")
    )

    pd.testing.assert_frame_equal(whole, parts, check_index_type=False)
    assert len(whole) == SAMPLE
    pd.testing.assert_frame_equal(site.holdout("whole"), site.holdout("dask"))


def test_parts_when_trained_on_then_give_the_same_model_and_verdict(trained: Site) -> None:
    reports = [trained.data(env) / "08_reporting" for env in ("whole", "dask")]

    whole, parts = (json.loads((folder / "metrics.json").read_text()) for folder in reports)
    assert parts == whole
    whole, parts = (
        json.loads((folder / "verdict.json").read_text())["evidence"] for folder in reports
    )
    assert parts["challenger"]["rmse"] == pytest.approx(whole["challenger"]["rmse"], rel=1e-12)
    assert parts["holdout_rows"] == whole["holdout_rows"]


def test_parts_when_fingerprinted_then_are_told_from_the_whole_table(trained: Site) -> None:
    """The fingerprint of a table is of its columns, one after the other: no part has any."""
    methods = [
        json.loads((trained.data(env) / "05_model_input/split.json").read_text())["data_method"]
        for env in ("whole", "dask")
    ]

    assert methods == ["table-1", "table-1 of parts"]


def test_parts_when_scored_then_give_the_same_rows(trained: Site) -> None:
    new = trained.project.root / "new"
    run = trained.project.kedro_run
    run("--env", "whole", "--pipelines", "batch_scoring", "--params",
        f"rows_to_score={new},scored_rows=whole.parquet")  # fmt: skip
    run("--env", "dask", *in_parts("batch_scoring", rows_to_score=f"{new}", scored_rows="parts"))

    for name in ("", "_rejected"):
        whole = pd.read_parquet(trained.project.root / f"whole{name}.parquet")
        parts = pd.read_parquet(trained.project.root / f"parts{name}")
        told = ["scored_at", "model_name"]
        pd.testing.assert_frame_equal(
            parts.drop(columns=told, errors="ignore"), whole.drop(columns=told, errors="ignore")
        )


def test_worker_when_killed_while_rows_are_checked_then_changes_nothing(trained: Site) -> None:
    before = _made(trained)

    done = trained.kill_worker(trained.checked(), 2 * PARTS, *in_parts("data_engineering"))

    assert done.returncode == 0, done.stderr
    assert _made(trained) == before


def _made(site: Site) -> tuple[str, str, str]:
    data = site.data("dask")
    split = (data / "05_model_input/split.json").read_text()
    rejected = (data / "02_intermediate/rejected_rows.csv").read_text()
    return split, rejected, site.holdout("dask").to_csv()


def test_worker_when_killed_while_rows_are_scored_then_changes_nothing(trained: Site) -> None:
    root = trained.project.root
    source = trained.data("dask") / "01_raw/salaries"
    for name in ("first", "second"):
        shutil.rmtree(root / name, ignore_errors=True)
    arguments = {"rows_to_score": f"{source}", "scored_rows": "first"}
    trained.project.kedro_run("--env", "dask", *in_parts("batch_scoring", **arguments))

    def scored() -> int:
        return len([*root.glob(".second.*.part/scored/0*.parquet")])

    again = in_parts("batch_scoring", **{**arguments, "scored_rows": "second"})
    done = trained.kill_worker(scored, 2 * PARTS, *again)

    assert done.returncode == 0, done.stderr
    first, second = (pd.read_parquet(root / name) for name in ("first", "second"))
    pd.testing.assert_frame_equal(first.drop(columns="scored_at"), second.drop(columns="scored_at"))
    assert not [*root.glob(".second*")]


def test_tournament_when_a_worker_is_killed_then_finds_what_one_machine_does(
    trained: Site,
) -> None:
    searching = ("--from-nodes", "search_models", "--to-nodes", "rank_trials")
    for env in ("whole", "dask"):
        conf = trained.project.root / "conf" / env
        (conf / "parameters_tournament.yml").write_text(SHORT)
    trained.project.kedro_run("--env", "whole", "--pipelines", "tournament", *searching)
    output = trained.data("dask") / "07_model_output"

    def scored() -> int:
        scores = output / "trial_scores.jsonl"
        return scores.read_bytes().count(b'"score"') if scores.is_file() else 0

    done = trained.kill_worker(scored, 8, *in_parts("tournament"), *searching)

    assert done.returncode == 0, done.stderr
    whole, parts = (_untimed(trained.data(env) / "07_model_output") for env in ("whole", "dask"))
    assert parts == whole
    assert len(parts) == 8


def _untimed(output: Path) -> list[dict[str, Any]]:
    found = json.loads((output / "search.json").read_text())["trials"]
    return [{**trial, "seconds": 0} for trial in found]


def test_parts_when_a_better_version_comes_then_promote_it_by_the_same_figures(
    trained: Site,
) -> None:
    pipelines = ("data_science", "promotion")
    trained.project.kedro_run("--env", "whole", "--pipelines", ",".join(pipelines))
    trained.project.kedro_run("--env", "dask", *in_parts(*pipelines))

    whole, parts = (
        json.loads((trained.data(env) / "08_reporting/verdict.json").read_text())
        for env in ("whole", "dask")
    )
    versions = [whole["evidence"][who]["version"] for who in ("champion", "challenger")]
    assert (whole["action"], versions) == ("promote", [1, 2])
    for found in (whole, parts):
        for who in ("champion", "challenger"):  # whose tables are fingerprinted in other ways
            for name in ("data_sha256", "data_method"):
                del found["evidence"][who][name]
    assert parts == whole


def test_run_in_parts_when_its_scheduler_dies_then_ends_with_one_line(
    trained: Site, tmp_path: Path
) -> None:
    with serve_parts(tmp_path) as servers:
        where = f"partitions.scheduler={servers.address},partitions.part_rows={ROWS // 2}"
        process = trained.start_checking(where)
        os.killpg(servers.scheduler, signal.SIGKILL)
        _, error = process.communicate(timeout=120)

    assert process.returncode == 1
    assert f"Error: the scheduler {servers.address} has ended: start it again, then " in error
    assert "Traceback" not in error


def test_run_in_parts_when_interrupted_then_ends_without_a_word_of_its_workers(
    trained: Site,
) -> None:
    process = trained.start_checking(WORKERS)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too

    _, error = process.communicate(timeout=120)

    assert process.returncode == 1
    assert "Aborted!" in error
    assert "Traceback" not in error
    assert "distributed" not in error


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (
            "partitions.scheduler=tcp://127.0.0.1:9",
            "partitions.scheduler is 'tcp://127.0.0.1:9', and nobody answers there: start ",
        ),
        (
            "partitions.scheduler=nowhere://x",
            "partitions.scheduler is 'nowhere://x', and that is no address",
        ),
        (
            "data_engineering.split=random",
            "data_engineering.split is random, which needs the whole table at once, and this ",
        ),
    ],
)
def test_run_in_parts_when_misconfigured_then_ends_with_one_line(
    parameters: str, says: str, small: Site
) -> None:
    done = small.project.run(
        "kedro", "run", "--env", "dask", "--pipelines", "data_engineering", "--params", parameters
    )

    assert done.returncode == 1
    assert f"Error: {says}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A table of two parts."""
    parameters = "data_engineering: {sample: 1000}\n"
    return make_site(tmp_path_factory.mktemp("small") / "p", 2, 300, parameters)


def test_check_when_the_table_is_in_parts_then_says_what_checks_it(small: Site) -> None:
    done = small.project.run("kedro", "contract", "check", "--env", "dask")

    assert done.returncode == 1
    assert "is a table in parts, which this command would have to hold in memory" in done.stderr


def test_run_in_parts_when_dask_is_missing_then_names_the_extra(small: Site) -> None:
    missing = small.project.root / "src" / "dask.py"
    missing.write_text("raise ImportError('No module named dask')\n")

    # By itself: what commands are forked of has imported skops, and so Dask, where that is there.
    command = ("-m", "kedro", "run", "--env", "dask", "--pipelines", "data_engineering")
    done = small.project.run("python", *command)

    missing.unlink()
    assert done.returncode == 1
    assert "Error: tables in parts need Dask, the extra `dask`, which is not installed" in (
        done.stderr
    )


def test_run_when_dask_is_not_asked_for_then_does_not_import_it(small: Site) -> None:
    code = "import sys; from kedro.framework.cli.cli import main\n"
    code += "try:\n    main(['run', '--pipelines', 'data_engineering'])\n"
    code += "finally:\n    print('dask' in sys.modules, 'distributed' in sys.modules)\n"

    done = small.project.run("python", "-c", code)

    assert done.stdout.endswith("False False\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    "rules",
    [
        {"duplicates": "drop"},
        {"duplicates": "reject"},
        {"primary_key": ["Person"]},
        {"primary_key": ["Person"], "duplicates": "reject"},
        {"primary_key": ["Person", "Job"], "duplicates": "drop"},
        {},
    ],
)
def test_rows_when_they_repeat_those_of_other_parts_then_fare_as_in_one_table(
    rules: dict[str, Any], tmp_path: Path
) -> None:
    content = yaml.safe_load(CONTRACT)["contract"]
    table = {**content["table"], **rules, "max_rejected_share": 1}
    contract = Contract.of({**content, "table": table})
    first, second = make_part(300, 1), make_part(300, 2)
    parts = [first, pa.concat_tables([second, first.slice(100, 50)]), second.slice(0, 70), first]
    (tmp_path / "raw").mkdir()
    for number, part in enumerate(parts):
        pq.write_table(part, tmp_path / "raw" / f"{number}.parquet")
    cluster = Cluster(workers=2, part_rows=500)

    raw = RawTable(str(tmp_path / "raw"), cluster, str(tmp_path / "out"))
    valid, rejected, _, _, counts = validate_parts(raw, contract)

    one = validate_salaries(read_table(tmp_path / "raw", contract), contract)
    rows, keys = split_keys(put_together([part.frame() for part in valid.parts]))
    pd.testing.assert_frame_equal(rows, one[0].reset_index(drop=True))
    assert keys["key"].tolist() == one[2]["key"].tolist()
    assert rejected.to_csv(index=False) == one[1].to_csv(index=False)
    assert counts == one[4]
