"""Which facts about a caller are worth telling: those that hold today, once each, and which of them last."""

import functools
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
    r"(?:the caller's (?P<noun>[^.:]{1,60}?) (?:is|are) |(?P<title>[^\W\d][^.:?!]{0,60}): )\S", re.IGNORECASE
)
# Who a caller is, the household, health, work, and standing wishes; in English, German, Spanish and French.
_LASTING = (
    r"\b(?:name|surname|call(?:ed|s) (?:her|him|them)|heißt|llama|appelle|e-?mail (?:is|address)|"
    r"liv(?:es?|ing)|address|moved|born|birthday|wohn|adress|geboren|geburt|viv[ei]|direcci|naci|habit|né[e]?\b|anniv|"
    r"wife|husband|partner|married|divorced|widow|son|daughter|twin|child|kid|mother|father|parent|family|sister|"
    r"brother|grand|"
    r"(?:ehe)?frau|(?:ehe)?mann|sohn|tochter|kind|enkel|mutter|vater|famil|schwester|bruder|verwitwet|geschieden|"
    r"espos|marido|hij[oa]|niñ|niet[oa]|madre|padre|herman|viud|femme|mari\b|fils|fille|enfant|mère|père|sœur|frère|veu[fv]|"
    r"dogs?\b|cats?\b|pets?\b|hund|katze|haustier|perr[oa]|gat[oa]\b|mascota|chien|chat\b|"
    r"allerg|alérg|intoleran|diab|asthma|pregnan|schwanger|embaraz|enceinte|wheelchair|rollstuhl|pacemaker|schrittmacher|"
    r"silla de ruedas|fauteuil|deaf|hearing|blind\b|taub|sord|sourd|vegan|v[eé]g[eé]tar|kosher|halal|"
    r"prefer|préf[eè]r|bevorzug|prefier|always|never|immer|niemals|siempre|nunca|toujours|jamais|"
    r"work(?:s|ed)|employ|retire|profession|arbeit|beruf|rentn|trabaj|jubil|travaill|retrait|"
    r"speak|spricht|habla|parle)"
)
# What is so, and not what happened: "is a nurse", "hates to wait", "no come carne".
_STATE = (
    r"^(?:the (?:caller|user|customer)|\w+(?: (?-i:[A-ZÀ-Þ])\w+)?) (?:\w+s|are)\b|'s \w+ (?:is|are)\b|"
    r"\b(?:is (?:an?|on|not|afraid|hard|\w+-handed|\d+ years)|has (?:an?|no|not|two|three|four|\w+ disease)|"
    r"can(?:'t|not)|do(?:es)?(?: not|n't)|only|"
    r"ist|hat|mag|will|möchte|braucht|verträgt|isst|trinkt|hasst|liebt|kann (?:nicht|nur|kein\w*)|"
    r"es|\w+t (?:eine?n?|keine?n?)|\w+e (?:un|une|des|pas)|"
    r"tiene|quiere|necesita|odia|come|bebe|usa|gusta|puede|"
    r"est|veut|aime|déteste|mange|boit|utilise|peut|besoin)\b"
)
_PASSING = (
    r"\b(?:is \w+ing|(?:is|are) in|has \w+(?:ed|id|nt|ade|ought|one|en)|waits|expects|"
    r"was|were|has been|will be|tomorrow|today|tonight|next|last|ago|\w+day at|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|"
    r"lunes|martes|miércoles|jueves|viernes|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|"
    r"ge\w{3,}(?:t|en)\b|hat .{0,40}\b(?:ver|be)\w{2,}(?:t|en)\b|\w+(?:iert|stellt|schwert)\b|"
    r"(?:a|est|sont|ont) \w+(?:é|ée|és|ées|i|u)\b|está|dollars?|euros?)\b|[$€£]"
)


def is_about_the_caller(fact: Memory) -> bool:
    """Whether a fact says who the caller is, or a standing wish: it matters long after its call."""
    return _patterns()[0].search(fact.text) is not None


def is_state(fact: Memory) -> bool:
    """Whether a fact says what is so, and not what happened."""
    _, state, passing = _patterns()
    return state.search(fact.text) is not None and not passing.search(fact.text)


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Compiled when a caller has more facts than fit, not while the phone rings for others."""
    return tuple(re.compile(words, re.IGNORECASE) for words in (_LASTING, _STATE, _PASSING))


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
