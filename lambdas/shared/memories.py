"""What Mem0 returns, made safe to pass on: checked for its owner, dated, and plain text.

A memory is data that a caller once said. It may try to be an instruction, a variable or the end of a fence,
so nothing of it reaches a prompt or an answer but through `plain_text`.
"""

import datetime as dt
import re
import unicodedata
from typing import Any, NamedTuple

FACTUAL = "factual"
SEMANTIC = "semantic"
TYPES = (FACTUAL, SEMANTIC)
SUMMARY = "Summary of the call: "
"""How PostCall begins a memory that sums up a call; the readers know it by that."""

# A passage is stored with its date in front, so that it is found by it; here the date has its own field.
_DATED = re.compile(r"^\[\d{4}-\d\d-\d\d\] ")
_LETTER = r"[^\W\d_]"
_NAME = re.compile(rf"{_LETTER}(?:{_LETTER}|[.'\u2019-] ?(?={_LETTER})| (?={_LETTER}))*\.?")
# What looks like an angle bracket becomes the same quotation mark: a reader may take it for a fence, too.
_OPENING = "<\u02c2\u276c\u276e\u2770\u27e8\u27ea\u3008\u300a\u2329\u29fc\u227a\u1438\u226a\u22d6"
_CLOSING = ">\u02c3\u276d\u276f\u2771\u27e9\u27eb\u3009\u300b\u232a\u29fd\u227b\u1433\u226b\u22d7"
_HARMLESS = str.maketrans(
    {**dict.fromkeys(_OPENING, "\u2039"), **dict.fromkeys(_CLOSING, "\u203a"), "`": "'"}
)
_BRACES = re.compile(r"\{(?=\s*\{)|\}(?=\s*\})")
_SPACES = re.compile(" {2,}")
_ODD = re.compile(r"[^ -~]|[<>`{}]|  ")
_NUMBER = (int, float)
_NONE: dict[str, Any] = {}
_LONGEST_NAME = 60
_LONGEST_MEMORY = 20_000
EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)
"""When a memory was created that does not say when: it sorts last."""


class Memory(NamedTuple):  # made ten times as fast as a frozen dataclass, 200 times while a phone rings
    """One memory of one caller.

    Attributes:
        text: what is remembered, as plain text on one line.
        type: `factual` or `semantic`.
        created: when the call was made in which it was said, in UTC.
        score: how well it fits the query, 0 to 1; 0 if nothing was searched for.
        caller_name: the caller's name if that call's collected data had one, else an empty string.
    """

    text: str
    type: str
    created: dt.datetime
    score: float
    caller_name: str

    @property
    def date(self) -> str:
        """The day of the call, `2026-03-03`."""
        return self.created.date().isoformat()


def from_row(row: object, user_id: str) -> Memory | None:
    """The memory in a row of Mem0's answer, or None if the row is not a memory of `user_id`.

    Raises:
        ForeignRowError: if the row belongs to somebody else.
    """
    if not isinstance(row, dict):  # the type that json makes; asking for a Mapping takes ten times as long
        return None
    if row.get("user_id") != user_id:
        raise ForeignRowError
    text = row.get("memory")
    if not isinstance(text, str) or not (plain := plain_text(text)):
        return None
    if plain[0] == "[" and not (plain := _DATED.sub("", plain)):
        return None
    metadata = row.get("metadata")
    if not isinstance(metadata, dict):
        metadata = _NONE
    kind = metadata.get("type")
    score = row.get("score")
    name = metadata.get("caller_name")
    return Memory(
        text=plain,
        type=kind if kind in TYPES else FACTUAL,
        created=_said_at(row.get("created_at"), metadata.get("call_start")),
        score=round(float(score), 3) if isinstance(score, _NUMBER) else 0.0,
        caller_name=safe_name(name) if name else "",
    )


class ForeignRowError(Exception):
    """Mem0 returned a row whose owner is not the caller that was asked for."""


def plain_text(text: str, *, longest: int = _LONGEST_MEMORY) -> str:
    """`text` on one line, with nothing in it that a prompt could take for more than words.

    Compatibility characters become their plain form first, so that a look-alike of a brace or an angle
    bracket is treated as one. Control, format (bidi, zero width) and private characters go; `{{` and `}}`,
    which ElevenLabs reads as a variable, are pulled apart; angle brackets, of which our fences are made,
    become quotation marks.
    """
    text = text[:longest]
    if not _ODD.search(text):  # nearly every memory: while somebody waits, one look instead of five passes
        return text.strip()
    text = unicodedata.normalize("NFKC", text)[:longest]  # one character may become eighteen
    kept = _BRACES.sub(r"\g<0> ", text.translate(_PLAIN))
    return _SPACES.sub(" ", kept).strip()


def safe_name(value: object) -> str:
    """`value` if it is a name by its characters (letters, spaces, `.`, `'`, `-`), else an empty string."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return ""
    name = plain_text(value)
    return name if _NAME.fullmatch(name) else ""


class _Plain(dict[int, int | str | None]):
    """What `str.translate` makes of each character; worked out when one is seen for the first time."""

    def __missing__(self, code: int) -> int | str | None:
        character = chr(code)
        category = unicodedata.category(character)
        plain: int | str | None = code
        if character.isspace() or category in {"Zs", "Zl", "Zp"}:
            plain = " "
        elif category[0] == "C":
            plain = None
        if code < _REMEMBERED:
            self[code] = plain
        return plain


# The alphabets. What lies above is worked out anew each time, so that nobody can fill the memory with it.
_REMEMBERED = 0x3000
_PLAIN = _Plain(_HARMLESS)


def moment(created_at: object) -> dt.datetime:
    """The time that Mem0 gives as ISO 8601, in UTC; the epoch, which sorts last, if it gives none."""
    if isinstance(created_at, str):
        try:
            parsed = dt.datetime.fromisoformat(created_at)
            return parsed.astimezone(dt.UTC) if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
        except (ValueError, OverflowError):
            return EPOCH
    return EPOCH


def _said_at(created_at: object, call_start: object) -> dt.datetime:
    """When it was said: the call's start if it is known, else what Mem0 says."""
    if isinstance(call_start, _NUMBER) and 0 < call_start < 4e9:  # noqa: PLR2004 - the year 2096
        return dt.datetime.fromtimestamp(call_start, dt.UTC)
    return moment(created_at)
