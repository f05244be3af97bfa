"""Mem0 Cloud as the operator's commands use it: whole rows, histories, events and deletions.

Plain HTTP, because mem0's client shows neither events nor what has expired, and deletes every user's memories
when it is given an empty id.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx

from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.secret import Secret

Row = dict[str, Any]
UNFINISHED = ("PENDING", "RUNNING")
_TIMEOUT = 30
_PAGE = 100
_MOST_PAGES = 1000
_ADD = "/v3/memories/add/"
_TRIES = 5  # when Mem0 is busy
_BUSY = (429, 502, 503, 504)
_LONGEST_WAIT = 30.0


class Mem0:
    """One Mem0 project. Every method raises `OperatorError` if Mem0 refuses or cannot be reached.

    Attributes:
        backoff: seconds that a request waits when Mem0 is busy, doubled with each try.
    """

    def __init__(self, key: str, host: str) -> None:
        self.backoff = 0.5
        self._host = host
        self._http = httpx.Client(
            base_url=host, headers={"Authorization": f"Token {key}"}, timeout=_TIMEOUT, trust_env=False
        )

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """The project of a stage, with the key in its secret."""
        secret = Secret(deployment, deployment.environment.credentials_secret)
        key = (secret.read() or {}).get("MEM0_API_KEY")
        if not key:
            raise OperatorError(f"{secret.name} has no MEM0_API_KEY", remedy="run `amem secret`")
        return cls(str(key), deployment.environment.mem0_host)

    def __enter__(self) -> Self:
        """Connections are opened when they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def memories(self, user_id: str, **metadata: str) -> Iterator[Row]:
        """All memories of a user, expired ones too, page by page; only those with this metadata."""
        user = {"user_id": checked(user_id)}
        conditions = [{"metadata": {name: value}} for name, value in metadata.items()]
        body = {"filters": {"AND": [user, *conditions]} if conditions else user, "show_expired": True}
        for page in range(1, _MOST_PAGES):
            answer = self._send("POST", "/v3/memories/", body, page=page, page_size=_PAGE)
            yield from _rows(answer)
            if not answer.get("next"):
                return

    def search(self, user_id: str, query: str) -> list[Row]:
        """The memories of a user that a search finds."""
        body = {"query": query, "filters": {"user_id": checked(user_id)}, "top_k": 100}
        body |= {"threshold": 0, "show_expired": True}
        return _rows(self._send("POST", "/v3/memories/search/", body))

    def history(self, memory_id: str) -> list[Any]:
        """How a memory came about; empty if Mem0 does not know."""
        answer = self._send("GET", f"/v1/memories/{quote(memory_id, safe='')}/history/", missing=[])
        return answer if isinstance(answer, list) else _rows(answer)

    def add(self, user_id: str, text: str, metadata: Mapping[str, Any]) -> None:
        """Store `text` as it is."""
        message = {"role": "user", "content": text}
        body = {
            "user_id": checked(user_id),
            "messages": [message],
            "infer": False,
            "metadata": dict(metadata),
        }
        self._send("POST", _ADD, body)

    def delete_all(self, user_id: str) -> str:
        """Have all memories of a user deleted; the id of the event that does it."""
        answer = self._send("DELETE", "/v1/memories/", user_id=checked(user_id))
        return str(answer.get("event_id") or "")

    def delete(self, memory_id: str) -> None:
        """Delete one memory, if it is still there."""
        self._send("DELETE", f"/v1/memories/{quote(memory_id, safe='')}/", missing={})

    def delete_entity(self, user_id: str) -> str:
        """Have a user deleted with everything derived; the id of the event, empty if there was no user."""
        path = f"/v2/entities/user/{quote(checked(user_id), safe='')}/"
        return str(self._send("DELETE", path, missing={}).get("event_id") or "")

    def users(self) -> Iterator[Row]:
        """All users who have memories, page by page: `name`, `total_memories`, `updated_at`."""
        for page in range(1, _MOST_PAGES):
            answer = self._send("GET", "/v1/entities/", page=page)
            yield from (row for row in _rows(answer) if row.get("type") == "user")
            if not isinstance(answer, dict) or not answer.get("next"):
                return

    def entity(self, user_id: str) -> Row | None:
        """What Mem0 keeps of a user beside the memories."""
        return next((row for row in self.users() if row.get("name") == checked(user_id)), None)

    def profile(self, user_id: str) -> Row | None:
        """What Mem0 derived of a user, if it does that."""
        found = self._send(
            "GET", f"/v2/entities/user/{quote(checked(user_id), safe='')}/profile/", missing=None
        )
        return found if isinstance(found, dict) else None

    def event_status(self, event_id: str) -> str:
        """`PENDING`, `RUNNING`, `SUCCEEDED` or `FAILED`; empty for an event that is not known any more."""
        event = self._send("GET", f"/v1/event/{quote(event_id, safe='')}/", missing={})
        return str(event.get("status") or "")

    def unfinished(self, user_id: str) -> list[str]:
        """The ids of the newest events of a user that are not done."""
        answer = self._send("GET", "/v1/events/", missing={})
        return [
            str(event["id"])
            for event in _rows(answer)
            if event.get("status") in UNFINISHED
            and checked(user_id) in ((event.get("payload") or {}).get("user_id"), event.get("user_id"))
        ]

    def _send(self, method: str, path: str, body: object = None, *, missing: Any = ..., **query: Any) -> Any:
        """What Mem0 answers; `missing`, if given, for a 404."""
        try:
            answer = self._request(method, path, body, query)
            if answer.status_code == httpx.codes.NOT_FOUND and missing is not ...:
                return missing
            if answer.is_success:
                return answer.json() if answer.content else {}
        except httpx.HTTPError as error:
            raise OperatorError(f"Mem0 cannot be reached at {self._host}: {type(error).__name__}") from None
        except ValueError:
            raise OperatorError(f"{self._host} does not answer like Mem0") from None
        raise OperatorError(
            f"Mem0 refused {method} {path.split('/', 3)[2]} (HTTP {answer.status_code})",
            remedy="check the key with `amem doctor --no-live`, or try again in a minute",
        )

    def _request(self, method: str, path: str, body: object, query: Mapping[str, Any]) -> httpx.Response:
        """Send a request; again if Mem0 is busy or the connection breaks, unless that might add twice."""
        for attempt in range(1, _TRIES):
            wait = self.backoff * 2**attempt
            try:
                answer = self._http.request(method, path, json=body, params=query)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                if path == _ADD or isinstance(error, httpx.ConnectError):
                    raise
            else:
                if path == _ADD or answer.status_code not in _BUSY:
                    return answer
                asked = answer.headers.get("retry-after", "")
                wait = float(asked) if asked.isdecimal() else wait
            time.sleep(min(wait, _LONGEST_WAIT))
        return self._http.request(method, path, json=body, params=query)


def checked(user_id: str) -> str:
    """`user_id`, which names one user.

    Raises:
        OperatorError: for an empty id or a wildcard, which stand for every user at Mem0.
    """
    if not user_id.strip() or "*" in user_id:
        raise OperatorError(f"{user_id!r} does not name one caller: it would be everybody")
    return user_id


def _rows(answer: Any) -> list[Row]:
    rows = answer.get("results") if isinstance(answer, dict) else answer
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
