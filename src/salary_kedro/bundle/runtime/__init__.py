"""A model as plain arrays, which NumPy and Python evaluate: the fast form that is served."""
