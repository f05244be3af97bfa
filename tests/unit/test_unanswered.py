"""A call in which no person answered leaves no memory; a person's is never taken for one of these.

`data/unanswered.txt` was written before the rule. The calls in `data/unanswered_held_out.txt` were looked at
once: then the kinds of announcements that had been missed were added.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from post_call import unanswered
from post_call.record import CallRecord, Turn

NOTHING: dict[str, Any] = {}
OUTBOUND: dict[str, Any] = {"metadata": {"phone_call": {"direction": "outbound"}}}
DATA = Path(__file__).parent / "data"


def heard(*texts: str) -> CallRecord:
    turns = (Turn("agent", "How can I help?"), *(Turn("user", text) for text in texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, "", {})


def calls(kind: str) -> list[tuple[dict[str, Any], CallRecord]]:
    """The calls of a kind (`person`, `machine`) in the tables: what ElevenLabs reports, and what was said."""
    found = []
    for name in ("unanswered.txt", "unanswered_held_out.txt"):
        for call in re.split(r"\n\s*\n", (DATA / name).read_text(encoding="utf-8").strip()):
            head, *lines = call.splitlines()
            words = head.removeprefix("#").split()
            if words[0] == kind:
                turns = tuple(Turn({"U": "user", "A": "agent"}[line[0]], line[2:].strip()) for line in lines)
                found.append(
                    (reported(words), CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns))
                )
    return found


def reported(words: list[str]) -> dict[str, Any]:
    data: dict[str, Any] = {"metadata": {}, "transcript": []}
    if words[1] != "text":
        data["metadata"]["phone_call"] = {"direction": words[1]}
    if "tool" in words:
        data["transcript"] = [{"role": "agent", "tool_calls": [{"tool_name": "voicemail_detection"}]}]
    if "ended=voicemail" in words:
        data["metadata"]["termination_reason"] = "voicemail_detection tool was called."
    return data


@pytest.mark.parametrize(("data", "call"), calls("person"))
def test_every_person_is_kept(data: dict[str, Any], call: CallRecord) -> None:
    assert unanswered.reason(data, call) == ""


def test_most_machines_are_recognized() -> None:
    machines = calls("machine")
    missed = [call.turns for data, call in machines if not unanswered.reason(data, call)]
    assert len(missed) <= len(machines) // 5, missed


@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("Hello?",),
        ("Hm.", "Hello? Hello? Is anybody there?"),
        ("Hallo, wer ist da?",),
        ("?!",),
        ("You've reached the voicemail of Bob. Please leave a message after the tone.",),
        ("The person you called can't take your call.", "At the beep, record your message."),
        ("Hier ist die Mailbox von 0 1 7 0. Bitte sprechen Sie nach dem Signalton.",),
        ("Este es el buzón de voz de Ana.",),
        ("Bonjour, laissez un message après le bip.",),
    ],
)
def test_no_person_spoke(texts: tuple[str, ...]) -> None:
    assert unanswered.reason(OUTBOUND, heard(*texts))


@pytest.mark.parametrize(
    "texts",
    [
        ("Yes.",),
        ("Tuesday.",),
        ("Hello, it's me.",),
        ("Can I leave a message for the doctor?",),
        ("My voicemail is broken.",),
        ("I only got your voicemail, it said after the tone.", "Yes, today.", "It's about my dog."),
        ("你好，我想预约。",),  # noqa: RUF001 - Chinese punctuation
    ],
)
def test_person_spoke(texts: tuple[str, ...]) -> None:
    assert unanswered.reason(NOTHING, heard(*texts)) == ""


def test_caller_may_quote_an_answering_machine() -> None:
    inbound = {"metadata": {"phone_call": {"direction": "inbound"}}}
    said = "Your mailbox is full, it told me to speak at the beep. I need an appointment on Tuesday."
    assert unanswered.reason(inbound, heard(said)) == ""
    assert unanswered.reason(inbound, heard("Please leave a message after the tone."))


@pytest.mark.parametrize(
    "data",
    [
        {"metadata": {"termination_reason": "voicemail_detection tool was called."}},
        {"transcript": [{"role": "agent", "tool_calls": [{"tool_name": "voicemail_detection"}]}]},
    ],
)
def test_answering_machine_that_elevenlabs_detected_is_believed(data: dict[str, Any]) -> None:
    assert unanswered.reason(data, heard("This is Bob, I am out in the garden.")) != ""


@pytest.mark.parametrize(
    "data",
    [
        {"metadata": None, "transcript": None},
        {
            "metadata": {"termination_reason": 7},
            "transcript": [None, {"tool_calls": None}, {"tool_calls": [7]}],
        },
    ],
)
def test_odd_payload_costs_no_call(data: dict[str, Any]) -> None:
    assert unanswered.reason(data, heard("My dog is ill.")) == ""
