"""Signatures to try, each with its verdict, ours and the official SDK's where it differs.

The table is data: `tests/unit/test_signature_vectors.py` holds both implementations against it, and the
reliability page shows it. A vector is built for the moment `now`, so that none of them grows old.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

KEY = "local-hmac-key"
OTHER = "another-key"
BODY = b'{"type":"post_call_transcription","event_timestamp":1780000000,"data":{}}'
HALF_AN_HOUR = 1800


def digest(timestamp: object, body: bytes = BODY, key: str = KEY) -> str:
    """The right `v0` for a body, a key and a `t` of any spelling."""
    return hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One signature.

    Attributes:
        words: what is special about it.
        header: the header's value, for the time at which it is used; None for no header.
        accepted: our verdict.
        sdk: the official SDK's verdict: `accepts`, `refuses`, or `ValueError`, which is no verdict.
        why: why ours differs.
        body: what was received.
        keys: the keys that we hold. The SDK knows one; it is given the first.
    """

    words: str
    header: Callable[[int], str | None]
    accepted: bool
    sdk: str = ""
    why: str = ""
    body: bytes = BODY
    keys: tuple[str, ...] = (KEY,)

    @property
    def sdk_verdict(self) -> str:
        """What the SDK does; if nothing is said, the same as we do."""
        return self.sdk or ("accepts" if self.accepted else "refuses")


def _at(now: int, offset: int = 0, body: bytes = BODY, key: str = KEY) -> str:
    return f"t={now + offset},v0={digest(now + offset, body, key)}"


