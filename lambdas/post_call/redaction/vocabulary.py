r"""What secrets are called in English, German, Spanish and French, and what is called nearly the same.

All lists are for folded text: small letters without accents. Phrases are separated by semicolons. A phrase is a
regular expression in which a space also matches a hyphen or nothing. It matches whole words only, but one
that begins with `*` also matches the end of a compound: `*kennwort` is in "Kundenkennwort".
"""

import functools
import re
from typing import NamedTuple

CARD = "card_number"
SECURITY_CODE = "security_code"
ONE_TIME_CODE = "one_time_code"
PIN = "pin"
PASSWORD = "password"  # noqa: S105 - what it is called, not what it is
NATIONAL_ID = "national_id"
BANK_ACCOUNT = "bank_account"
PASSPORT = "passport"
DRIVER_LICENSE = "driver_license"
TAX_NUMBER = "tax_number"
INSURANCE_NUMBER = "insurance_number"

CLASSES = {
    CARD: "[card number]",
    SECURITY_CODE: "[security code]",
    ONE_TIME_CODE: "[one-time code]",
    PIN: "[pin]",
    PASSWORD: "[password]",
    NATIONAL_ID: "[national id]",
    BANK_ACCOUNT: "[bank account]",
    PASSPORT: "[passport number]",
    DRIVER_LICENSE: "[driver license]",
    TAX_NUMBER: "[tax number]",
    INSURANCE_NUMBER: "[insurance number]",
}
"""The classes of secrets, and what stands in their place."""

OTHER = "other number"
"""A number that is no secret, such as an order's."""
QUANTITY = "quantity"
"""An amount, a count or a time that is asked for."""


class Name(NamedTuple):
    """What a class of secrets is called.

    Attributes:
        kind: a class, `OTHER` or `QUANTITY`.
        least: the fewest characters that its value has.
        most: the most.
        phrases: the list, as described above.
        near: if given, the phrases mean this only if one of these is in the same sentence.
        otherwise: what they mean if none is. A class: then only a value that follows at once is one.
    """

    kind: str
    least: int
    most: int
    phrases: str
    near: str = ""
    otherwise: str = ""


_NUMBER = r"""
    numbers?; digits?; id; spell\w*; read; no; what('s| is); \w*nummer; ziffern; nr; wie (lautet|ist); buchstabieren
    numeros?; cual es; digame; deletre\w+; numeros?; quel est; epele[rz]
"""
_BANK = r"""
    bank\w*; routing; checking; savings; sort code; ibans?; direct deposit; wire; transfer\w*; refund\w*
    credit union; uberweis\w*; lastschrift; blz; transferencia; banc\w*; virement; paid out
"""
_SENT = r"""
    sent; send; texted; text message; sms; messaged; receiv\w+; got; arrived; authenticat\w+; apps?; verifi\w+; identity
    geschickt; gesendet; bekommen; erhalten; enviad[oa]; enviamos; enviaron; envie; recib\w+; llegado; verifi[ck]\w+
    envoyer?; recus?; recois; identite
"""
_INSURANCE = "insur\\w+; health\\w*; plan; medicare; medicaid; coverage; policy"

