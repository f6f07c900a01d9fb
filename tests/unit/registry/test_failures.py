"""Failures of the machine are told from texts that only speak of them."""

import errno
import os
import shutil
import sqlite3

import pytest

from salary_kedro.errors import UserError
from salary_kedro.registry.failures import tell_failure

FULL, LOCKED, READ_ONLY = "the disk is full", "the store is locked", "is read-only"


def failure(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (failure(errno.ENOSPC, "/data/a.csv"), f"{FULL}, at /data/a.csv: "),
        (failure(errno.EDQUOT), f"{FULL}: "),
        (shutil.Error([("a", "b", str(failure(errno.ENOSPC)))]), f"{FULL}: "),
        (sqlite3.OperationalError("database or disk is full"), f"{FULL}: "),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full\n[SQL: x]"), FULL),
        (sqlite3.OperationalError("database is locked"), LOCKED),
        (sqlite3.OperationalError("database table is locked: runs"), LOCKED),
        (RuntimeError("(sqlite3.OperationalError) database is locked\n[SQL: x]"), LOCKED),
        (failure(errno.EROFS, "/data/a.csv"), f"/data/a.csv {READ_ONLY}"),
        (sqlite3.OperationalError("attempt to write a readonly database"), READ_ONLY),
    ],
)
def test_tell_failure_when_the_machine_failed_then_says_what(error: Exception, told: str) -> None:
    outer = RuntimeError("the node failed")
    outer.__cause__ = error

    assert told in str(tell_failure(outer, 5))


@pytest.mark.parametrize(
    "text",
    [
        "the column 'no space' is missing",
        "'No space left on device' is not one of the categories",
        "'the disk is full' is not allowed",
        "'database is locked' is not allowed",
        "'readonly database' is not allowed",
    ],
)
@pytest.mark.parametrize("kind", [UserError, ValueError, OSError])
def test_tell_failure_when_a_text_only_speaks_of_one_then_is_silent(
    text: str, kind: type[Exception]
) -> None:
    assert tell_failure(kind(text), 5) is None
