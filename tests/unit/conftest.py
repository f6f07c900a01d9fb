"""Fixtures of the unit tests."""

from sessions import kedro_project, logs
from sites import healthy, shell, site_template, spare
from stores import models, settled, store, store_template, watched

__all__ = [
    "healthy",
    "kedro_project",
    "logs",
    "models",
    "settled",
    "shell",
    "site_template",
    "spare",
    "store",
    "store_template",
    "watched",
]
