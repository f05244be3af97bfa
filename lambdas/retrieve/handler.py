"""Retrieve: the agent's tool looks up what the caller said before, while the caller waits.

POST /retrieve with `query` and `user_id`, flat or inside `parameters`. No authentication by default: the
tool's `user_id` is bound to `system__caller_id` by ElevenLabs, so the model cannot choose it. A call token in
the header `X-Memory-Token` is verified, and says who the caller is; `RETRIEVE_AUTH=call_token` demands one.
"""

import time
from collections.abc import Mapping
from typing import Any

from retrieve import ranking
from shared import api, environment, logs, token
from shared.caller import LONGEST_ID
from shared.credentials import Credentials, CredentialsError
from shared.mem0 import Mem0
from shared.mem0_failures import Mem0Error
from shared.memories import Memory

_LIMIT = int(environment.number("MEM0_SEARCH_LIMIT", 3, least=1, most=50))
_CALLERS = environment.callers()
_NEEDS_TOKEN = environment.choice("RETRIEVE_AUTH", ("none", "call_token")) == "call_token"
_LONGEST_QUERY = 1000

credentials = Credentials()
mem0 = Mem0(credentials)
mem0.prepare()


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one tool call (API Gateway payload 2.0)."""
    started = time.monotonic()
    user_id = None
    try:
        body = _arguments(api.json_object(event))
        query = api.text_field(body, "query", longest=_LONGEST_QUERY).strip()
        if not query:
            raise api.bad_request("query is empty")
        user_id = _caller(event, body)
        memories = _search(user_id, query)
    except api.Refusal as refusal:
        return api.refuse(refusal, started, user_id=user_id)
    logs.info(
        "memories searched",
        user_id=user_id,
        found=len(memories),
        duration_ms=logs.milliseconds_since(started),
    )
    return api.respond(200, ranking.answer(memories))


def _arguments(body: dict[str, Any]) -> dict[str, Any]:
    """The tool's arguments: the body itself, or its `parameters` if ElevenLabs sent an envelope."""
    if "parameters" not in body or "query" in body:
        return body
    parameters = body["parameters"]
    if not isinstance(parameters, dict):
        raise api.bad_request(f"parameters must be an object, not {api.json_type(parameters)}")
    return parameters


def _caller(event: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    """Whose memories are asked for: the token's caller if there is one, else the `user_id` of the body."""
    given = api.header(event, "X-Memory-Token").strip()
    if not given:
        if _NEEDS_TOKEN:
            raise api.Refusal(401, "X-Memory-Token is missing: send secret__memory_token as that header")
        return _CALLERS.anywhere(api.text_field(body, "user_id", longest=LONGEST_ID), "user_id")
    proven = _proven_caller(given)
    named = api.text_field(body, "user_id", longest=LONGEST_ID, required=False)
    if named and (_CALLERS.anywhere(named, "user_id") or "") != proven:
        raise api.Refusal(403, "user_id is not the caller that X-Memory-Token was issued for")
    return proven or None


def _proven_caller(given: str) -> str:
    try:
        try:
            return token.verify(given, credentials.keys("ELEVENLABS_WORKSPACE_KEY"), time.time())
        except token.UnknownKeyError:
            # ClientData may know a key that was rotated since we read the secret.
            if not credentials.refresh():
                raise
            return token.verify(given, credentials.keys("ELEVENLABS_WORKSPACE_KEY"), time.time())
    except CredentialsError as error:
        raise api.Refusal(500, str(error)) from None
    except token.BadTokenError as error:
        logs.warning("call token refused", reason=str(error), metrics={"CallTokenFailures": 1})
        raise api.Refusal(401, "X-Memory-Token is wrong or has expired") from None


def _search(user_id: str | None, query: str) -> list[Memory]:
    if user_id is None:
        return []
    try:
        found = mem0.search(user_id, query, ranking.CANDIDATES)
    except Mem0Error as error:
        raise api.Refusal(500, str(error)) from None
    return ranking.choose(query, found, _LIMIT)
