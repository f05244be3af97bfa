"""Conversations with secrets of every class, and ordinary talk without any.

`data/secrets.txt` and `data/ordinary.txt` were looked at while the words and patterns were chosen; the
files named `held_out` were written before, and were not. A line is a turn (`U:` the caller, `A:` the agent),
a summary (`S:`) or a collected value (`C name:`); `{class value}` marks a secret.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from post_call.record import CallRecord, Turn
from post_call.redaction import CLASSES, redact

DATA = Path(__file__).parent / "data"
FOUND_HELD_OUT = 0.9
"""The share of the secrets of the held-out conversations that have to be found."""
_MARK = re.compile(r"\{(\w+) ([^}]*)\}")


def conversations(name: str) -> list[str]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [part for part in re.split(r"\n\s*\n", text) if part.strip()]


def lines(conversation: str) -> Iterator[tuple[str, str, str]]:
    for line in conversation.splitlines():
        if not line.startswith("#") and line.strip():
            head, _, text = line.partition(":")
            kind, _, name = head.partition(" ")
            yield kind, name.strip(), text.strip()


def record(conversation: str) -> CallRecord:
    turns, summary, collected = [], "", {}
    for kind, name, marked in lines(conversation):
        text = _MARK.sub(r"\2", marked)
        if kind == "S":
            summary = text
        elif kind == "C":
            collected[name] = text
        else:
            turns.append(Turn({"U": "user", "A": "agent"}[kind], text))
    return CallRecord(
        user_id="+16125550142",
        conversation_id="conv_1",
        agent_id="agent_01",
        call_start=1_772_532_000,
        turns=tuple(turns),
        summary=summary,
        collected=collected,
    )


def texts(call: CallRecord) -> str:
    return "\n".join([*(turn.text for turn in call.turns), call.summary, *call.collected.values()])


def secrets(conversation: str) -> list[tuple[str, str]]:
    return [mark for _, _, text in lines(conversation) for mark in _MARK.findall(text)]


def is_found(conversation: str) -> bool:
    """Whether no marked value is left, and each class has its placeholder."""
    left = texts(redact(record(conversation)))
    return not any(value in left for _, value in secrets(conversation)) and all(
        CLASSES[kind] in left for kind, _ in secrets(conversation)
    )


@pytest.mark.parametrize("conversation", conversations("secrets.txt"))
def test_secrets_are_replaced_by_their_class(conversation: str) -> None:
    assert is_found(conversation), texts(redact(record(conversation)))


def test_most_secrets_of_conversations_that_were_not_looked_at_are_replaced() -> None:
    held_out = [
        conversation for conversation in conversations("secrets_held_out.txt") if secrets(conversation)
    ]
    missed = [conversation for conversation in held_out if not is_found(conversation)]
    assert len(missed) <= (1 - FOUND_HELD_OUT) * len(held_out), "\n\n".join(missed)


@pytest.mark.parametrize("name", ["ordinary.txt", "ordinary_held_out.txt"])
def test_ordinary_talk_stays_as_it_is(name: str) -> None:
    changed = [
        texts(redact(record(conversation)))
        for conversation in conversations(name)
        if redact(record(conversation)) != record(conversation)
    ]
    assert changed == []


@pytest.mark.parametrize("name", ["secrets.txt", "secrets_held_out.txt"])
def test_redacting_again_changes_nothing(name: str) -> None:
    for conversation in conversations(name):
        once = redact(record(conversation))
        assert redact(once) == once


def test_classes_that_are_kept_stay() -> None:
    spoken = record("A: Your IBAN, please?\nU: DE89 3704 0044 0532 0130 00. And my PIN is 4711.")
    kept = texts(redact(spoken, keep={"bank_account"}))
    assert "DE89 3704 0044 0532 0130 00" in kept
    assert "4711" not in kept
