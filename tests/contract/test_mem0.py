"""What this project relies on of Mem0's API, of the stand-in and of the real service.

What is not documented is a test named `test_unknown_...`: it accepts both answers, and records what it saw.
Deleting without a filter, or for the user `*`, is tried nowhere: it may delete everything.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.conftest import LIVE, PREFIX, users

ADD, LIST, SEARCH = "/v3/memories/add/", "/v3/memories/", "/v3/memories/search/"
PATIENCE = 180.0 if LIVE else 10.0  # seconds for an extraction or a deletion
POLL = 2.0 if LIVE else 0.02
DONE = ("SUCCEEDED", "FAILED")
START = 1_772_532_000  # 3 March 2026
DOG = "My dog is called Juniper and she is allergic to chicken."
ROSES = "Please prune the roses in November."


class User:
    """A test user at Mem0, who is deleted in the end."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.id = f"{PREFIX}{uuid4().hex[:8]}"

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request that must succeed; return what was answered."""
        answer = self.client.request(method, path, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, body: Any = None, **query: Any) -> int:
        """Send a request that must be refused; return the status."""
        answer = self.client.request(method, path, json=body, params=query)
        assert answer.is_client_error, f"{method} {path}: {answer.status_code}"
        return answer.status_code

    def add(self, *texts: str, infer: bool = False, **more: Any) -> Any:
        messages = [{"role": "user", "content": text} for text in texts]
        return self.call("POST", ADD, {"user_id": self.id, "messages": messages, "infer": infer, **more})

    def page(self, *conditions: object, show_expired: bool = False, **query: Any) -> Any:
        filters: Any = {"user_id": self.id}
        if conditions:
            filters = {"AND": [filters, *conditions]}
        body = {"filters": filters, **({"show_expired": True} if show_expired else {})}
        return self.call("POST", LIST, body, **query)

    def listed(self, *conditions: object, **more: Any) -> list[Any]:
        rows: list[Any] = self.page(*conditions, **more)["results"]
        return rows

    def search(self, query: str, **more: Any) -> list[Any]:
        body = {"query": query, "filters": {"user_id": self.id}, "top_k": 10, "threshold": 0, **more}
        rows: list[Any] = self.call("POST", SEARCH, body)["results"]
        return rows

    def done(self, event_id: str) -> Any:
        """The event, as soon as Mem0 is done with it."""
        return eventually(
            lambda: (
                (event := self.call("GET", f"/v1/event/{event_id}/")) and event["status"] in DONE and event
            ),
            "the event is done",
        )


def eventually(look: Callable[[], Any], what: str) -> Any:
    """What `look` finds, asked again until it finds something."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, f"waited {PATIENCE:.0f} s until {what}"
        time.sleep(POLL)
    return found


def texts(rows: Sequence[Any]) -> list[str]:
    return sorted(row["memory"] for row in rows)


@pytest.fixture
def user(mem0: httpx.Client) -> Iterator[User]:
    made = User(mem0)
    yield made
    mem0.delete(f"/v2/entities/user/{made.id}/")


@pytest.fixture
def other(mem0: httpx.Client) -> Iterator[User]:
    made = User(mem0)
    yield made
    mem0.delete(f"/v2/entities/user/{made.id}/")


def test_key_belongs_to_an_organization_and_a_project(user: User) -> None:
    owner = user.call("GET", "/v1/ping/")
    assert owner["org_id"]
    assert owner["project_id"]


def test_wrong_key_is_401_with_a_detail(mem0: httpx.Client) -> None:
    answer = httpx.get(f"{mem0.base_url}/v1/ping/", headers={"Authorization": "Token wrong"}, trust_env=LIVE)
    assert answer.status_code == 401
    assert answer.json()["detail"]


def test_verbatim_add_is_done_at_once_and_keeps_what_it_was_sent(user: User) -> None:
    metadata = {"type": "semantic", "conversation_id": "conv_1", "part": 1, "call_start": START}
    answer = user.add(DOG, metadata=metadata, timestamp=START)
    assert answer["status"] == "SUCCEEDED"
    ((result,), (row,)) = (answer["results"], eventually(user.listed, "it is listed"))
    assert (row["id"], row["memory"], row["user_id"]) == (result["id"], DOG, user.id)
    assert row["metadata"].items() >= metadata.items()
    assert row["created_at"].startswith("2026-03-03")


