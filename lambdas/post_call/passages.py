"""What of a call is kept word for word: its passages, which are found again, and the summary.

One turn alone says too little to be found, and a whole call is found by everything, so a call becomes a few
passages of neighboring turns. Plans count memories: there is no more than one for each 400 characters said,
the summary included (a call so short that this leaves no room still gets its one passage and its summary).
"""

import itertools
import re
from collections.abc import Iterator, Sequence

from post_call.record import CallRecord, Turn
from shared.memory import SPEAKERS, passage_text, summary_text

LONGEST_PASSAGE = 1500
"""Characters of a passage at most, without its header. Most have about 500, see docs/recall.md."""
CHARACTERS_PER_MEMORY = 400
"""So much of the conversation pays for one memory."""
MOST_STORED = 1.2
"""Characters stored for each character said; what labels and headers leave of it is for overlap."""
_LONGEST_TURN = 600
_LONGEST_OVERLAP = 120
_LONGEST_SUMMARY = 8000
_HEADER = len("[2026-03-03 10001] ")
_PLACES_OF_A_PART = 10_000  # so that a call queued in parts keeps the order of its passages

_FILLERS = frozenset(
    "ah aha alright eh er erm euh hm hmm hmmm huh mhm mm mmm oh ok okay uh uhm uhuh um äh ähm".split()
)
# The end of a sentence: not after an abbreviation ("Dr.", "p.m.") and not before a small letter.
_SENTENCE_END = re.compile(
    r"(?<!\b[A-Z])(?<!\b[A-Z][a-z])(?<!\b[A-Z][a-z]{2})(?<!\.\w)"
    r"(?<!\b[Pp]rof)(?<!\bapprox)(?<!\bvs)(?<!\bca)(?<!\bbzw)(?<!\binkl)[.!?…]+[\"')”\u2019»]*\s+(?![a-z])"
)

_Line = tuple[str, str]
"""Who spoke (`user` or `agent`), and the words."""


def passages(record: CallRecord) -> list[dict[str, str]]:
    """The conversation as passages of neighboring turns, each a message of its own, and the summary.

    A passage begins with the call's date and its own number, and says who spoke. A short turn, or the last
    sentence of a long one, is repeated at the beginning of the next passage, so that an answer is found by
    its question, as long as all of it stays within `MOST_STORED` characters for each one said.
    """
    first = (record.part - 1) * _PLACES_OF_A_PART + 1
    texts = [passage_text(record.date, place, lines) for place, lines in enumerate(_windows(record), first)]
    texts += [summary_text(record.date, piece) for piece in pieces(record.summary, _LONGEST_SUMMARY)]
    return [{"role": "user", "content": text} for text in texts]


def _windows(record: CallRecord) -> Iterator[list[_Line]]:
    """Passages of about equal length, as many as the conversation pays for."""
    turns = [turn for turn in record.turns if not _is_filler(turn)]
    lines = [(turn.role, piece) for turn in turns for piece in pieces(turn.text, _LONGEST_TURN)]
    if not lines:
        return
    said = sum(len(turn.text) for turn in turns)
    length = _length(lines)
    paid = said // CHARACTERS_PER_MEMORY - bool(record.summary)
    windows = list(_split(lines, max(1, paid)))
    spare = MOST_STORED * said - length - _HEADER * len(windows)
    longest = min(_LONGEST_OVERLAP, int(spare / max(1, len(windows) - 1)))
    yield windows[0]
    for before, window in itertools.pairwise(windows):
        overlap = _overlap(before[-1], longest)
        yield overlap + window if _length(overlap + window) <= LONGEST_PASSAGE else window


def _split(lines: Sequence[_Line], count: int) -> Iterator[list[_Line]]:
    """`lines` in `count` windows, or more where one would be longer than a passage may be."""
    length = _length(lines)
    window: list[_Line] = []
    part = done = 0
    for line in lines:
        # A line belongs to the part of the conversation in which its middle lies.
        its_part = int((done + _length([line]) / 2) / length * count)
        if window and (its_part > part or _length([*window, line]) > LONGEST_PASSAGE):
            yield window
            window = []
            part = max(its_part, part)
        window.append(line)
        done += _length([line])
    yield window


def _overlap(line: _Line, longest: int) -> list[_Line]:
    """The line if it has at most `longest` characters, else its last sentence if that has, else nothing."""
    role, words = line
    for start in (0, *_sentence_starts(words)[-1:]):
        if _length([(role, words[start:])]) <= longest:
            return [(role, words[start:])]
    return []


def _length(lines: Sequence[_Line]) -> int:
    """Characters of lines as they are stored, with the speakers and the line breaks."""
    return sum(len(SPEAKERS[role]) + len(": \n") + len(words) for role, words in lines)


def _is_filler(turn: Turn) -> bool:
    words = re.findall(r"[^\W_]+", turn.text.casefold())
    return all(word in _FILLERS for word in words)


def pieces(text: str, longest: int) -> Iterator[str]:
    """`text` in pieces of at most `longest` characters, cut after a sentence, or else between words."""
    while len(text) > longest:
        ends = [start for start in _sentence_starts(text[: longest + 1]) if start > longest // 3]
        space = text.rfind(" ", longest // 2, longest)
        cut = ends[-1] if ends else space if space > 0 else longest
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    if text:
        yield text


def _sentence_starts(text: str) -> list[int]:
    """Where sentences begin in `text`, but for the first."""
    return [end.end() for end in _SENTENCE_END.finditer(text) if end.end() < len(text)]