_STRICT_T = "a time is an integer; the SDK fails with an exception, which is a 500 to the sender"
_ANY_V0 = "any v0 may be the right one while a key is rotated; the SDK keeps the last"
_SPACES = "a proxy that joins headers adds spaces; the signature is no weaker for them"
_LATIN = "é".encode("latin-1")
VECTORS = (
    Vector(words="as ElevenLabs sends it", header=_at, accepted=True),
    Vector(words="v0 before t", header=lambda now: f"v0={digest(now)},t={now}", accepted=True),
    Vector(words="an unknown part (v1) beside them", header=lambda now: _at(now) + ",v1=00", accepted=True),
    Vector(
        words="two v0, the right one last",
        header=lambda now: f"t={now},v0={'0' * 64},v0={digest(now)}",
        accepted=True,
    ),
    Vector(
        words="two v0, the right one first",
        header=lambda now: f"t={now},v0={digest(now)},v0={'0' * 64}",
        accepted=True,
        sdk="refuses",
        why=_ANY_V0,
    ),
    Vector(
        words="two v0, none right",
        header=lambda now: f"t={now},v0={'0' * 64},v0={'1' * 64}",
        accepted=False,
    ),
    Vector(
        words="header twice, joined by a comma", header=lambda now: f"{_at(now)},{_at(now)}", accepted=True
    ),
    Vector(
        words="header twice, joined by a comma and a space",
        header=lambda now: f"{_at(now)}, {_at(now)}",
        accepted=True,
    ),
    Vector(
        words="two different t, both signed",
        header=lambda now: f"{_at(now)},{_at(now, 1)}",
        accepted=False,
        sdk="accepts",
        why="which of the times was signed must not be guessed; the SDK keeps the last of each",
    ),
    Vector(
        words="two different t, the right one last",
        header=lambda now: f"t={now - 5},{_at(now)}",
        accepted=False,
        sdk="accepts",
        why="as above",
    ),
    Vector(
        words="17 parts",
        header=lambda now: ",".join(["v1=0"] * 15) + "," + _at(now),
        accepted=False,
        sdk="accepts",
        why="no sender needs that many; each v0 costs a comparison",
    ),
    Vector(words="no header", header=lambda _now: None, accepted=False),
    Vector(words="an empty header", header=lambda _now: "", accepted=False),
    Vector(words="no t", header=lambda now: f"v0={digest(now)}", accepted=False),
    Vector(words="no v0", header=lambda now: f"t={now}", accepted=False),
    Vector(words="an empty v0", header=lambda now: f"t={now},v0=", accepted=False),
    Vector(
        words="an empty t",
        header=lambda _now: f"t=,v0={digest('')}",
        accepted=False,
    ),
    Vector(
        words="t is a word",
        header=lambda _now: f"t=soon,v0={digest('soon')}",
        accepted=False,
        sdk="ValueError",
        why=_STRICT_T,
    ),
    Vector(
        words="t has a fraction",
        header=lambda now: f"t={now}.5,v0={digest(f'{now}.5')}",
        accepted=False,
        sdk="ValueError",
        why=_STRICT_T,
    ),
    Vector(
        words="t has a sign",
        header=lambda now: f"t=+{now},v0={digest(f'+{now}')}",
        accepted=False,
        sdk="accepts",
        why="one spelling of a number; Python's int() takes many",
    ),
    Vector(
        words="t has an underscore",
        header=lambda now: _odd(now, f"{now:_}"),
        accepted=False,
        sdk="accepts",
        why="as above",
    ),
    Vector(
        words="t in Arabic digits",
        header=lambda now: _odd(now, _arabic(now)),
        accepted=False,
        sdk="accepts",
        why="as above",
    ),
    Vector(words="t is negative", header=lambda now: f"t=-{now},v0={digest(-now)}", accepted=False),
    Vector(
        words="t has 5,000 digits",
        header=lambda _now: f"t={'9' * 5000},v0={digest('9' * 5000)}",
        accepted=False,
        sdk="ValueError",
        why=_STRICT_T,
    ),
    Vector(
        words="t has 300 digits",
        header=lambda _now: f"t={'9' * 300},v0={digest('9' * 300)}",
        accepted=False,
        sdk="accepts",
        why="it lies in the future; the SDK accepts any future time",
    ),
    Vector(words="29 minutes 59 seconds old", header=lambda now: _at(now, 1 - HALF_AN_HOUR), accepted=True),
    Vector(words="30 minutes 1 second old", header=lambda now: _at(now, -HALF_AN_HOUR - 1), accepted=False),
    Vector(words="29 minutes 59 seconds ahead", header=lambda now: _at(now, HALF_AN_HOUR - 1), accepted=True),
    Vector(
        words="30 minutes 1 second ahead",
        header=lambda now: _at(now, HALF_AN_HOUR + 1),
        accepted=False,
        sdk="accepts",
        why="a time from the future would be valid too long",
    ),
    Vector(
        words="spaces around the parts",
        header=lambda now: f" t={now} , v0={digest(now)} ",
        accepted=True,
        sdk="refuses",
        why=_SPACES,
    ),
    Vector(
        words="a trailing space", header=lambda now: _at(now) + " ", accepted=True, sdk="refuses", why=_SPACES
    ),
    Vector(words="v0 in capitals", header=lambda now: f"t={now},v0={digest(now).upper()}", accepted=False),
    Vector(words="T and V0 in capitals", header=lambda now: f"T={now},V0={digest(now)}", accepted=False),
    Vector(words="v0 is one digit short", header=lambda now: _at(now)[:-1], accepted=False),
    Vector(words="v0 is one digit long", header=lambda now: _at(now) + "0", accepted=False),
    Vector(words="v0 is not ASCII", header=lambda now: f"t={now},v0=\u00e9{digest(now)[1:]}", accepted=False),
    Vector(words="v0 is a lone surrogate", header=lambda now: f"t={now},v0=\ud800", accepted=False),
    Vector(
        words="a body in UTF-8 beyond ASCII",
        header=lambda now: _at(now, body='{"a":"é"}'.encode()),
        accepted=True,
        body='{"a":"é"}'.encode(),
    ),
    Vector(
        words="a body that is not UTF-8",
        header=lambda now: _at(now, body=_LATIN),
        accepted=True,
        body=_LATIN,
        sdk="refuses",
        why="the bytes are what was signed; the SDK is given text, and such a"
        " body cannot be told to it (it is then 400: no JSON)",
    ),
    Vector(
        words="an empty body",
        header=lambda now: _at(now, body=b""),
        accepted=True,
        body=b"",
        sdk="ValueError",
        why="the signature is right; the SDK then fails to parse it (we answer 400)",
    ),
    Vector(words="a body altered by one byte", header=_at, accepted=False, body=BODY[:-2] + b" }"),
    Vector(words="a body with a byte more", header=_at, accepted=False, body=BODY + b"\n"),
    Vector(
        words="signed with the new key, both are held",
        header=lambda now: _at(now, key=OTHER),
        accepted=True,
        keys=(OTHER, KEY),
    ),
    Vector(
        words="signed with the old key, both are held",
        header=_at,
        accepted=True,
        keys=(OTHER, KEY),
        sdk="refuses",
        why="the SDK knows one key",
    ),
    Vector(words="signed with a removed key", header=_at, accepted=False, keys=(OTHER,)),
    Vector(words="signed with an empty key", header=lambda now: _at(now, key=""), accepted=False),
)


def _odd(now: int, spelling: str) -> str:
    """A `t` in an odd spelling that Python's int() reads as `now`, signed as the SDK would expect it."""
    assert int(spelling) == now
    return f"t={spelling},v0={digest(spelling)}"


def _arabic(now: int) -> str:
    return str(now).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
