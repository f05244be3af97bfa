"""The errors of the functions' logic. `shared.http` maps them to statuses, PostCall's worker to retries."""


class InvalidRequestError(ValueError):
    """A request is malformed. The message names the field, and never repeats its value."""


class UnauthorizedError(Exception):
    """A request does not prove where it comes from."""


class ForbiddenError(Exception):
    """A request proves who it comes from, and asks for what belongs to somebody else."""


class UnavailableError(Exception):
    """Something that a function depends on failed. The message says what, and what to do.

    Attributes:
        retryable: whether the same request may succeed later.
        retry_after: seconds that the other side asks to wait for, or None.
    """

    def __init__(self, message: str, *, retryable: bool = True, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
