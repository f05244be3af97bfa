"""What the stand-in keeps of a conversation for ``infer=true``: the speaker's own sentences, word for word.

Mem0 Cloud asks a language model for the facts. There is none here, so this module only splits sentences and
leaves out what is plainly no fact: questions, greetings, fillers, very short answers. It is deterministic,
and it refuses to rewrite anything but a leading "well, um,".
"""
# ruff: noqa: RUF001 - quotation marks, dashes and full stops of several scripts are what it splits at

import re
from collections.abc import Iterable
from typing import Any

FEWEST_WORDS = 3
FEWEST_CHARACTERS = 8
FEWEST_SIGNS = 6  # of a script without spaces between words

_END = re.compile(r"(?P<mark>[.!?…]+)[\"')\]”’»]*(?=\s)|(?P<wide>[。！？]+)[」』”]*")
_QUESTION = re.compile(r"[?？؟][\"')\]”’»」』\s]*$")
_ABBREVIATIONS = frozenset(
    """
    approx apt ave blvd bzw ca co dept dr e.g i.e inc jr ltd mr mrs ms no nr prof rd sr st vs z.b
    """.split()
)
_LEAD = re.compile(
    r"^(?:(?:um+|uh+|uhm+|erm?|hm+)\b[\s,.…]*"
    r"|(?:yes|yeah|yep|yup|no|nope|ok|okay|so|well|oh|ah|hi|hello|hey|sure|right|alright|actually|please|thanks"
    r"|thank you|good (?:morning|afternoon|evening)|i mean|you know|let me see|let me think)\s*[,!…]+\s*)+",
    re.IGNORECASE,
)
_SOCIAL = frozenset(
    """
    a again ah all alright and appreciate are be bye day do evening everything fine for good goodbye got
    great have hello help helping hey hi how i i'd i'll i'm im is it it's its just know later let like
    lovely me mean moment morning much nice no nope not of oh ok okay one perfect please right see so
    soon sounds speak sure talk thank thanks that that'd that's thats the then there this time to today
    too uh um understand very wait we'll welcome well will wonderful would yeah yep yes you you're your
    yup
    """.split()
)


def facts(messages: Iterable[dict[str, Any]], role: str = "user") -> list[str]:
    """The statements of one speaker, in the order spoken, each once.

    Args:
        messages: ``{"role", "content"}`` each.
        role: Whose sentences to keep.

    Returns:
        Sentences, without line breaks, none of them a question or a pleasantry.
    """
    found: dict[str, str] = {}
    for message in messages:
        if message.get("role") == role:
            for sentence in split(str(message.get("content", ""))):
                statement = _statement(sentence)
                if statement:
                    found.setdefault(key(statement), statement)
    return list(found.values())


def key(sentence: str) -> str:
    """What two spellings of the same sentence have in common: words in small letters, no punctuation."""
    return " ".join(re.findall(r"\w+", sentence.casefold()))


def split(text: str) -> list[str]:
    """The sentences of ``text``; a line break always ends one, a full stop after an abbreviation does not."""
    sentences = []
    for line in text.splitlines():
        start = 0
        for end in _END.finditer(line):
            if end["mark"] == "." and not _ends_sentence(line[start : end.start()], line[end.end() :]):
                continue
            sentences.append(line[start : end.end()])
            start = end.end()
        sentences.append(line[start:])
    return [" ".join(sentence.split()) for sentence in sentences if sentence.strip()]


def _ends_sentence(before: str, after: str) -> bool:
    word = before.rsplit(maxsplit=1)[-1].strip("(\"'").casefold() if before.strip() else ""
    initial = len(word) == 1 and word.isalpha() and word != "i"
    return word not in _ABBREVIATIONS and not initial and not after.lstrip()[:1].islower()


def _statement(sentence: str) -> str:
    """The sentence without its leading fillers, or an empty string when it states nothing."""
    if _QUESTION.search(sentence):
        return ""
    statement = _LEAD.sub("", sentence).strip(" ,;-–—•*\t")
    words = re.findall(r"[\w'’]+", statement.casefold())
    spaced = " " in statement or statement.isascii()
    if spaced and (len(words) < FEWEST_WORDS or len(statement) < FEWEST_CHARACTERS):
        return ""
    if not spaced and len(statement) < FEWEST_SIGNS:
        return ""
    if all(word.replace("’", "'") in _SOCIAL for word in words):
        return ""
    return statement[0].upper() + statement[1:]
