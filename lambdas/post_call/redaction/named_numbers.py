"""Codes, PINs and the numbers of accounts and documents, known only by the words around them."""

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence

from post_call.redaction import numerals, spelling
from post_call.redaction.numerals import Run
from post_call.redaction.text import Mention, Secret, Text
from post_call.redaction.vocabulary import (
    BANK_ACCOUNT,
    CARD,
    NAMES,
    ONE_TIME_CODE,
    OTHER,
    PASSWORD,
    PIN,
    QUANTITY,
    SECURITY_CODE,
    Name,
    pattern,
    phrases,
)

DIGITS_ONLY = frozenset({CARD, SECURITY_CODE, PIN, ONE_TIME_CODE})
_NO_NUMBER = frozenset({OTHER, QUANTITY, PASSWORD})
_FAR = 60
"""Characters between a value and its name, at most: beyond it the number is another one."""
_NEAR = 20
"""Characters between a number and what it is called otherwise, at most."""
_LEAD = 100
"""Characters before a value that answers a question, at most."""
_LONGEST = 90
"""Characters that an identifier may take, spelled out."""
_LEAST_DIGITS = 4
"""Digits in an identifier that has letters, too."""

_IS = pattern("is")
_DIRECT = re.compile(
    r"(?:[\s,.]*(?:(?:and|but|und|y|et)\s)?(?:the|my) (?:old|new|other|previous|current) (?:one|number))?"
    rf"[\s:,(#\"'=-]*(?:(?:{phrases('is')}|\b(?:number|no|nr|nummer|numero|the|el|le|la|die)\b)[\s.:,(#\"'=-]*){{0,3}}"
)
_OF_IT = re.compile(rf"\s(?:{phrases('prepositions')})\s(?:(?:{phrases('articles')})\s)?(?:\w+\s)?")
_NEW_SENTENCE = re.compile(r"[.?!]\s")
_FOR = re.compile(r"\s(?:(?:for|as)\s(?:(?:the|my|your|a)\s)?)?")
_BEFORE_OTHER = re.compile(
    rf"(?:(?:{phrases('before_other_number')})(?: (?:number|no|nr|nummer|numero|is|the|code))?[ .:#]{{0,3}}"
    rf"|(?:{phrases('months')})(?: the)?(?: ?\d{{1,2}})?(?:st|nd|rd|th)?(?: de| of)?[ ,.]{{0,2}}|[$€£¥] ?)$"
)
_AFTER_OTHER = re.compile(rf"[ -]?(?:[%€£$°]|(?:{phrases('after_other_number')}))")
_DATE = re.compile(
    r"\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d-\d\d-\d\d|\d{1,2}/\d{1,2}/\d\d|\d{1,2}/\d\d(?:\d\d)?"
)
_PHONE = re.compile(r"\+.*|\(?\d{3}\)?[ .-]*\d{3}[ .-]+\d{4}|\d{3}-\d{4}|0\d{4} \d{6}")
_AMOUNT = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d\d)?|\d+[.,]\d\d")
_GOES_BEFORE = re.compile(r"(?:[^\W_]|\+|\d[:/])\Z")  # "LH4711", "+1", "10:30"
_GOES_ON = re.compile(r"[^\W_]|[:/@]\S")  # "7b", "10:30", an address
_CARD_CODE = next(name for name in NAMES if name.kind == SECURITY_CODE)
_EXPIRY_WORD = re.compile(
    r"and|oh|security|cvv|cvc|the|its?|s|is|expir\w*|exp|valid|until|thru|date|on|then|code|und|y|et|\d+"
)
_EXPIRY_MARKS = re.compile(r"[\w\s,./;:'–-]*")  # noqa: RUF001 - a dash that transcribers use


def beside(text: Text) -> None:
    """Note the values that stand beside their names: "my PIN is 4711", "4711 is my PIN"."""
    pieces = text.numbers()
    for place, mention in enumerate(text.mentions):
        if mention.kind not in _NO_NUMBER:
            first = text.mentions[place - 1].end if place else 0
            last = _next_name(text, place)
            text.add(_behind(text, mention, last, pieces) or _ahead(text, mention, first, pieces))


