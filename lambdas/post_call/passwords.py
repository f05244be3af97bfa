"""Passwords in what was said: known only by the words around them.

A password can be anything, so this looks for where one is named and takes what follows, up to the end of the
clause. It leaves sentences about passwords alone: "my password is wrong".
"""

import re
from collections.abc import Iterator

from post_call.secret_words import NO_VALUE, Mention, asks_for_password

_COPULA = re.compile(
    r"(?:\s(?!(?:is|was|ist|es|est)\b)[\w'-]{1,15}){0,5}?\s?"
    r"(?:'s|\bis|\bwas|\bas|\bto|\bist|\bwar|\blautet|\bauf|\bes|\bera|\best|\betait|[:=])"
    r"(?:\s(?:now|still|just|actually|simply|jetzt|ahora|maintenant))?[\s,:]+"
)
_LEAD_IN = re.compile(
    r"(?:(?:sure|okay|ok|yes|yeah|well|um|uh|so|ja|also|si|oui|alors|bueno|of course|naturlich|claro)[,. ]+)*"
    r"(?:(?:it|that|this|my password|the password|password|es|das|mein passwort|das passwort|c|ce)"
    r"(?:'s| is| would be| should be| ist| lautet| est|'est) |es |is )?(?:now |just )?"
)
_CHUNK = re.compile(r"\S+")
_CLAUSE_END = re.compile(
    r"[.,;!?](?:\s|$)|\s(?:and|but|so|because|could|can|please|und|aber|y|pero|et|mais)\s"
    r"(?:i|i'm|my|the|it|you|we|he|she|that|this|then|what|how|could|can|please|ich|mein\w*|der|die|das|es|mi|el|la|yo"
    r"|mon|ma|je|le|que)\b"
)
_QUOTED = re.compile(r"[\"“„«']([^\"”“»']{1,60})[\"”“»']")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|am|pm|h|kg|g|km|cm|mm|m|er|e|eme|s|x|gb|mb)?")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_PARTICIPLE = re.compile(r"[a-z]{4,}(?:ed|ing)")
_SHORT_ANSWER = 12
_LONGEST = 80
_AHEAD = re.compile(
    r"(\S+) (?:is|was|as|ist|als|es|como|est|comme) (?:my|the|our|mein|das|mi|la|mon|le) (?:\w{1,12} )?$"
)


def is_asked_for(folded: str, mention: Mention) -> bool:
    """Whether the turn with `mention` asks for the password itself."""
    return asks_for_password(folded, mention)


def beside(raw: str, folded: str, mention: Mention, bounds: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Where the password stands that `mention` names: behind it ("is hunter2") or ahead ("hunter2 is my").

    Args:
        raw: the text.
        folded: the same, folded.
        mention: the word for a password.
        bounds: where the mention before this one ends, and where the next one starts.
    """
    before, after = bounds
    copula = _COPULA.match(folded, mention.end, min(after, mention.end + _LONGEST))
    start = copula.end() if copula else mention.end
    start += len(folded[start:after]) - len(folded[start:after].lstrip(" ,:=-"))
    written = folded[max(0, start - 2) : start].rstrip()[-1:] in {":", "="}
    found = _value(raw, folded, (start, after), strong_only=copula is None, any_word=written)
    ahead = _AHEAD.search(folded, max(before, mention.start - _LONGEST), mention.start)
    if found:
        yield found
    elif ahead and ahead[1].strip("\"'.,") not in NO_VALUE:
        yield ahead.start(1), ahead.end(1)


def answer(raw: str, folded: str, *, wants_words: bool) -> Iterator[tuple[int, int]]:
    """Where the password stands in the turn after it was spoken of.

    A chunk that looks like one (letters with digits or signs) is taken in any case; words only if they were
    asked for and the answer is short.
    """
    lead = _LEAD_IN.match(folded)
    start = lead.end() if lead else 0
    if wants_words and len(folded.split()) <= _SHORT_ANSWER:
        found = _value(raw, folded, (start, len(folded)), strong_only=False)
        if found:
            yield found
            return
    for chunk in _CHUNK.finditer(folded):
        edges = _edges(chunk)
        if _is_strong(raw[slice(*edges)]):
            yield edges


def _value(
    raw: str, folded: str, bounds: tuple[int, int], *, strong_only: bool, any_word: bool = False
) -> tuple[int, int] | None:
    """The password that begins at `start`: in quotes, one strong chunk, or words to the end of the clause."""
    start, end = bounds
    quoted = _QUOTED.match(raw, start, end)
    if quoted:
        return quoted.span(1)
    chunk = _CHUNK.match(folded, start, end)
    if not chunk:
        return None
    edges = _edges(chunk)
    if _is_strong(raw[slice(*edges)]):
        return edges
    word = folded[slice(*edges)]
    if strong_only or not word or (word in NO_VALUE and not any_word) or _MAIL.fullmatch(word):
        return None
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