def test_extraction_is_an_event_that_ends(user: User) -> None:
    """The one add of this suite that costs an extraction, but for that of the next test."""
    answer = user.add(DOG, infer=True, metadata={"type": "factual", "conversation_id": "conv_1"})
    assert answer["status"] == "PENDING"
    listed = user.call("GET", "/v1/events/")["results"]
    assert answer["event_id"] in [event["id"] for event in listed]
    event = user.done(answer["event_id"])
    assert (event["status"], event.get("error") or None) == ("SUCCEEDED", None)
    rows = eventually(user.listed, "its memories are listed")
    assert "Juniper" in " ".join(texts(rows))
    assert {row["metadata"]["conversation_id"] for row in rows} == {"conv_1"}


def test_event_says_whose_it_is(user: User) -> None:
    """By which a call's add is found again whose answer was lost, and extractions are waited for."""
    metadata = {"type": "factual", "conversation_id": "conv_2", "part": 1}
    event_id = user.add(ROSES, infer=True, metadata=metadata)["event_id"]
    (event,) = [event for event in user.call("GET", "/v1/events/")["results"] if event["id"] == event_id]
    payload = event.get("payload") or {}
    assert user.id in (payload.get("user_id"), event.get("user_id"))
    assert (payload.get("metadata") or event.get("metadata") or {}).items() >= metadata.items()
    user.done(event_id)


def test_event_that_does_not_exist_is_404(user: User) -> None:
    assert user.refused("GET", f"/v1/event/{uuid4()}/") == 404


def test_list_has_one_users_rows_page_by_page(user: User, other: User) -> None:
    user.add("One.", "Two.", "Three.")
    other.add("Somebody else's.")
    eventually(lambda: len(user.listed()) == 3, "all are listed")
    first = user.page(page=1, page_size=2)
    assert (len(first["results"]), bool(first["next"])) == (2, True)
    second = user.page(page=2, page_size=2)
    assert (len(second["results"]), bool(second["next"])) == (1, False)
    assert texts([*first["results"], *second["results"]]) == ["One.", "Three.", "Two."]


def test_list_needs_to_know_whose(user: User) -> None:
    assert user.refused("POST", LIST, {"filters": {}}) == 400


def test_filter_of_an_unknown_name_is_refused(user: User) -> None:
    body = {"filters": {"AND": [{"user_id": user.id}, {"no_such_field": "x"}]}}
    assert user.refused("POST", LIST, body) == 400


def test_metadata_is_a_filter(user: User) -> None:
    user.add(DOG, metadata={"conversation_id": "conv_1", "type": "semantic"})
    user.add(ROSES, metadata={"conversation_id": "conv_2", "type": "semantic"})
    eventually(lambda: len(user.listed()) == 2, "both are listed")
    assert texts(user.listed({"metadata": {"conversation_id": "conv_2"}})) == [ROSES]
    both = [{"metadata": {"conversation_id": "conv_1"}}, {"metadata": {"type": "factual"}}]
    assert user.listed(*both) == []


def test_search_finds_by_meaning_and_for_one_user(user: User, other: User) -> None:
    user.add(DOG, metadata={"type": "semantic"})
    user.add(ROSES, metadata={"type": "semantic"})
    other.add("Another dog, called Bruno.")
    eventually(lambda: len(user.search("Juniper the dog")) == 2, "both are found")
    rows = user.search("Juniper the dog")
    assert rows[0]["memory"] == DOG
    assert rows[0]["score"] >= rows[1]["score"]
    assert {row["user_id"] for row in rows} == {user.id}
    assert rows[0]["metadata"]["type"] == "semantic"
    assert len(user.search("Juniper the dog", top_k=1)) == 1


def test_expired_memory_is_shown_only_if_asked_for(user: User) -> None:
    user.add(DOG, expiration_date="2025-01-01")
    eventually(lambda: user.listed(show_expired=True), "it is listed among the expired")
    assert user.listed() == []
    assert user.search("Juniper the dog") == []


