"""The words around a secret, in English, German, Spanish and French: what it is called, and what it is not.

All patterns are for folded text (`spoken.fold`): small letters without accents. None repeats a repetition, so
each reads a text in linear time.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

CARD = "card number"
SECURITY_CODE = "security code"
ONE_TIME_CODE = "one-time code"
PASSWORD = "password"  # noqa: S105 - what it is called, not what it is
PIN = "pin"
SECRETS = (SECURITY_CODE, ONE_TIME_CODE, PASSWORD, PIN)
OTHER = "other"
_CODE = "code"

LENGTHS = {SECURITY_CODE: (3, 4), ONE_TIME_CODE: (4, 10), PIN: (4, 10)}
"""How many digits a secret has, least and most."""


class Mention(NamedTuple):
    """A word for a secret, or (`OTHER`) for another number, and where it stands."""

    start: int
    end: int
    kind: str


_PLACEHOLDER = r"\[(?:card number|security code|one-time code|password|pin)\]"
_HARMLESS = (
    # compounds of the words below that are no secrets
    r"(?:zip|postal|post|area|country|dialling|dial|discount|promo|promotional|promotion|voucher"
    r"|coupon|gift|referral"
    r"|booking|reservation|order|error|fault|product|item|article|bar|qr|dress|colou?r|door|gate"
    r"|building|house"
    r"|entry|entrance|key ?box|lock ?box|tracking|flight|team|conference|meeting|class|course"
    r"|source|sort|swift|bank"
    r"|tax|stock|style|part|model|morse|penal|civil)[ -]codes?"
    r"|codes? (?:of|for|to|at) (?:the|our|my|your|a) (?:front |main |back |garage )?(?:building"
    r"|door|gate|house"
    r"|entrance|garage|key ?box|discount|voucher|product|colou?r|error|booking|flight|order)"
    r"|(?:password|passwort|pin)s?[ -](?:reset|manager|protect\w*|policy|recovery|field|hint|link"
    r"|rules?|pad|board"
    r"|stripes?|manager|zurucksetz\w*)"
    r"|(?:safety|bowling|rolling|hair|drawing|lapel|hat|cotter|map|push|firing|enamel)[ -]pins?"
    r"|pin (?:drop|down|up)"
    r"|pin ?codes? (?:area|of (?:my|the|our) (?:area|city|town|address))"
    # other numbers
    r"|\b(?:card|order|invoice|account|customer|reference|booking|phone|telephone|mobile|cell"
    r"|tracking|member(?:ship)?"
    r"|policy|case|ticket|serial|licen[cs]e|passport|room|house|flight|confirmation|contract|claim"
    r"|part|patient)"
    r"(?: reference)?[ -](?:number|no\b|id\b|nr\b)"
    r"|\bzip\b|postcode|postleitzahl|\bplz\b|codigo postal|code postal|iban|date of birth"
    r"|birth ?da[yt]e?|birthday"
    r"|expir(?:y|ation|es) ?(?:date)?|valid until|ablaufdatum|gultig bis|vencimiento|date d'expiration"
    r"|bestellnummer|rechnungsnummer|kundennummer|kontonummer|telefonnummer|rufnummer"
    r"|buchungsnummer|kartennummer"
    r"|geburtsdatum|numero de (?:pedido|telefono|cliente|cuenta|factura|reserva|tarjeta)"
    r"|fecha de nacimiento"
    r"|numero de (?:commande|telephone|client|compte|facture|reservation|carte)|date de naissance"
    r"|how many|how much|what (?:time|year|date|day)|wie viele|cuantos|cuantas|combien"
)
_WORDS = {
    ONE_TIME_CODE: (
        r"one[ -]time[ -](?:pass ?(?:code|word)|code|pin|security code|number)|\botp\b"
        r"|two[ -]factor[ -]code|\b2fa\b"
        r"|(?:verification|authentication|authenticator|authorization|authorisation|log[ -]?in"
        r"|sign[ -]?in|activation"
        r"|unlock|sms|text message|recovery|backup)[ -](?:code|pin)s?\b"
        r"|confirmation code(?! (?:for|of) (?:the|my|our|your) (?:booking|order|flight|reservation"
        r"|hotel))"
        r"|(?:four|five|six|seven|eight|[4-8])[ -]digit (?:code|passcode)"
        r"|einmal-?(?:code|passwort|kennwort|pin)|bestatigungscode|verifizierungscode"
        r"|freischaltcode|anmeldecode"
        r"|sms-?code|aktivierungscode|\b(?:sms|m|push|photo|foto|chip)-?tan\b|(?:die|meine|ihre|deine"
        r"|eine) tan\b"
        r"|\w{4,8}stelligen? code"
        r"|codigo (?:de )?(?:verificacion|confirmacion|un solo uso|activacion|autenticacion|acceso"
        r"|sms|de un solo uso)"
        r"|codigo de (?:4|6|8|cuatro|seis|ocho) (?:digitos|cifras)"
        r"|code (?:de )?(?:verification|confirmation|validation|activation|authentification)"
        r"|code (?:a )?usage unique"
        r"|code (?:recu )?(?:par )?sms|code a (?:4|6|8|quatre|six|huit) chiffres"
    ),
    SECURITY_CODE: (
        r"\bc[ .-]{0,2}v[ .-]{0,2}[vcn]2?\b|\bcsc\b|security (?:code|number|digits)"
        r"|card (?:verification|validation)"
        r"(?: (?:code|value|number))?|(?:three|3)[ -]digit (?:security )?code|verification value"
        r"|(?:numbers?|digits|code) (?:on|at) the back"
        r"|kartenprufnummer|prufnummer|prufziffern?|sicherheits(?:code|nummer)|codigo de seguridad"
        r"|code de securite|cryptogramme(?: visuel)?"
    ),
    PIN: (
        r"\bpin(?:[ -]?(?:code|number|nummer))?\b|pincode|geheimzahl|\bnip\b|numero secreto"
        r"|codigo secreto"
        r"|code (?:secret|confidentiel|pin)|pass ?code\b"
    ),
    PASSWORD: (
        r"pass ?words?\b|passwor[td]\w{0,3}\b|pass ?phrase|kennw(?:ort|orter)\w{0,2}\b|losungswort"
        r"|codewort"
        r"|contrasenas?|palabra clave|clave(?: de acceso| secreta)?\b|mots? de passe"
        r"|(?:secret|memorable|safe|security|code) word"
    ),
    _CODE: r"\bcode\b|\bcodigo\b",
}
_MENTION = re.compile(
    f"(?P<other>{_PLACEHOLDER}|{_HARMLESS})|"
    + "|".join(f"(?P<k{place}>{pattern})" for place, pattern in enumerate(_WORDS.values()))
)
_KINDS = {"other": OTHER, **{f"k{place}": kind for place, kind in enumerate(_WORDS)}}
_SENT = re.compile(
    r"\b(?:sent|send|texted|text message|sms|receiv\w+|got|arrived|authenticator|geschickt|gesendet"
    r"|bekommen|erhalten"
    r"|enviado|enviamos|enviaron|envie|recib\w+|llegado|envoyer?|recus?|recois)\b"
)
_NEGATED = re.compile(
    r"\b(?:never|not|don't|without|no need|forgot|forgotten|lost|reset|nie|nicht|kein\w{0,2}"
    r"|vergessen|nunca|no"
    r"|olvid\w+|jamais|pas|oubli\w+)\b[^.?!]*$"
)
_SENTENCE = re.compile(r"[.?!]+\s")
_NEAR = 70


def mentions(folded: str) -> list[Mention]:
    """The words for secrets and for other numbers in a folded text, in order.

    A bare "code" counts as a one-time code if its sentence says that it was sent, and else as nothing: most
    codes are no secrets.
    """
    return list(_mentions(folded))


def _mentions(folded: str) -> Iterator[Mention]:
    for found in _MENTION.finditer(folded):
        kind = _KINDS[str(found.lastgroup)]
        if kind == _CODE:
            if not _SENT.search(folded, max(0, found.start() - _NEAR), found.end() + _NEAR):
                continue
            kind = ONE_TIME_CODE
        yield Mention(found.start(), found.end(), kind)


def is_asked(folded: str, mention: Mention) -> bool:
    """Whether who said this may expect the secret as the answer: named near the end, and not refused."""
    before = folded[max(0, mention.start - _NEAR) : mention.start]
    return not _NEGATED.search(before) and len(_SENTENCE.findall(folded, mention.end)) <= 2  # noqa: PLR2004


_ASKS_PASSWORD = re.compile(
    r"(?:what|which|tell|give|say|spell|read|provide|confirm|type|state|verify|need|share|wie|was"
    r"|welches|nennen|sagen"
    r"|brauche|lautet|cual|diga|digame|dime|deme|necesito|quel|quelle|donnez|donne|dites|please"
    r"|bitte|por favor"
    r"|s'il vous plait)\b"
)
_OFFERS = re.compile(r"\b(?:have you|did you|do you want|would you like|can you reset|change)\b")


def asks_for_password(folded: str, mention: Mention) -> bool:
    """Whether the sentence with `mention` asks for the password itself, so that any answer may be it."""
    around = folded[max(0, mention.start - _NEAR) : mention.end + _NEAR]
    short = len(folded) - mention.end < 4 and len(folded) < 40  # noqa: PLR2004 - "And the password?"
    return (short or bool(_ASKS_PASSWORD.search(around))) and not _OFFERS.search(around)


BEFORE_OTHER_NUMBER = re.compile(
    r"(?:\b(?:called|call|dial|dialled|dialed|rang|ring|order|invoice|room|apartment|apt|flat|house|flight|line|extension|ext|ticket|case"
    r"|reference|booking"
    r"|error|version|step|page|chapter|bus|train|gate|in|since|until|till|at|by|around|before|after"
    r"|from|over"
    r"|about|year|zimmer|bestellung|rechnung|seit|im|um|jahr|uhr|ab|bis|pedido|factura|habitacion"
    r"|desde|hasta|ano"
    r"|commande|facture|chambre|depuis|en|vers|street|road|avenue|unit|suite|floor|platform|gleis"
    r"|number for)"
    r"(?: (?:number|no|nr|nummer|numero|is|the|code))?[ .:#]{0,3}|[$€£¥])$"
)
"""Matches the text before digits that are no secret: "order number ", "in ", "$"."""

AFTER_OTHER_NUMBER = re.compile(
    r"[ -]?(?:[%€£$°]|dollars?|euros?|pounds?|bucks|cents?|percent|prozent|minutes?|minuten|hours?"
    r"|stunden|days?|tagen?"
    r"|weeks?|months?|years?|times|mal|pm\b|am\b|a\.m|p\.m|o'clock|uhr|people|street|avenue|road"
    r"|st\b|digits?"
    r"|characters?|stellen|stellig\w*|ziffern|zeichen|minutos|horas|dias|anos|digitos|cifras"
    r"|heures?|jours?|chiffres"
    r"|kronor|miles|km|kilomet|kg|points|punkte)"
)
"""Matches the text behind digits that are no secret: " minutes", "%"."""

NO_VALUE = frozenset(
    re.findall(
        r"\S+",
        """
    a abgelaufen about again also alt always an and anything are as at attendez be because been
    being blocked broken but can case correct correcta correcto could cual das dein deja demasiado
    der die different do don't dont ein eine el empty entschuldigung espera espere expire expired
    falsch faux for forgotten gesperrt getting going gone he hello her hi his hmm hold how i i'm ich
    if immer important in incorrect incorrecta incorrecto invalid is isn't it ja je just kein keine
    la le les let locked long lost ma maybe me mein meine mi missing moment momento mon muy my
    necessary needed nein neu never new nicht no noch non nope not nothing nouveau now nueva nunca
    of ok okay old olvidada on one only or oublie oui our out para pardon pas perdon please por
    probably que quoi really required richtig right safe same saved schon secret secure segura
    seguro sehr she short si sicher siempre so something soon sorry still stored strong su sure
    thanks that the their there they this to too toujours tres trop tu uh um un una une ungultig
    unknown unsicher up usual usually vergessen very vieja vieux votre wait was we weak weg well
    what when where which why wie with written wrong ya yeah yep yes you your zu
        """,
    )
)
"""Words that say something about a password instead of being it, or of an answer that is none."""
