"""Secrets that no memory may hold, replaced by what they were: `[card number]`, `[security code]`, `[pin]`.

It runs before a record leaves the webhook, so a secret reaches neither the queue nor Mem0. A card number is
known by its own digits (issuer and Luhn's check); every other secret by the words around it, in its turn or
in one before: "what's the security code?" - "it's 123". Names, dates, phone, order and bank account numbers
are not touched: they are what a memory is for.
"""

import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from post_call import cards, codes, passwords, spoken
from post_call.record import CallRecord
from post_call.said import Said, Secret
from post_call.secret_words import CARD, LENGTHS, OTHER, PASSWORD, is_asked, mentions

_PATIENCE = 4
"""Turns for which a question stays open, so that "one moment" - "take your time" does not close it."""
_ECHO = 3
"""Turns in which a short secret is looked for again after it was said: whoever listens repeats it."""
_NAMED_BEFORE = 60
"""Characters by which a secret may stand before its name."""
_LONG = 6
"""From this length a secret is replaced wherever it stands in the call."""
_GROUP = 4
"""Digits: the shortest part of a card number that is looked for again."""
_MOST_PASSWORDS = 100
"""How many passwords are looked for again, so that a hostile call does not take minutes."""


class _Question(NamedTuple):
    kind: str
    turns_left: int
    wants_words: bool


class _Told(NamedTuple):
    """Secrets that were found, as they are looked for again.

    A password that is a plain word is only replaced near to where it was said: it may be the dog's name.
    """

    kinds: dict[str, str]
    groups: frozenset[str]
    words: list[str]

    @classmethod
    def of(cls, secrets: Iterable[Secret], *, shortest: int, everywhere: bool = False) -> "_Told":
        """The index of `secrets`. If they are looked for `everywhere`, plain words are left out."""
        kinds = {secret.value: secret.kind for secret in secrets if len(secret.value) >= shortest}
        parts = chain.from_iterable(_groups(value) for value, kind in kinds.items() if kind == CARD)
        words = [value for value in kinds if not value.isdecimal() and not (everywhere and value.isalpha())]
        groups = frozenset(part for part in parts if len(part) >= shortest)
        return cls(kinds, groups, words[:_MOST_PASSWORDS])


def redact(record: CallRecord) -> CallRecord:
    """`record` without payment card numbers, security codes, one-time codes, passwords and PINs.

    Args:
        record: the call as it came.

    Returns:
        The same record, with placeholders for the secrets in its turns, summary and collected data. Redacting
        it again changes nothing.
    """
    turns = [Said(turn.text, turn.role) for turn in record.turns]
    _read(turns)
    found = chain.from_iterable(said.secrets for said in turns)
    told = _Told.of(found, shortest=_GROUP, everywhere=True)
    return dataclasses.replace(
        record,
        turns=tuple(
            dataclasses.replace(turn, text=said.redacted())
            for turn, said in zip(record.turns, turns, strict=True)
        ),
        summary=_alone(record.summary, told),
        collected={name: _collected(name, value, told) for name, value in record.collected.items()},
    )


def redact_text(text: str) -> str:
    """One text by itself, without its secrets."""
    return _alone(text, _Told.of([], shortest=_GROUP))


def _alone(text: str, told: _Told) -> str:
    said = Said(text)
    _read([said])
    _repeat(said, told)
    return said.redacted()


def _collected(name: str, value: str, told: _Told) -> str:
    """A collected value, whose name counts as the question it answers."""
    asked = mentions(spoken.fold(re.sub(r"[_\W]+", " ", name)))
    kind = asked[-1].kind if asked else OTHER
    if kind == PASSWORD and value not in {"yes", "no"}:  # "password_known: yes" is no secret
        return f"[{PASSWORD}]"
    if kind in LENGTHS:
        said = Said(value)
        if any(codes.fits(said.folded, piece, kind) for piece in said.pieces()):
            return f"[{kind}]"
    return _alone(value, told)


def _read(turns: Sequence[Said]) -> None:
    """Find the secrets in consecutive turns."""
    for said in turns:
        said.add(Secret(*card[:2], CARD, card.digits) for card in cards.find(said.folded, said.runs))
        said.add(codes.behind_cards(said))
    _read_split_cards(turns)
    question: _Question | None = None
    for said in turns:
        found = said.add(chain(codes.beside(said), _passwords_beside(said)))
        if question and not found and said.add(_answers(said, question)):
            question = None
        question = _next_question(said, question)
    _read_echoes(turns)


