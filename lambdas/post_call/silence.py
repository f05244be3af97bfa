"""Calls that leave no memory, because nobody spoke to the agent: silence, "hello?", an answering machine.

It reads what was said, not how long the call took. A short real answer ("yes", "Tuesday") is remembered.
"""

import re
from collections.abc import Mapping
from typing import Any

from post_call import spoken
from post_call.record import CallRecord

_WORD = re.compile(r"[^\W_]+")
_GREETING = frozenset(
    re.findall(
        r"\S+",
        """
hello hi hey hallo hola allo bonjour salut ciao moin servus bye goodbye tschuss adios good morning
afternoon evening guten tag morgen abend buenos buenas dias tardes noches au revoir hm hmm mhm uh um
er erm ah oh eh euh ahm aha is are there here anybody anyone somebody someone who this can you hear
me wer ist da quien es qui est la
        """,
    )
)
_MACHINE = re.compile(
    r"(?:after|at) the (?:tone|beep)|you(?:'ve| have) reached the (?:voice ?mail|mailbox|answering)"
    r"|(?:your call has been|forwarded to) (?:forwarded|an automat|voice ?mail)|mailbox is full"
    r"|(?:can't|cannot|unable to) (?:take|answer) your call|record your message"
    r"|nach dem (?:signal|piep)|(?:die|der) mailbox von|der anrufbeantworter"
    r"|hinterlassen sie (?:bitte )?eine nachricht"
    r"|despues de(?:l| la) (?:tono|senal)|buzon de voz|deje su mensaje"
    r"|apres le (?:bip|signal)|messagerie vocale|laissez(?:-moi)? (?:un|votre) message"
)
_SURELY_MACHINE = re.compile(
    r"leave [^.]{0,30}message[^.]{0,40}\b(?:tone|beep)|nachricht nach dem|mensaje despues"
)
_MACHINE_TURNS = 2
"""An answering machine says its text in one turn or two; who speaks longer is a person who talks of one."""


def reason(data: Mapping[str, Any], record: CallRecord) -> str:
    """Why the call is not remembered, in words for the log; empty if the caller said something.

    Args:
        data: the webhook's `data`, for how the call ended and which tools were called.
        record: the call.
    """
    said = [spoken.fold(turn.text) for turn in record.turns if turn.role == "user"]
    if not said:
        return "the caller said nothing"
    if all(word in _GREETING for text in said for word in _WORD.findall(text)):
        return "the caller said nothing but a greeting"
    pattern = _SURELY_MACHINE if _direction(data) == "inbound" else _MACHINE
    machine = len(said) <= _MACHINE_TURNS and any(pattern.search(text) for text in said)
    return "an answering machine took the call" if machine or _detected(data) else ""


def _direction(data: Mapping[str, Any]) -> object:
    """`inbound` or `outbound`. Answering machines do not call; a caller may well quote one."""
    metadata = data.get("metadata")
    phone = metadata.get("phone_call") if isinstance(metadata, Mapping) else None
    return phone.get("direction") if isinstance(phone, Mapping) else None


def _detected(data: Mapping[str, Any]) -> bool:
    """Whether ElevenLabs took the other end for an answering machine (its tool `voicemail_detection`)."""
    metadata = data.get("metadata")
    ended = metadata.get("termination_reason") if isinstance(metadata, Mapping) else None
    if isinstance(ended, str) and "voicemail" in ended.lower():
        return True
    transcript = data.get("transcript")
    calls = [
        call
        for turn in (transcript if isinstance(transcript, list) else [])
        if isinstance(turn, Mapping) and isinstance(turn.get("tool_calls"), list)
        for call in turn["tool_calls"]
    ]
    return any(isinstance(call, Mapping) and call.get("tool_name") == "voicemail_detection" for call in calls)
