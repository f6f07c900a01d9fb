"""Drafts an environment from a table that nobody has described yet."""
