"""Passwords: known only by the words around them, because they can be anything.

Where one is named or asked for, what follows is taken, up to the end of the clause. Sentences about passwords
stay: "my password is wrong".
"""

import re
from collections.abc import Iterator

from post_call.redaction import spelling
from post_call.redaction.text import Mention, Secret, Text, sentence_around
from post_call.redaction.vocabulary import NO_PASSWORD, PASSWORD, pattern, phrases

_COPULA = re.compile(
    rf"(?:\s(?:(?:{phrases('prepositions')})\s(?:(?:{phrases('articles')})\s)?)?"
    rf"(?!(?:{phrases('articles')}|{phrases('copulas')}|{phrases('and')}))[\w'-]{{1,15}}){{0,5}}?[\s,]{{0,2}}"
    rf"(?:'s|\b(?:it|that|das|c)(?:'s|\sis|'est|\sist)|{phrases('copulas')}|(?P<to>\bto|\bauf)\b|[:=])"
    r"(?:\s(?:now|still|just|always|actually|simply|jetzt|immer|fruher|ahora|siempre|maintenant|toujours))?[\s,:]+"
)
_TYPED = re.compile(
    rf"(?:{phrases('types')}|(?P<into>{phrases('into')}))\s(?:it\s|in\s|the\s)?(?P<value>\S+)"
)
_LEAD_IN = re.compile(
    r"(?:(?:sure|ok|okay|yeah|yes|well|u[mh]|so|ja|also|si|oui|alors|bueno|of course|claro)[,.: ]+)*"
    r"(?:(?:it|that|this|my password|the password|password|es|das|mein passwort|das passwort|c|ce)"
    r"(?:'s| is| would be| should be| ist| lautet| est|'est) |es |is )?(?:now |just )?"
)
_CHUNK = re.compile(r"\S+")
_CLAUSE_END = re.compile(
    r"[.,;!?](?:\s|$)"
    r"|\s(?:and|but|so|because|could|can|please|before|when|und|aber|bevor|y|pero|et|mais|avant)\s"
    r"(?:i|i'm|my|the|it|you|we|he|she|that|this|then|what|how|could|can|please|ich|mein\w*|der|die|das|es|mi|el|la"
    r"|yo|mon|ma|je|le|que)\b"
)
_QUOTED = re.compile(r"[\"“„«'‘]([^\"”“»'’]{1,60})[\"”“»'’]")  # noqa: RUF001 - quotation marks
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|am|pm|h|kg|g|km|cm|mm|m|er|e|eme|s|x|gb|mb)?")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_PARTICIPLE = re.compile(r"[a-z]{4,}(?:ed|ing)")
_APPOSITION = re.compile(
    r",? [A-ZÀ-Þ][\w'-]{2,30}(?: \w+)?(?:[.,;!?)]|$| (?:and|und|y|et|before|for|to|when|but)\b)"
)
_BETWEEN_COMMAS = re.compile(r", [a-z0-9'-]{3,30}(?<!ly),")
_AHEAD = re.compile(
    r"(\S+) (?:is|was|as|ist|als|es|como|est|comme) (?:my|the|our|mein|das|mi|la|mon|le) (?:\w{1,12} )?$"
)
_SHORT_ANSWER = 12  # words
_ANY = 80  # words
_LONGEST = 80  # characters
_LONGEST_SPELLED = 300
_LEAST_SPELLED = 4  # characters


def beside(text: Text) -> None:
    """Note the passwords beside their names: "the password is hunter2", "hunter2 is my password"."""
    for place, mention in enumerate(text.mentions):
        if mention.kind == PASSWORD:
            before = text.mentions[place - 1].end if place else 0
            after = text.mentions[place + 1].start if place + 1 < len(text.mentions) else len(text.raw)
            text.add(_beside(text, mention, before, after))


def answers(text: Text, *, any_words: bool) -> Iterator[Secret]:
    """The passwords in the turn after one was spoken of.

    Args:
        text: the turn.
        any_words: the password itself was asked for, so a short answer is it. Otherwise only what looks
            like a password (letters with digits or signs) is one.
    """
    spelled = _spelled(text, 0, len(text.raw))
    if spelled:
        yield spelled
        return
    lead = _LEAD_IN.match(text.folded)
    start = lead.end() if lead else 0
    if any_words and len(text.folded.split()) <= _SHORT_ANSWER:
        found = _value(text, start, len(text.raw), _ANY)
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
    asks = short or pattern("asks_for_words").search(sentence) is not None
    return asks and not pattern("offers").search(sentence)


