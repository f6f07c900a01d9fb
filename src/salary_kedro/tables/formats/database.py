"""A table of a database, read in chunks; its password is in no file and on no command line."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from sqlalchemy import URL, Engine, MetaData, Select, Table, create_engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    NoSuchTableError,
    SQLAlchemyError,
)

from salary_kedro.errors import UserError
from salary_kedro.tables.described import Described
from salary_kedro.tables.formats.cells import as_column
from salary_kedro.tables.formats.wanted import Wanted

#: Names of tables that are listed when one is not there.
SHOWN = 20
#: What is installed for the driver that a database asks for.
PACKAGES = {"psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient", "cx_Oracle": "cx_Oracle"}
PASSWORD = "SALARY_SQL_PASSWORD"  # noqa: S105 - the name of a variable
#: What the name of a part of an address holds that may be a secret.
SECRET = re.compile("pass|pwd|secret|token|odbc_connect", re.IGNORECASE)


def _address(text: str) -> URL:
    """The address of a database, which holds no secret."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # a port that is no number, among others
        raise UserError(
            "the address of the database is none: give --sql dialect://user@host:port/database, "
            "or sqlite:///FILE"
        ) from error
    secret = next(filter(SECRET.search, url.query), None)
    if url.password is not None or secret:
        held = f"'{secret}', a secret" if secret else "a password"
        raise UserError(
            f"the address of the database holds {held}, which others could read: leave it out, "
            f"and set {PASSWORD} or {PASSWORD}_FILE"
        )
    return url


@dataclass(frozen=True)
class DatabaseTable:
    """A table or view of a database.

    Attributes:
        url: SQLAlchemy's address of the database, without a password.
        name: The table, with its schema before a dot if it has one.
        password: The password; None for none.
        decimal: The decimal mark of numbers among texts.
    """

    url: str
    name: str
    password: str | None = field(default=None, repr=False)
    decimal: str = "."
    first_row = 1

    @cached_property
    def _engine(self) -> Engine:
        url = _address(self.url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise UserError(f"there is no file {url.database}: correct the path of the database")
        try:
            return create_engine(url.set(password=self.password))
        except NoSuchModuleError as error:
            raise UserError(
                f"'{url.drivername}' is no database that SQLAlchemy knows here: install the "
                f"package of its dialect into .venv"
            ) from error
        except ModuleNotFoundError as error:
            package = PACKAGES.get(str(error.name), error.name)
            raise UserError(
                f"the driver of {url.drivername} is not installed: install the package "
                f"'{package}' into .venv"
            ) from error

    @cached_property
    def _table(self) -> Table:
        schema, _, name = self.name.rpartition(".")
        with self._told():
            try:
                return Table(name, MetaData(), schema=schema or None, autoload_with=self._engine)
            except NoSuchTableError as error:
                inspector = inspect(self._engine)
                known = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
                there = ", ".join(f"'{found}'" for found in known[:SHOWN]) or "none"
                raise UserError(
                    f"the database has no table '{self.name}': it has {there}"
                ) from error

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line what the database says, which never holds the password."""
        try:
            yield
        except DBAPIError as error:
            said = str(error.orig).strip().splitlines() or [type(error).__name__]
            raise UserError(f"the database says: {said[0]}") from error
        except SQLAlchemyError as error:
            raise UserError(f"the database cannot be read: {type(error).__name__}") from error

    @property
    def remarks(self) -> tuple[str, ...]:
        """Whether the order of the rows is that of a key."""
        if list(self._table.primary_key):
            return ()
        remark = (
            "The table has no primary key, so the database gives its rows in any order: split and "
            "figures may vary from run to run."
        )
        return (remark,)

    def by(self, wanted: Wanted) -> "DatabaseTable":
        """The same table: there is but one."""
        return replace(self, decimal=wanted.decimal)

    def header(self) -> list[str]:
        """Names of the columns."""
        return [str(column.name) for column in self._table.columns]

    def _ordered(self) -> Select[tuple[object, ...]]:
        return select(self._table).order_by(*self._table.primary_key)

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """All rows, so many at a time, in the order of the primary key."""
        names = self.header()
        with self._told(), self._engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, yield_per=rows)
            none = True
            for part in streamed.execute(self._ordered()).partitions():
                columns = zip(*part, strict=True)
                yield pa.table([as_column(cells, decimal=self.decimal) for cells in columns], names)
                none = False
            if none:
                yield pa.table([pa.nulls(0, pa.large_string()) for _ in names], names)

    def described(self) -> Mapping[str, Described]:
        """The comments of the columns."""
        return {
            str(column.name): Described(label=" ".join(column.comment.split()))
            for column in self._table.columns
            if column.comment
        }
