"""What of a call is kept word for word: passages that are found again, and the summary.

One turn alone says too little to be found, and a whole call is found by everything, so a call becomes a few
passages of neighbouring turns. Plans count memories: there is no more than one for each 400 characters said,
the summary included (a call so short that this leaves no room still gets its one passage and its summary).
"""

import re
from collections.abc import Iterator

from post_call.record import CallRecord, Turn
from shared.memory import SPEAKERS, passage_text, summary_text

LONGEST_PASSAGE = 1500
"""Characters of a passage at most, without its date. Most have about 600, see docs/recall.md."""
CHARACTERS_PER_MEMORY = 400
"""So much of the conversation pays for one memory."""
_USUAL_STRIDE = 500
_LONGEST_TURN = 600
_LONGEST_SUMMARY = 8000

_FILLERS = frozenset(
    "ah aha alright eh er erm euh hm hmm hmmm huh mhm mm mmm oh ok okay uh uhm uhuh um äh ähm".split()
)


def passages(record: CallRecord) -> list[dict[str, str]]:
    """The conversation as passages of neighbouring turns, each a message of its own, and the summary.

    A passage says who spoke and begins with the call's date. The last turn of one is the first of the next,
    so that a question and its answer are never cut apart, and so that Retrieve can put them together again.
    """
    texts = [passage_text(record.date, place, window) for place, window in enumerate(_windows(record), 1)]
    texts += [summary_text(record.date, piece) for piece in pieces(record.summary, _LONGEST_SUMMARY)]
    return [{"role": "user", "content": text} for text in texts]


def _windows(record: CallRecord) -> Iterator[list[tuple[str, str]]]:
    """Passages of about equal length, as many as the conversation pays for."""
    said = [turn for turn in record.turns if not _is_filler(turn)]
    lines = [(turn.role, piece) for turn in said for piece in pieces(turn.text, _LONGEST_TURN)]
    length = sum(map(_length, lines))
    paid = sum(len(turn.text) for turn in said) // CHARACTERS_PER_MEMORY - bool(record.summary)
    wanted = max(1, min(paid, round(length / _USUAL_STRIDE)))
    window: list[tuple[str, str]] = []
    begun = 0
    done = 0
    for line in lines:
        full = sum(map(_length, window)) + _length(line) > LONGEST_PASSAGE
        # The turn belongs to the part of the conversation in which its middle lies.
        part = int((done + _length(line) / 2) / length * wanted)
        if window and (full or part > begun):
            yield window
            window = window[-1:]
            begun = max(part, begun)
        window.append(line)
        done += _length(line)
    if window:
        yield window


def _length(line: tuple[str, str]) -> int:
    """Characters of a line as it is stored, with its speaker and its line break."""
    role, words = line
    return len(SPEAKERS[role]) + len(": \n") + len(words)


def _is_filler(turn: Turn) -> bool:
    words = re.findall(r"[^\W_]+", turn.text.casefold())
    return all(word in _FILLERS for word in words)


def pieces(text: str, longest: int) -> Iterator[str]:
    """`text` in pieces of at most `longest` characters, cut between words where there are any."""
    while len(text) > longest:
        cut = text.rfind(" ", longest // 2, longest)
        cut = cut if cut > 0 else longest
        yield text[:cut]
        text = text[cut:].lstrip()
    if text:
        yield text
