"""What may be taken for a person's name, and which names are one person's."""

import functools
import re
import unicodedata
from collections.abc import Iterable

from shared.name_words import (
    NEVER_IN_A_NAME,
    NEVER_IN_AN_EAST_ASIAN_NAME,
    PARTICLES,
    SELDOM_IN_A_NAME,
    TITLES,
)
from shared.text import plain_text

_LONGEST = 60
_REMARK = re.compile(r"\s*\([^()]*\)$")
_MOST_WORDS = 5
_LONGEST_WORD = 24
_LONGEST_EAST_ASIAN = 6  # characters of a name in Chinese, Japanese or Korean; what is longer is a sentence
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[^\W\d_])(?=[A-Z])")
_JOINTS = re.compile("['\u2019 -]")
_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "'": "", "\u2019": ""})
_SOUNDS = (
    ("(?<=[aou])e(?!$)", ""),
    ("ph|v|w", "f"),
    ("th", "t"),
    ("sch|sh", "s"),
    ("ck|c(?=[^eiyh]|$)|q", "k"),
    ("ch(?=r)", "k"),
    ("c(?=[eiy])|z", "s"),
    ("(?<=.)h", ""),
    ("ai|ay|ey|ei|ie|ee|y", "i"),
    (r"(.)\1", r"\1"),
)
"""Spellings that sound alike in one language or another, and the one that stands for them; in this order."""


def person_name(value: object) -> str:
    """`value` on one line if it reads as a name, else an empty string; "Smith, John" as "John Smith".

    A name has at most five words of letters, apostrophes and hyphens, in one alphabet, each with a capital
    letter but for particles ("van", "de"); one or two words may be all in small letters. Initials and titles
    may end with a period. It holds no word that makes it an instruction, or says that there is no name.
    Remarks in parentheses behind it are cut.
    """
    return _person_name(value) if isinstance(value, str) and len(value) <= _LONGEST else ""


@functools.lru_cache(maxsize=512)  # the memories of a call share a name
def _person_name(value: str) -> str:
    last, comma, first = _REMARK.sub("", plain_text(value)).partition(", ")
    name = f"{first} {last}" if comma else last
    words = _words(name)
    if words is None or not any(_is_telling(word) for word in words):
        return ""
    scripts = {_script(character) for word in words for character in word} - {""}
    if scripts <= _EAST_ASIAN:
        is_name = sum(map(len, words)) <= _LONGEST_EAST_ASIAN and not NEVER_IN_AN_EAST_ASIAN_NAME.search(name)
        return name if is_name else ""
    if len(scripts) > 1 or _is_instruction(words):
        return ""
    parts = name.split()
    small = [part for part in parts if part[0].islower() and _JOINTS.split(part)[0] not in PARTICLES]
    in_small_letters = len(small) == len(parts) <= 2  # noqa: PLR2004
    counted = [word for word in words if word not in PARTICLES]
    return name if len(counted) <= _MOST_WORDS and (not small or in_small_letters) else ""


def _words(name: str) -> list[str] | None:
    """The words of `name`, which may be joined by hyphens and apostrophes; None if one is no word."""
    words = []
    for part in _JOINTS.split(name):
        word = part.rstrip(".")
        dotted = part != word
        for piece in word.split(".") if dotted else [word]:
            is_title = _folded(piece) in _FOLDED_TITLES
            if not _is_word(piece) or (dotted and len(piece) > 1 and not is_title):
                return None
            words.append(piece)
    return words


def _is_word(text: str) -> bool:
    """Whether `text` is letters with their marks, as Indian and Thai vowels are."""
    categories = [unicodedata.category(character)[0] for character in text]
    return 0 < len(text) <= _LONGEST_WORD and categories[0] == "L" and set(categories) <= {"L", "M"}


def _is_telling(word: str) -> bool:
    """Whether a word can be all of a name: neither an initial nor a title."""
    return (len(word) > 1 or _script(word) in _EAST_ASIAN) and _folded(word) not in _FOLDED_TITLES


def _is_instruction(words: Iterable[str]) -> bool:
    """Whether one of `words` is never a part of a name, or two seldom are; "SayYes" is two words."""
    seldom = 0
    for word in words:
        humps = [word] if word.isupper() else _HUMP.split(word)
        parts = {_folded(part) for part in (word, *humps)}
        if len(humps) > 2 or parts & _NEVER:  # noqa: PLR2004 - "McDonald" has two
            return True
        seldom += bool(parts & SELDOM_IN_A_NAME)
    return seldom > 1


def _script(character: str) -> str:
    """The alphabet of a letter, which is the first word of its Unicode name; empty for marks."""
    is_mark = unicodedata.category(character) not in {"Lu", "Ll", "Lt", "Lo"}
    return "" if is_mark else unicodedata.name(character, "?").split()[0]


def same_person(name: str, other: str) -> bool:
    """Whether two names may be one person's: spelled otherwise, shortened, or without the last name.

    "Jon", "J. Smith", "John Smith" and "SMITH, John" are; "Maria" and "Mario", "Mr. Keller" and "Mrs. Keller"
    are not, nor is a surname alone that several people of a household have.
    """
    (ours, our_title), (theirs, their_title) = _sounds(name), _sounds(other)
    if not ours or not theirs:
        return True
    if our_title and their_title and our_title != their_title:
        return False
    if len(ours) == 1 or len(theirs) == 1:
        return _alike(ours[0], theirs[0])
    if _alike(ours[0], theirs[0]):
        fewer, more = sorted((ours[1:], theirs[1:]), key=len)
        return all(any(_alike(word, one) for one in more) for word in fewer if len(word) > 1) and (
            _alike(ours[-1], theirs[-1]) or len(fewer) < len(more)
        )
    return ours[0] == theirs[-1] and ours[-1] == theirs[0]


def _alike(word: str, other: str) -> bool:
    """Whether two words sound alike, or one is the other's initial."""
    shorter, longer = sorted((word, other), key=len)
    return word == other or (len(shorter) == 1 and longer.startswith(shorter))


def _sounds(name: str) -> tuple[list[str], str]:
    """A name's words as they sound, roughly, the last name last; and what its titles say."""
    last, _, first = name.partition(",")
    words = _WORD.findall(_folded(f"{first} {last}".casefold().translate(_LETTERS)))
    titles = "".join(_FOLDED_TITLES.get(word, "") for word in words)[:1]
    named = [_sound(word) for word in words if word not in _FOLDED_TITLES]
    return named or [_sound(word) for word in words], titles if len(named) == 1 else ""


def _sound(word: str) -> str:
    for spelling, sound in _SOUNDS:
        word = re.sub(spelling, sound, word)
    return word


def _folded(word: str) -> str:
    """A word in small letters without accents."""
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in letters if not unicodedata.combining(character))


_NEVER = frozenset(map(_folded, NEVER_IN_A_NAME))
_FOLDED_TITLES = {_folded(title): says for title, says in TITLES.items()}