NAMES = (
    Name(
        NATIONAL_ID,
        4,
        4,
        r"""
        last (four|4)( digits| numbers)? (of|on) (the|your|my|his|her|their) (social|ssn)( security)?( number)?
        ssn last (four|4)( digits)?; social security last (four|4)
        """,
    ),
    Name(
        OTHER,
        0,
        0,
        r"""
        (zip|postal|post|area|country|dial|dialling|discount|promo|promotional|promotion|voucher|coupon|gift) codes?
        (referral|booking|reservation|order|error|fault|product|item|article|bar|qr|dress|colou?r|door|gate) codes?
        (building|house|entry|entrance|garage|alarm|key box|lock ?box|tracking|flight|team|conference|meeting) codes?
        (class|course|source|swift|stock|style|part|model|morse|penal|civil|access) codes?
        codes? (of|for|to|at) (the|our|my|your|a) (front |main |back |garage )?(building|door|gate|house|entrance)
        codes? (of|for|to|at) (the|our|my|your|a) (garage|key box|discount|voucher|product|colou?r|error|booking)
        codes? (of|for|to|at) (the|our|my|your|a) (flight|order); code of conduct
        turcode; torcode; haustur\w*; gutscheincode; codigo de (la )?(puerta|descuento|pedido|reserva|conducta)
        code (de |pour )?(la |l')?(porte|immeuble|promo\w*|remise)
        (password|passwort|pin)s? (reset|managers?|protect\w*|policy|recovery|field|hint|link|rules?|pad|board|stripes?)
        (password|passwort|pin)s? zurucksetz\w*; pin (drop|down|up|on the); pin codes? area
        pin codes? of (my|the|our) (area|city|town|address)
        (safety|bowling|rolling|hair|drawing|lapel|hat|cotter|map|push|firing|enamel) pins?
        (order|invoice|customer|reference|booking|phone|telephone|mobile|cell|tracking|loyalty|case|ticket) (number|id|nr)s?
        (serial|room|house|flight|confirmation|contract|claim|part|patient|student|employee|item|article) (number|id|nr)s?
        (model|meter|callback|flyer|prescription|membership|bib|conference|loyalty) (number|id|nr)s?
        (customer|user|utility) account( number| id)?; (order|customer|reference) no; licen[cs]e plates?
        (gift|loyalty|library|membership|store|bonus) cards?( number)?; insurance cards?(?! (number|no|id)); order (?=\d)
        last (four|4)( digits| numbers)?( (of|on) (the|your|my|his|her) (card|visa))?
        (my|our|his|her) number(?! on); call (me|us|him|her)( back)?; (reach|ring|phone) (me|us)
        zip; postcode; plz; postleitzahl; codigo postal; code postal; date of birth; dob; birth ?da[yt]e?; birthday
        expir(y|ation|es|ing)( date)?; valid until; ablaufdatum; gultig bis; vencimiento; caduca; date d'expiration
        swift; bic; bestellnummer; rechnungsnummer; kundennummer; telefonnummer; rufnummer; handynummer; buchungsnummer
        sendungsnummer; zahlernummer; artikelnummer; hausnummer; aktenzeichen; geburtsdatum
        numero de (pedido|telefono|cliente|factura|reserva|referencia|serie); fecha de nacimiento
        numero de (commande|telephone|client|facture|reservation|dossier|serie); date de naissance
        """,
    ),
    Name(
        QUANTITY,
        0,
        0,
        r"""
        how (many|much|long|old|far); what (time|year|date|day); wie ?(viele?|lange|alt); wann
        cuant[oa]s?; cuando; combien; quand
        """,
    ),
    Name(
        ONE_TIME_CODE,
        4,
        10,
        r"""
        one time (pass ?code|pass ?word|code|pin|security code|number); otp; two factor( code)?; 2fa; mfa code
        (verification|authentication|authenticator|authorization|authorisation|log in|sign in) (code|pin|number)s?
        (activation|unlock|sms|text message|recovery|backup) (code|pin)s?; authenticator( app)?; authentication app
        confirmation code(?! (for|of) (the|my|our|your) (booking|order|flight|reservation|hotel))
        (four|five|six|seven|eight|[4-8]) digit (code|passcode|number)
        (number|numbers|digits) (that |which )?(we|i|you|they)('ve| have| had)?( just)? (texted|messaged|sent)
        (texted|messaged|sent) (you|me) (a|the) (number|numbers|digits)
        einmal ?(code|passwort|kennwort|pin); bestatigungscode; verifizierungscode; freischaltcode; anmeldecode
        sms code; aktivierungscode; (sms|m|push|photo|foto|chip) ?tan; (die|meine|ihre|deine|eine) tan
        \w{4,8}stelligen? (code|nummer)
        codigo (de )?(verificacion|confirmacion|un solo uso|activacion|autenticacion|acceso|sms)
        codigo de (4|6|8|cuatro|seis|ocho) (digitos|cifras)
        code (de )?(verification|confirmation|validation|activation|authentification); code (a )?usage unique
        code (recu )?(par )?sms; code a (4|6|8|quatre|six|huit) chiffres
        """,
    ),
    Name(
        SECURITY_CODE,
        3,
        4,
        r"""
        c[\s.-]{0,2}v[\s.-]{0,2}[vcn]2?; csc; security (code|number|digits); verification value
        card (verification|validation)( code| value| number)?; (three|3) digit (security )?(code|number)
        (the|your|its|those|his|her) (last )?(three|3) (digits?|numbers?)
        (numbers?|digits?|code) (on|at) the (back|signature strip)(?! of (the|my|your|a) (?!card))
        *prufnummer; *prufziffern?; sicherheits(code|nummer); (drei|3) (ziffern|stellen)
        codigo de seguridad; (tres|3) (digitos|cifras|numeros); code de securite; cryptogramme( visuel)?
        (trois|3) chiffres
        """,
    ),
    Name(
        PIN,
        4,
        10,
        r"""
        pin( ?code| ?number|nummer)?; geheimzahl; nip; numero secreto; codigo secreto; pass code
        code (secret|confidentiel|pin)
        """,
    ),
    Name(
        PASSWORD,
        1,
        80,
        r"""
        pass words?; *passwor[td]\w{0,3}; pass phrase; *kennw(ort|orter)\w{0,2}; losungswort; codewort
        contrasenas?; palabra (clave|de seguridad|secreta); clave( de acceso| secreta)?; mots? de passe; mot secret
        (secret|memorable|safe|security|code) word
        """,
    ),
    Name(
        NATIONAL_ID,
        7,
        20,
        r"""
        ssns?; social security( number| no)?(?! (office|benefit|check|law|payment|card)); social insurance (number|no)
        (my|your|his|her|their|the) social(?! (security|worker|media|club|care|life))
        national insurance( number| no)?; ni number; nino; (national|government|personal) (id|identity|identification)
        (national|government|personal) (id|identity|identification) (card )?(number|no); identity (card )?number
        id card number; aadhaa?r( number)?; pesel( number)?; bsn; personnummer; cpf; curp; codice fiscale; nric
        *sozialversicherungsnummer; sv nummer; *rentenversicherungsnummer; *ausweisnummer; ahv nummer; dni
        (mi|su|el|tu|un|de|del) nie; nuss; (cedula|documento) de identidad; (la )?seguridad social
        numero de( la| mi| su)? (identidad|cedula|dni|nie|seguridad social|afiliacion\w*)
        numero (de )?(la )?(securite sociale|secu|insee); securite sociale
        numero d'identite; numero de( la| ma| votre)? carte (d'identite|vitale)
        """,
    ),
    Name(
        NATIONAL_ID,
        7,
        20,
        r"*personalausweis\w{0,2}; carte (d'identite|vitale); id card; identity card; aufenthaltstitel",
        near=_NUMBER,
        otherwise=NATIONAL_ID,
    ),
    Name(
        BANK_ACCOUNT,
        5,
        34,
        r"""
        ibans?; (bank|checking|savings|current|deposit|giro) account( number| no)?; (routing|aba|transit) (number|no)s?
        sort code; account and routing numbers?; routing and account numbers?; *kontonummer; konto nr; *bankleitzahl
        blz; numero de( la| mi| su)? cuenta( bancaria| corriente)?; cuenta (bancaria|corriente); clabe
        numero de( mon| votre)? compte( bancaire| courant)?; compte bancaire; releve d'identite bancaire
        """,
    ),
    Name(BANK_ACCOUNT, 5, 34, "account (number|no)s?", near=_BANK, otherwise=OTHER),
    Name(BANK_ACCOUNT, 5, 34, "account; konto", near=_BANK),
    Name(
        PASSPORT,
        6,
        14,
        r"""
        passport (number|no|nr)s?; *passnummer; numero de(l| mi| su)? pasaporte; numero de( mon| votre)? passeport
        """,
    ),
    Name(
        PASSPORT,
        6,
        14,
        r"passports?; *reisepass\w{0,2}; pasaporte; passeport",
        near=_NUMBER,
        otherwise=PASSPORT,
    ),
    Name(
        DRIVER_LICENSE,
        5,
        22,
        r"""
        (driver'?s?'?|driving) licen[cs]e (number|no|id); licen[cs]e number; dl number; *fuhrerscheinnummer
        numero de(l| mi| su)? (carne|carnet|permiso|licencia) de conducir; numero de( mon| votre)? permis( de conduire)?
        """,
    ),
    Name(
        DRIVER_LICENSE,
        5,
        22,
        r"""
        (driver'?s?'?|driving) licen[cs]e; *fuhrerschein\w{0,2}; (carne|carnet|permiso|licencia) de conducir
        permis de conduire
        """,
        near=_NUMBER,
        otherwise=DRIVER_LICENSE,
    ),
    Name(
        TAX_NUMBER,
        8,
        20,
        r"""
        (tax|tax ?payer)( ?payer)?( identification| id| reference| file)? (number|no|id)s?; ein number; itin; utr
        (my|your|our|the|company|federal|employer) ein; employer identification number; vat (number|no|id); tin number
        *steuernummer; *steuer id\w*; ust id\w*; umsatzsteuer id\w*; nif; cif; rfc
        (numero de )?identificacion fiscal; numero fiscal; numero (de )?tva; reference fiscale
        """,
    ),
    Name(
        INSURANCE_NUMBER,
        6,
        22,
        r"""
        insurance (policy |member |card |plan |group )?(number|no|id)s?; policy ?(holder )?(number|no|id)
        (medicare|medicaid|nhs)( card)? (number|no|id); *versichertennummer; *versicherungs(schein)?nummer
        *krankenversicherungsnummer; policennummer
        numero de( la| mi| su)? (poliza|seguro|asegurado|tarjeta sanitaria); numero d'assure\w*
        numero (de )?(contrat |police )d'assurance; numero de( la| ma)? police
        """,
    ),
    Name(
        INSURANCE_NUMBER,
        6,
        22,
        "(member|subscriber|group|plan) (ids?|numbers?|no)",
        near=_INSURANCE,
        otherwise=OTHER,
    ),
    Name(
        CARD,
        12,
        19,
        r"""
        (credit |debit |bank |payment )?card (number|no|nr)s?; (credit|debit|payment) cards?; visa; master ?card; amex
        american express; number (on|of) (the|your|my|his|her) (front|card|\w+ card); long number; (sixteen|16) digits?
        *kartennummer; kreditkarte\w*; numero de( la| su| mi| tu)? tarjeta; tarjeta de (credito|debito)
        numero de( la| votre| ma| ta)? carte( bancaire| bleue| de credit)?; carte (bancaire|bleue|de credit)
        """,
    ),
    Name(ONE_TIME_CODE, 4, 10, "codes?; codigo", near=_SENT),
)
"""The first of two that begin at the same place counts."""

