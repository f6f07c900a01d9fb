"""Salary prediction as a local-first MLOps loop."""

__version__ = "0.1.0"
