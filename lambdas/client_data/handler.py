"""ClientData: ElevenLabs asks who is calling, while the phone rings (POST /client-data).

The answer has the same dynamic variables for every caller: without one of them ElevenLabs ends the call.
"""

import datetime as dt
import hmac
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from client_data import context, personas
from shared import call_token, logs
from shared.aws import AwsClient
from shared.caller import LONGEST_ID
from shared.credentials import Credentials
from shared.environment import Environment
from shared.errors import UnauthorizedError, UnavailableError
from shared.http import Handler, Request, endpoint, text_field
from shared.mem0 import open_store
from shared.memory import Memory, of_one_person

_LONGEST_FIELD = 256


def build(variables: Mapping[str, str]) -> Handler:
    """ClientData's handler for a function with this environment."""
    return endpoint(ClientData(Environment.parse(variables)).answer, done="caller looked up")


class ClientData:
    """Answers ElevenLabs' conversation initiation webhook."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._credentials = Credentials(environment, AwsClient(environment.variables))
        self._store = open_store(environment, self._credentials)

    def answer(self, request: Request) -> dict[str, Any]:
        """The conversation initiation data for the caller in `request`."""
        keys = self._authenticate(request)
        caller_id, agent_id, call_sid = _parse(request)
        user_id = self._environment.callers.of_phone(caller_id, "caller_id")
        logs.bind(user_id=user_id, agent_id=agent_id or None, call_sid=call_sid or None)
        memories, count = self._recall(user_id) if user_id else ([], 0)
        logs.bind(memories=count)
        variables = {
            "caller_id": user_id or "",
            "memory_count": str(count),
            "memory_context": self._context(memories),
            "returning_caller": "yes" if memories else "no",
            "caller_name": context.caller_name(memories),
            "secret__memory_token": call_token.issue(user_id or "", keys, time.time()),
        }
        return _initiation_data(variables) | self._override(agent_id, variables["memory_context"])

    def _authenticate(self, request: Request) -> list[str]:
        """The workspace keys, of which the request bears one.

        Raises:
            UnauthorizedError: if it bears none of them.
        """
        given = request.header("X-Workspace-Key").encode("utf-8", "replace")
        try:
            return self._credentials.retry_with_new(lambda: self._keys_with(given), _UnknownKeyError)
        except _UnknownKeyError:
            logs.defer_metrics(WorkspaceKeyFailures=1)
            raise UnauthorizedError("X-Workspace-Key is missing or wrong") from None

    def _keys_with(self, given: bytes) -> list[str]:
        keys = self._credentials.keys("ELEVENLABS_WORKSPACE_KEY") if given else []
        # All are compared, in constant time, so that the time tells nothing about which one was close.
        if not any([hmac.compare_digest(given, key.encode()) for key in keys]):  # noqa: C419
            raise _UnknownKeyError
        if given != keys[0].encode():
            logs.bind(workspace_key="older")  # the first is the newest: when may the older one be removed?
        return keys

    def _recall(self, user_id: str) -> tuple[Sequence[Memory], int]:
        try:
            memories, count = self._store.all_memories(user_id)
        except UnavailableError as error:
            if self._environment.on_memory_failure == "fail":
                raise
            logs.error("memories could not be read; the call goes on without", reason=str(error))
            return [], 0
        attribute = self._environment.memories_of_others == "attribute"
        own = of_one_person(memories, attribute=attribute)
        return own, count - (len(memories) - len(own))

    def _context(self, memories: Sequence[Memory]) -> str:
        return context.compose(memories, self._environment.context_characters, dt.datetime.now(dt.UTC))

    def _override(self, agent_id: str, memory_context: str) -> dict[str, Any]:
        if self._environment.prompt_mode != "override":
            return {}
        prompt = personas.prompt(agent_id, memory_context)
        return {"conversation_config_override": {"agent": {"prompt": {"prompt": prompt}}}}


class _UnknownKeyError(Exception):
    """The workspace key is none that we know."""


def _parse(request: Request) -> tuple[str, str, str]:
    """The caller's and the agent's id, and the call's at its carrier."""
    body = request.json_object()
    caller_id = text_field(body, "caller_id", longest=LONGEST_ID)
    agent_id = text_field(body, "agent_id", longest=_LONGEST_FIELD, required=False)
    text_field(body, "called_number", longest=_LONGEST_FIELD, required=False)
    call_sid = text_field(body, "call_sid", longest=_LONGEST_FIELD, required=False)
    return caller_id, agent_id, call_sid


def _initiation_data(variables: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "conversation_initiation_client_data", "dynamic_variables": variables}


lambda_handler = build(os.environ)