REFUSED = r"""
    never; not; \w+n't; without; no need; forgot; forgotten; lost; reset
    nie; nicht; kein\w{0,2}; vergessen; nunca; no; olvid\w+; jamais; pas; oubli\w+
"""
"""Before the name of a secret: it is not asked for."""

DONE = r"""
    thank\w*; correct; verified; matches; matched; worked; confirmed; accepted; danke; stimmt; korrekt; gracias; correct[oa]
    merci; exact
"""
"""In the sentence that names a secret: it was given already."""

HERE = "here (is|comes|you go|it is); here's; hier (ist|kommt); aqui (esta|tiene); voici"
"""A caller who names a secret with one of these goes on with its value."""

ASKS_FOR_WORDS = r"""
    what; what's; which; tell; give; say; spell; read; provide; confirm; type; state; verify; need; share; please
    wie; was; welches; nennen; sagen; brauche; lautet; buchstabieren; bitte
    cual; diga; digame; dime; deme; deletre\w+; necesito; por favor; quel; quelle; donnez; donne; dites; epele[rz]
    s'il vous plait
"""
"""In the sentence that names a password: any words may be the answer."""

OFFERS = "have you; did you; do you (know|want|remember); would you like; can you reset; change"
"""In the sentence that names a password: the password itself is not asked for."""

