"""Passwords: known only by the words around them, because they can be anything.

It looks for where one is named or asked for and takes what follows, up to the end of the clause. Sentences about
passwords stay: "my password is wrong".
"""

import re
from collections.abc import Iterator

from post_call.redaction import spelling
from post_call.redaction.text import Mention, Secret, Text, sentence_around
from post_call.redaction.vocabulary import ASKS_FOR_WORDS, NO_PASSWORD, OFFERS, PASSWORD, pattern

_COPULA = re.compile(
    r"(?:\s(?!(?:is|was|ist|es|est)\b)[\w'-]{1,15}){0,5}?\s?"
    r"(?:'s|\bis|\bwas|\bas|\bto|\bist|\bwar|\blautet|\bauf|\bes|\bera|\best|\betait|[:=])"
    r"(?:\s(?:now|still|just|actually|simply|jetzt|ahora|maintenant))?[\s,:]+"
)
_LEAD_IN = re.compile(
    r"(?:(?:sure|okay|ok|yes|yeah|well|um|uh|so|ja|also|si|oui|alors|bueno|of course|naturlich|claro)[,.: ]+)*"
    r"(?:(?:it|that|this|my password|the password|password|es|das|mein passwort|das passwort|c|ce)"
    r"(?:'s| is| would be| should be| ist| lautet| est|'est) |es |is )?(?:now |just )?"
)
_CHUNK = re.compile(r"\S+")
_CLAUSE_END = re.compile(
    r"[.,;!?](?:\s|$)|\s(?:and|but|so|because|could|can|please|before|when|und|aber|bevor|y|pero|et|mais|avant)\s"
    r"(?:i|i'm|my|the|it|you|we|he|she|that|this|then|what|how|could|can|please|ich|mein\w*|der|die|das|es|mi|el|la|yo"
    r"|mon|ma|je|le|que)\b"
)
_QUOTED = re.compile(r"[\"“„«'‘]([^\"”“»'’]{1,60})[\"”“»'’]")  # noqa: RUF001 - quotation marks
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|am|pm|h|kg|g|km|cm|mm|m|er|e|eme|s|x|gb|mb)?")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_PARTICIPLE = re.compile(r"[a-z]{4,}(?:ed|ing)")
_APPOSITION = re.compile(
    r",? [A-ZÀ-Þ][\w'-]{2,30}(?: \w+)?(?:[.,;!?)]|$| (?:and|und|y|et|before|for|to|when|but)\b)"
)
_AHEAD = re.compile(
    r"(\S+) (?:is|was|as|ist|als|es|como|est|comme) (?:my|the|our|mein|das|mi|la|mon|le) (?:\w{1,12} )?$"
)
_SHORT_ANSWER = 12  # words
_LONGEST = 80  # characters
_LONGEST_SPELLED = 300
_LEAST_SPELLED = 4  # letters


def beside(text: Text) -> None:
    """Note the passwords that stand beside their names: "the password is hunter2", "hunter2 is my password"."""
    for place, mention in enumerate(text.mentions):
        if mention.kind == PASSWORD:
            before = text.mentions[place - 1].end if place else 0
            after = text.mentions[place + 1].start if place + 1 < len(text.mentions) else len(text.raw)
            text.add(_beside(text, mention, before, after))


def answers(text: Text, *, any_words: bool) -> Iterator[Secret]:
    """The passwords in the turn after one was spoken of.

    Args:
        text: the turn.
        any_words: the password itself was asked for, so a short answer is it. Otherwise only what looks like a
            password (letters with digits or signs) is one.
    """
    spelled = _spelled(text, 0, len(text.raw))
    if spelled:
        yield spelled
        return
    lead = _LEAD_IN.match(text.folded)
    start = lead.end() if lead else 0
    if any_words and len(text.folded.split()) <= _SHORT_ANSWER:
        found = _value(text, start, len(text.raw), strong_only=False)
        if found:
            yield _secret(text, *found)
            return
    for chunk in _CHUNK.finditer(text.folded):
        edges = _edges(chunk)
        if _is_strong(text.raw[slice(*edges)]):
            yield _secret(text, *edges)


