"""Detects calls that leave no memory because only an answering machine, an announcement or nobody spoke.

In doubt a person spoke: a lost call cannot be recovered.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from post_call.record import CallRecord
from post_call.redaction.numerals import fold
from post_call.redaction.vocabulary import alternatives

NOTHING = "the caller said nothing"
GREETING = "the caller said nothing but a greeting"
MACHINE = "an answering machine or an announcement took the call"

_MACHINE_POINTS = {"machine": 4, "either": 2, "mention": 1}
_LEAST_POINTS = 3
_DETECTED = 2
_INBOUND = 4  # a machine rarely calls, and a caller may well quote one
_ANSWERS = 3
_TALKS = 2
_SPEAKS_ON = 3
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
_PERSON_WORDS = 3
_SHORT_WORD = 4  # letters: "this", "your"
_GAP = " "


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
    said = _GAP.join(said for _, said in exchanges)
    spans = _machine_phrases(said)
    # A caller repeats one phrase, "press one, press two"; a machine says several. The strongest comes first.
    by_word = {said[slice(*span)].split()[0]: points for span, points in reversed(spans.items())}
    machine = sum(by_word.values())
    detected = _DETECTED * _is_detected(data, metadata)
    person = _person_points(exchanges, spans) + _INBOUND * (phone.get("direction") == "inbound")
    return MACHINE if machine + detected > max(person, _LEAST_POINTS - detected - 1) else ""


def _exchanges(record: CallRecord) -> Iterator[tuple[str, str]]:
    """What the agent said last, and what the other side said to it, folded and without sounds."""
    asked = ""
    for turn in record.turns:
        if turn.role == "user":
            yield asked, _SOUND.sub(" ", fold(turn.text))
        else:
            asked = fold(" ".join(_NO_NAME.findall(turn.text)))


def _machine_phrases(said: str) -> dict[tuple[int, int], int]:
    """Where a text sounds like a machine's, and how much; no two overlap."""
    spans: dict[tuple[int, int], int] = {}
    taken = bytearray(len(said))
    for name, points in _MACHINE_POINTS.items():
        for found in _PHRASES[name].finditer(said):
            start, end = found.span()
            if taken.find(1, start, end) < 0:
                spans[start, end] = points
                taken[start:end] = b"\1" * (end - start)
    return spans


def _person_points(exchanges: Sequence[tuple[str, str]], spans: Iterable[tuple[int, int]]) -> int:
    """How much somebody answers, talks to the agent, or speaks on after the last words of a machine."""
    masked = list(_GAP.join(said for _, said in exchanges))
    last = -1
    for start, end in spans:
        masked[start:end] = " " * (end - start)
        last = max(last, end)
    text = "".join(masked)
    place = points = 0
    for asked, said in exchanges:
        own = _PHRASES["greeting"].sub(" ", text[place : place + len(said)]).strip(" ,.!?-…")
        shared = set(_WORD.findall(own)) & set(_WORD.findall(asked))
        answers = _PHRASES["answer"].match(own) is not None
        speaks_on = place > max(last, 0) and (answers or len(own.split()) >= _PERSON_WORDS)
        points += _ANSWERS * answers + _TALKS * len(_PHRASES["talk"].findall(own)) + _SPEAKS_ON * speaks_on
        repeated = sum(len(word) > _SHORT_WORD or word.isdecimal() for word in shared)
        points += _REPEATS * min(_MOST_REPEATED, repeated)
        place += len(said) + len(_GAP)
    return points


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
