"""Security codes, one-time codes and PINs: short numbers that only the words around them tell from others."""

import bisect
import itertools
import re
from collections.abc import Iterator

from post_call import spoken
from post_call.said import Said, Secret
from post_call.secret_words import (
    AFTER_OTHER_NUMBER,
    BEFORE_OTHER_NUMBER,
    LENGTHS,
    ONE_TIME_CODE,
    SECURITY_CODE,
    Mention,
)

_FAR = 60
"""Characters between a secret and its name, at most: beyond it the number is another one."""
_LEAD = 50
"""Characters before a number that answers a question, at most."""
_LETTERED_LENGTHS = range(4, 13)

_IS_IT = re.compile(r"\b(?:is|s|was|as|ist|war|als|es|era|como|est|etait|comme)\b")
_NEW_SENTENCE = re.compile(r"[.?!]\s")
_CODE_SHAPE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)?")
_BEFORE_CODE = re.compile(r"(?:\b(?:is|s|was|ist|lautet|es|est)|[:=])\s*[\"']?$")
_EXPIRY_WORD = re.compile(r"and|the|its?|s|is|expir\w*|exp|valid|until|thru|date|on|then|code|und|y|et|\d+")
_EXPIRY_MARKS = re.compile(r"[\w\s,./;:'–-]*")  # noqa: RUF001 - a dash that transcribers use
_WORD = re.compile(r"\w+")


def behind_cards(said: Said) -> Iterator[Secret]:
    """The security codes that are read out after the card numbers in `said` and their expiry dates."""
    pieces = said.pieces() if said.secrets else []
    starts = [piece[0].start for piece in pieces]
    for card in said.secrets:
        first = bisect.bisect_left(starts, card.end)
        for piece in pieces[first : first + 3]:  # the month, the year, the code
            if not _is_expiry(said.folded, card.end, piece[0].start):
                break
            numbers = piece[-1:] if len(piece[-1].digits) > 2 else piece  # noqa: PLR2004 - "12 26 123"
            wanted = 4 if card.value.startswith(("34", "37")) else 3  # American Express prints four digits
            if len(spoken.digits(numbers)) == wanted and fits(said.folded, numbers, SECURITY_CODE):
                yield Secret.of(numbers, SECURITY_CODE)
                break


def beside(said: Said) -> Iterator[Secret]:
    """The codes that stand beside their names: "my PIN is 4711", "4711 is my PIN"."""
    pieces = said.pieces()
    starts = [piece[0].start for piece in pieces]
    taken: set[int] = set()
    borders = [0, *(mention.end for mention in said.mentions)]
    for place, mention in enumerate(said.mentions):
        if mention.kind not in LENGTHS:
            continue
        next_up = said.mentions[place + 1].start if place + 1 < len(said.mentions) else len(said.folded)
        behind = bisect.bisect_left(starts, mention.end)
        if (
            behind < len(pieces)
            and behind not in taken
            and starts[behind] < min(next_up, mention.end + _FAR)
            and fits(said.folded, pieces[behind], mention.kind)
        ):
            taken.add(behind)
            yield Secret.of(pieces[behind], mention.kind)
        elif (
            behind
            and behind - 1 not in taken
            and starts[behind - 1] >= max(borders[place], mention.start - _FAR)
            and _is_named_by(said.folded, pieces[behind - 1], mention)
        ):
            taken.add(behind - 1)
            yield Secret.of(pieces[behind - 1], mention.kind)
        elif mention.kind == ONE_TIME_CODE:
            yield from _lettered(said.folded, mention, next_up)


def answers(said: Said, kind: str) -> Iterator[Secret]:
    """The codes in `said` that answer a question for one of this kind."""
    for piece in said.pieces():
        if piece[0].start <= _LEAD and fits(said.folded, piece, kind):
            yield Secret.of(piece, kind)
            if kind != SECURITY_CODE:  # an expiry date may come first: better both than the wrong one
                return


def fits(folded: str, piece: spoken.Run, kind: str) -> bool:
    """Whether these digits can be a secret of this kind: by their number, and by what touches them."""
    least, most = LENGTHS[kind]
    start, end = piece[0].start, piece[-1].end
    before, behind = folded[max(0, start - 2) : start], folded[end : end + 2]
    if not least <= len(spoken.digits(piece)) <= most:
        return False
    if before[-1:].isalnum() or behind[:1].isalnum():  # a part of "LH4711", "7b"
        return False
    if behind[:1] in {":", "/", "@"} and behind[1:].strip():  # a time, a date, an address
        return False
    if before[-1:] in {":", "/", "+"} and before[:1].isdecimal():
        return False
    amount = any(
        folded[left.end : right.start] in {".", ","} and len(left.digits + right.digits) > 2  # noqa: PLR2004
        for left, right in itertools.pairwise(piece)
    )
    return not (amount or is_other_number(folded, start, end))


def is_other_number(folded: str, start: int, end: int) -> bool:
    """Whether the words that touch these digits say that they are no secret: "room 1204", "300 dollars"."""
    before = BEFORE_OTHER_NUMBER.search(folded[max(0, start - 30) : start])
    return bool(before or AFTER_OTHER_NUMBER.match(folded, end))


def _is_named_by(folded: str, piece: spoken.Run, mention: Mention) -> bool:
    between = folded[piece[-1].end : mention.start]
    return (
        bool(_IS_IT.search(between))
        and not _NEW_SENTENCE.search(between)
        and fits(folded, piece, mention.kind)
    )


def _is_expiry(folded: str, start: int, end: int) -> bool:
    """Whether nothing but an expiry date stands between a card number and the number that follows it."""
    between = folded[start:end] if end - start <= _FAR else "?"
    return bool(_EXPIRY_MARKS.fullmatch(between)) and all(
        _EXPIRY_WORD.fullmatch(word) for word in _WORD.findall(between)
    )


def _lettered(folded: str, mention: Mention, next_up: int) -> Iterator[Secret]:
    """A one-time code with letters in it: "G-482913", "X7K9Q2"."""
    for word in _CODE_SHAPE.finditer(folded, mention.end, min(next_up, mention.end + _FAR)):
        value = word.group()
        mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
        named = _BEFORE_CODE.search(folded[max(0, word.start() - 20) : word.start()])
        if mixed and named and len(value) in _LETTERED_LENGTHS:
            yield Secret(word.start(), word.end(), ONE_TIME_CODE, value)
            return
