"""However long a call was, it fits the queue, and nothing of it is cut off."""

import random
import string

import pytest

from post_call import envelope
from post_call.record import CallRecord, Turn


def call(*texts: str, summary: str = "Summary.") -> CallRecord:
    turns = tuple(Turn("user" if index % 2 else "agent", text) for index, text in enumerate(texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, summary, {"city": "Uppsala"})


def noise(length: int, seed: int = 7) -> str:
    """Text that hardly compresses."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits + "éßø", k=length))


def said(records: list[CallRecord]) -> str:
    return "".join(turn.text for each in records for turn in each.turns)


def test_short_call_is_one_message_that_can_be_read() -> None:
    (message,) = envelope.messages(call("Hello.", "Hi."))
    assert '"Hello."' in message.body
    assert envelope.read(message.body) == call("Hello.", "Hi.")


def test_long_call_is_compressed() -> None:
    (message,) = envelope.messages(call(*["We talked about the garden again."] * 20_000))
    assert len(message.body) < envelope.MOST_BYTES
    assert len(envelope.read(message.body).turns) == 20_000


@pytest.mark.parametrize("texts", [[noise(100_000, seed) for seed in range(40)], [noise(3_000_000)]])
def test_call_too_long_for_one_message_is_split_and_complete(texts: list[str]) -> None:
    messages = envelope.messages(call(*texts))
    records = [envelope.read(message.body) for message in messages]
    assert len(messages) > 1
    assert all(len(message.body.encode()) <= envelope.MOST_BYTES for message in messages)
    assert said(records) == "".join(texts)
    assert [each.part for each in records] == list(range(1, len(records) + 1))
    assert {each.parts for each in records} == {len(records)}
    assert [bool(each.summary) for each in records] == [True] + [False] * (len(records) - 1)
    assert len({message.deduplication_id for message in messages}) == len(messages)
    assert len({message.group_id for message in messages}) == 1


def test_same_call_has_the_same_identity_and_a_changed_one_another() -> None:
    first, again, changed = (envelope.messages(call(text))[0] for text in ("a", "a", "b"))
    assert first.deduplication_id == again.deduplication_id != changed.deduplication_id
    assert envelope.digest(call("a")) == envelope.digest(call("a")) != envelope.digest(call("b"))


def test_group_does_not_show_the_number() -> None:
    assert "6125550142" not in envelope.messages(call("a"))[0].group_id


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", '{"z": "%%"}', '{"z": "AAAA"}', '{"turns": 7}', "7"]
)
def test_message_that_is_no_record_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match="no call record"):
        envelope.read(body)
