"""A table in parts that lies in an S3-compatible object store, as does what is made of it."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
from fsspec.core import url_to_fs
from s3fs import S3FileSystem

from parted import Site, make_site, write_parts
from servers import BUCKET, object_store

pytestmark = pytest.mark.server

PARTS, ROWS = 4, 1_000
PARAMETERS = "data_engineering: {split: stable, sample: 20000}\n"
CATALOG = """
raw_salaries:
  type: salary_kedro.datasets.RawPartsDataset
  filepath: s3://{bucket}/salaries
  output: s3://{bucket}/parts
  owner: ${{run:02_intermediate/parts}}
  cluster: ${{parameter:partitions}}
"""


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an object store's users, in this process too."""
    with object_store(tmp_path / "objects") as keys:
        variables = {**keys, "AWS_ENDPOINT_URL_S3": keys["MLFLOW_S3_ENDPOINT_URL"]}
        with patch.dict(os.environ, variables):
            S3FileSystem.clear_instance_cache()  # one of another store would be taken
            yield variables
        S3FileSystem.clear_instance_cache()


@pytest.fixture
def site(objects: dict[str, str], tmp_path: Path) -> Site:
    """Both environments: one reads files of this machine, the other has all in the store."""
    site = make_site(tmp_path / "p", PARTS, ROWS, PARAMETERS)
    catalog = site.project.root / "conf" / "dask" / "catalog.yml"
    kept = catalog.read_text().partition("raw_salaries:")
    rest = "valid_salaries:" + kept[2].partition("valid_salaries:")[2]
    catalog.write_text(kept[0] + CATALOG.format(bucket=BUCKET) + rest)
    store, _ = url_to_fs("s3://")
    for folder in ("salaries", "new"):
        write_parts(tmp_path / folder, PARTS, ROWS, seed=0 if folder == "salaries" else 900)
        store.put(str(tmp_path / folder), f"{BUCKET}/{folder}", recursive=True)
    return site


def test_run_when_a_table_is_in_an_object_store_then_is_that_of_one_machine(
    site: Site, objects: dict[str, str], tmp_path: Path
) -> None:
    workers = "partitions.workers=2,partitions.part_rows=500"
    given = f"rows_to_score=s3://{BUCKET}/new,scored_rows=s3://{BUCKET}/scored,{workers}"
    for command in (
        ("--env", "whole", "--pipelines", "data_engineering"),
        ("--env", "dask", "--params", workers),
        ("--env", "dask", "--pipelines", "batch_scoring", "--params", given),
    ):
        done = site.project.run("kedro", "run", *command, **objects)
        assert done.returncode == 0, done.stdout + done.stderr

    rejected = [
        (site.data(env) / "02_intermediate/rejected_rows.csv").read_text()
        for env in ("whole", "dask")
    ]
    assert rejected[0] == rejected[1] != ""
    store, _ = url_to_fs("s3://")
    names = [Path(name).name for name in store.ls(f"{BUCKET}/scored")]
    assert "_SUCCESS" in names
    scored = [pd.read_parquet(f"s3://{BUCKET}/scored/{n}") for n in names if n[0].isdigit()]
    assert sum(map(len, scored)) > 0.99 * PARTS * ROWS
