"""Retrieve: what the agent's tool finds during the call."""

import time
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from shared import call_token
from shared.http import Handler
from shared.mem0.store import MemoryStore
from tests.unit.conftest import Aws, Build, asked, body_of, remember, request

CALLER = "+16125550142"
STRANGER = "+16125550143"
QUERY = {"query": "What is wrong with the tomatoes?", "user_id": CALLER}


def answer(handler: Handler, body: object = QUERY) -> tuple[int, Any]:
    response = handler(request(body), None)
    return response["statusCode"], body_of(response)


@pytest.fixture
def remembered(store: MemoryStore) -> None:
    said = {
        CALLER: [
            "The tomatoes have brown spots.",
            "The greenhouse is new.",
            "Tomatoes again.",
            "Tomato soup.",
        ],
        STRANGER: ["Somebody else's tomatoes are fine."],
        "user-42": ["The web user's tomatoes are red."],
    }
    for user_id, texts in said.items():
        for text in texts:
            metadata = {"type": "semantic", "call_start": 1_772_532_000}
            remember(store, user_id, text, metadata=metadata)


@pytest.mark.usefixtures("remembered")
def test_best_memories_of_this_caller_come_back(build: Build) -> None:
    status, body = answer(build("retrieve"))
    assert status == 200
    memories = body["memories"]
    assert "The tomatoes have brown spots." in [memory["memory"] for memory in memories]
    assert len(memories) <= 3
    assert set(memories[0]) == {"memory", "type", "date", "score"}
    assert (memories[0]["type"], memories[0]["date"]) == ("semantic", "2026-03-03")
    assert 0 < memories[0]["score"] <= 1
    assert all("else" not in memory["memory"] for memory in memories)


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("user_id", ["+1 (612) 555-0142", "sip:+16125550142@sip.example.com"])
def test_every_spelling_of_the_caller_finds_the_same(build: Build, user_id: str) -> None:
    handler = build("retrieve")
    assert answer(handler, {**QUERY, "user_id": user_id}) == answer(handler)


@pytest.mark.usefixtures("remembered")
def test_arguments_may_come_in_an_envelope(build: Build) -> None:
    handler = build("retrieve")
    envelope = {"tool_call_id": "t", "tool_name": "recall", "parameters": QUERY, "conversation_id": "c"}
    assert answer(handler, envelope) == answer(handler)


@pytest.mark.usefixtures("remembered")
def test_web_user_is_known_by_user_id(build: Build) -> None:
    _, body = answer(build("retrieve"), {**QUERY, "user_id": "user-42"})
    assert [memory["memory"] for memory in body["memories"]] == ["The web user's tomatoes are red."]


@pytest.mark.usefixtures("remembered")
def test_limit_is_a_setting(build: Build) -> None:
    _, body = answer(build("retrieve", MEM0_SEARCH_LIMIT="1"))
    assert len(body["memories"]) == 1


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("withheld", ["anonymous", "", "+266696687", "two words"])
def test_withheld_number_finds_nothing(build: Build, withheld: str, mem0: Mem0StandIn) -> None:
    handler = build("retrieve")
    status, body = answer(handler, {**QUERY, "user_id": withheld})
    assert (status, body["memories"]) == (200, [])
    assert body["message"]
    assert asked(mem0) == []


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("not json", "body"),
        ({"user_id": CALLER}, "query"),
        ({"query": "x"}, "user_id"),
        ({"query": "  ", "user_id": CALLER}, "query"),
        ({"query": 7, "user_id": CALLER}, "query"),
        ({"query": "x" * 10_000, "user_id": CALLER}, "query"),
        ({"query": "x", "user_id": "*"}, "user_id"),
        ({"query": "x", "user_id": ["*"]}, "user_id"),
        ({"query": "x", "user_id": {"in": [CALLER, STRANGER]}}, "user_id"),
        ({"query": "x", "user_id": None}, "user_id"),
        ({"query": "x", "user_id": "1" * 10_000}, "user_id"),
        ({"parameters": []}, "parameters"),
        ({"parameters": {"query": "x"}}, "user_id"),
    ],
)
def test_malformed_request_names_the_field(build: Build, body: object, field: str, mem0: Mem0StandIn) -> None:
    handler = build("retrieve")
    status, answered = answer(handler, body)
    assert status == 400
    assert field in answered["error"]
    assert asked(mem0) == []


