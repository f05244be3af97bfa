"""Each signature of the table has its verdict, from us and from the official SDK."""

import base64
import statistics
import time
import timeit
from unittest import mock

import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.errors import BadRequestError

from shared.signature import BadSignatureError, verify
from tests.unit.conftest import Build, request
from tests.unit.signature_vectors import BODY, KEY, VECTORS, Vector, digest

BY_WORDS = pytest.mark.parametrize("vector", VECTORS, ids=[vector.words for vector in VECTORS])


def test_there_are_thirty_vectors_and_each_is_another() -> None:
    assert len({vector.words for vector in VECTORS}) == len(VECTORS) >= 30


@BY_WORDS
def test_our_verdict(vector: Vector) -> None:
    now = int(time.time())
    try:
        verify(vector.header(now) or "", vector.body, vector.keys, now)
    except BadSignatureError:
        assert not vector.accepted
    else:
        assert vector.accepted


@BY_WORDS
def test_verdict_of_the_official_sdk(vector: Vector) -> None:
    sdk = ElevenLabs(api_key="none").webhooks
    header = vector.header(int(time.time()))
    body = vector.body.decode("utf-8", "replace")
    try:
        sdk.construct_event(body, header, vector.keys[0])  # type: ignore[arg-type] # that is what it must stand
    except BadRequestError:
        verdict = "refuses"
    except ValueError:
        verdict = "ValueError"
    else:
        verdict = "accepts"
    assert verdict == vector.sdk_verdict
    differs = verdict != ("accepts" if vector.accepted else "refuses")
    assert bool(vector.why) == differs


@BY_WORDS
def test_webhook_gives_the_same_verdict(vector: Vector, build: Build) -> None:
    if vector.keys == (KEY,):  # the secret's
        assert (answered(build, "elevenlabs-signature", vector) != 401) is vector.accepted


@pytest.mark.parametrize("name", ["ElevenLabs-Signature", "elevenlabs-signature", "ELEVENLABS-SIGNATURE"])
def test_header_may_be_in_any_case(name: str, build: Build) -> None:
    assert answered(build, name, VECTORS[0]) != 401


def answered(build: Build, name: str, vector: Vector) -> int:
    """The webhook's status for a body that API Gateway passes in base64, as it does when it is no text."""
    handler = build("post_call")
    now = int(time.time())
    header = vector.header(now)
    event = request("") | {"headers": {} if header is None else {name: header}}
    event |= {"body": base64.b64encode(vector.body).decode(), "isBase64Encoded": True}
    with mock.patch("time.time", return_value=now):  # a clock that stands still
        return int(handler(event, None)["statusCode"])


def test_time_of_comparison_does_not_depend_on_where_the_first_wrong_byte_is() -> None:
    now = int(time.time())
    right = digest(now)
    wrong = {
        place: right[:place] + ("0" if right[place] != "0" else "1") + right[place + 1 :] for place in (0, 63)
    }

    def check(place: int) -> float:
        def refuse() -> None:
            with pytest.raises(BadSignatureError):
                verify(f"t={now},v0={wrong[place]}", BODY, (KEY,), now)

        return timeit.timeit(refuse, number=50)

    # Taken in turns, so that what else the machine does hits both alike. It catches a comparison in Python;
    # that compare_digest itself takes no short cut is OpenSSL's promise.
    times = [(check(0), check(63)) for _ in range(40)]
    early, late = (statistics.median(durations) for durations in zip(*times, strict=True))
    assert 0.8 < early / late < 1.25
