"""What of a call is kept word for word: passages that are found again, and the summary."""

import datetime as dt
from collections.abc import Iterator

from post_call.record import CallRecord, Turn

LONGEST_PASSAGE = 600
"""Characters. One turn alone says too little to be found, a whole call fills the agent's head."""
_LONGEST_MESSAGE = 8000


def passages(record: CallRecord) -> list[dict[str, str]]:
    """The conversation as passages of neighbouring turns, each a message of its own, and the summary.

    A passage says who spoke and begins with the call's date. The last turn of one is the first of the next,
    so that a question and its answer are never cut apart.
    """
    date = _date(record)
    texts = [f"[{date}] {text}" for text in _windows(record.turns)]
    if record.summary:
        texts += [
            f"[{date}] Summary of the call: {piece}" for piece in _pieces(record.summary, _LONGEST_MESSAGE)
        ]
    return [{"role": "user", "content": text} for text in texts]


def _windows(turns: tuple[Turn, ...]) -> Iterator[str]:
    lines = [
        f"{'Caller' if turn.role == 'user' else 'Agent'}: {piece}"
        for turn in turns
        for piece in _pieces(turn.text, LONGEST_PASSAGE)
    ]
    window: list[str] = []
    fresh = False
    for line in lines:
        if fresh and sum(map(len, window)) + len(window) + len(line) > LONGEST_PASSAGE:
            yield "\n".join(window)
            window = [window[-1]] if len(window[-1]) + len(line) < LONGEST_PASSAGE else []
        window.append(line)
        fresh = True
    if window:
        yield "\n".join(window)


def _pieces(text: str, longest: int) -> Iterator[str]:
    """`text` in pieces of at most `longest` characters, cut between words where there are any."""
    while len(text) > longest:
        cut = text.rfind(" ", longest // 2, longest)
        cut = cut if cut > 0 else longest
        yield text[:cut]
        text = text[cut:].lstrip()
    if text:
        yield text


def _date(record: CallRecord) -> str:
    return dt.datetime.fromtimestamp(record.call_start, dt.UTC).date().isoformat()