def test_failure_of_mem0_is_a_500_with_its_message(
    build: Build, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    handler = build("retrieve")
    mem0.set_faults({"operation": "search", "status": 500})
    assert answer(handler) == (500, {"error": "Mem0 failed (HTTP 500): try again later"})
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.user_id == CALLER  # type: ignore[attr-defined]


def with_token(handler: Handler, value: str, body: object = QUERY) -> tuple[int, Any]:
    response = handler(request(body, X_Memory_Token=value), None)
    return response["statusCode"], body_of(response)


def issued(user_id: str = CALLER, key: str = "local-workspace-key", ago: float = 0) -> str:
    return call_token.issue(user_id, [key], time.time() - ago)


@pytest.mark.usefixtures("remembered")
def test_token_says_who_the_caller_is(build: Build) -> None:
    handler = build("retrieve")
    status, body = with_token(handler, issued(), {"query": QUERY["query"]})
    assert status == 200
    assert body == answer(handler)[1]
    assert with_token(handler, issued(), {**QUERY, "user_id": "1 612 555 0142"}) == (200, body)


@pytest.mark.usefixtures("remembered")
def test_token_of_one_caller_opens_no_other_callers_memories(build: Build, mem0: Mem0StandIn) -> None:
    handler = build("retrieve")
    for mismatch in (issued(STRANGER), issued("")):
        status, body = with_token(handler, mismatch)
        assert status == 403
        assert "user_id" in body["error"]
    assert asked(mem0) == []


@pytest.mark.usefixtures("remembered")
def test_token_of_an_anonymous_caller_finds_nothing(build: Build) -> None:
    status, body = with_token(build("retrieve"), issued(""), {"query": "x", "user_id": "anonymous"})
    assert (status, body["memories"]) == (200, [])


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(
    "wrong",
    ["nonsense", issued(key="another key"), issued(ago=3 * 3600), issued(ago=-600)],
    ids=["nonsense", "another key", "expired", "from the future"],
)
def test_wrong_token_is_refused_and_counted(
    build: Build, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert with_token(build("retrieve"), wrong)[0] == 401
    assert refused_tokens(caplog) == 1


@pytest.mark.usefixtures("remembered")
def test_setting_requires_a_token_and_requests_without_one_are_counted(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    """A tool whose header was forgotten would find nothing, and nothing else would say so."""
    handler = build("retrieve", RETRIEVE_AUTH="call_token")
    assert answer(handler)[0] == 401
    assert refused_tokens(caplog) == 1
    assert with_token(handler, issued())[0] == 200
    assert refused_tokens(caplog) == 1


def refused_tokens(caplog: pytest.LogCaptureFixture) -> int:
    return sum(vars(record).get("CallTokenFailures", 0) for record in caplog.records)


def test_key_of_the_token_may_be_rotated(build: Build, aws: Aws) -> None:
    aws.set_secret(ELEVENLABS_WORKSPACE_KEY=["new", "local-workspace-key"])
    assert with_token(build("retrieve"), issued())[0] == 200


def test_token_of_a_new_key_is_accepted_before_the_cache_runs_out(build: Build, aws: Aws) -> None:
    handler = build("retrieve")
    assert with_token(handler, issued())[0] == 200
    aws.set_secret(ELEVENLABS_WORKSPACE_KEY=["new", "local-workspace-key"])
    assert with_token(handler, issued(key="new"))[0] == 200


def test_result_says_whose_call_it_is_from_and_others_are_left_out(build: Build, store: MemoryStore) -> None:
    for name, text, day in (("Maria", "The tomatoes are red.", 0), ("Ben", "Tomatoes bore me.", 1)):
        metadata = {"type": "semantic", "call_start": 1_772_532_000 + day * 86_400, "caller_name": name}
        remember(store, CALLER, text, metadata=metadata)
    _, body = answer(build("retrieve"))
    assert [(found["memory"], found["caller_name"]) for found in body["memories"]] == [
        ("Tomatoes bore me.", "Ben")
    ]
    _, body = answer(build("retrieve", MEMORIES_OF_OTHERS="attribute"))
    assert {found["caller_name"] for found in body["memories"]} == {"Maria", "Ben"}


def test_newest_name_counts_though_its_call_was_not_found(build: Build, store: MemoryStore) -> None:
    maria = {"type": "semantic", "call_start": 1_772_532_000, "caller_name": "Maria"}
    messages = [{"role": "user", "content": f"The tomatoes are red, number {n}."} for n in range(101)]
    store.add(CALLER, messages, not_after=time.time() + 60, infer=False, metadata=maria)
    ben = {**maria, "call_start": 1_772_732_000, "caller_name": "Ben"}
    remember(store, CALLER, "Skiing was fun.", metadata=ben)
    _, body = answer(build("retrieve"))
    assert body["memories"] == []
    _, body = answer(build("retrieve", MEMORIES_OF_OTHERS="attribute"))
    assert {found["caller_name"] for found in body["memories"]} == {"Maria"}
    assert all(found["memory"].startswith("From a call with Maria") for found in body["memories"])


def test_different_callers_without_a_token_are_counted(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    handler = build("retrieve")
    for number in (42, 43, 44, 42, 43):
        answer(handler, {"query": "x", "user_id": f"+161255501{number}"})
    with_token(handler, issued("+16125550145"), {"query": "x"})
    answer(handler, {"query": "x", "user_id": "anonymous"})
    assert sum(vars(record).get("UnverifiedCallers", 0) for record in caplog.records) == 3