def is_asked_for(text: Text, mention: Mention) -> bool:
    """Whether the sentence with `mention` asks for the password itself, so that any answer may be it."""
    sentence = sentence_around(text.folded, mention.start, mention.end)
    short = len(text.folded) - mention.end < 4 and len(text.folded) < 40  # noqa: PLR2004 - "And the password?"
    return (short or bool(pattern(ASKS_FOR_WORDS).search(sentence))) and not pattern(OFFERS).search(sentence)


def _secret(text: Text, start: int, end: int) -> Secret:
    return Secret(start, end, PASSWORD, text.folded[start:end])


def _beside(text: Text, mention: Mention, before: int, after: int) -> Iterator[Secret]:
    folded = text.folded
    copula = _COPULA.match(folded, mention.end, min(after, mention.end + _LONGEST))
    start = copula.end() if copula else mention.end
    start += len(folded[start:after]) - len(folded[start:after].lstrip(" ,:=-"))
    written = folded[max(0, start - 2) : start].rstrip()[-1:] in {":", "="}
    named = copula or (_APPOSITION.match(text.raw, mention.end) and text.folded[start : start + 1].isalpha())
    spelled = _spelled(text, start, after)
    found = _value(text, start, after, strong_only=not named, any_word=written, one_word=not copula)
    ahead = _AHEAD.search(folded, max(before, mention.start - _LONGEST), mention.start)
    if spelled:
        yield spelled
    elif found:
        yield _secret(text, *found)
    elif ahead and ahead[1].strip("\"'.,") not in NO_PASSWORD:
        yield _secret(text, *ahead.span(1))


def _spelled(text: Text, start: int, end: int) -> Secret | None:
    """The first four letters or more that are spelled out one by one."""
    for run in spelling.runs(text.raw, text.folded, start, min(end, start + _LONGEST_SPELLED)):
        letters = sum(len(found.digits) == 1 and found.digits.isalpha() for found in run)
        if letters >= _LEAST_SPELLED:
            return Secret.of(run, PASSWORD)
    return None


def _value(  # noqa: PLR0913 - three kinds of caution
    text: Text, start: int, end: int, *, strong_only: bool, any_word: bool = False, one_word: bool = False
) -> tuple[int, int] | None:
    """The password that begins at `start`: in quotes, one strong chunk, or words to the end of the clause."""
    folded = text.folded
    quoted = _QUOTED.match(text.raw, start, end)
    if quoted:
        return quoted.span(1)
    chunk = _CHUNK.match(folded, start, end)
    if not chunk:
        return None
    edges = _edges(chunk)
    if _is_strong(text.raw[slice(*edges)]):
        return edges
    word = folded[slice(*edges)]
    if strong_only or not word or (word in NO_PASSWORD and not any_word) or _MAIL.fullmatch(word):
        return None
    if one_word and not any_word:
        return edges
    clause = _CLAUSE_END.search(folded, start, min(end, start + _LONGEST))
    finish = clause.start() if clause else min(end, start + _LONGEST)
    finish = start + len(folded[start:finish].rstrip(" .,;!?"))
    if _PARTICIPLE.fullmatch(word) and len(folded[start:finish].split()) > 1:
        return None
    return None if _PARTICIPLE.fullmatch(folded[start:finish]) else (start, finish)


def _edges(chunk: re.Match[str]) -> tuple[int, int]:
    """The chunk without the punctuation around it."""
    text = chunk.group()
    left = len(text) - len(text.lstrip("\"'“„«([{<"))
    inner = text.rstrip("\"'”»)]}>.,;:?")
    return chunk.start() + left, chunk.start() + max(left, len(inner))


def _is_strong(chunk: str) -> bool:
    """Whether a chunk looks like a password by itself: letters with digits, with signs, or in odd case."""
    letters = any(map(str.isalpha, chunk))
    if len(chunk) < 4 or not letters or _ORDINAL.fullmatch(chunk.lower()) or _MAIL.fullmatch(chunk):  # noqa: PLR2004
        return False
    signs = any(sign in chunk[:-1] for sign in "!@#$%^&*_+=~|")
    return signs or any(map(str.isdecimal, chunk)) or re.search(r"[a-zß-ÿ][A-Z]", chunk) is not None
