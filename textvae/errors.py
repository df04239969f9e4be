"""The one error a user can cause."""

from __future__ import annotations


class UserError(ValueError):
    """Something in the user's files, configuration or command is wrong.

    The message names the file (and line, where there is one) and the remedy. The command line prints it without a
    traceback and exits with status 2; Python callers may catch it as a `ValueError`.
    """
