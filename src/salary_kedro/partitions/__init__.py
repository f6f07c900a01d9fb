"""Tables in parts, each of which is a table that one process handles; Dask hands them out."""
