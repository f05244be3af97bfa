"""What the running system logs, and the template: no secret, no word of a call, no number below ERROR."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.elevenlabs import ElevenLabs, Workspace, load_script
from local.mem0.faults import FOREIGN_MEMORY
from local.synth import synthesize
from local.system import DEFAULTS, LocalCredentials, System
from tests.local.support import until

KEYS: dict[str, str | list[str]] = {
    "MEM0_API_KEY": "m0-distinct-api-key-7d1f",
    "MEM0_ORG_ID": "org-distinct-93ac",
    "MEM0_PROJECT_ID": "project-distinct-51be",
    "ELEVENLABS_WORKSPACE_KEY": ["workspace-distinct-c0de", "workspace-older-beef"],
    "ELEVENLABS_HMAC_KEY": ["hmac-distinct-f00d", "hmac-older-cafe"],
}
CALLS = Path("local/calls")
SCRIPTS = [load_script(path) for path in sorted(CALLS.glob("*.json"))]
CALLER = "+16125550142"


@pytest.fixture(scope="module")
def logged() -> Iterator[list[str]]:
    """Each line that the three functions logged in a day with everything: calls, failures, intruders."""
    credentials = LocalCredentials(values=KEYS)
    with System(credentials=credentials, environment={"RETRY_DELAYS": "1"}) as system:
        with ElevenLabs(Workspace.connected(system.endpoints)) as elevenlabs:
            for script in SCRIPTS:
                elevenlabs.run_call(script)
            _misbehave(system, elevenlabs)
        sqs = system.aws.client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def left() -> int:
            answer = sqs.get_queue_attributes(QueueUrl=system.queue_url, AttributeNames=names)
            return sum(int(answer["Attributes"][name]) for name in names)

        until(lambda: left() == 0, "the queue is empty", 60)
        yield [line for name in system.host.functions for line in system.host.logs.lines(name)]


def _misbehave(system: System, elevenlabs: ElevenLabs) -> None:
    """Let Mem0 fail in several ways while calls come in, and send requests without a key."""
    (maria,) = [script for script in SCRIPTS if script.title and script.caller_id == CALLER][:1]
    rules = [
        {"operation": "add", "count": 1, "status": 400, "body": {"detail": FOREIGN_MEMORY}},
        {"operation": "add", "count": 2, "status": 503},
        {"operation": "search", "count": 1, "garbage": True},
        {"operation": ["get_all", "search"], "count": 2, "foreign_rows": 1},
    ]
    _put(f"{system.mem0_url}/_faults", rules)
    for _ in range(3):
        elevenlabs.end_call(elevenlabs.start_call(maria))
    for url in (system.endpoints.client_data_url, system.endpoints.post_call_url):
        _put(url, {"caller_id": CALLER, "said": "open sesame"}, method="POST")


def _put(url: str, body: object, method: str = "PUT") -> None:
    httpx.request(method, url, json=body, timeout=30, trust_env=False)


def test_something_of_each_kind_was_logged(logged: list[str]) -> None:
    text = "\n".join(logged)
    for words in ("caller looked up", "memories searched", "webhook queued", "call remembered", '"ERROR"'):
        assert words in text


def test_no_secret_is_logged(logged: list[str]) -> None:
    assert [line for line in logged for secret in secrets() if secret in line] == []


def test_no_sentence_of_a_call_is_logged(logged: list[str]) -> None:
    text = "\n".join(logged)
    said = sentences()
    assert len(said) > 200
    assert [sentence for sentence in said if sentence in text] == []
    assert FOREIGN_MEMORY not in text


def test_no_full_number_is_logged_below_error(logged: list[str]) -> None:
    numbers = {
        number for script in SCRIPTS for number in numbers_of(script.caller_id, script.external_number)
    }
    assert CALLER[1:] in numbers
    lower = [line for line in logged if '"level": "ERROR"' not in line]
    assert [line for line in lower for number in numbers if number in line] == []


def test_no_secret_is_in_the_template() -> None:
    text = json.dumps(synthesize().template)
    assert "agentic-memory/credentials" in text
    assert [secret for secret in [*secrets(), *map(str, DEFAULTS.values())] if secret in text] == []


def secrets() -> list[str]:
    found: list[str] = []
    for value in KEYS.values():
        found += [value] if isinstance(value, str) else value
    return found


def sentences() -> set[str]:
    """Each sentence of each call that is too long to be one of our own words."""
    turns = [turn for script in SCRIPTS for turn in script.turns]
    texts = [text for turn in turns for text in (turn.message, turn.original_message) if text]
    texts += [script.summary for script in SCRIPTS if script.summary]
    pieces = {piece.strip() for text in texts for piece in re.split(r"(?<=[.!?])\s", text)}
    return {piece for piece in pieces if len(piece) > 12}


def numbers_of(*spellings: str | None) -> set[str]:
    """The digits of phone numbers, as they would stand in a line in any spelling."""
    digits = {re.sub(r"\D", "", spelling or "") for spelling in spellings}
    return {number for number in digits if len(number) > 9}