MONTHS = r"""
    jan\w{0,5}; feb\w{0,5}; mar(ch|s|z|zo)?; apr\w{0,3}; avril; abril; mai; may; mayo; jun[ei]?o?; juin; jul[yi]?o?
    juil\w{0,3}; aug\w{0,3}; agosto; aout; sep\w{0,7}; o[ck]t\w{0,5}; nov\w{0,6}; de[czs]\w{0,7}; enero; ene
"""

BEFORE_OTHER_NUMBER = """
    called; call; dial; dialled; dialed; rang; ring; order; invoice; room; apartment; apt; flat; house; flight; line
    extension; ext; ticket; case; reference; booking; error; version; step; page; chapter; bus; train; gate; in; since
    until; till; at; by; around; before; after; from; over; about; year; street; road; avenue; unit; suite; floor
    platform; building; number for; claim
    zimmer; bestellung; rechnung; seit; im; um; jahr; uhr; ab; bis; gleis; artikel
    pedido; factura; habitacion; desde; hasta; ano; commande; facture; chambre; depuis; en; vers; vol; vuelo
"""
"""Words before digits that are no secret: "order number ", "in ", "March 3rd, "."""

AFTER_OTHER_NUMBER = r"""
    dollars?; euros?; pounds?; bucks; cents?; percent; prozent; minutes?; minuten; hours?; stunden; days?; tagen?
    weeks?; months?; years?; times; mal; pm; am; a.m; p.m; o'clock; uhr; people; guests; street; avenue; road; st; digits?
    characters?; stellen; stellig\w*; ziffern; zeichen; minutos; horas; dias; anos; digitos; cifras; personas
    heures?; jours?; chiffres; personnes; personen; kronor; miles; km; kilomet\w*; kg; points; punkte; steps; mg
"""
"""Words behind digits that are no secret: " minutes"."""

