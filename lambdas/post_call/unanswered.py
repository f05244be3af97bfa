"""Detects calls that leave no memory because only an answering machine, an announcement or nobody spoke.

In doubt a person spoke: a lost call cannot be recovered.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from post_call.record import CallRecord
from post_call.redaction.numerals import fold
from post_call.redaction.vocabulary import NUMBERS, alternatives

NOTHING = "the caller said nothing"
GREETING = "the caller said nothing but a greeting"
MACHINE = "an answering machine or an announcement took the call"

_MACHINE_POINTS = {
    **dict.fromkeys(("network", "company", "screening", "recorder"), 4),
    **dict.fromkeys(("invitation", "presented"), 2),
    **dict.fromkeys(("absent", "return", "mention"), 1),
}
_LEAST_POINTS = 3
_DETECTED = 2
_INBOUND = 6  # a machine rarely calls, by phone or on the web, and a caller may well quote one
_ANSWERS = 3
_TALKS = 2
_REPEATS = 2
_MOST_REPEATED = 2
_SOUND = re.compile(r"\[[^\]]{0,60}\]|\([^)]{0,60}\)|\*[^*]{0,60}\*")
_NO_NAME = re.compile(r"\b[a-zß-ÿ]\w+|\b\w{3,6}day\b|\b\w{3,7}tag\b|\bMittwoch\b|\d+")
"""A machine may well begin with the name that the agent asked for."""
_WORD = re.compile(r"[^\W_]+")
_PHRASES = {
    name: re.compile(alternatives(phrases))
    for name, phrases in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}
_STRONG = 4
_PERSON_WORDS = 3
_NAME_WORDS = 2
_SHORT_WORD = 4  # letters: "this", "your"
_GAP = " "

_Span = tuple[int, int]


def reason(data: Mapping[str, Any], record: CallRecord) -> str:
    """Why the call is not remembered, in words for the log; empty if a person spoke.

    Args:
        data: the webhook's `data`: the direction, how the call ended, which tools were called.
        record: the call.
    """
    exchanges = list(_exchanges(record))
    if not any(_WORD.search(said) for _, said in exchanges):
        return NOTHING
    if not any(_WORD.search(_PHRASES["greeting"].sub(" ", said)) for _, said in exchanges):
        return GREETING
    metadata = _mapping(data.get("metadata"))
    phone = _mapping(metadata.get("phone_call"))
    if metadata.get("text_only") is True:
        return ""
    text = _GAP.join(said for _, said in exchanges)
    detected = _is_detected(data, metadata)
    spans = _machine_phrases(text)
    introduced = _PHRASES["introduction"].search(exchanges[0][1]) if detected else None
    heard = _heard(exchanges, text, spans, introduced.end() if introduced else 0)
    if heard.speaks_on:
        return ""
    machine = _machine_points(text, spans)
    if detected:
        presents_itself = heard.turns < 2 and (introduced is not None or heard.words <= _NAME_WORDS)  # noqa: PLR2004
        is_machine = presents_itself or not {"mention"}.issuperset(spans.values())
        return MACHINE if is_machine and machine + _DETECTED > heard.points else ""
    recorded = "recorder" in spans.values() and heard.words <= _NAME_WORDS
    is_web = "phone_call" in metadata and metadata["phone_call"] is None
    inbound = _INBOUND * ((phone.get("direction") == "inbound" or is_web) and not recorded)
    return MACHINE if machine >= _LEAST_POINTS and machine > heard.points + inbound else ""


def _exchanges(record: CallRecord) -> Iterator[tuple[str, str]]:
    """What the agent said last, and what the other side said to it, folded and without sounds."""
    asked = ""
    for turn in record.turns:
        if turn.role == "user":
            yield asked, _SOUND.sub(" ", fold(turn.text))
        else:
            asked = fold(" ".join(_NO_NAME.findall(turn.text)))


def _machine_phrases(text: str) -> dict[_Span, str]:
    """Where a text sounds like a machine's, and the list that says so; no two overlap, the first counts."""
    spans: dict[_Span, str] = {}
    taken = bytearray(len(text))
    for name in _MACHINE_POINTS:
        for found in _PHRASES[name].finditer(text):
            start, end = found.span()
            if taken.find(1, start, end) < 0:
                spans[start, end] = name
                taken[start:end] = b"\1" * (end - start)
    return spans


def _machine_points(text: str, spans: Mapping[_Span, str]) -> int:
    """How much a text sounds like a machine's. A caller repeats one phrase; a machine says several."""
    said: dict[str, set[str]] = {}
    for (start, end), name in spans.items():
        said.setdefault(name, set()).add(text[start:end].split(maxsplit=1)[0])
    points = {name: _MACHINE_POINTS[name] for name in said}
    return sum(each * (min(len(said[name]), 2) if each >= _STRONG else 1) for name, each in points.items())


class _Heard(NamedTuple):
    """What is heard beside a machine's phrases.

    Attributes:
        points: how much somebody answers, or talks to the agent.
        turns: with words that are neither a machine's, a greeting nor numbers.
        words: of that kind.
        speaks_on: whether somebody does so in a turn after the machine's last phrase.
    """

    points: int
    turns: int
    words: int
    speaks_on: bool


def _heard(exchanges: Sequence[tuple[str, str]], text: str, spans: Iterable[_Span], last: int) -> _Heard:
    """What is heard beside the machine's phrases at `spans`; `last` is where the last one ends at least."""
    masked = list(text)
    for start, end in spans:
        masked[start:end] = " " * (end - start)
        last = max(last, end)
    left = "".join(masked)
    place = points = turns = words = 0
    speaks_on = False
    for asked, said in exchanges:
        own = _PHRASES["greeting"].sub(" ", left[place : place + len(said)]).strip(" ,.!?-…")
        spoken = [word for word in _WORD.findall(own) if not _is_number(word)]
        shared = set(_WORD.findall(own)) & set(_WORD.findall(asked))
        answers = _PHRASES["answer"].match(own) is not None
        talks = len(_PHRASES["talk"].findall(own))
        repeated = sum(len(word) > _SHORT_WORD or word.isdecimal() for word in shared)
        points += _ANSWERS * answers + _TALKS * talks + _REPEATS * min(_MOST_REPEATED, repeated)
        turns += bool(spoken)
        words += len(spoken)
        if place > last > 0:
            speaks_on = speaks_on or answers or talks > 0 or len(spoken) >= _PERSON_WORDS
        place += len(said) + len(_GAP)
    return _Heard(points, turns, words, speaks_on)


def _is_number(word: str) -> bool:
    return word.isdecimal() or word in NUMBERS


def _is_detected(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    """Whether ElevenLabs took the other end for an answering machine (its tool `voicemail_detection`)."""
    ended = metadata.get("termination_reason")
    transcript = data.get("transcript")
    turns = [
        _mapping(turn).get("tool_calls") for turn in (transcript if isinstance(transcript, list) else [])
    ]
    tools = [_mapping(call).get("tool_name") for calls in turns if isinstance(calls, list) for call in calls]
    return (isinstance(ended, str) and "voicemail" in ended.lower()) or "voicemail_detection" in tools


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
