"""Fixtures of the tests of the pipelines."""

from sessions import kedro_project, logs
from stores import migrated_database, store

__all__ = ["kedro_project", "logs", "migrated_database", "store"]
