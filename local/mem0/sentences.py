"""The facts that the stand-in extracts: the speaker's own sentences, without questions and pleasantries.

Mem0 Cloud asks a language model; there is none here.
"""
# ruff: noqa: RUF001 - quotation marks, dashes and full stops of several scripts are what it splits at

import re
from collections.abc import Iterable

from local.mem0.english import ABBREVIATIONS, FILLERS, PLEASANTRIES

FEWEST_WORDS = 3
FEWEST_CHARACTERS = 8
FEWEST_SIGNS = 6  # of a script without spaces between words

_END = re.compile(r"(?P<mark>[.!?…]+)[\"')\]”’»]*(?=\s)|(?P<wide>[。！？]+)[」』”]*")
_QUESTION = re.compile(r"[?？؟][\"')\]”’»」』\s]*$")
_LEAD = re.compile(rf"^(?:{FILLERS})+", re.IGNORECASE)


def facts(texts: Iterable[str]) -> list[str]:
    """Return the statements in what one speaker said, in order, each once, none of them a pleasantry."""
    found: dict[str, str] = {}
    for sentence in (sentence for text in texts for sentence in split(text)):
        if statement := _statement(sentence):
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
    return word not in ABBREVIATIONS and not initial and not after.lstrip()[:1].islower()


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
    if all(word.replace("’", "'") in PLEASANTRIES for word in words):
        return ""
    return statement[0].upper() + statement[1:]
