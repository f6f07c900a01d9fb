"""Examine, repair, move and keep what runs have made."""
