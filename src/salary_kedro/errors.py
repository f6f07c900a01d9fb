"""The one exception that is meant for people."""


class UserError(Exception):
    """Something a person can mend: the message says what is wrong, what is allowed and what to do.

    The command line prints the message alone, without a traceback.
    """
