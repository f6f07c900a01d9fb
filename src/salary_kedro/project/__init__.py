"""The project as an environment configures it."""
