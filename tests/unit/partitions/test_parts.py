"""What becomes of the rows of a table in parts, beside the same table as a whole."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from kedro.io.core import AbstractDataset

from parted import CONTRACT, STABLE, OwnProcess, make_part, split_here
from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.cli.models.decisions import find_judge
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.partitions.cluster import ClusterError
from salary_kedro.partitions.scored import ScoredParts
from salary_kedro.partitions.table import Part, PartedTable, RawTable, put_together, split_keys
from salary_kedro.pipelines.batch_scoring.parts import score_parts
from salary_kedro.pipelines.data_engineering.nodes import clean_salaries, validate_salaries
from salary_kedro.pipelines.data_engineering.parted_split import split_part
from salary_kedro.pipelines.data_engineering.parts import validate_parts
from salary_kedro.project.parameters import BatchScoring
from salary_kedro.project.project import open_project
from salary_kedro.promotion.judge import UnscorableError
from salary_kedro.promotion.parted_judge import _number_clusters, look_at, score_part
from salary_kedro.registry.registry import Registry
from salary_kedro.tables.whole import read_table
from samples import bundle_files, column, constant, contract_of
from support import ROOT

PLAIN = Contract.of(yaml.safe_load(CONTRACT)["contract"])
#: What of a logged model's folder it takes to score rows.
LOGGED = ("model.skops", "extra_files/contract.json")


def contract_with(text: str = CONTRACT, **rules: Any) -> Contract:
    """A contract of the table that has some more rules."""
    content = yaml.safe_load(text)["contract"]
    return Contract.of({**content, "table": {**content["table"], **rules}})


def raw_table(folder: Path, *parts: pa.Table, output: str = "out") -> RawTable:
    """A table of these parts."""
    (folder / "raw").mkdir()
    for number, part in enumerate(parts):
        pq.write_table(part, folder / "raw" / f"{number}.parquet")
    return RawTable(str(folder / "raw"), OwnProcess(), f"{folder}/{output}")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A model of the table."""
    store = BundleStore(tmp_path / "bundles")
    name, files = pack("salaries", 1, bundle_files(PLAIN, constant(50_000.0)))
    store.write(name, files)
    return store.load(name)


def test_fields_when_called_as_keys_and_numbers_are_then_stay_as_they_are(tmp_path: Path) -> None:
    text = CONTRACT.replace('name: "years"', 'name: "key"').replace('"level"', '"number"')
    contract, raw = contract_with(text), raw_table(tmp_path, make_part(300, 1), make_part(300, 2))

    valid, *_ = validate_parts(raw, contract)
    holdout = split_here(raw, contract)

    whole, rejected, keys, *_ = validate_salaries(read_table(Path(raw.path), contract), contract)
    rows, names = split_keys(put_together([part.frame() for part in valid.parts]))
    pd.testing.assert_frame_equal(rows, whole.reset_index(drop=True))
    assert names["key"].tolist() == keys["key"].tolist()
    clean = clean_salaries(whole, rejected, contract)
    held = split_keys(put_together([part.frame() for part in holdout.parts]))[0]
    pd.testing.assert_frame_equal(held, clean.loc[held.index])
    pd.testing.assert_frame_equal(holdout.in_memory(), held)


def test_rows_when_repeats_are_dropped_below_a_folder_called_valid_then_are_both_there(
    tmp_path: Path,
) -> None:
    part = make_part(100, 1)
    raw = raw_table(tmp_path, part, part, output="valid/out")

    valid, *_ = validate_parts(raw, contract_with(duplicates="drop"))

    paths = [Path(part.path) for part in valid.parts]
    assert all(path.is_relative_to(tmp_path / "valid" / "out") for path in paths)
    assert [path.parent.name for path in paths] == ["valid", "kept"]
    assert [part.rows for part in valid.parts] == [len(part.frame()) for part in valid.parts]
    assert valid.parts[1].rows == 0


@pytest.mark.parametrize("groups", [True, False])
def test_table_when_it_has_no_rows_then_is_refused(
    groups: bool, bundle: Bundle, tmp_path: Path
) -> None:
    raw = raw_table(tmp_path, *[make_part(9, 1).slice(0, 0)] * groups)
    if not groups:
        with pq.ParquetWriter(tmp_path / "raw" / "0.parquet", make_part(9, 1).schema):
            pass
    scored = ScoredParts(str(tmp_path / "scored"))
    says = "has a header but no rows: bring at least one row of data"

    with pytest.raises(UserError, match=says):
        validate_parts(raw, PLAIN)
    with pytest.raises(UserError, match=says):
        score_parts(raw, scored, bundle, BatchScoring())

    assert {path.name for path in tmp_path.iterdir()} == {"raw", "bundles"}


