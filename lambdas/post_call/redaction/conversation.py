"""Secrets over several turns: the answer to a question, a number in parts, and what is said again."""

import functools
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from post_call.redaction import card_numbers, identifiers, named_numbers, numerals, passwords
from post_call.redaction.named_numbers import is_other_number
from post_call.redaction.numerals import Run
from post_call.redaction.text import Mention, Secret, Text, sentence_around
from post_call.redaction.vocabulary import (
    BANK_ACCOUNT,
    CARD,
    CLASSES,
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

_PATIENCE = 4
"""Turns for which a question stays open, so that "one moment" - "take your time" does not close it."""
_ECHO = 3
"""Turns in which a short secret is looked for again after it was said: whoever listens repeats it."""
_NAMED_BEFORE = 60
"""Characters by which a secret may stand before its name."""
_LONG = 6
"""From this length a secret is replaced wherever it stands in the call."""
_GROUP = 4
"""Digits: the shortest part of a number that is looked for again."""
_MOST_WORDS = 100
"""How many values with letters are looked for again: a hostile call would take minutes."""
_REFUSED = re.compile(rf"(?:{phrases('refused')})[^.?!,;]*$")
_SENTENCE = re.compile(r"[.?!]+\s")
_NEAR = 70  # characters
_MOST_SENTENCES = 2
_MOST_ASKED = 8
_SHORT_QUESTION = 25  # characters
_LONGEST_SPELLED = 40
_ASKS = pattern("asks_for_words")
_DONE = pattern("done")
_HERE = re.compile(rf"(?:{phrases('is')})[ ,:.…]*$|{phrases('here')}")
_LASTING = CLASSES.keys() - {SECURITY_CODE, ONE_TIME_CODE, PIN, PASSWORD}
"""Classes whose values are long enough to be read out in several turns."""


class _Question(NamedTuple):
    """What one turn asked for.

    Attributes:
        names: all that was asked for, in order, other numbers included.
        turns_left: how long it stays open.
        any_words: a password was asked for in words that any answer fits.
        may_answer: the roles whose turns may be the answer.
        parts: numbers that are too short for an answer, and may be parts of one.
    """

    names: tuple[Name, ...]
    turns_left: int
    any_words: bool
    may_answer: frozenset[str]
    parts: tuple[tuple[Text, Run], ...] = ()

    @property
    def kinds(self) -> set[str]:
        """The classes of secrets that were asked for."""
        return {name.kind for name in self.names} - {OTHER, QUANTITY}


class KnownSecrets(NamedTuple):
    """Secrets that were found, as they are looked for again.

    Attributes:
        numbers: the classes of digits, and of the parts in which somebody may repeat them.
        words: the classes of values with letters in them.
    """

    numbers: dict[str, str]
    words: dict[str, str]

    @classmethod
    def of(cls, secrets: Iterable[Secret], *, shortest: int, everywhere: bool = False) -> "KnownSecrets":
        """The index of `secrets`.

        If they are looked for `everywhere`, what may be something else there is left out: a password that
        is a plain word (the dog's name), and parts of anything but cards.
        """
        kinds = {secret.value: secret.kind for secret in secrets if len(secret.value) >= shortest}
        numbers: dict[str, str] = {}
        words: dict[str, str] = {}
        for value, kind in kinds.items():
            if value.isdecimal():
                in_parts = kind == CARD or (kind in _LASTING and not everywhere)
                numbers |= dict.fromkeys(_parts(value), kind) if in_parts and len(value) > _GROUP else {}
            elif len(words) < _MOST_WORDS and not (everywhere and value.isalpha()):
                words[value] = kind
        return cls(numbers | {value: kind for value, kind in kinds.items() if value.isdecimal()}, words)


NOTHING_KNOWN = KnownSecrets({}, {})


def find(texts: Sequence[Text]) -> KnownSecrets:
    """Note the secrets in consecutive turns, and return those to look for in the rest of the record."""
    for text in texts:
        text.add(card_numbers.find(text))
        text.add(identifiers.find(text))
        text.add(named_numbers.behind_cards(text))
    card_numbers.find_split(texts)
    question: _Question | None = None
    for text in texts:
        named_numbers.beside(text)
        passwords.beside(text)
        question = _next_question(text, _answer(text, question) if question else None)
    _find_repeated(texts)
    return KnownSecrets.of(
        chain.from_iterable(text.secrets for text in texts), shortest=_GROUP, everywhere=True
    )


def find_in(text: Text, known: KnownSecrets, asked: Sequence[Mention] = ()) -> None:
    """Note the secrets in a text that stands by itself, and those that are `known`.

    Args:
        text: such as the summary or a collected value.
        known: what was found in the conversation.
        asked: the names to which the text is the answer, if it is one.
    """
    if asked:
        names = tuple(mention.name for mention in asked)
        _answer(text, _Question(names, 1, any_words=True, may_answer=frozenset({text.role})))
    find([text])
    _repeat(text, known)


def _answer(text: Text, question: _Question) -> _Question | None:
    """Note what in `text` answers the question, and return what is still open of it."""
    if text.role not in question.may_answer:
        return question
    is_answered = any(secret.kind in question.kinds for secret in text.secrets)
    if not is_answered or BANK_ACCOUNT in question.kinds:  # of an account there may be two numbers
        text.add(named_numbers.answers(text, question.names))
        text.add(named_numbers.behind_cards(text))
    if not is_answered:
        if PASSWORD in question.kinds:
            text.add(passwords.answers(text, any_words=question.any_words))
        if not any(secret.kind in question.kinds for secret in text.secrets):
            return _with_part(text, question)
    return question if question.kinds & _LASTING and card_numbers.is_mostly_digits(text) else None


def _with_part(text: Text, question: _Question) -> _Question:
    """The question after a turn that may hold a part of the answer. Once they are enough, all are noted."""
    if not card_numbers.is_mostly_digits(text) or text.mentions or text.secrets:
        return question
    runs = (run for run in text.runs if named_numbers.stands_alone(text, run))
    parts = (*question.parts, *((text, run) for run in runs))
    length = sum(len(numerals.value(run)) for _, run in parts)
    kinds = [name.kind for name in question.names if name.length[0] <= length <= name.length[1]]
    if kinds and len(parts) > 1:
        for part, run in parts:
            part.add([Secret.of(run, kinds[0])])
    return question._replace(parts=parts, turns_left=_PATIENCE)


def _next_question(text: Text, question: _Question | None) -> _Question | None:
    """The question that is open after `text`: its own, the one before, or none."""
    is_short = len(text.folded) <= _SHORT_QUESTION  # "Passport?"
    mentions = [mention for mention in text.mentions[-_MOST_ASKED:] if is_short or not mention.direct]
    if mentions and not _is_answered(text, mentions[-1]):
        asked = [mention for mention in mentions if _is_asked(text, mention, mentions[-1])]
        return _question(text, asked) if asked and mentions[-1].kind != QUANTITY else None
    if question and question.turns_left > 1:
        return question._replace(turns_left=question.turns_left - 1)
    return None


def _question(text: Text, asked: Sequence[Mention]) -> _Question | None:
    any_words = any(mention.kind == PASSWORD and passwords.is_asked_for(text, mention) for mention in asked)
    may_answer = {"agent": {"user"}, "user": {"user", "agent"} if "?" in text.raw else {"user"}}
    names = tuple(mention.name for mention in asked)
    asks = _Question(names, _PATIENCE, any_words, frozenset(may_answer.get(text.role, {text.role})))
    return asks if asks.kinds else None


def _is_answered(text: Text, mention: Mention) -> bool:
    return any(
        secret.kind == mention.kind and secret.end > mention.start - _NAMED_BEFORE for secret in text.secrets
    )


def _is_asked(text: Text, mention: Mention, last: Mention) -> bool:
    """Whether who said this may expect what is named as the answer: it is near the end, and not refused."""
    folded = text.folded
    sentence = sentence_around(folded, mention.start, mention.end)
    asks = "?" in folded[mention.end : mention.end + len(sentence)] or _ASKS.search(sentence) is not None
    if _REFUSED.search(folded[max(0, mention.start - _NEAR) : mention.start]):
        return False
    if len(_SENTENCE.findall(folded, mention.end)) > _MOST_SENTENCES or _is_answered(text, mention):
        return False
    if mention.kind != last.kind and _SENTENCE.search(folded, mention.end, last.start):
        return asks  # "What's the security code? And the zip?"
    if text.role == "user":
        return asks or _HERE.search(folded) is not None
    return asks or not _DONE.search(sentence)


def _find_repeated(texts: Sequence[Text]) -> None:
    """Secrets that were said again: by the other side at once, or, if they are long, anywhere."""
    found = [list(text.secrets) for text in texts]
    for place, text in enumerate(texts):
        near = chain.from_iterable(found[max(0, place - _ECHO) : place + 2])
        _repeat(text, KnownSecrets.of(near, shortest=3))
    known = KnownSecrets.of(chain.from_iterable(found), shortest=_LONG, everywhere=True)
    for text in texts:
        _repeat(text, known)


def _repeat(text: Text, known: KnownSecrets) -> None:
    """Note the `known` secrets in `text`, and the parts of a long number but its last digits."""
    if known.numbers:
        for piece in text.numbers():
            kind = known.numbers.get(numerals.value(piece))
            if kind and not is_other_number(text.folded, piece[0].start, piece[-1].end):
                text.add([Secret.of(piece, kind)])
    for value, kind in known.words.items():
        text.add(Secret(*found.span(), kind, value) for found in _written(value).finditer(text.folded))


@functools.lru_cache(maxsize=512)
def _written(value: str) -> re.Pattern[str]:
    """Matches what was said once, with or without the gaps between its letters."""
    if len(value) > _LONGEST_SPELLED or " " in value:
        return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
    return re.compile(r"(?<!\w)" + r"[\s.,-]{0,2}".join(map(re.escape, value)) + r"(?!\w)")


@functools.lru_cache(maxsize=512)
def _parts(digits: str) -> frozenset[str]:
    """The parts of a long number, from four digits on, but for its last four: people know a card by them."""
    ends = range(_GROUP, len(digits) + 1)
    parts = {digits[start:end] for end in ends for start in range(end - _GROUP + 1)}
    return frozenset(parts - {digits[-_GROUP:]})
