"""The one exception that is meant for people."""


class UserError(Exception):
    """Something a person can put right: the message says what is wrong, allowed, and to be done.

    The command line prints the message alone, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython, and so a notebook, shows of it."""
        return [f"Error: {self}"]
