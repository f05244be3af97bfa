"""What is spelled out: `C01X00T47`, "C zero one X", "S as in Sierra, U, N", "capital S exclamation mark"."""

import re
from collections.abc import Sequence

from post_call.redaction import numerals
from post_call.redaction.numerals import Number, Run, Word
from post_call.redaction.vocabulary import NATO, pattern, phrases

_LETTER = re.compile(
    rf"(?:(?:{phrases('cases')}) (?:letter )?)?(?<![a-z'])([a-z])(?![a-z'])"
    rf"(?:,? (?:{phrases('spelled_as')}),? (?=\1)[a-z]+)?"
)
_SIGN = pattern("signs")
_GAP = re.compile(r"[\s,./·_‐-―-]{0,4}")  # noqa: RUF001 - the dashes that transcribers use
_LONGEST_GROUP = 6  # letters that stand together, such as a bank's in an IBAN
_ENDS = frozenset("aiyoeu")
"""Letters that are words: where they end a run they begin the next sentence, as in "12345 a friend"."""


def runs(raw: str, folded: str, start: int, end: int) -> list[Run]:
    """What is spelled out between `start` and `end`: digits, letters and signs with small gaps between."""
    said = [
        word._replace(start=start + word.start, end=start + word.end)
        for word in numerals.words(folded[start:end])
    ]
    gathered: list[Run] = []
    at = 0
    while at < len(said):
        found = _character(raw, folded, end, said, at)
        if not found:
            at += 1
            continue
        if gathered and _GAP.fullmatch(_without_pauses(folded[gathered[-1][-1].end : found.start])):
            gathered[-1].append(found)
        else:
            gathered.append([found])
        while at < len(said) and said[at].start < found.end:
            at += 1
    return [run for run in (_without_words(folded, run) for run in gathered) if run]


def _character(raw: str, folded: str, end: int, said: Sequence[Word], at: int) -> Number | None:
    """The digits, letters or sign that the words from `at` on are."""
    word = said[at]
    following = said[at + 1] if at + 1 < len(said) else word
    letter = _LETTER.match(folded, word.start, end)
    in_word = at and len(said[at - 1].text) == 1 and said[at - 1].text.isalpha()  # "s u n n y"
    if letter and (in_word or letter.end() > word.end or word.text not in {"o", "y"}):
        return Number(word.start, letter.end(), letter[1])
    used, digits = numerals.number(said, at)
    if used:
        return Number(word.start, said[at + used - 1].end, digits)
    if word.text in numerals.TIMES and len(following.text) == 1:
        return Number(word.start, following.end, following.text * numerals.TIMES[word.text])
    sign = _SIGN.match(folded, word.start, end)
    if sign or word.text in NATO:
        return Number(word.start, sign.end() if sign else word.end, "" if sign else word.text[0])
    # "HX-4410", "GB82 WEST 1234": letters beside digits, or in capitals
    touches = (at and said[at - 1].text.isdigit() and word.gap == "") or (
        following.text.isdigit() and following.gap in {"", "-"}
    )
    is_group = touches or raw[word.start : word.end].isupper()
    return Number(word.start, word.end, word.text) if is_group and len(word.text) <= _LONGEST_GROUP else None


def _without_pauses(gap: str) -> str:
    pauses = numerals.PAUSES - numerals.AND
    return re.sub(r"\w+ ?", lambda word: "" if word[0].strip() in pauses else word[0], gap)


def _without_words(folded: str, run: Run) -> Run:
    """`run` without the letters and signs at its ends that rather are words."""
    while len(run) > 1 and (run[-1].digits in _ENDS | {""}) and folded[run[-2].end : run[-1].start] == " ":
        run = run[:-1]
    while len(run) > 1 and run[0].digits in _ENDS | {""} and folded[run[0].end : run[1].start] == " ":
        run = run[1:]
    return run