IS = "is; 's; s; was; as; ist; war; als; es; era; como; est; etait; comme; lautet; to; auf"
"""Between a secret and its name, in either order."""

CARD_NETWORKS = "card; karte; kartennummer; tarjeta; carte; visa; mastercard; amex; maestro"

SPELLED_AS = "as in; for; like; as; wie; de; como; comme; von"
"""Between a letter and the word that stands for it: "S as in Sierra"."""

CASES = "capital; upper case; uppercase; lower case; lowercase; big; small; gross\\w*; klein\\w*; mayuscula; minuscula; majuscule"
SIGNS = r"""
    exclamation (mark|point); question mark; underscore; hash ?tag; hash; asterisk; dollar sign; at sign; ampersand
    percent sign; plus sign; ausrufezeichen; fragezeichen; unterstrich; raute; signo de \w+; guion bajo; arroba
    point d'\w+; tiret bas; arobase; dash; hyphen; dot; period; star; punkt; bindestrich; guion; tiret; punto
"""
NATO = frozenset(
    """
    alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa
    quebec romeo sierra tango uniform victor whiskey xray yankee zulu
    """.split()
)

NO_PASSWORD = frozenset(
    """
    a abgelaufen about again also alt always an and anything are as at attendez be because been being blocked broken
    but can case correct correcta correcto could cual das dein deja demasiado der die different do don't dont ein eine
    el empty entschuldigung espera espere expire expired falsch faux for forgotten gesperrt getting going gone he hello
    her hi his hmm hold how i i'm ich if immer important in incorrect incorrecta incorrecto invalid is isn't it ja je
    just kein keine la le les let locked long lost ma maybe me mein meine mi missing moment momento mon muy my
    necessary needed nein neu never new nicht no noch non nope not nothing nouveau now nueva nunca of ok okay old
    olvidada on one only or oublie oui our out para pardon pas perdon please por probably que quoi really required
    richtig right safe same saved schon secret secure segura seguro sehr she short si sicher siempre so something soon
    sorry still stored strong su sure thanks that the their there they this to too toujours tres trop tu uh um un una
    une ungultig unknown unsicher up usual usually vergessen very vieja vieux votre wait was we weak weg well what when
    where which why wie with written wrong ya yeah yep yes you your zu
    """.split()
)
"""Words that say something about a password instead of being it, or of an answer that is none."""


def alternatives(phrases: str) -> str:
    """The phrases of a list as one regular expression for whole words, the longest first."""
    listed = [phrase.strip() for phrase in re.split(r"[;\n]", phrases) if phrase.strip()]
    whole = "|".join(
        sorted((_spaced(phrase) for phrase in listed if phrase[0] != "*"), key=len, reverse=True)
    )
    ends = "|".join(_spaced(phrase[1:]) for phrase in listed if phrase[0] == "*")
    return "|".join(
        part for part in (rf"\b(?:{whole})(?!\w)" * bool(whole), rf"(?:{ends})(?!\w)" * bool(ends)) if part
    )


@functools.cache
def pattern(phrases: str) -> re.Pattern[str]:
    """`alternatives`, compiled."""
    return re.compile(alternatives(phrases))


def _spaced(phrase: str) -> str:
    return phrase.replace(" ", "[ -]?").replace("(", "(?:").replace("(?:?", "(?")
