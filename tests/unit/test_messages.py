"""However long a call was, it fits the queue, and nothing of it is cut off."""

import json
import random
import re
import string
from pathlib import Path

import pytest

from post_call import messages
from post_call.record import CallRecord, Turn


def call(*texts: str, summary: str = "Summary.") -> CallRecord:
    turns = tuple(Turn("user" if index % 2 else "agent", text) for index, text in enumerate(texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, summary, {"city": "Uppsala"})


def noise(length: int, seed: int = 7) -> str:
    """Text that hardly compresses."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits + "éßø", k=length))


def read(body: str) -> CallRecord:
    content = messages.read(body)
    assert isinstance(content, messages.QueuedCall)
    return content.record


def said(records: list[CallRecord]) -> str:
    return "".join(turn.text for record in records for turn in record.turns)


def test_short_call_is_one_message_that_can_be_read() -> None:
    (message,) = messages.of_call(call("Hello.", "Hi."))
    assert '"Hello."' in message.body
    assert read(message.body) == call("Hello.", "Hi.")


def test_long_call_is_compressed() -> None:
    (message,) = messages.of_call(call(*["We talked about the garden again."] * 20_000))
    assert len(message.body) < messages.MOST_BYTES
    assert len(read(message.body).turns) == 20_000


@pytest.mark.parametrize("texts", [[noise(100_000, seed) for seed in range(40)], [noise(3_000_000)]])
def test_call_too_long_for_one_message_is_split_and_complete(texts: list[str]) -> None:
    sent = messages.of_call(call(*texts))
    records = [read(message.body) for message in sent]
    assert len(sent) > 1
    assert all(len(message.body.encode()) <= messages.MOST_BYTES for message in sent)
    assert said(records) == "".join(texts)
    assert [record.part for record in records] == list(range(1, len(records) + 1))
    assert {record.parts for record in records} == {len(records)}
    assert [bool(record.summary) for record in records] == [True] + [False] * (len(records) - 1)
    assert len({message.deduplication_id for message in sent}) == len(sent)
    assert len({message.group_id for message in sent}) == 1


@pytest.mark.parametrize("name", ["summary", "collected"])
def test_summary_or_value_too_long_for_one_message_is_split_and_complete(name: str) -> None:
    text = noise(3_000_000)
    long = call("Hello.", summary=text if name == "summary" else "Summary.")
    if name == "collected":
        long.collected["city"] = text
    sent = messages.of_call(long)
    records = [read(message.body) for message in sent]
    assert all(len(message.body.encode()) <= messages.MOST_BYTES for message in sent)
    assert said(records) == "Hello."
    assert "".join(record.summary for record in records) == long.summary
    assert "".join(record.collected.get("city", "") for record in records) == long.collected["city"]


def test_same_call_has_the_same_identity_and_a_changed_one_another() -> None:
    first, again, changed = (messages.of_call(call(text))[0] for text in ("a", "a", "b"))
    assert first.deduplication_id == again.deduplication_id != changed.deduplication_id
    digests = [json.loads(message.body)["digest"] for message in (first, again, changed)]
    assert digests[0] == digests[1] != digests[2]


def test_group_does_not_show_the_number() -> None:
    assert "6125550142" not in messages.of_call(call("a"))[0].group_id


RELEASES = sorted((Path(__file__).parent / "messages").glob("*.json"))


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_message_of_every_release_is_read(path: Path) -> None:
    """A call may wait among the dead letters for 14 days, and be moved back after any update."""
    example = json.loads(path.read_text())
    content = messages.read(example["body"])
    if isinstance(content, messages.KeptEvent):
        assert content.event == example["event"]
    else:
        assert content.record.to_json() == example["record"]
        assert (content.digest, content.key) == (example["digest"], example["key"])


@pytest.mark.parametrize("odd", ["\ud800", "\uffff", "\ufffe", "\ud83d\ude00", "\u0000"])
def test_message_holds_no_character_that_sqs_refuses(odd: str) -> None:
    event = {"type": "renamed", odd: f"tulips {odd}"}
    sent = [messages.of_event(event), *messages.of_call(call(f"tulips {odd}"))]
    for message in sent:
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", message.body)
    content = messages.read(sent[0].body)
    assert isinstance(content, messages.KeptEvent)
    assert json.dumps(content.event) == json.dumps(event)


def test_event_that_is_too_long_is_kept_in_part() -> None:
    message = messages.of_event({"type": "renamed", "words": noise(3_000_000)})
    assert len(message.body.encode()) <= messages.MOST_BYTES
    content = messages.read(message.body)
    assert isinstance(content, messages.KeptEvent)
    assert content.event.startswith('{"type":"renamed","words":"')


def test_message_of_a_later_release_is_read_as_far_as_it_is_known() -> None:
    body = json.loads(messages.of_call(call("Hello."))[0].body)
    body["record"]["mood"] = "cheerful"
    assert read(json.dumps(body)) == call("Hello.")


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", '{"z": "%%"}', '{"z": "AAAA"}', '{"turns": 7}', "7"]
)
def test_message_that_is_no_record_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match="no call record"):
        messages.read(body)
