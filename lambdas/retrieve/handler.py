"""Retrieve: the agent's tool looks up what the caller said before, during the call (POST /retrieve).

By default there is no authentication: whoever knows the URL can ask for any `user_id`. A call token in the
header `X-Memory-Token` proves who the caller is, and `RETRIEVE_AUTH=call_token` requires one.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from retrieve import ranking
from shared import call_token, logs
from shared.aws import AwsClient
from shared.caller import LONGEST_ID, same_digits
from shared.credentials import Credentials
from shared.environment import Environment
from shared.errors import ForbiddenError, InvalidRequestError, UnauthorizedError
from shared.http import Handler, Request, endpoint, json_type, text_field
from shared.http_client import deadline
from shared.mem0 import open_store
from shared.memory import Memory, newest_name, of_one_person

_LONGEST_QUERY = 1000
_LATELY_SECONDS = 300
_MOST_SEEN = 10_000
NOTHING_FOUND = "Nothing is remembered about this. Say so if it matters, or ask the caller."
"""What the agent reads when nothing was found."""


def build(variables: Mapping[str, str]) -> Handler:
    """Retrieve's handler for a function with this environment."""
    return endpoint(Retrieve(Environment.parse(variables)).answer, done="memories searched")


class Retrieve:
    """Answers the agent's tool."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._credentials = Credentials(environment, AwsClient(environment.variables))
        self._store = open_store(environment, self._credentials)
        self._unverified = _Recent()

    def answer(self, request: Request) -> dict[str, Any]:
        """The caller's memories that fit the query in `request`."""
        arguments = _arguments(request)
        query = text_field(arguments, "query", longest=_LONGEST_QUERY).strip()
        if not query:
            raise InvalidRequestError("query is empty")
        user_id = self._caller(request, arguments)
        logs.bind(user_id=user_id)
        own = self._candidates(user_id, query) if user_id else []
        memories = ranking.choose(query, own, self._environment.search_limit)
        logs.bind(found=len(memories))
        return _found(memories)

    def _candidates(self, user_id: str, query: str) -> list[Memory]:
        """What Mem0 finds, as far as it may be told to who calls."""
        with deadline(self._environment.mem0_timeout):
            found = self._store.search(user_id, query, ranking.CANDIDATES)
            caller = newest_name(found)
            if caller and len(found) == ranking.CANDIDATES:  # there may be more, and a newer name among them
                caller = newest_name(self._store.all_memories(user_id)[0])
        return of_one_person(
            found, attribute=self._environment.memories_of_others == "attribute", caller=caller
        )

    def _caller(self, request: Request, arguments: Mapping[str, Any]) -> str | None:
        """Whose memories are asked for: the token's caller if there is a token, else the `user_id`."""
        token = request.header("X-Memory-Token").strip()
        callers = self._environment.callers
        if not token:
            if self._environment.retrieve_auth == "call_token":
                logs.defer_metrics(CallTokenFailures=1)
                raise UnauthorizedError("X-Memory-Token is missing: send secret__memory_token as that header")
            user_id = callers.of_phone_or_web(text_field(arguments, "user_id", longest=LONGEST_ID), "user_id")
            if user_id and self._unverified.is_new(user_id, time.monotonic()):
                logs.defer_metrics(UnverifiedCallers=1)
            return user_id
        proven = self._verify(token)
        named = text_field(arguments, "user_id", longest=LONGEST_ID, required=False)
        if (
            named
            and (callers.of_phone_or_web(named, "user_id") or "") != proven
            and not same_digits(named, proven)
        ):
            raise ForbiddenError("user_id is not the caller that X-Memory-Token was issued for")
        return proven or None

    def _verify(self, token: str) -> str:
        """The caller that the token proves; an empty string for an anonymous one."""

        def verify() -> str:
            return call_token.verify(token, self._credentials.keys("ELEVENLABS_WORKSPACE_KEY"), time.time())

        try:
            return self._credentials.retry_with_new(verify, call_token.UnknownKeyError)
        except call_token.BadTokenError as error:
            logs.defer_metrics(CallTokenFailures=1)
            logs.bind(token=str(error))
            raise UnauthorizedError("X-Memory-Token is wrong or has expired") from None


class _Recent:
    """Whom this instance has answered lately without a call token: many different callers are an alarm."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def is_new(self, user_id: str, now: float) -> bool:
        """Whether `user_id` was not asked about in the last five minutes."""
        last = self._seen.pop(user_id, None)  # so that the oldest stands first
        self._seen[user_id] = now
        while len(self._seen) > _MOST_SEEN or next(iter(self._seen.values())) < now - _LATELY_SECONDS:
            del self._seen[next(iter(self._seen))]
        return last is None or last < now - _LATELY_SECONDS


def _arguments(request: Request) -> dict[str, Any]:
    """The tool's arguments: the body itself, or its `parameters` if ElevenLabs sent an envelope."""
    body = request.json_object()
    if "parameters" not in body or "query" in body:
        return body
    parameters = body["parameters"]
    if not isinstance(parameters, dict):
        raise InvalidRequestError(f"parameters must be an object, not {json_type(parameters)}")
    return parameters


def _found(memories: Sequence[Memory]) -> dict[str, Any]:
    listed = [
        {"memory": memory.text, "type": memory.type, "date": memory.date, "score": memory.score}
        | ({"caller_name": memory.caller_name} if memory.caller_name else {})
        for memory in memories
    ]
    return {"memories": listed} if listed else {"memories": listed, "message": NOTHING_FOUND}


lambda_handler = build(os.environ)
