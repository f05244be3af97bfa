"""Our signing agrees with what the official SDK verifies."""

import time
from typing import Any

import pytest
from elevenlabs.errors import BadRequestError
from elevenlabs.webhooks_custom import WebhooksClient

from local.elevenlabs.signature import HEADER, sign

KEY = "wsec_invented"
BODY = '{"type":"post_call_transcription","data":{"message":"Żółw says ¡olé! 🐢"}}'


def construct_event(body: str, header: str) -> Any:
    client = WebhooksClient.__new__(WebhooksClient)  # construct_event needs nothing of the client
    return client.construct_event(body, header, KEY)


def test_sdk_accepts_our_signature() -> None:
    event = construct_event(BODY, sign(BODY.encode(), KEY, int(time.time())))
    assert event["type"] == "post_call_transcription"


@pytest.mark.parametrize(
    "header",
    [
        sign(BODY.encode(), "another key", int(time.time())),
        sign(BODY.encode() + b" ", KEY, int(time.time())),
        sign(BODY.encode(), KEY, int(time.time()) - 1801),
    ],
    ids=["another key", "altered body", "older than 30 minutes"],
)
def test_sdk_refuses_what_is_not_ours(header: str) -> None:
    with pytest.raises(BadRequestError):
        construct_event(BODY, header)


def test_known_signature_does_not_change() -> None:
    assert HEADER == "ElevenLabs-Signature"
    assert sign(b"{}", "secret", 1700000000) == (
        "t=1700000000,v0=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
    )