def _read_split_cards(turns: Sequence[Said]) -> None:
    """Card numbers that one side said in several turns, with nothing but a short "yes?" between."""
    for role in {said.role for said in turns}:
        parts: list[tuple[Said, spoken.Number]] = []
        for said in turns:
            if said.role == role and cards.is_mostly_digits(said.folded, said.runs) and not said.secrets:
                parts += [(said, number) for run in said.runs for number in run]
            elif said.role == role or said.mentions:
                _join(parts)
                parts = []
        _join(parts)


def _join(parts: Sequence[tuple[Said, spoken.Number]]) -> None:
    for found in cards.windows([number.digits for _, number in parts], whole=False):
        card = "".join(number.digits for _, number in parts[found])
        for said, number in parts[found]:
            said.add([Secret(number.start, number.end, CARD, card)])


def _passwords_beside(said: Said) -> Iterator[Secret]:
    for place, mention in enumerate(said.mentions):
        if mention.kind == PASSWORD:
            before = said.mentions[place - 1].end if place else 0
            after = said.mentions[place + 1].start if place + 1 < len(said.mentions) else len(said.folded)
            for start, end in passwords.beside(said.raw, said.folded, mention, (before, after)):
                yield Secret(start, end, PASSWORD, said.folded[start:end])


def _answers(said: Said, question: _Question) -> Iterator[Secret]:
    """What in `said` answers the open question."""
    if question.kind != PASSWORD:
        yield from codes.answers(said, question.kind)
        return
    for start, end in passwords.answer(said.raw, said.folded, wants_words=question.wants_words):
        yield Secret(start, end, PASSWORD, said.folded[start:end])


def _next_question(said: Said, question: _Question | None) -> _Question | None:
    """The question that is open after `said`: its own, the one before, or none."""
    last = said.mentions[-1] if said.mentions else None
    if last and last.kind == OTHER:
        return None
    if last and not any(
        secret.kind == last.kind and secret.end > last.start - _NAMED_BEFORE for secret in said.secrets
    ):
        asks_words = passwords.is_asked_for(said.folded, last)
        return _Question(last.kind, _PATIENCE, asks_words) if is_asked(said.folded, last) else None
    if question and question.turns_left > 1:
        return question._replace(turns_left=question.turns_left - 1)
    return None


def _read_echoes(turns: Sequence[Said]) -> None:
    """Secrets that were said again: by the other side at once, or, if they are long, anywhere."""
    found = [list(said.secrets) for said in turns]
    for place, said in enumerate(turns):
        near = [secret for secrets in found[max(0, place - _ECHO) : place + 2] for secret in secrets]
        _repeat(said, _Told.of(near, shortest=3))
    told = _Told.of(chain.from_iterable(found), shortest=_LONG, everywhere=True)
    for said in turns:
        _repeat(said, told)


def _repeat(said: Said, told: _Told) -> None:
    """Find in `said` the secrets that were `told`, and the groups of a card number but its last."""
    if not told.kinds:
        return
    for piece in said.pieces():
        value = spoken.digits(piece)
        kind = told.kinds.get(value) or (CARD if value in told.groups else None)
        if kind and not codes.is_other_number(said.folded, piece[0].start, piece[-1].end):
            said.add([Secret.of(piece, kind)])
    for value in told.words:
        said.add(Secret(*span, told.kinds[value], value) for span in _places(said.folded, value))


def _places(folded: str, value: str) -> Iterator[tuple[int, int]]:
    """Where `value` stands as a word of its own."""
    start = folded.find(value)
    while start >= 0:
        end = start + len(value)
        if not (folded[max(0, start - 1) : start].isalnum() or folded[end : end + 1].isalnum()):
            yield start, end
        start = folded.find(value, end)


@functools.lru_cache(maxsize=512)
def _groups(digits: str) -> frozenset[str]:
    """The parts of a card number, from four digits on, but for its last four: people know a card by them."""
    ends = range(_GROUP, len(digits) + 1)
    parts = {digits[start:end] for end in ends for start in range(end - _GROUP + 1)}
    return frozenset(parts - {digits[-_GROUP:]})
