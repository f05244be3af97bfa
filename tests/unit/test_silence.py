"""A call in which nobody spoke to the agent leaves no memory."""

from typing import Any

import pytest

from post_call import silence
from post_call.record import CallRecord, Turn

NOTHING: dict[str, Any] = {}


def heard(*texts: str) -> CallRecord:
    turns = (Turn("agent", "How can I help?"), *(Turn("user", text) for text in texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, "", {})


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
def test_nobody_spoke(texts: tuple[str, ...]) -> None:
    assert silence.reason(NOTHING, heard(*texts))


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
    assert silence.reason(NOTHING, heard(*texts)) == ""


def test_caller_may_quote_an_answering_machine() -> None:
    inbound = {"metadata": {"phone_call": {"direction": "inbound"}}}
    said = "Your mailbox is full, it told me to speak at the beep. I need an appointment on Tuesday."
    assert silence.reason(inbound, heard(said)) == ""
    assert silence.reason(inbound, heard("Please leave a message after the tone."))


@pytest.mark.parametrize(
    "data",
    [
        {"metadata": {"termination_reason": "voicemail_detection tool was called."}},
        {"transcript": [{"role": "agent", "tool_calls": [{"tool_name": "voicemail_detection"}]}]},
    ],
)
def test_answering_machine_that_elevenlabs_detected_is_believed(data: dict[str, Any]) -> None:
    assert silence.reason(data, heard("This is Bob, I am out in the garden.")) != ""


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
    assert silence.reason(data, heard("My dog is ill.")) == ""
