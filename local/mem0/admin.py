"""The paths under ``/_``: what tests and benches ask the stand-in about, and tell it to do.

They are no part of Mem0's interface, need no token, and are refused to anybody who is not on this machine.
"""

from collections.abc import Callable
from typing import Any

from local.mem0.api import Api
from local.mem0.errors import ApiError, invalid
from local.mem0.faults import Faults, rule_from
from local.mem0.traffic import Traffic

LONGEST_SETTLE = 600.0

Handler = Callable[[dict[str, str], Any], Any]


class Admin:
    """Answers the paths under ``/_``.

    Args:
        api: Whose memories, events and credentials.
        faults: The rules in force.
        traffic: The log and the counters.
        drop_connections: Closes every idle connection; returns how many.
    """

    def __init__(
        self, api: Api, faults: Faults, traffic: Traffic, drop_connections: Callable[[], int]
    ) -> None:
        self._api = api
        self._faults = faults
        self._traffic = traffic
        self._drop_connections = drop_connections
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/_faults"): lambda _query, _body: self._faults.describe(),
            ("PUT", "/_faults"): self._put_faults,
            ("DELETE", "/_faults"): self._delete_faults,
            ("GET", "/_requests"): self._get_requests,
            ("DELETE", "/_requests"): self._delete_requests,
            ("GET", "/_stats"): lambda _query, _body: self.stats(),
            ("POST", "/_settle"): self._settle,
            ("PUT", "/_credentials"): self._put_credentials,
            ("DELETE", "/_connections"): lambda _query, _body: {"closed": self._drop_connections()},
        }

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Do what is asked; returns the JSON of the 200.

        Raises:
            ApiError: 400 for a wrong body, 404 for an unknown method or path.
        """
        handler = self._handlers.get((method, path.rstrip("/")))
        if handler is None:
            known = ", ".join(" ".join(entry) for entry in self._handlers)
            raise ApiError(404, {"error": f"no {method} {path} here; there is {known}"})
        return handler(query, body)

    def set_faults(self, rules: Any) -> list[dict[str, Any]]:
        """Put one rule or a list of rules in force instead of the old ones; returns them as understood.

        Raises:
            ApiError: 400 if a rule has an unknown field or a value of the wrong kind.
        """
        self._faults.replace([rule_from(rule) for rule in (rules if isinstance(rules, list) else [rules])])
        return self._faults.describe()

    def stats(self) -> dict[str, Any]:
        """Memories by user, and the counters."""
        users = {row["name"]: row["count"] for row in self._api.store.entities() if row["type"] == "user"}
        return {
            "memories": self._api.store.stored,
            "users": users,
            "pending": self._api.events.settle(0),
            **self._traffic.counters(),
        }

    def _put_faults(self, _query: dict[str, str], body: Any) -> list[dict[str, Any]]:
        return self.set_faults(body)

    def _delete_faults(self, _query: dict[str, str], _body: Any) -> list[dict[str, Any]]:
        return self.set_faults([])

    def _get_requests(self, query: dict[str, str], _body: Any) -> list[dict[str, Any]]:
        after = query.get("after", "0")
        if not after.isascii() or not after.isdecimal():
            raise invalid(f"after must be the number of a request, not {after!r}")
        return self._traffic.requests(query.get("operation"), int(after))

    def _delete_requests(self, _query: dict[str, str], _body: Any) -> dict[str, Any]:
        self._traffic.clear()
        return {}

    def _settle(self, query: dict[str, str], _body: Any) -> dict[str, Any]:
        try:
            timeout = float(query.get("timeout", "10"))
        except ValueError:
            raise invalid(f"timeout must be seconds, not {query['timeout']!r}") from None
        left = self._api.events.settle(min(max(timeout, 0.0), LONGEST_SETTLE))
        return {"settled": not left, "pending": left}

    def _put_credentials(self, _query: dict[str, str], body: Any) -> dict[str, Any]:
        known = {"api_keys": list, "org_id": str, "project_id": str}
        if not isinstance(body, dict) or not body:
            raise invalid("credentials must be an object with any of api_keys, org_id, project_id")
        for name, value in body.items():
            if name not in known or not isinstance(value, known[name]):
                raise invalid(
                    "credentials may hold api_keys (a list of strings), org_id and project_id (strings)"
                )
        if not all(isinstance(key, str) and key for key in body.get("api_keys", [])):
            raise invalid("each of api_keys must be a string that is not empty")
        for name, value in body.items():
            setattr(self._api.credentials, name, value)
        current = self._api.credentials
        return {"api_keys": len(current.api_keys), "org_id": current.org_id, "project_id": current.project_id}
