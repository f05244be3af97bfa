"""The live proof: a canary is remembered, told, found and forgotten, for a number reserved for fiction."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from ops.deployment import Deployment
from ops.doctor.findings import Finding
from ops.errors import OperatorError
from ops.forget import Forget
from ops.mem0 import Mem0
from ops.secret import Secret
from shared.memory import FACTUAL

NUMBER = "+12025550173"
"""North America assigns 555-0100 to 555-0199 to fiction."""

_REQUEST_SECONDS = 30
_REMEMBERED_SECONDS = 180  # an extraction takes Mem0 seconds, at times a minute
_POLL_SECONDS = 0.5


class _StepError(Exception):
    """A step failed. Its text says what was seen."""


class LiveProof:
    """One proof.

    Args:
        deployment: the stage that is proven.
        agent_id: an agent that is connected; empty for none.
    """

    def __init__(self, deployment: Deployment, agent_id: str = "") -> None:
        self._deployment = deployment
        self._agent_id = agent_id
        self._secret = Secret(deployment, deployment.environment.credentials_secret)
        self._word = secrets.token_hex(4)
        self._conversation_id = f"conv_doctor_{self._word}"
        self._token = ""

    def run(self) -> Iterator[Finding]:
        """Do step by step; after one that fails, only forget."""
        steps = (
            ("live-client-data", self._client_data),
            ("live-retrieve", self._retrieve),
            ("live-post-call", self._post_call),
            ("live-remembered", self._remembered),
        )
        with Mem0.of(self._deployment) as self._mem0:
            try:
                for check, step in steps:
                    finding = _timed(check, step)
                    yield finding
                    if not finding.ok:
                        break
            finally:
                forgotten = _timed("live-forgotten", self._forgotten)
        yield forgotten

    def _client_data(self) -> str:
        self._mem0.add(
            NUMBER, f"The canary is named {self._word}.", {"type": FACTUAL, "call_start": int(time.time())}
        )
        body = {"caller_id": NUMBER, "agent_id": self._agent_id, "called_number": "", "call_sid": ""}
        headers = {"X-Workspace-Key": self._key("ELEVENLABS_WORKSPACE_KEY")}

        def told() -> dict[str, Any] | None:
            variables = self._post("ClientDataUrl", body, headers)["dynamic_variables"]
            return dict(variables) if self._word in variables["memory_context"] else None

        variables = _until(told, "the memory that was written is not in its answer")
        self._token = str(variables.get("secret__memory_token", ""))
        return f"tells {variables['memory_count']} memory"

    def _retrieve(self) -> str:
        body = {"query": f"What is the canary named? {self._word}", "user_id": NUMBER}

        def found() -> list[Any] | None:
            memories = self._post("RetrieveUrl", body, {"X-Memory-Token": self._token})["memories"]
            return memories if self._word in json.dumps(memories) else None

        memories = _until(found, "the memory that was written is not found")
        return f"finds {len(memories)} memory"

    def _post_call(self) -> str:
        now = int(time.time())
        said = [
            {"role": "agent", "message": "Hello, what can I do for you?", "time_in_call_secs": 0},
            {
                "role": "user",
                "message": f"Please note that my canary {self._word} sings again.",
                "time_in_call_secs": 3,
            },
            {"role": "agent", "message": "I am glad to hear that.", "time_in_call_secs": 8},
        ]
        phone_call = {"type": "twilio", "direction": "inbound", "external_number": NUMBER, "call_sid": ""}
        data = {
            "agent_id": self._agent_id or "agent_doctor",
            "conversation_id": self._conversation_id,
            "status": "done",
            "transcript": said,
            "metadata": {"start_time_unix_secs": now, "call_duration_secs": 10, "phone_call": phone_call},
            "analysis": {"transcript_summary": f"The caller's canary {self._word} sings again."},
        }
        body = json.dumps({"type": "post_call_transcription", "event_timestamp": now, "data": data}).encode()
        key = self._key("ELEVENLABS_HMAC_KEY").encode()
        digest = hmac.new(key, f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"ElevenLabs-Signature": f"t={now},v0={digest}", "Content-Type": "application/json"}
        status = self._post("PostCallUrl", body, headers).get("status")
        if status != "queued":
            raise _StepError(f"answers {status!r} instead of queued")
        return "accepts a signed call"

    def _remembered(self) -> str:
        def left() -> int:
            return sum(
                (row.get("metadata") or {}).get("conversation_id") == self._conversation_id
                for row in self._mem0.memories(NUMBER)
            )

        wanted = len(self._deployment.environment.store_types)
        count = _until(
            lambda: (found := left()) >= wanted and found, "nothing of it is in Mem0", _REMEMBERED_SECONDS
        )
        return f"the call left {count} memories"

    def _forgotten(self) -> str:
        with Forget(self._deployment, NUMBER) as job:
            receipt = job.run()
        if left := sum(receipt.after.values()):
            raise _StepError(f"{left} memories are left")
        return "nothing is left"

    def _key(self, name: str) -> str:
        keys = self._secret.keys(name)
        if not keys:
            raise _StepError(f"{self._secret.name} has no {name}")
        return keys[0]

    def _post(self, output: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = self._deployment.output(output)
        try:
            answer = httpx.post(
                url, content=content, headers=headers, timeout=_REQUEST_SECONDS, trust_env=False
            )
            value = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _StepError(f"{url} does not answer: {type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK or not isinstance(value, dict):
            raise _StepError(f"{url} answers {answer.status_code}: {str(value)[:200]}")
        return value


def _timed(check: str, step: Callable[[], str]) -> Finding:
    started = time.monotonic()
    try:
        seen = step()
    except (_StepError, OperatorError) as error:
        return Finding(check, str(error))
    return Finding(check, f"{seen}, after {time.monotonic() - started:.2f} s", ok=True)


def _until(look: Callable[[], Any], otherwise: str, seconds: float = _REQUEST_SECONDS) -> Any:
    """What `look` finds, asked again until it finds something.

    Raises:
        _StepError: `otherwise`, if it does not in time.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise _StepError(f"{otherwise} after {seconds} s")
        time.sleep(_POLL_SECONDS)
    return found
