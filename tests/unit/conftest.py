"""Fixtures of the unit tests."""

from sessions import kedro_project, logs
from stores import models, store, store_template, watched

__all__ = ["kedro_project", "logs", "models", "store", "store_template", "watched"]
