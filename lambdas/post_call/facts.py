"""What Mem0 infers a caller's facts from: the conversation, the collected data, and what to look for."""

from collections.abc import Iterator

from post_call.record import CallRecord, Turn

_LONGEST_MESSAGE = 8000

INSTRUCTIONS = (
    "Extract durable facts and preferences of the caller (role user): who they are, what they have, want,"
    " like, need, decided or asked for. Write in the caller's language. Ignore what the assistant claims"
    " unless the caller confirms it, and anything that is not about the caller. Give dates where they are"
    " known; the call took place on {date}."
)


def instructions(record: CallRecord) -> str:
    """Mem0's `custom_instructions` for the facts of this call."""
    return INSTRUCTIONS.format(date=record.date)


def conversation(record: CallRecord) -> list[dict[str, str]]:
    """The conversation as Mem0's messages, after the collected data as plain statements."""
    stated = [f"{name.replace('_', ' ').capitalize()}: {value}." for name, value in record.collected.items()]
    turns = [Turn("user", statement) for statement in stated] + list(record.turns)
    return [
        {"role": "user" if turn.role == "user" else "assistant", "content": piece}
        for turn in turns
        for piece in _pieces(turn.text)
    ]


def _pieces(text: str) -> Iterator[str]:
    """`text` in pieces that Mem0 takes as a message, cut between words where there are any."""
    while len(text) > _LONGEST_MESSAGE:
        cut = text.rfind(" ", _LONGEST_MESSAGE // 2, _LONGEST_MESSAGE)
        cut = cut if cut > 0 else _LONGEST_MESSAGE
        yield text[:cut]
        text = text[cut:].lstrip()
    if text:
        yield text
