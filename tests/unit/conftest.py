"""Fixtures of the unit tests."""

from sessions import kedro_project, logs
from stores import healthy, models, store, store_template, watched

__all__ = ["healthy", "kedro_project", "logs", "models", "store", "store_template", "watched"]
