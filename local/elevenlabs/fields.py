"""Reads the fields of a decoded JSON object, one type at a time, with errors that name the place.

Why it exists: scripts and saved payloads are written by people; "expected str, got None" helps none of them.

It refuses unknown keys (``done``), so that a misspelt field is an error and not silence.
"""

from collections.abc import Sequence
from typing import Any, Final

_REQUIRED: Final = object()


class ScriptError(ValueError):
    """A script or saved payload cannot be used; the message says where and why."""


class Fields:
    """A JSON object that is being read.

    Args:
        raw: what should be an object.
        where: its place, e.g. ``maria.json.turns[3]``; each error begins with it.

    Raises:
        ScriptError: ``raw`` is no object.
    """

    def __init__(self, raw: object, where: str) -> None:
        if not isinstance(raw, dict):
            raise ScriptError(f"{where}: is {_kind(raw)}, not an object. Write it as {{...}}.")
        self.where = where
        self._raw: dict[str, Any] = raw
        self._read: set[str] = set()

    def _get(self, key: str, default: Any, kinds: tuple[type, ...], called: str) -> Any:
        self._read.add(key)
        value = self._raw.get(key, default)
        if value is _REQUIRED:
            raise ScriptError(f"{self.where}.{key}: missing. Give {called}.")
        if value is default:
            return value
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ScriptError(f"{self.where}.{key}: is {_kind(value)} ({value!r:.60}). Give {called}.")
        return value

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """A string; without a default it must be there."""
        return str(self._get(key, default, (str,), "a string"))

    def text_or_none(self, key: str) -> str | None:
        """A string, null or nothing."""
        value = self._get(key, None, (str,), "a string or null")
        return None if value is None else str(value)

    def whole_or_none(self, key: str) -> int | None:
        """A whole number, null or nothing."""
        value = self._get(key, None, (int,), "a whole number or null")
        return None if value is None else int(value)

    def flag(self, key: str) -> bool:
        """True or false; nothing is false."""
        return bool(self._get(key, False, (bool,), "true or false"))

    def choice(self, key: str, allowed: Sequence[str], default: Any = _REQUIRED) -> Any:
        """One of the strings that are allowed."""
        value = self._get(key, default, (str,), f"one of {', '.join(allowed)}")
        if value not in allowed:
            raise ScriptError(f"{self.where}.{key}: is {value!r}. Give one of {', '.join(allowed)}.")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """An object of any content; nothing is empty."""
        return dict(self._get(key, None, (dict,), "an object") or {})

    def mapping_itself(self) -> dict[str, Any]:
        """The whole object as it is, for what needs no check."""
        return self._raw

    def object_or_none(self, key: str) -> "Fields | None":
        """An object to be read in its turn, null or nothing."""
        value = self._get(key, None, (dict,), "an object or null")
        return None if value is None else Fields(value, f"{self.where}.{key}")

    def objects(self, key: str) -> list["Fields"]:
        """A list of objects; nothing is empty."""
        found = self._get(key, None, (list,), "a list of objects") or []
        return [Fields(each, f"{self.where}.{key}[{index}]") for index, each in enumerate(found)]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; nothing is empty."""
        found = self._get(key, None, (list,), "a list of strings") or []
        for index, each in enumerate(found):
            if not isinstance(each, str) or not each.strip():
                raise ScriptError(f"{self.where}.{key}[{index}]: is {each!r:.60}. Give a string with words.")
        return tuple(found)

    def scalars(self, key: str) -> dict[str, Any]:
        """An object whose values are strings, numbers, booleans or null."""
        found = self.mapping(key)
        for name, value in found.items():
            if not isinstance(value, str | int | float | bool | None):
                raise ScriptError(
                    f"{self.where}.{key}.{name}: is {_kind(value)}. Give a string, number, boolean or null."
                )
        return found

    def done(self, also: Sequence[str] = ()) -> None:
        """Refuse what nobody has read; ``also`` names keys that may stand there unread.

        Raises:
            ScriptError: naming the unknown keys and the known ones.
        """
        unknown = sorted(set(self._raw) - self._read - set(also))
        if unknown:
            known = ", ".join(sorted(self._read | set(also)))
            raise ScriptError(f"{self.where}: unknown {', '.join(unknown)}. Known are: {known}.")


def _kind(value: object) -> str:
    """The JSON name of a value's type, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "a string" if isinstance(value, str) else "a number"
