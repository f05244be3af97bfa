"""Calls that leave no memory, because no person answered: silence, "hello?", an answering machine, an announcement.

A lost call is final and a stored announcement is litter, so a call counts as unanswered only if no turn of the other
end is a person's. Each turn is weighed: phrases of announcements against what only a person says. ElevenLabs' own
detection of voicemail is one piece of evidence among others.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from post_call.record import CallRecord
from post_call.redaction.numerals import fold

_SOUND = re.compile(r"[\[(<*][^\])>*]*[\])>*]|\b(?:beep|bip|piep)\b")
_GREETING = re.compile(
    r"\bgood (?:morning|afternoon|evening|day)\b|\bguten (?:tag|morgen|abend)\b|\bbuen[oa]s (?:dias|tardes|noches)\b"
    r"|\bis (?:there )?(?:any|some)(?:body|one)(?: there| here)?\b|\bwho(?: is|'s) (?:this|there|that)\b|\bare you there\b"
    r"|\bcan you hear me\b|\bwer ist da\b|\bist da jemand\b|\bquien es\b|\bhay alguien\b|\bqui est la\b|\by a quelqu'un\b"
    r"|\b(?:hello|hi|hey|hallo|hola|allo|bonjour|bonsoir|salut|ciao|moin|servus|bye|goodbye|tschuss|adios|au revoir"
    r"|h?m+|mhm|uh+|um+|er+m?|ah+m?|oh|eh|euh)\b"
)
_WORD = re.compile(r"[^\W\d_]+")
_NO_NAME = re.compile(
    r"\b[a-z\u00df-\u00ff]+|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b(?:Mon|Diens|Donners|Frei|Sams|Sonn)tag\b|\bMittwoch\b"
)
"""Words that an announcement does not say by chance: it may well begin with the name that the agent asked for."""
_DIGIT_WORD = re.compile(r"\d+|zero|oh?|one|two|three|four|five|six|seven|eight|nine")

_STRONG, _WEAK = 2, 1


def _phrases(text: str) -> re.Pattern[str]:
    """Any of the regular expressions in `text`, one on each line, as whole words."""
    return re.compile("|".join(rf"(?<!\w)(?:{line.strip()})(?!\w)" for line in text.strip().splitlines()))


# English, German, Spanish and French; folded: small letters, no accents.
_ANNOUNCES = _phrases(
    r"""
    (leave|drop|send)( me| us)?( a| your| another)?( short| brief| detailed)? (voice ?)?(message|mail)
    leave( me| us)? your name.*|(state|say|record) your (name|message)
    (after|at|following) the (tone|beep)|after the signal|you('ve| have)? reached|you('re| are) through to
    (mail ?box|voice ?mail)[^.]{0,40}(full|not (been )?set up)|voice ?mail(box)? (of|for)
    forwarded to (voice ?mail|an? \w+)|automat(ed|ic) (call|voice|message|system|service)
    (person|party|subscriber|customer|number) you('re| are|'ve| have)?( \w+)? (call|dial|try|reach)\w*( to reach)?
    not in service|been disconnected|screening service|calls? (is|are) being screened|copy of this (conversation|call)
    press (one|two|three|four|five|nine|zero|\d|pound|star|the pound|the star|any)
    call is important|(cannot|can't|could not) be completed|(dial|enter) (the|your) ext\w*|stay on the line
    all( of)?( our)? (agents|representatives|operators|lines) are.*
    nach dem (\w*ton|signal\w*|piep\w*)|(mailbox|anrufbeantworter|voicebox) (von|der)|hinterlass\w* (sie |uns |mir |bitte |eine? ).*
    \w*teilnehmer\w*|gesprachspartner\w*|kein anschluss|rufnummer (ist|existiert).*|(dem|den) anschluss von
    (unsere|alle)( unsere)? mitarbeiter|sprech\w* (sie |mir |uns )?(\w+ )?(nach|drauf|auf)( .*)?|drucken sie.*
    (deje|deja|dejanos|dejenos|dejeme|dejame) (su|un|tu)( mensaje| recado)|despues (de la|del) (tono|senal)|buzon de voz
    (numero|persona|abonado|cliente|telefono|movil) ((al que|que)( usted)?( ha)? (llam|marc)\w*|marcado)|fuera de (servicio|cobertura)
    (marque|pulse) (\w+|\d)|contestador automatico
    laisse\w*([- ]moi|[- ]nous)? (un|votre|ton)( \w+)? ?message|laisser un message|apres le (bip|signal)|messagerie( vocale)?
    (personne|correspondant|numero) que vous (appel|demand|tent|avez)\w*|votre correspondant|pas attribue|n'est plus attribue
    vous etes (bien )?(sur|chez) (la|le|le repondeur).*|repondeur de.*|(tapez|appuyez sur) (\w+|\d)
    """
)
_HINTS = _phrases(
    r"""
    (can't|cannot|can not|unable to|not able to) (take|answer|come to|pick up|get to)( your| the| my| it)?( call| phone)?
    (i|we)('ll| will) (get back to|call|return).*|as soon as (i|we|possible).*|sorry (i|we) missed.*|thank(s| you) for calling
    (office|store|shop|we|lines)( is| are|'re)( now| currently)? closed|(business|opening|office) hours|our hours
    stay on the line|please hold|check the number|unavailable|(temporarily|currently) not available|dial again
    calls? (may|will) be (recorded|monitored)|for (sales|support|english|billing)|to repeat.*|if you (know|record|want|would).*
    please (hang up|try (again|your call))|try again|have a (great|nice) day|not (here|home|in)|i'm away.*
    (nicht|nicht mehr) (erreichbar|vergeben|da|zu hause)|geduld|bitte (warten|versuchen|rufen) sie|nachste\w* freie\w*
    vorubergehend|offnungszeiten|sprechzeiten|ausserhalb unserer.*|rufen (sie|wir) .*zuruck
    no (existe|esta|se encuentra)( disponible)?|apagado|intente\w*|mas tarde|permanezca|no cuelgue|horario
    nuestros (agentes|operadores)|joignable|veuillez|(ulterieurement|plus tard)|ne quittez pas|nos (conseillers|lignes|horaires)
    pas disponible|hors service|vous rappel\w*
    """
)
_ABSENT = _phrases(
    r"""
    (i'm|i am|we're|we are)( \w+)? (not|out|away).*|(ich bin|wir sind)( \w+){0,2} nicht.*|no (estoy|estamos).*
    je ne suis pas.*|nous ne sommes pas.*|(this is|it's|hier ist|soy|c'est) \w+|you know what to do
    """
)
# What only somebody says who listens.
_PERSON = (
    (
        3,
        _phrases(
            r"""
            when i (call|ring)( \w+)*|it (said|says|told)|(got|get|getting|hear|heard|left)( \w+){0,2} (voice ?mail|message|machine)
            (with|to) (me|him|her|the \w+)|(she|he)('s| is)|(er|sie) ist|(elle|il) (n'est|est)|conmigo|(avec|a) moi|(bei|mit) mir|wrong (number|person|house)|no(body| one) can|how (can|may) i help.*|who do you want.*|(who|what) (is|'s) this (about|regarding)
            this is (his|her|their) \w+|(his|her) (wife|husband|son|daughter|mother|father|sister|brother)
            bei ihnen|wenn ich \w*ruf\w*|falsch verbunden|cuando llamo|se equivoc\w*|je tombe|quand j'appelle|faux numero
            """
        ),
    ),
    (
        2,
        _phrases(
            r"""
            (but|so|well|oh|and|aber|pero|mais|sorry),? (yes|no|yeah|ja|nein|si|oui|non)|(can|could|would|will) (you|we|i)(?! hear)
            i('d| would) (like|love|prefer)|i (need|want|wanted|have to|keep|called|don't|didn't|do|was|thought|already)
            i'm (\w+ing|busy|at work|in a meeting|with)|in a meeting|right now because|hold on|(one|just a) (moment|sec\w*|minute)
            (email|mail|text|ring|write) me|call me (at|on|after|tomorrow|in|back (at|on|after|tomorrow|in|later))|speaking|go ahead[.,!]?$
            my (wife|husband|son|daughter|mother|mom|dad|father|boss|secretary|assistant|neighbou?r|colleague|brother|sister|kids?|dog|cat)
            (konnen|konnten|konnt|kannst) (sie|du|wir)|ich (mochte|brauche|will|hatte gern|kann|habe|bin gerade)|moment( bitte)?
            mein\w* (mann|frau|sohn|tochter|mutter|vater|chef\w*)
            yo|quiero|quisiera|necesito|(puede|podria)( usted)?|estoy \w+ndo|un momento|mi (mujer|marido|hijo|hija|madre|padre|esposa|jefe)
            moi,? je|je (voudrais|veux|vais|peux|suis en)|j'ai|pouvez[- ]vous|un instant|(mon mari|ma femme|mon fils|ma fille|ma mere|mon pere|mon chef)
            """
        ),
    ),
    (
        2,
        re.compile(
            r"^\W*(?:yes|yeah|yep|no|nope|sure|ok|okay|correct|right|exactly|ja|nein|doch|genau|si|claro|vale|oui|non|d'accord)\b"
        ),
    ),
    (
        1,
        re.compile(
            r"\?|\bmy (?!name|office|voice|phone)\w+|\bbecause\b|\binstead\b|\bthat's\b|\bmein\w* (?!mailbox|anrufb)|\bweil\b"
            r"|\bporque\b|\bparce que\b|\bmon (?!rep)|\bma (?!mess)|\bmi \w+|\bthank you[.,!]|\bthanks\b|\bdanke\b|\bgracias\b|\bsorry,"
        ),
    ),
)
_INBOUND_LEAST = 2 * _STRONG
"""Machines hardly ever call, and callers quote them: what was not dialed by us needs two phrases, and nothing against."""


class _Heard(NamedTuple):
    """What one turn tells: how much it is an announcement, how much a person, and whether it holds words at all."""

    machine: int
    person: int
    words: int


def reason(data: Mapping[str, Any], record: CallRecord) -> str:
    """Why the call is not remembered, in words for the log; empty if a person spoke.

    Args:
        data: the webhook's `data`, for how the call ended and which tools were called. Any shape is allowed.
        record: the call.
    """
    said = list(_said(record))
    if not said:
        return "the caller said nothing"
    heard = [_hear(text, question) for text, question in said]
    if not any(turn.words for turn in heard):
        return "the caller said nothing but a greeting"
    detected = _detected(data)
    outbound = _direction(data) == "outbound"
    least = _STRONG if outbound else _INBOUND_LEAST
    machines = []
    for (text, _), turn in zip(said, heard, strict=True):
        absent = _WEAK if detected and _ABSENT.search(text) else 0
        machine = turn.machine + absent + (_WEAK if detected and (turn.machine or absent) else 0)
        machines.append(machine >= least and turn.person < (machine if outbound else 1))
    beside_machine = detected or any(machines)
    for place, ((text, _), turn) in enumerate(zip(said, heard, strict=True)):
        after = any(machines[:place])
        if not machines[place] and _is_persons(turn, text, beside_machine=beside_machine, after=after):
            return ""
    return "an answering machine or an announcement took the call"


def _said(record: CallRecord) -> Iterator[tuple[str, str]]:
    """Each turn of the other end, and what the agent said before it; folded, without sounds."""
    before = ""
    for turn in record.turns:
        text = _SOUND.sub(" ", fold(turn.text.replace("\u2019", "'"))).strip()
        if turn.role == "user":
            if text:
                yield text, before
        else:
            before = fold(" ".join(_NO_NAME.findall(turn.text)))


def _hear(text: str, question: str) -> _Heard:
    words = [word for word in _WORD.findall(_GREETING.sub(" ", text)) if not _DIGIT_WORD.fullmatch(word)]
    digits = bool(re.search(r"\d", text)) or len(words) < len(_WORD.findall(_GREETING.sub(" ", text)))
    machine = _STRONG * _count(_ANNOUNCES, text) + _WEAK * _count(_HINTS, text)
    person = sum(weight * _count(pattern, text) for weight, pattern in _PERSON)
    person += _STRONG * min(2, _answered(words, question))
    return _Heard(machine, person, len(words) + digits)


def _count(pattern: re.Pattern[str], text: str) -> int:
    """How many different things of a kind are said."""
    return len({found[0] for found in pattern.finditer(text)})


def _answered(words: list[str], question: str) -> int:
    """How many words of what the agent said a turn takes up, such as the day that was proposed."""
    return len(set(words) & {word for word in _WORD.findall(question) if len(word) > 4})  # noqa: PLR2004 - no articles


def _is_persons(turn: _Heard, text: str, *, beside_machine: bool, after: bool) -> bool:
    """Whether a turn that is no announcement is a person's. Beside one it may be a piece of it: "five five five"."""
    if turn.person or not beside_machine:
        return turn.words > 0
    is_sentence = turn.words > 2  # noqa: PLR2004 - more than a piece
    return not turn.machine and is_sentence and (after or not _ABSENT.search(text))


def _direction(data: Mapping[str, Any]) -> object:
    """`inbound` or `outbound`; None if the payload does not tell."""
    metadata = data.get("metadata")
    phone = metadata.get("phone_call") if isinstance(metadata, Mapping) else None
    return phone.get("direction") if isinstance(phone, Mapping) else None


def _detected(data: Mapping[str, Any]) -> bool:
    """Whether ElevenLabs took the other end for an answering machine (its tool `voicemail_detection`)."""
    metadata = data.get("metadata")
    ended = metadata.get("termination_reason") if isinstance(metadata, Mapping) else None
    if isinstance(ended, str) and "voicemail" in ended.lower():
        return True
    transcript = data.get("transcript")
    calls = [
        call
        for turn in (transcript if isinstance(transcript, list) else [])
        if isinstance(turn, Mapping) and isinstance(turn.get("tool_calls"), list)
        for call in turn["tool_calls"]
    ]
    return any(isinstance(call, Mapping) and call.get("tool_name") == "voicemail_detection" for call in calls)
