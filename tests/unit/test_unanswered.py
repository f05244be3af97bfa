"""A call in which no person spoke leaves no memory. A person is never taken for a machine."""

import time
from typing import Any

import pytest

from post_call import unanswered
from post_call.record import CallRecord, Turn
from tests.unit import tables

NOTHING: dict[str, Any] = {}
DETECTED = "voicemail_detection"
MOST_MISSED = 0.2
"""Of the machines: their calls may be remembered, which is litter."""


def heard(*texts: str) -> CallRecord:
    turns = (Turn("agent", "How can I help?"), *(Turn("user", text) for text in texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, "", {})


def data(about: list[str]) -> dict[str, Any]:
    direction = next((word for word in about if word.endswith("bound")), None)
    tools = [{"role": "agent", "tool_calls": [{"tool_name": DETECTED}]}] if "tool" in about else []
    ended = f"{DETECTED} tool was called." if "ended=voicemail" in about else "Call ended by remote party"
    metadata = {
        "termination_reason": ended,
        "text_only": "text" in about,
        "phone_call": {"direction": direction} if direction else None,
    }
    return {"metadata": metadata, "transcript": tools}


def calls(kind: str) -> list[tables.Call]:
    both = [*tables.read("unanswered"), *tables.read("unanswered_held_out")]
    return [call for call in both if call.about[0] == kind]


@pytest.mark.parametrize("call", calls("person"), ids=str)
def test_call_of_a_person_is_remembered(call: tables.Call) -> None:
    assert unanswered.reason(data(call.about), call.record()) == ""


def test_machines_are_recognized() -> None:
    machines = calls("machine")
    kept = [str(call) for call in machines if not unanswered.reason(data(call.about), call.record())]
    assert len(kept) <= MOST_MISSED * len(machines), kept


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((), unanswered.NOTHING),
        (("?!",), unanswered.NOTHING),
        (("[music]", "(silence)"), unanswered.NOTHING),
        (("Hello?",), unanswered.GREETING),
        (("Hm.", "Hello? Hello? Is anybody there?"), unanswered.GREETING),
        (("Hallo, wer ist da?",), unanswered.GREETING),
        (
            ("You've reached the voicemail of Bob. Please leave a message after the tone.",),
            unanswered.MACHINE,
        ),
        (
            ("The person you called can't take your call.", "At the beep, record your message."),
            unanswered.MACHINE,
        ),
        (("Hier ist die Mailbox von 0 1 7 0. Bitte sprechen Sie nach dem Signalton.",), unanswered.MACHINE),
        (("Este es el buzón de voz de Ana.",), unanswered.MACHINE),
        (("Bonjour, laissez un message après le bip.",), unanswered.MACHINE),
    ],
)
def test_reason_says_what_was_heard(texts: tuple[str, ...], reason: str) -> None:
    assert unanswered.reason(NOTHING, heard(*texts)) == reason


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
def test_somebody_spoke(texts: tuple[str, ...]) -> None:
    assert unanswered.reason(NOTHING, heard(*texts)) == ""


def test_caller_may_quote_an_answering_machine() -> None:
    said = "Your mailbox is full, it told me to speak at the beep. I need an appointment on Tuesday."
    assert unanswered.reason(data(["inbound"]), heard(said)) == ""
    assert unanswered.reason(data(["inbound"]), heard("Please leave a message after the tone."))


@pytest.mark.parametrize("about", ["tool", "ended=voicemail"])
def test_machine_that_elevenlabs_detected_is_believed_unless_somebody_talks(about: str) -> None:
    machine = heard("This is Bob, I am out in the garden.")
    assert unanswered.reason(data([about]), machine) == unanswered.MACHINE
    person = heard("This is Bob.", "I was in the garden.", "Thursday at three, then.")
    assert unanswered.reason(data([about]), person) == ""


@pytest.mark.parametrize(
    "odd",
    [
        {"metadata": None, "transcript": None},
        {"metadata": {"termination_reason": 7, "phone_call": []}, "transcript": [None, {"tool_calls": None}]},
        {"metadata": {"phone_call": {"direction": {}}}, "transcript": [{"tool_calls": [7]}]},
    ],
)
def test_odd_payload_costs_no_call(odd: dict[str, Any]) -> None:
    assert unanswered.reason(odd, heard("My dog is ill.")) == ""


@pytest.mark.parametrize("text", ["number ", "leave me a ", "the number a", "[", "(", "a", "press one "])
def test_hostile_call_is_judged_in_seconds(text: str) -> None:
    start = time.process_time()
    unanswered.reason(NOTHING, heard(text * (1_000_000 // len(text))))
    assert time.process_time() - start < 15
