"""What goes wrong for an operator: told in words and with a remedy, never with a stack trace."""


class OperatorError(Exception):
    """A command cannot do what it was asked for.

    Attributes:
        remedy: what to do about it; empty if the message says all.
        exit_code: 1 if something failed on the way, 2 if the command could not start.
    """

    def __init__(self, message: str, *, remedy: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.exit_code = exit_code


def cannot_start(message: str, remedy: str = "") -> OperatorError:
    """Something is missing or wrong before anything was done."""
    return OperatorError(message, remedy=remedy, exit_code=2)
