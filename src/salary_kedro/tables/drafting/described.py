"""What a file itself says about its columns, for drafting."""

from salary_kedro.tables.described import UNKNOWN, Described

__all__ = ["UNKNOWN", "Described"]
