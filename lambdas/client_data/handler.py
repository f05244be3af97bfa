"""ClientData: ElevenLabs asks who is calling, while the phone rings.

POST /client-data with the header `X-Workspace-Key` and `caller_id`, `agent_id`, `called_number`, `call_sid`.
The answer holds the same dynamic variables for every caller, known or not: ElevenLabs ends a call whose
variables are missing.
"""

import datetime as dt
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any

from client_data import context, personas
from shared import api, environment, logs, token
from shared.caller import LONGEST_ID
from shared.credentials import Credentials, CredentialsError
from shared.mem0 import Mem0
from shared.mem0_failures import Mem0Error
from shared.memories import Memory

_BUDGET = int(environment.number("CONTEXT_CHARACTERS", 6000, least=1000, most=50_000))
_OVERRIDES_PROMPT = environment.choice("PROMPT_MODE", ("override", "variable")) == "override"
_CONTINUES = environment.choice("ON_MEMORY_FAILURE", ("fail", "continue")) == "continue"
_CALLERS = environment.callers()
_LONGEST_FIELD = 256

credentials = Credentials()
mem0 = Mem0(credentials)
mem0.prepare()


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one conversation-initiation webhook (API Gateway payload 2.0)."""
    started = time.monotonic()
    user_id = None
    try:
        _authenticate(event)
        body = api.json_object(event)
        caller_id = api.text_field(body, "caller_id", longest=LONGEST_ID)
        agent_id = api.text_field(body, "agent_id", longest=_LONGEST_FIELD, required=False)
        for name in ("called_number", "call_sid"):
            api.text_field(body, name, longest=_LONGEST_FIELD, required=False)
        user_id = _CALLERS.on_the_phone(caller_id, "caller_id")
        memories, count = _memories(user_id)
    except api.Refusal as refusal:
        return api.refuse(refusal, started, user_id=user_id)
    logs.info(
        "caller looked up",
        user_id=user_id,
        agent_id=agent_id,
        memories=count,
        duration_ms=logs.milliseconds_since(started),
    )
    return api.respond(200, _initiation_data(user_id, agent_id, memories, count))


def _authenticate(event: Mapping[str, Any]) -> None:
    given = api.header(event, "X-Workspace-Key").encode("utf-8", "replace")
    # The key may have been rotated since the secret was read: then it is read anew.
    if not _is_workspace_key(given) and not (given and credentials.refresh() and _is_workspace_key(given)):
        logs.warning("workspace key refused", metrics={"WorkspaceKeyFailures": 1})
        raise api.Refusal(401, "X-Workspace-Key is missing or wrong")


def _is_workspace_key(given: bytes) -> bool:
    """Whether `given` is a workspace key; all are compared, in constant time."""
    return any([hmac.compare_digest(given, key.encode()) for key in _workspace_keys()])  # noqa: C419


def _workspace_keys() -> list[str]:
    try:
        return credentials.keys("ELEVENLABS_WORKSPACE_KEY")
    except CredentialsError as error:
        raise api.Refusal(500, str(error)) from None


def _memories(user_id: str | None) -> tuple[Sequence[Memory], int]:
    if user_id is None:
        return [], 0
    try:
        return mem0.all_memories(user_id, enough=_BUDGET)
    except Mem0Error as error:
        if not _CONTINUES:
            raise api.Refusal(500, str(error)) from None
        logs.error("memories could not be read; the call goes on without", user_id=user_id, reason=str(error))
        return [], 0


def _initiation_data(
    user_id: str | None, agent_id: str, memories: Sequence[Memory], count: int
) -> dict[str, Any]:
    told = context.compose(memories, _BUDGET, dt.datetime.now(dt.UTC))
    data: dict[str, Any] = {
        "type": "conversation_initiation_client_data",
        "dynamic_variables": {
            "caller_id": user_id or "",
            "memory_count": str(count),
            "memory_context": told,
            "returning_caller": "yes" if memories else "no",
            "caller_name": context.caller_name(memories),
            "secret__memory_token": token.issue(user_id or "", _workspace_keys(), time.time()),
        },
    }
    if _OVERRIDES_PROMPT:
        prompt = personas.prompt(agent_id, told)
        data["conversation_config_override"] = {"agent": {"prompt": {"prompt": prompt}}}
    return data
