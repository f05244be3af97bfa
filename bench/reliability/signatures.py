"""The table of signatures, tried on the running webhook over HTTP and on the official SDK."""

import time

from elevenlabs.client import ElevenLabs
from elevenlabs.errors import BadRequestError

from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import FaultRig
from local.elevenlabs import HEADER
from tests.unit.signature_vectors import KEY, OTHER, VECTORS, Vector

_UNAUTHORISED = 401


def run(progress: Progress) -> Section:
    """Try each vector, and compare its verdict."""
    section = Section(
        title="Signatures",
        how=(
            "Each vector is sent to the running webhook (a header that HTTP cannot carry is verified"
            " in-process). *SDK*: the verdict of `construct_event` in the official SDK 2.78.0."
        ),
    )
    answers: dict[str, str] = {}
    with FaultRig(progress=progress) as rig:
        for keys in ((KEY,), (OTHER, KEY), (OTHER,)):
            rig.change_secret(ELEVENLABS_HMAC_KEY=list(keys))
            rig.cold()
            for vector in [known for known in VECTORS if known.keys == keys]:
                answers[vector.words] = _ours(rig, vector)
    progress(f"signatures: {len(answers)} sent")
    for vector in VECTORS:
        ours, sdk = answers[vector.words], _sdk(vector)
        right = (ours == "accepts") is vector.accepted and sdk == vector.sdk_verdict
        section.add(vector.words, {"we": ours, "SDK": sdk}, passed=right, remark=vector.why)
    return section


def _ours(rig: FaultRig, vector: Vector) -> str:
    header = vector.header(int(time.time()))
    if header is not None and not header.isascii():
        return _in_process(vector, header)
    headers = {} if header is None else {HEADER: header}
    reply = rig.wire.post(rig.system.endpoints.post_call_url, vector.body, headers, timeout=10)
    return "refuses" if reply.status == _UNAUTHORISED else "accepts"


def _in_process(vector: Vector, header: str) -> str:
    from shared.signature import BadSignatureError, verify  # noqa: PLC0415 - lambdas/ is on the path by now

    try:
        verify(header, vector.body, vector.keys, time.time())
    except BadSignatureError:
        return "refuses"
    return "accepts"


def _sdk(vector: Vector) -> str:
    webhooks = ElevenLabs(api_key="none").webhooks
    header = vector.header(int(time.time()))
    try:
        webhooks.construct_event(vector.body.decode("utf-8", "replace"), header or "", vector.keys[0])
    except BadRequestError:
        return "refuses"
    except ValueError:
        return "ValueError"
    return "accepts"
