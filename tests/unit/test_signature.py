"""Which signatures are accepted, and where we agree with the official SDK."""

import hashlib
import hmac
import json
import time

import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.errors import BadRequestError

from shared.signature import TOLERANCE_SECONDS, BadSignatureError, verify

KEY = "local-hmac-key"
BODY = b'{"type":"post_call_transcription","event_timestamp":1,"data":{}}'
NOW = 1_800_000_000


def digest(body: bytes = BODY, timestamp: int | str = NOW, key: str = KEY) -> str:
    return hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def accepted(signature: str, body: bytes = BODY, keys: tuple[str, ...] = (KEY,), now: float = NOW) -> bool:
    try:
        verify(signature, body, keys, now)
    except BadSignatureError:
        return False
    return True


RIGHT = f"t={NOW},v0={digest()}"


@pytest.mark.parametrize(
    "signature",
    [
        RIGHT,
        f"v0={digest()},t={NOW}",
        f" t={NOW} , v0={digest()} ",
        f"t={NOW},v0={'0' * 64},v0={digest()}",
        f"t={NOW},v0={digest()},v0={'0' * 64}",
        f"t={NOW},v1=abc,v0={digest()}",
        f"{RIGHT},{RIGHT}",
    ],
)
def test_right_signature_is_accepted(signature: str) -> None:
    assert accepted(signature)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "nonsense",
        f"t={NOW}",
        f"v0={digest()}",
        f"t=,v0={digest(timestamp='')}",
        f"t=soon,v0={digest(timestamp='soon')}",
        f"t={NOW}.0,v0={digest(timestamp=f'{NOW}.0')}",
        f"t=-{NOW},v0={digest(timestamp=-NOW)}",
        f"t={'9' * 5000},v0={digest(timestamp='9' * 5000)}",
        f"t={NOW},t={NOW + 1},v0={digest()}",
        f"t={NOW},v0=",
        f"t={NOW},v0={digest().upper()}",
        f"t={NOW},v0={digest()[:-1]}",
        f"t={NOW},v0={digest(body=BODY + b' ')}",
        f"t={NOW},v0={digest(key='another key')}",
        f"t={NOW},v0=\u00e9{digest()[1:]}",
        f"t={NOW},v0=\ud800",
        f"t={NOW}," + ",".join(["v0=00"] * 100) + f",v0={digest()}",
    ],
)
def test_wrong_signature_is_refused(signature: str) -> None:
    assert not accepted(signature)


@pytest.mark.parametrize("direction", [-1, 1])
def test_timestamp_may_be_thirty_minutes_off_and_no_more(direction: int) -> None:
    assert accepted(RIGHT, now=NOW + direction * TOLERANCE_SECONDS)
    assert not accepted(RIGHT, now=NOW + direction * (TOLERANCE_SECONDS + 1))


def test_altered_body_is_refused() -> None:
    for position in range(len(BODY)):
        altered = BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]
        assert not accepted(RIGHT, body=altered)


def test_body_may_be_any_bytes() -> None:
    body = b"\xff\xfe\x00not utf-8"
    assert accepted(f"t={NOW},v0={digest(body)}", body=body)
    assert accepted(f"t={NOW},v0={digest(b'')}", body=b"")


def test_old_and_new_key_overlap_while_they_are_rotated() -> None:
    assert accepted(RIGHT, keys=("the new key", KEY))
    assert not accepted(RIGHT, keys=("the new key",))


def test_no_key_accepts_nothing() -> None:
    assert not accepted(f"t={NOW},v0={digest(key='')}", keys=())
    assert not accepted(f"t={NOW},v0={digest(key='')}", keys=("",))


@pytest.mark.parametrize(
    "body", [BODY, json.dumps({"type": "x", "data": "\u00e9"}, ensure_ascii=False).encode()]
)
def test_agrees_with_the_official_sdk(body: bytes) -> None:
    now = int(time.time())
    right = f"t={now},v0={digest(body, now)}"
    wrong = f"t={now},v0={digest(body + b' ', now)}"
    old = f"t={now - 3600},v0={digest(body, now - 3600)}"
    sdk = ElevenLabs(api_key="none").webhooks
    assert sdk.construct_event(body.decode(), right, KEY)
    assert accepted(right, body, now=now)
    for refused in (wrong, old, ""):
        with pytest.raises(BadRequestError):
            sdk.construct_event(body.decode(), refused, KEY)
        assert not accepted(refused, body, now=now)