def test_part_when_it_has_no_rows_then_is_scored_like_any_other(tmp_path: Path) -> None:
    """A part of the clean rows may have none that are held out."""
    raw = raw_table(tmp_path, make_part(3, 1), make_part(300, 2))
    valid, *_ = validate_parts(raw, PLAIN)
    path, most = str(tmp_path / "holdout.parquet"), STABLE.model_copy(update={"train_size": 0.99})
    sides = split_part(valid.parts[0], path, groups=None, contract=PLAIN, parameters=most)
    files = bundle_files(contract_of(column("years")))
    model = {name: files[name.rpartition("/")[2]] for name in LOGGED}

    errors, trouble = score_part(Part(path, sides.holdout, 0), files=model)
    targets, weights, whose = look_at(Part(path, 0, 0), contract=PLAIN, field="person")

    assert sides.holdout == 0
    assert (errors.dtype, errors.shape, trouble) == (np.float64, (0,), None)
    assert (targets.shape, weights) == ((0,), None)
    assert whose is not None
    assert whose.shape == (0,)


@pytest.mark.parametrize("earlier", [False, True])
def test_rows_when_all_are_rejected_in_a_store_then_none_of_an_earlier_run_are_told_of(
    earlier: bool, bundle: Bundle, tmp_path: Path
) -> None:
    good = make_part(50, 1)
    bad = good.set_column(0, "Years", pa.array([-1.0] * 50))
    scored = ScoredParts(f"memory://{uuid4().hex}/scored")
    (tmp_path / "good").mkdir()
    if earlier:
        score_parts(raw_table(tmp_path / "good", good), scored, bundle, BatchScoring())
    raw = raw_table(tmp_path, bad)

    with pytest.raises(UserError) as caught:
        score_parts(raw, scored, bundle, BatchScoring())

    assert "none of 50 rows keeps to the contract" in str(caught.value)
    assert "earlier run" not in str(caught.value)


def test_judge_when_the_sample_of_the_holdout_rows_is_gone_then_says_that_they_cannot_be_read(
    tmp_path: Path,
) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    project = open_project(tmp_path, "dask")
    with contextlib.chdir(tmp_path):
        entry = project.loader["catalog"]["holdout"]
        gone = PartedTable("gone", (), "0" * 64, str(tmp_path / "gone.parquet"))
        AbstractDataset.from_config("holdout", entry).save(gone)

    with pytest.raises(UnscorableError, match=r"the holdout rows cannot be read: .*gone.parquet"):
        find_judge(project, Registry("sqlite://", "salaries"))


def test_clusters_when_numbered_by_keys_then_are_as_those_of_their_values() -> None:
    keys = np.array([7, 3, 0, 7, 0, 2**63], dtype=np.uint64)

    numbers = _number_clusters(keys)

    assert numbers is not None
    assert numbers.tolist() == [0, 1, 3, 0, 4, 2]
    assert _number_clusters(np.array([5, 0, 4, 0], dtype=np.uint64)) is None


def test_table_when_it_is_a_file_of_another_format_then_is_not_called_damaged(
    tmp_path: Path,
) -> None:
    (tmp_path / "table.csv").write_text("Years,Salary\n1,2\n")

    with pytest.raises(UserError, match=r"table.csv holds no Parquet file: tables in parts are"):
        RawTable(str(tmp_path / "table.csv"), OwnProcess()).header()


def test_part_when_its_file_is_gone_then_says_who_must_see_it(tmp_path: Path) -> None:
    (part,) = raw_table(tmp_path, make_part(3, 1)).parts
    (tmp_path / "raw" / "0.parquet").unlink()

    with pytest.raises(ClusterError, match=r"0.parquet cannot be read .*: each worker must see it"):
        part.cells()


class Counting(OwnProcess):
    """Counts the parts that were handled."""

    handled: ClassVar[list[str]] = []

    def each(self, function: Callable[..., Any], *given: Any, **same: Any) -> Iterator[Any]:
        """Call a function as often, and note that."""
        for found in super().each(function, *given, **same):
            self.handled.append(function.__name__)
            yield found


def test_table_when_just_as_many_rows_are_rejected_as_may_be_then_is_taken(tmp_path: Path) -> None:
    years = [pa.array([-1.0] * bad + [1.0] * (50 - bad)) for bad in (29, 0)]
    raw = raw_table(tmp_path, *(make_part(50, 1).set_column(0, "Years", part) for part in years))
    whole = contract_with(max_rejected_share=0.29)  # of 100: 28.999999999999996 as a float

    _, rejected, *_ = validate_parts(raw, whole)

    assert len(rejected) == 29


def test_table_when_too_many_rows_are_rejected_then_is_refused_before_the_rest_is_read(
    tmp_path: Path,
) -> None:
    good = make_part(100, 1)
    bad = good.set_column(0, "Years", pa.array([-1.0] * 30 + good["Years"].to_pylist()[30:]))
    raw = replace(raw_table(tmp_path, good, bad, *[bad] * 6), cluster=Counting())
    contract = contract_with(max_rejected_share=0.05)

    with pytest.raises(UserError) as caught:
        validate_parts(raw, contract)

    (path,) = (tmp_path / "out").glob("*/rejected_rows.csv")
    told = pd.read_csv(path)
    found = [*Counting.handled]
    assert str(caught.value).startswith(
        f"at least {len(told)} of 800 rows break the contract, more than the allowed share of 5%, "
        f"so no further ones are sought: {path} lists each line so far with its reasons (first: "
        f"line 10"
    )
    assert found == ["validate_part"] * 3
    assert 60 <= len(told) < 70
