"""Decisions: which version is production, why, and what is packaged of it."""
