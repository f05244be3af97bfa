"""Size: what becomes of bodies and calls that are larger than usual, up to AWS's limits."""

import base64
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.common.calls import Call, caller, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import KINDS, OK, FaultRig
from local.elevenlabs import encode

MIB = 1024 * 1024
_WORDS = [
    "".join(random.Random(seed).choices("bcdfghjklmnpqrstvwxz", k=9))  # noqa: S311 - not a secret
    for seed in range(20_000)
]
"""Without vowels, so that none reads like a word behind which a secret is looked for."""
_LIMIT = """Lambda takes an event of 6 MB, whatever API Gateway takes, and ElevenLabs does not deliver a 413
again: a transcript that large is not remembered. It would be a call of about 9,000 turns (real ones have 650
bytes a turn). It shows in the stage's access log and its 4xx metric."""
_TOO_LARGE = 413


def run(progress: Progress) -> Section:
    """Send large things, and see what is answered and what is remembered."""
    section = Section(
        title="Size",
        how=(
            "*Sentences*: how many of the caller's and the agent's sentences stand in what Mem0 accepted, for"
            " each of the two kinds. *Parts*: in how many messages of the queue the call travelled."
        ),
    )
    with FaultRig(visibility_timeout=60, environment={"MEM0_TIMEOUT": "20"}, progress=progress) as rig:
        rig.system.host.warm("post-call", 2)
        _remembered(section, rig, "a call of 293 turns", _long_call(1, turns=293, words=12))
        _remembered(section, rig, "a slim transcript of 1.3 MiB", _long_call(2, turns=2000, words=70))
        words = "a slim transcript of 3.7 MiB: more than the queue takes compressed"
        _remembered(section, rig, words, _long_call(3, turns=2400, words=170))
        progress("size: long calls done")
        _answered(section, rig, "a body of 6.5 MB: over Lambda's event", _padded(4, 6_500_000), _TOO_LARGE)
        _answered(section, rig, "a body of 10 MB", _padded(5, 10_000_000), _TOO_LARGE)
        over = _padded(6, 10 * MIB + 1)
        _answered(section, rig, "a body over 10 MiB: over API Gateway's", over, _TOO_LARGE)
        _answered(section, rig, "audio of 6 MB in base64", _audio(7, 6_000_000), OK)
        _answered(section, rig, "audio of 8 MB in base64", _audio(8, 8_000_000), _TOO_LARGE)
    section.note = _LIMIT
    return section


def _long_call(number: int, *, turns: int, words: int) -> tuple[Call, list[str]]:
    dice = random.Random(number)  # noqa: S311 - not a secret
    sentences = [f"Sentence {turn} {' '.join(dice.choices(_WORDS, k=words))}." for turn in range(turns)]
    said = [{"role": ("user", "agent")[turn % 2], "message": text} for turn, text in enumerate(sentences)]
    return make_call(caller(900_000 + number), turns=said), sentences


def _padded(number: int, size: int) -> Call:
    """A call whose body has exactly `size` bytes, because of a field that is not read."""
    call = make_call(caller(900_000 + number))
    event = json.loads(call.body)
    event["data"]["trace"] = ""
    event["data"]["trace"] = "x" * (size - len(encode(event)))
    return replace(call, body=encode(event))


def _audio(number: int, size: int) -> Call:
    sound = base64.b64encode(b"\xff" * (size * 3 // 4)).decode()
    return make_call(caller(900_000 + number), kind="audio", audio=sound)


def _remembered(section: Section, rig: FaultRig, words: str, made: tuple[Call, Sequence[str]]) -> None:
    call, sentences = made
    delivery = rig.deliver(call)
    rig.drained(120)
    payloads = [
        one for one in rig.add_payloads() if one["metadata"]["conversation_id"] == call.conversation_id
    ]
    # Long turns are cut between words, so a sentence is there if all of its words are.
    held = {kind: _words(one for one in payloads if one["metadata"]["type"] == kind) for kind in KINDS}
    count = {kind: sum(held[kind].issuperset(text.split()) for text in sentences) for kind in KINDS}
    parts = len(payloads) // 2
    distinct = len({(one["metadata"]["type"], one["metadata"].get("part", 1)) for one in payloads})
    section.add(
        words,
        {
            "bytes": len(call.body),
            "answer": str(delivery.last),
            "parts": parts,
            "sentences": f"{count['factual']} and {count['semantic']} of {len(sentences)}",
        },
        passed=set(count.values()) == {len(sentences)} and distinct == len(payloads) and delivery.accepted,
    )


def _words(payloads: Iterable[Mapping[str, Any]]) -> set[str]:
    return set(" ".join(message["content"] for one in payloads for message in one["messages"]).split())


def _answered(section: Section, rig: FaultRig, words: str, call: Call, status: int) -> None:
    reply = rig.deliver(call, retry_enabled=False).last
    rig.until(lambda: rig.waiting() == 0, 5)
    stored = call.conversation_id in rig.accepted_adds()
    section.add(
        words,
        {"bytes": len(call.body), "answer": f"{reply} {reply.text[:60]}"},
        passed=reply.status == status and not stored,
        remark="ignored" if status == OK else "refused",
    )
