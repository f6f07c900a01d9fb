"""Fixtures of the lifecycle's tests."""

from sites import healthy, site_template, spare

__all__ = ["healthy", "site_template", "spare"]