def _next_name(text: Text, place: int) -> int:
    """Where the name after the one at `place` begins that is not said of it: "the PIN for my card"."""
    for mention, following in itertools.pairwise(text.mentions[place : place + 3]):
        of_it = _OF_IT.fullmatch(text.folded, mention.end, following.start)
        if not of_it or following.kind == OTHER:
            return following.start
    return len(text.folded)


def answers(text: Text, asked: Sequence[Name]) -> Iterator[Secret]:
    """The values in `text` that answer a question, whose names are `asked`, in the order of the question."""
    for place, name in enumerate(asked):
        if name.kind in _NO_NUMBER:
            continue
        runs = [
            run
            for run in _candidates(text, name, 0, _LEAD + _LONGEST, text.numbers())
            if run[0].start <= _LEAD
            and _fits(text, run, name, direct=name.kind not in DIGITS_ONLY)
            and not _is_named(text, run, name)
        ]
        if name.kind in {
            SECURITY_CODE,
            BANK_ACCOUNT,
        }:  # before the code may stand an expiry date: better both
            yield from (Secret.of(run, name.kind) for run in runs)
        elif runs:
            other_first = any(before.kind == OTHER for before in asked[:place])
            yield Secret.of(runs[-1 if other_first else 0], name.kind)


def behind_cards(text: Text) -> Iterator[Secret]:
    """The security codes that are read out after the card numbers in `text` and their expiry dates."""
    cards = [secret for secret in text.secrets if secret.kind == CARD]
    pieces = text.numbers() if cards else []
    starts = [piece[0].start for piece in pieces]
    for card in cards:
        first = bisect.bisect_left(starts, card.end)
        for piece in pieces[first : first + 3]:  # the month, the year, the code
            if not _is_expiry(text.folded[card.end : piece[0].start]):
                break
            run = piece[-1:] if len(piece[-1].digits) > 2 else piece  # noqa: PLR2004 - "12 26 123"
            wanted = 4 if card.value.startswith(("34", "37")) else 3  # American Express prints four digits
            if len(numerals.value(run)) == wanted and _fits(text, run, _CARD_CODE, direct=False):
                yield Secret.of(run, SECURITY_CODE)
                break


def is_other_number(folded: str, start: int, end: int, since: int = 0) -> bool:
    """Whether the words that touch these digits say that they are no secret: "room 1204", "300 dollars".

    Words before `since` do not count: they belong to a secret's name.
    """
    before = _BEFORE_OTHER.search(folded[max(since, start - 30) : start])
    return bool(before or _AFTER_OTHER.match(folded, end))


def is_named_otherwise(text: Text, start: int) -> bool:
    """Whether what begins at `start` is called an order's number, or the like."""
    before = text.mention_before(start)
    named = before is not None and before.kind == OTHER and start - before.end < _NEAR
    return named or is_other_number(text.folded, start, start)


def _behind(text: Text, mention: Mention, last: int, pieces: Sequence[Run]) -> list[Secret]:
    """What follows its name."""
    found: list[Secret] = []
    far = mention.end + _FAR
    for run in _candidates(text, mention.name, mention.end, min(last, far + _LONGEST), pieces):
        direct = (
            _DIRECT.fullmatch(text.folded, found[-1].end if found else mention.end, run[0].start) is not None
        )
        if run[0].start >= far or ((found or mention.direct) and not direct):
            break
        if _fits(text, run, mention.name, direct=direct, since=mention.end):
            found.append(Secret.of(run, mention.kind))
        elif found or mention.kind in DIGITS_ONLY:
            break
    return found


def _ahead(text: Text, mention: Mention, first: int, pieces: Sequence[Run]) -> list[Secret]:
    """What stands before its name: "4711 is my PIN"."""
    start = max(first, mention.start - _FAR - _LONGEST)
    for run in _candidates(text, mention.name, start, mention.start, pieces)[-1:]:
        between = text.folded[run[-1].end : mention.start]
        says = _IS.search(between) or _FOR.fullmatch(between)
        if (
            says
            and len(between) <= _FAR
            and not _NEW_SENTENCE.search(between)
            and _fits(text, run, mention.name, direct=False)
        ):
            return [Secret.of(run, mention.kind)]
    return []