def _secret(text: Text, start: int, end: int) -> Secret:
    return Secret(start, end, PASSWORD, text.folded[start:end])


def _beside(text: Text, mention: Mention, before: int, after: int) -> Iterator[Secret]:
    folded = text.folded
    sentence = sentence_around(folded, mention.start, mention.end)
    copula = _COPULA.match(folded, mention.end, min(after, mention.end + _LONGEST))
    changes = pattern("changes").search(sentence) is not None
    if copula and copula["to"] and not changes:
        copula = None
    start = copula.end() if copula else mention.end
    start += len(folded[start:after]) - len(folded[start:after].lstrip(" ,:=-"))
    written = folded[max(0, start - 2) : start].rstrip()[-1:] in {":", "="}
    apposition = _APPOSITION.match(text.raw, mention.end) and folded[start : start + 1].isalpha()
    if not text.role and not apposition:
        apposition = _BETWEEN_COMMAS.match(folded, mention.end) is not None
    spelled = _spelled(text, start, after)
    found = _value(text, start, after, _ANY if copula else int(bool(apposition)), any_word=written)
    ahead = _AHEAD.search(folded, max(before, mention.start - _LONGEST), mention.start)
    if spelled:
        yield spelled
    elif found:
        yield _secret(text, *found)
    elif ahead and ahead[1].strip("\"'.,¿¡?!") not in NO_PASSWORD:
        yield _secret(text, *ahead.span(1))
    for typed in _TYPED.finditer(folded, mention.end, min(after, mention.end + _LONGEST)):
        edges = _edges(typed, "value")
        if (changes or not typed["into"]) and _is_strong(text.raw[slice(*edges)]):
            yield _secret(text, *edges)


def _spelled(text: Text, start: int, end: int) -> Secret | None:
    """The first four characters or more that are spelled out one by one, letters among them."""
    for run in spelling.runs(text.raw, text.folded, start, min(end, start + _LONGEST_SPELLED)):
        characters = [found.digits for found in run if len(found.digits) == 1]
        if len(characters) >= _LEAST_SPELLED and sum(map(str.isalpha, characters)) > 1:
            return Secret.of(run, PASSWORD)
    return None


def _value(
    text: Text, start: int, end: int, most_words: int, *, any_word: bool = False
) -> tuple[int, int] | None:
    """The password that begins at `start`: in quotes, one strong chunk, or words to the end of the clause.

    With `any_word`, it may also be a word that mostly says something about a password.
    """
    quoted = _QUOTED.match(text.raw, start, end)
    chunk = _CHUNK.match(text.folded, start, end)
    if quoted or not chunk:
        return quoted.span(1) if quoted else None
    edges = _edges(chunk)
    word = text.folded[slice(*edges)]
    if _is_strong(text.raw[slice(*edges)]):
        return edges
    no_password = (
        _MAIL.fullmatch(word)
        or _PARTICIPLE.fullmatch(word)
        or (word.rstrip("!") in NO_PASSWORD and not any_word)
    )
    if not word or no_password or most_words < _ANY:
        return edges if word and most_words and not no_password else None
    end = min(end, start + _LONGEST)
    clause = _CLAUSE_END.search(text.folded, start, end)
    return start, start + len(text.folded[start : clause.start() if clause else end].rstrip(" .,;!?"))


def _edges(chunk: re.Match[str], group: int | str = 0) -> tuple[int, int]:
    """The chunk without the punctuation around it."""
    text = chunk.group(group)
    left = len(text) - len(text.lstrip("\"'“„«([{<"))
    inner = text.rstrip("\"'”»)]}>.,;:?")
    return chunk.start(group) + left, chunk.start(group) + max(left, len(inner))


def _is_strong(chunk: str) -> bool:
    """Whether a chunk looks like a password by itself: letters with digits, with signs, or in odd case."""
    letters = any(map(str.isalpha, chunk))
    if len(chunk) < 4 or not letters or _ORDINAL.fullmatch(chunk.lower()) or _MAIL.fullmatch(chunk):  # noqa: PLR2004
        return False
    signs = any(sign in chunk[:-1] for sign in "!@#$%^&*_+=~|")
    return signs or any(map(str.isdecimal, chunk)) or re.search(r"[a-zß-ÿ][A-Z]", chunk) is not None
