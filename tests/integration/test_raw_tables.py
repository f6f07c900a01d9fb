"""The raw table may be any dataset that yields a table: here it lies in databases."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from sqlalchemy import create_engine, text

from salary_kedro.contract import Contract
from salary_kedro.pipelines.data_engineering.nodes import validate_salaries
from samples import raw_salaries
from servers import no_postgresql, postgresql
from support import Project, copy_project, free_port, get, post, wait_until

DEFAULT_PRINT = "45a30eec8df287ed560fba40733f786de7ad0895e516e4735ac379e2b338e280"
TABLE = """
raw_salaries:
  type: pandas.SQLTableDataset
  table_name: salaries
  credentials: salaries_database
  metadata: {kedro-viz: {layer: raw}}
"""
CREDENTIALS = "salaries_database: {con: '%s'}\n"


@dataclass(frozen=True)
class Database:
    """A project whose raw table is one of a database.

    Attributes:
        project: The project.
        url: Where the database is.
    """

    project: Project
    url: str

    def run(self, *arguments: str) -> dict[str, Any]:
        """Train and promote; gives what was recorded of the raw table."""
        ran = self.project.run("kedro", "run", *arguments, SALARIES_DB=self.url)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        folder = self.project.root / "data" / "02_intermediate"
        found: dict[str, Any] = json.loads((folder / "data_fingerprint.json").read_text())
        return found

    def execute(self, statement: str) -> None:
        """Change the table."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()


def made(folder: Path, url: str, credentials: str) -> Database:
    """A project with the shipped rows in a database."""
    project = copy_project(folder / "project")
    local = project.root / "conf" / "local"
    (local / "catalog.yml").write_text(TABLE)
    (local / "credentials.yml").write_text(CREDENTIALS % credentials)
    engine = create_engine(url)
    raw_salaries().to_sql("salaries", engine, index=False)
    engine.dispose()
    return Database(project, url)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """One in a SQLite file, its address in conf/; one in PostgreSQL, named by the environment."""
    folder = tmp_path_factory.mktemp("database")
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/salaries.db"
        yield made(folder, url, url)
        return
    if obstacle := no_postgresql():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(obstacle)
    with postgresql() as url:
        yield made(folder, url, "${oc.env:SALARIES_DB}")


@pytest.mark.server
def test_raw_table_when_it_lies_in_a_database_then_trains_promotes_serves_and_reproduces(
    database: Database,
) -> None:
    found = [database.run(), database.run()]

    assert [each["data_sha256"] for each in found] == [DEFAULT_PRINT] * 2
    metrics = json.loads((database.project.root / "data/08_reporting/metrics.json").read_text())
    assert metrics["rmse"] == pytest.approx(6311.262456108905, rel=1e-12)
    again = database.project.run(
        "kedro", "models", "reproduce", "1", "--json", SALARIES_DB=database.url
    )
    assert again.returncode == 0, again.stderr
    repeated = json.loads(again.stdout)
    assert (repeated["identical"], repeated["differs"]) == (True, [])
    with database.project.serve() as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service")
        answer = post(f"{address}/predict", {"experience_years": 5}).body
    assert (round(answer["salary"], 2), answer["model_version"]) == (72861.25, 1)

    database.execute('UPDATE salaries SET "Salary" = "Salary" + 1 WHERE "Salary" = 37731')
    assert database.run("--pipelines", "data_engineering")["data_sha256"] != DEFAULT_PRINT


def test_raw_table_when_the_database_cannot_be_reached_then_one_line_says_so(
    tmp_path: Path,
) -> None:
    project = copy_project(tmp_path / "project")
    local = project.root / "conf" / "local"
    (local / "catalog.yml").write_text(TABLE)
    (local / "credentials.yml").write_text(
        CREDENTIALS % f"postgresql+psycopg2://me:hush@127.0.0.1:{free_port()}/salaries"
    )

    ran = project.run("kedro", "run")

    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "hush" not in ran.stdout + ran.stderr
    assert "raw_salaries" in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize(("kind", "suffix"), [("Excel", "xlsx"), ("Parquet", "parquet")])
def test_raw_table_when_its_entry_is_another_files_then_is_the_same_table(
    kind: str, suffix: str, project: Project, contract: Contract
) -> None:
    file = project.root / f"salaries.{suffix}"
    table = raw_salaries()
    if kind == "Excel":
        table.to_excel(file, index=False)
    else:
        table.to_parquet(file)
    entry = {"type": f"pandas.{kind}Dataset", "filepath": file.as_uri()}

    raw = DataCatalog.from_config({"raw_salaries": entry}).load("raw_salaries")

    _, rejected, _, prints, _ = validate_salaries(raw, contract)
    assert (len(rejected), prints["data_sha256"]) == (0, DEFAULT_PRINT)
