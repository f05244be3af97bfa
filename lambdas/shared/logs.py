"""One JSON line per thing worth knowing.

The functions use Lambda's own JSON log format: the runtime turns the `extra` fields of a stdlib record into
keys of the line. So there is no formatter here, only the rules of what may be in a line: phone numbers are
shortened below ERROR, and no memory text, transcript or key is ever passed to these functions.
"""

import logging
import re
from typing import Any

_log = logging.getLogger("agentic_memory")
_log.setLevel(logging.INFO)

# Both would write a line of their own for what we report ourselves, without the user_id, and httpx with the
# full URL.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("mem0").setLevel(logging.CRITICAL)

_PHONE = re.compile(r"\+?[0-9]{7,15}")


def shorten(user_id: str) -> str:
    """A phone number that tells callers apart in a log without being one: `+1612•••2029`.

    Ids that are no phone numbers are returned as they are.
    """
    return f"{user_id[:5]}•••{user_id[-4:]}" if _PHONE.fullmatch(user_id) else user_id


def info(message: str, *, user_id: str | None = None, **fields: Any) -> None:
    """Log what happened. `user_id` is shortened; durations are in milliseconds and end in `_ms`."""
    _log.info(message, extra=_extra(user_id and shorten(user_id), fields))


def warning(message: str, *, user_id: str | None = None, **fields: Any) -> None:
    """Log what is odd but was dealt with. `user_id` is shortened."""
    _log.warning(message, extra=_extra(user_id and shorten(user_id), fields))


def error(message: str, *, user_id: str | None, exc_info: bool = False, **fields: Any) -> None:
    """Log what needs a person. The full `user_id` is always there, `null` where the caller is not known.

    Args:
        message: what failed.
        user_id: whom it concerns.
        exc_info: whether to add the stack trace of the exception being handled. Only for defects of ours:
            the text of an exception from outside may hold what must not be logged.
        **fields: more keys of the line.
    """
    _log.error(message, extra=_extra(user_id, fields), exc_info=exc_info)


def _extra(user_id: str | None, fields: dict[str, Any]) -> dict[str, Any]:
    return {"user_id": user_id, **{key: value for key, value in fields.items() if value is not None}}
