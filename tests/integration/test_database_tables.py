"""A raw table in a database: drafted from, checked and run, without a secret in any file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from salary_kedro.cli.contract import contract as contract_command
from salary_kedro.datasets import DatabaseTableDataset
from salary_kedro.errors import UserError
from salary_kedro.tables.formats.database import DatabaseTable
from servers import no_postgresql, postgresql
from support import Project

ROWS = 200
TABLE = pd.DataFrame(
    {
        "id": range(1, ROWS + 1),
        "grade": ["low", "mid", "high", "mid"] * (ROWS // 4),
        "years": [row * 7 % 30 for row in range(ROWS)],
        "hired": pd.to_datetime("2015-01-01")
        + pd.to_timedelta([row * 11 % 900 for row in range(ROWS)], "D"),
        "salary": [30_000.25 + 1000 * (row * 7 % 30) + row % 13 for row in range(ROWS)],
    }
)


def fill(address: str) -> None:
    """Put the table into a database, with a key, in no order."""
    engine = create_engine(address)
    kind = "TIMESTAMP" if address.startswith("postgresql") else "DATETIME"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TABLE pay (id INTEGER PRIMARY KEY, grade TEXT, years INTEGER, "
                f"hired {kind}, salary NUMERIC(12, 2))"
            )
        )
        rows = TABLE.sample(frac=1, random_state=234)
        rows.to_sql("pay", connection, if_exists="append", index=False)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database that holds the table."""
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path}/pay.db"
        fill(found)
        yield found
        return
    if obstacle := no_postgresql():
        pytest.skip(obstacle)
    with postgresql() as found:
        fill(found)
        yield found


def tell(project: Project, *words: str) -> Any:
    before = Path.cwd()
    os.chdir(project.root)
    try:
        return CliRunner().invoke(contract_command, words)
    finally:
        os.chdir(before)


def test_database_table_when_it_is_drafted_from_then_is_checked_and_run(
    project: Project, address: str
) -> None:
    drafted = tell(project, "infer", "--sql", address, "--table", "pay", "--env", "mine")
    checked = tell(project, "check", "--env", "mine")
    run = project.run("kedro", "run", "--env", "mine", "--pipelines", "data_engineering")

    assert drafted.exit_code == 0, drafted.output
    assert checked.exit_code == 0, checked.output
    assert "0 of 200 rows would be rejected" in checked.output
    assert run.returncode == 0, run.stderr
    clean = pd.read_parquet(project.root / "data/mine/03_primary/salaries.parquet")
    assert clean["salary"].tolist() == TABLE["salary"].tolist()
    assert clean["hired"].tolist() == TABLE["hired"].tolist()
    assert clean["grade"].astype(str).tolist() == TABLE["grade"].tolist()
    assert not list((project.root / "data/mine").glob("01_raw/salary*"))


def test_database_table_when_it_changes_then_is_read_anew(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/pay.db"
    fill(address)
    dataset = DatabaseTableDataset(address, "pay")
    before = dataset.load()

    with create_engine(address).begin() as connection:
        connection.execute(text("DELETE FROM pay WHERE id > 10"))

    assert (len(before), len(dataset.load())) == (ROWS, 10)


def test_database_table_when_it_is_not_there_then_lists_what_is(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/pay.db"
    fill(address)

    with pytest.raises(UserError, match=r"no table 'wages': it has 'pay'$"):
        DatabaseTable(address, "wages").header()


def test_database_table_when_the_file_is_not_there_then_makes_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*gone.db"):
        DatabaseTable(f"sqlite:///{tmp_path}/gone.db", "pay").header()

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("nonsense", "the address of the database is none"),
        ("postgresql://me:secret@host/hr", "holds a password, which others could read"),
        ("postgresql://me:secret@host:port/hr", "the address of the database is none"),
        ("postgresql://me@host/hr?password=secret", "holds 'password', a secret, which others"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Dsecret", "and set SALARY_SQL_PASSWORD or"),
        ("mysql+pymysql://me@host/hr", "install the package 'pymysql'"),
        ("oddbase://me@host/hr", "is no database that SQLAlchemy knows here"),
        ("postgresql+psycopg2://me@127.0.0.1:1/hr", "the database says: "),
    ],
)
def test_database_table_when_it_cannot_be_reached_then_says_why_without_the_password(
    address: str, says: str
) -> None:
    with pytest.raises(UserError) as caught:
        DatabaseTable(address, "pay", "hidden-word").header()

    assert says in str(caught.value)
    assert "secret" not in str(caught.value).replace("a secret", "")
    assert "hidden-word" not in str(caught.value)
    assert "hidden-word" not in repr(DatabaseTable(address, "pay", "hidden-word"))


def test_dataset_when_a_file_holds_the_password_then_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("hidden-word\n")
    monkeypatch.setenv("SALARY_SQL_PASSWORD_FILE", str(tmp_path / "password"))
    fill(f"sqlite:///{tmp_path}/pay.db")

    dataset = DatabaseTableDataset(f"sqlite:///{tmp_path}/pay.db", "pay")

    assert "hidden-word" not in str(dataset)


@pytest.mark.parametrize("words", [(), ("f.csv", "--sql", "sqlite:///a"), ("--sql", "sqlite:///a")])
def test_infer_when_it_is_not_said_which_table_then_says_how(
    words: tuple[str, ...], project: Project
) -> None:
    done = tell(project, "infer", *words, "--env", "mine")

    assert done.exit_code == 1
    assert "Error: name one table: the FILE that holds it, or --sql" in done.output
