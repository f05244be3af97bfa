"""The server: restarts, many clients at once, TLS, what is counted, what keeps it from starting."""

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from local.http_server import PortTakenError
from local.mem0.server import start
from local.mem0.store import DataDirInUseError
from tests.local.mem0_library import CALLER, HEADERS, OTHER, Running, library, running
from tests.local.support import NO_TLS, until


@pytest.fixture
def mem0(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as system:
        yield system


def test_memories_survive_a_restart_and_are_found_by_words_and_by_meaning(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.remember("Our puppy is called Rex.", "The invoice came twice.", metadata={"type": "semantic"})
        before = first.client.get_all(filters={"user_id": CALLER})["results"]
    with running(tmp_path) as second:
        assert second.client.get_all(filters={"user_id": CALLER})["results"] == before
        assert second.found("invoice", top_k=1) == ["The invoice came twice."]
        assert second.found("dog", top_k=1) == ["Our puppy is called Rex."]


def test_extraction_that_was_accepted_before_a_restart_is_done_after_it(tmp_path: Path) -> None:
    with running(tmp_path, infer_seconds=60.0) as first:
        first.client.add("My dog is called Rex.", user_id=CALLER)
        assert first.texts() == []
    with running(tmp_path) as second:
        assert second.stand_in.settle()
        assert second.texts() == ["My dog is called Rex."]


def test_many_clients_add_and_search_at_once_and_nothing_is_lost_or_mixed(mem0: Running) -> None:
    def live(number: int) -> list[str]:
        user = f"+1612555{number:04d}"
        with library(mem0.stand_in.url, timeout=30.0) as client:
            for turn in range(5):
                message = [{"role": "user", "content": f"Caller {number} said thing {turn}."}]
                client.add(message, user_id=user, infer=False)
                client.add(f"My favorite number is {number} plus {turn}.", user_id=user)
                client.search("thing", filters={"user_id": user})
        mem0.stand_in.settle()
        rows = mem0.stand_in.stats()["users"]
        assert rows[user] == 10
        with library(mem0.stand_in.url, timeout=30.0) as client:
            return [row["memory"] for row in client.get_all(filters={"user_id": user})["results"]]

    with ThreadPoolExecutor(12) as pool:
        for number, texts in enumerate(pool.map(live, range(12))):
            assert len(texts) == 10
            assert all(f" {number} " in text for text in texts)


def test_one_client_uses_one_connection(mem0: Running) -> None:
    mem0.stand_in.clear_requests()
    for _ in range(5):
        mem0.texts()
    stats = mem0.stand_in.stats()
    assert (stats["connections"], stats["by_operation"]) == (0, {"get_all": 5})
    assert len({request["connection"] for request in mem0.stand_in.requests()}) == 1


def test_requests_are_logged_with_their_body(mem0: Running) -> None:
    mem0.http.delete("/_requests").raise_for_status()
    mem0.client.add("My dog is called Rex.", user_id=CALLER, custom_instructions="Only pets.")
    mem0.client.search("dog", filters={"user_id": CALLER})
    add, search = mem0.http.get("/_requests").json()
    assert (add["method"], add["path"], add["operation"]) == ("POST", "/v3/memories/add/", "add")
    assert add["body"]["custom_instructions"] == "Only pets."
    assert (search["status"], search["number"]) == (200, 2)
    assert search["duration_ms"] > 0
    assert mem0.http.get("/_requests", params={"operation": "search"}).json() == [search]
    assert mem0.http.get("/_requests", params={"after": 2}).json() == []


def test_stats_and_settle_over_http(mem0: Running) -> None:
    mem0.remember("one", "two")
    mem0.remember("three", user_id=OTHER)
    mem0.client.add("My dog is called Rex.", user_id=OTHER)
    assert mem0.http.post("/_settle", params={"timeout": 5}).json() == {"settled": True, "pending": 0}
    stats = mem0.http.get("/_stats").json()
    assert (stats["memories"], stats["users"], stats["pending"]) == (4, {CALLER: 2, OTHER: 2}, 0)


def test_key_can_be_changed_while_it_runs(mem0: Running) -> None:
    change = {"api_keys": ["new-key"], "project_id": "other-project"}
    assert mem0.http.put("/_credentials", json=change).json()["project_id"] == "other-project"
    assert mem0.http.get("/v1/ping/", headers=HEADERS).status_code == 401
    with library(mem0.stand_in.url, key="new-key") as client:
        assert client.project_id == "other-project"
    assert mem0.http.put("/_credentials", json={"api_keys": [1]}).status_code == 400


def test_unknown_admin_path_names_the_known_ones(mem0: Running) -> None:
    answer = mem0.http.get("/_nothing")
    assert (answer.status_code, "PUT /_faults" in answer.json()["error"]) == (404, True)


def test_tls_is_served_and_its_handshakes_are_counted(tmp_path: Path) -> None:
    with start(tmp_path, tls=True) as stand_in:
        assert stand_in.certificate is not None
        trust = ssl.create_default_context(cafile=str(stand_in.certificate))
        with library(stand_in.url, verify=trust) as client:
            for _ in range(3):
                client.get_all(filters={"user_id": CALLER})
        assert stand_in.stats()["tls_handshakes"] == 1
        with httpx.Client(verify=NO_TLS) as stranger, pytest.raises(httpx.ConnectError):
            stranger.get(stand_in.url)
        until(lambda: stand_in.stats()["connections_open"] == 0, "both connections are gone")
        assert stand_in.stats()["tls_handshakes"] == 1


def test_client_that_stalls_in_the_handshake_holds_up_nobody(tmp_path: Path) -> None:
    with start(tmp_path, tls=True) as stand_in:
        trust = ssl.create_default_context(cafile=str(stand_in.certificate))
        with (
            socket.create_connection(("127.0.0.1", stand_in.port)),
            library(stand_in.url, verify=trust) as client,
        ):
            assert client.project_id == "local-project"


def test_handshake_can_be_made_to_stall(tmp_path: Path) -> None:
    with start(tmp_path, tls=True) as stand_in:
        trust = ssl.create_default_context(cafile=str(stand_in.certificate))
        stand_in.set_faults({"operation": "connect", "hang": True})
        with httpx.Client(verify=trust, timeout=0.2) as hasty, pytest.raises(httpx.ConnectTimeout):
            hasty.get(stand_in.url)


def test_taken_port_is_one_clear_error(mem0: Running, tmp_path: Path) -> None:
    with pytest.raises(PortTakenError, match=f"port {mem0.stand_in.port} cannot be used"):
        start(tmp_path / "other", mem0.stand_in.port)
    with running(tmp_path / "other") as second:  # and the failed start left nothing locked
        assert second.texts() == []


def test_folder_in_use_is_one_clear_error(mem0: Running, tmp_path: Path) -> None:
    assert mem0.stand_in.url
    with pytest.raises(DataDirInUseError, match="another Mem0 stand-in is using the folder"):
        start(tmp_path)


def test_stopping_twice_and_under_load_is_quiet(tmp_path: Path) -> None:
    stand_in = start(tmp_path)
    stand_in.set_faults({"operation": "search", "hang": True})
    ended = threading.Event()

    def ask() -> None:
        body = {"query": "dog", "filters": {"user_id": CALLER}}
        with httpx.Client(timeout=30, verify=NO_TLS) as client, pytest.raises(httpx.TransportError):
            client.post(f"{stand_in.url}/v3/memories/search/", json=body, headers=HEADERS)
        ended.set()

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: stand_in.requests("search"), "the search has arrived")
    stand_in.stop()
    stand_in.stop()
    assert ended.wait(5)
    asking.join()
