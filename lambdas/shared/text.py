"""Makes text from outside safe to show to a model: plain, on one line, without markup of any kind."""

import re
import unicodedata

# What looks like an angle bracket becomes the same quotation mark: a reader may take it for a fence, too.
_OPENING = "<\u02c2\u276c\u276e\u2770\u27e8\u27ea\u3008\u300a\u2329\u29fc\u227a\u1438\u226a\u22d6"
_CLOSING = ">\u02c3\u276d\u276f\u2771\u27e9\u27eb\u3009\u300b\u232a\u29fd\u227b\u1433\u226b\u22d7"
_HARMLESS = str.maketrans(
    {**dict.fromkeys(_OPENING, "\u2039"), **dict.fromkeys(_CLOSING, "\u203a"), "`": "'"}
)
_BRACES = re.compile(r"\{(?=\s*\{)|\}(?=\s*\})")
_SPACES = re.compile(" {2,}")
_ODD = re.compile(r"[^ -~]|[<>`{}]|  ")
_CACHED_BELOW = (
    0x3000  # the alphabets; what lies above is worked out each time, so that callers cannot fill the memory
)


def plain_text(text: str, *, longest: int = 20_000) -> str:
    """`text` on one line, with nothing in it that a prompt could take for more than words.

    Compatibility characters become their plain form first, so that a look-alike of a brace or an angle
    bracket is treated as one. Control, format (bidi, zero width) and private characters go; `{{` and `}}`,
    which ElevenLabs reads as a variable, are pulled apart; angle brackets, of which our fences are made,
    become quotation marks.
    """
    text = text[:longest]
    if not _ODD.search(text):  # nearly every memory: while somebody waits, one look instead of five passes
        return text.strip()
    text = unicodedata.normalize("NFKC", text)[:longest]  # one character may become eighteen
    kept = _BRACES.sub(r"\g<0> ", text.translate(_PLAIN))
    return _SPACES.sub(" ", kept).strip()


class _Plain(dict[int, int | str | None]):
    """What `str.translate` makes of a character; worked out when it is seen for the first time."""

    def __missing__(self, code: int) -> int | str | None:
        character = chr(code)
        category = unicodedata.category(character)
        plain: int | str | None = code
        if character.isspace() or category in {"Zs", "Zl", "Zp"}:
            plain = " "
        elif category[0] == "C":
            plain = None
        if code < _CACHED_BELOW:
            self[code] = plain
        return plain


_PLAIN = _Plain(_HARMLESS)