def _candidates(text: Text, name: Name, start: int, end: int, pieces: Sequence[Run]) -> list[Run]:
    """The numbers that begin between `start` and `end`; with their letters, if the class may have some."""
    first, last = (
        bisect.bisect_left(pieces, place, key=lambda piece: piece[0].start) for place in (start, end)
    )
    runs = [run for run in pieces[first:last] if not text.is_taken(run[0].start, run[-1].end)]
    if name.kind in DIGITS_ONLY:
        joined = _joined(text, runs, name)
        if name.kind != ONE_TIME_CODE or any(len(numerals.value(run)) >= name.length[0] for run in joined):
            return joined
    spelled = spelling.runs(text.raw, text.folded, start, end)
    free = [piece for run in spelled for piece in _free(text, run)]
    return [piece for run in free for piece in _parts(text, run, name)]


def _joined(text: Text, runs: Sequence[Run], name: Name) -> list[Run]:
    """`runs`, but one for all that are too short and follow each other: "482, 913"."""
    joined: list[Run] = []
    for run in runs:
        gap = text.folded[joined[-1][-1].end : run[0].start] if joined else "?"
        if len(numerals.value(run)) < name.length[0] and not gap.strip(" ,."):
            joined[-1] = joined[-1] + run
        else:
            joined.append(run)
    return joined


def _free(text: Text, run: Run) -> Iterator[Run]:
    """The parts of `run` that are in no secret and no name yet."""
    for is_free, part in itertools.groupby(run, key=lambda found: text.is_free(found.start, found.end)):
        if is_free:
            yield list(part)


def _parts(text: Text, run: Run, name: Name) -> Iterator[Run]:
    """`run`, or the parts between its commas if it is too long."""
    if len(numerals.value(run)) <= name.length[1]:
        yield run
    else:
        yield from numerals.split(text.folded, run)


def _fits(text: Text, run: Run, name: Name, *, direct: bool, since: int = 0) -> bool:
    """Whether a number can be a value of this class: by its length, by its form, and by what touches it."""
    value, start, end = numerals.value(run), run[0].start, run[-1].end
    digits = sum(map(str.isdigit, value))
    digits_only = name.kind in DIGITS_ONLY
    if digits < (len(value) if digits_only else max(_LEAST_DIGITS, len(value) / 3)) and not (
        name.kind == ONE_TIME_CODE and direct and digits * 3 >= len(value)
    ):
        return False
    written = text.folded[start:end]
    return (
        name.length[0] <= len(value) <= name.length[1]
        and stands_alone(text, run, since)
        and not (_PHONE.fullmatch(written) and (digits_only or not direct))
    )


def stands_alone(text: Text, run: Run, since: int = 0) -> bool:
    """Whether a number is neither a part of something else, such as a time, nor called something else."""
    start, end = run[0].start, run[-1].end
    written = text.folded[start:end]
    return not (
        _GOES_BEFORE.search(text.folded[max(0, start - 2) : start])
        or _GOES_ON.match(text.folded, end)
        or _DATE.fullmatch(written)
        or (_AMOUNT.fullmatch(written) and sum(map(str.isdigit, written)) > 2)  # noqa: PLR2004 - "4.7"
        or is_other_number(text.folded, start, end, since)
    )


def _is_named(text: Text, run: Run, name: Name) -> bool:
    """Whether the words around a number call it something else: "552, and the zip is 55104"."""
    start, end = run[0].start, run[-1].end
    before, behind = text.mention_before(start), text.mention_behind(end)
    if before and start - before.end <= _FAR and before.kind != name.kind:
        return not any(character.isdigit() for character in text.folded[before.end : start])
    if behind and behind.start - end <= _FAR and behind.kind != name.kind:
        between = text.folded[end : behind.start]
        return "," not in between and _IS.search(between) is not None and not _NEW_SENTENCE.search(between)
    return False


def _is_expiry(between: str) -> bool:
    """Whether nothing but an expiry date stands between a card number and the number that follows it."""
    return (
        len(between) <= _FAR
        and _EXPIRY_MARKS.fullmatch(between) is not None
        and all(_EXPIRY_WORD.fullmatch(word) for word in re.findall(r"\w+", between))
    )