def test_history_tells_how_a_memory_came_about(user: User) -> None:
    (result,) = user.add(DOG)["results"]
    answer = user.call("GET", f"/v1/memories/{result['id']}/history/")
    rows = answer if isinstance(answer, list) else answer["results"]
    assert "ADD" in [row["event"] for row in rows]


def test_one_memory_is_deleted(user: User) -> None:
    (first,), _ = user.add(DOG)["results"], user.add(ROSES)
    eventually(lambda: len(user.listed()) == 2, "both are listed")
    user.call("DELETE", f"/v1/memories/{first['id']}/")
    eventually(lambda: texts(user.listed()) == [ROSES], "only the other one is listed")
    assert user.refused("DELETE", f"/v1/memories/{first['id']}/") == 404


def test_all_of_a_user_is_deleted_by_an_event_and_nothing_of_others(user: User, other: User) -> None:
    user.add(DOG)
    user.add(ROSES, expiration_date="2025-01-01")
    other.add("Another dog, called Bruno.")
    eventually(lambda: len(user.listed(show_expired=True)) == 2, "both are listed")
    answer = user.call("DELETE", "/v1/memories/", user_id=user.id)
    if answer.get("event_id"):
        assert user.done(answer["event_id"])["status"] == "SUCCEEDED"
    eventually(lambda: not user.listed(show_expired=True), "nothing is listed")
    eventually(lambda: not user.search("Juniper the dog", show_expired=True), "nothing is found")
    assert len(other.listed()) == 1


def test_user_is_an_entity_until_it_is_deleted(user: User) -> None:
    user.add(DOG)
    eventually(lambda: user.id in users(user.client), "the user is an entity")
    answer = user.call("DELETE", f"/v2/entities/user/{user.id}/")
    if (answer or {}).get("event_id"):
        user.done(answer["event_id"])
    eventually(lambda: user.id not in users(user.client), "the user is no entity any more")
    assert user.listed(show_expired=True) == []


def test_entity_of_another_kind_is_refused(user: User) -> None:
    assert user.refused("DELETE", f"/v2/entities/nonsense/{user.id}/") in (400, 404)


def test_unknown_profile_of_a_deleted_user_is_gone_or_was_never_made(
    user: User, saw: Callable[[object], None]
) -> None:
    user.add(DOG)
    eventually(user.listed, "it is listed")
    path = f"/v2/entities/user/{user.id}/profile/"
    before = user.client.get(path).status_code
    answer = user.call("DELETE", f"/v2/entities/user/{user.id}/")
    if (answer or {}).get("event_id"):
        user.done(answer["event_id"])
    after = user.client.get(path).status_code
    saw(f"{before} before, {after} after the user is deleted")
    assert after in (200, 404)


def test_unknown_order_of_a_list(user: User, saw: Callable[[object], None]) -> None:
    for number, text in enumerate(("First.", "Second.", "Third.")):
        user.add(text, timestamp=START + number * 86_400)
    eventually(lambda: len(user.listed()) == 3, "all are listed")
    times = [row["created_at"] for row in user.listed()]
    orders = {"oldest first": sorted(times), "newest first": sorted(times, reverse=True)}
    saw(next((name for name, order in orders.items() if times == order), "none"))


def test_unknown_page_behind_the_last(user: User, saw: Callable[[object], None]) -> None:
    user.add(DOG)
    eventually(user.listed, "it is listed")
    body = {"filters": {"user_id": user.id}}
    answer = user.client.post(LIST, json=body, params={"page": 3, "page_size": 2})
    assert answer.status_code in (200, 404)
    saw(answer.status_code)


def test_unknown_same_text_is_kept_once_or_twice(user: User, saw: Callable[[object], None]) -> None:
    user.add(DOG)
    user.add(DOG)
    user.add(ROSES)
    eventually(lambda: ROSES in texts(user.listed()), "the last one is listed")
    count = texts(user.listed()).count(DOG)
    assert count in (1, 2)
    saw(count)
