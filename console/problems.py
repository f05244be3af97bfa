"""What went wrong, in words for the page that shows it."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from starlette.exceptions import HTTPException

from console.phone import PhoneError
from ops.errors import OperatorError

T = TypeVar("T")
_FRAMES = 4  # of a defect's stack that are logged
_CANNOT_START = 2  # of an `OperatorError`: nothing was done, because of what was asked for
_log = logging.getLogger(__name__)


class NotFoundError(Exception):
    """There is no such page; the message says what is not there."""


class ForbiddenError(Exception):
    """The console was not started for that; the message says how."""


_STATUSES = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    PhoneError: HTTPStatus.BAD_REQUEST,
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong: an HTTP status, what to say, and what to do about it (may be empty)."""

    status: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """Both in a line."""
        return f"{self.message}. To do: {self.remedy}" if self.remedy else self.message


@dataclass(frozen=True, kw_only=True)
class Part(Generic[T]):
    """A part of a page: what was read, or why it could not be."""

    value: T | None = None
    problem: str = ""


def part(read: Callable[[], T]) -> Part[T]:
    """What `read` returns, or its problem: the rest of the page is shown all the same."""
    try:
        return Part(value=read())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return Part(problem=str(problem(error)))


def problem(error: Exception) -> Problem:
    """What to tell of an error. A defect is logged without its text, which may hold what a caller said."""
    match error:
        case OperatorError():
            return Problem(status=_status(error), message=str(error), remedy=error.remedy)
        case NotFoundError() | ForbiddenError() | PhoneError():
            return Problem(status=_STATUSES[type(error)], message=str(error))
        case HTTPException():
            missing = error.status_code == HTTPStatus.NOT_FOUND
            return Problem(
                status=error.status_code, message="there is no such page" if missing else str(error.detail)
            )
        case BotoCoreError() | ClientError():
            remedy = "check your AWS credentials and their permissions, and try again"
            return Problem(status=HTTPStatus.BAD_GATEWAY, message=str(error), remedy=remedy)
        case _:
            frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
            where = ", ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
            _log.error("%s in %s", type(error).__name__, where)
            message = f"a defect of the console: {type(error).__name__}"
            return Problem(status=HTTPStatus.INTERNAL_SERVER_ERROR, message=message)


def _status(error: OperatorError) -> int:
    if getattr(error, "status", 0) == HTTPStatus.NOT_FOUND:
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.BAD_REQUEST if error.exit_code == _CANNOT_START else HTTPStatus.BAD_GATEWAY
