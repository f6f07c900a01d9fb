"""Fixtures of the tests of the pipelines."""

from sessions import kedro_project, logs
from stores import models, settled, store, store_template, watched

__all__ = ["kedro_project", "logs", "models", "settled", "store", "store_template", "watched"]
