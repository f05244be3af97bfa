"""Which facts about a caller are worth telling: those that hold today, once each, and which of them last."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from shared.memory import Memory
from shared.words import terms

_SAID = 0.85  # share of a fact's words in another text, from which on that text says it too
_PLACING_WORDS = 4
_NEGATION = re.compile(
    r"\b(?:not?|never|none|without|cannot|\w+n't|kein\w*|nicht|nie|ohne|nunca|sin|pas|jamais|sans)\b"
)
# "The caller's home city is Bonn.", "Home city: Bonn.": what PostCall makes of collected data.
_FIELD = re.compile(
    r"(?:the caller's (?P<noun>[^.:]{1,60}?) is |(?P<title>[^\W\d][^.:?!]{0,60}): )\S", re.IGNORECASE
)
# Who a caller is, the household, health, work, and standing wishes; in English, German, Spanish and French.
_LASTING = re.compile(
    r"\b(?:name|call(?:ed|s) (?:her|him|them)|heißt|llama|appelle|"
    r"liv(?:es?|ing)|address|moved|born|birthday|wohn|adress|geboren|geburt|viv[ei]|direcci|naci|habit|né[e]?\b|anniv|"
    r"wife|husband|partner|married|widow|son|daughter|child|kid|mother|father|parent|family|sister|brother|grand|"
    r"(?:ehe)?frau|(?:ehe)?mann|sohn|tochter|kind|mutter|vater|famil|schwester|bruder|"
    r"espos|marido|hij[oa]|niñ|madre|padre|herman|femme|mari\b|fils|fille|enfant|mère|père|sœur|frère|"
    r"dog|cat|pet|hund|katze|haustier|perr[oa]|gat[oa]|mascota|chien|chat|"
    r"allerg|alérg|intoleran|diabet|asthma|pregnan|schwanger|embaraz|enceinte|wheelchair|rollstuhl|"
    r"silla de ruedas|fauteuil|deaf|blind|taub|sord|sourd|vegan|v[eé]g[eé]tar|kosher|halal|"
    r"prefer|préf[eè]r|bevorzug|prefier|always|never|immer|niemals|siempre|nunca|toujours|jamais|"
    r"work(?:s|ed)|employ|retire|profession|arbeit|beruf|rentn|trabaj|jubil|travaill|retrait|"
    r"speak|spricht|habla|parle)",
    re.IGNORECASE,
)


def is_lasting(fact: Memory) -> bool:
    """Whether a fact still matters long after its call: who the caller is, or a standing wish."""
    return _LASTING.search(fact.text) is not None


class Statement:
    """What a text tells: its telling words, whether it denies something, the collected field it gives."""

    def __init__(self, text: str) -> None:
        self.words = frozenset(terms(text))
        self.denies = _NEGATION.search(text.casefold()) is not None
        field = _FIELD.match(text)
        self.field = (field["noun"] or field["title"]).casefold() if field else ""


class Told:
    """What a prompt tells already."""

    def __init__(self) -> None:
        self._by_word: defaultdict[str, list[Statement]] = defaultdict(list)
        self._fields: set[str] = set()

    def add(self, statement: Statement) -> None:
        """Note that the prompt tells `statement`."""
        for word in statement.words:
            self._by_word[word].append(statement)
        if statement.field:
            self._fields.add(statement.field)

    def says(self, fact: Statement) -> bool:
        """Whether the prompt tells `fact` already, or a newer value of the same collected field."""
        if fact.field in self._fields:
            return True
        # What says it holds nearly all of its words, so also one of the two rarest.
        rarest = sorted(fact.words, key=lambda word: len(self._by_word[word]))[:2]
        least = _SAID * len(fact.words)
        return any(
            other.denies is fact.denies and len(fact.words & other.words) >= least
            for word in rarest
            for other in self._by_word[word]
        )


def as_said(facts: Sequence[Memory], passages: Iterable[Memory]) -> list[Memory]:
    """`facts`, those of one call in the order in which its passages speak of them."""
    said: defaultdict[object, str] = defaultdict(str)
    for passage in sorted(passages, key=lambda passage: passage.place):
        said[passage.created] += passage.text.casefold()

    def place(fact: Memory) -> int:
        """About where in its call the fact was said: where most of its long words stand."""
        call = said[fact.created]
        words = sorted(fact.text.casefold().strip(".").split(), key=len)[-_PLACING_WORDS:]
        found = sorted(at for word in words if (at := call.find(word)) >= 0)
        return found[len(found) // 2] if found else len(call)

    first: dict[object, int] = {}
    for number, fact in enumerate(facts):
        first.setdefault(fact.created, number)
    return sorted(facts, key=lambda fact: (first[fact.created], place(fact)))
