"""What facts are inferred from: a clean conversation, collected data as statements, clear instructions."""

from post_call import facts
from post_call.payload import call_record
from post_call.record import CallRecord, Turn


def call(*texts: str, collected: dict[str, str] | None = None) -> CallRecord:
    turns = tuple(Turn("user" if place % 2 else "agent", text) for place, text in enumerate(texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, "", collected or {})


def test_conversation_has_mem0s_roles_after_the_collected_data() -> None:
    messages = facts.conversation(call("How can I help?", "Spots.", collected={"home_city": "Uppsala"}))
    assert messages == [
        {"role": "user", "content": "The caller's home city is Uppsala."},
        {"role": "assistant", "content": "How can I help?"},
        {"role": "user", "content": "Spots."},
    ]


def test_names_of_collected_data_become_words() -> None:
    collected = {"petName": "Juniper", "allergies": "none.", "VIP": "yes", "first-visit": "no"}
    assert facts.statements(call(collected=collected)) == [
        "The caller's pet name is Juniper.",
        "Allergies: none.",
        "VIP: yes.",
        "First visit: no.",
    ]


def test_collected_data_reads_like_sentences() -> None:
    collected = {
        "caller_name": "Maria Keller",
        "call_reason": "a refund",
        "is_okay": "Is that okay?",
        "allergies": "nuts and milk",
        "interested_in": "solar panels",
        "is_tenant": "true",
        "Customer's mood": "calm",
        "_": "x",
        "session_date": "1750984770",
        "sessionDate": "1750984770123",
        "wish": "She wants to be called back after five, and never in the morning!",
    }
    assert facts.statements(call(collected=collected)) == [
        "The caller's name is Maria Keller.",
        "The call reason is a refund.",
        "The caller's allergies are nuts and milk.",
        "Interested in: solar panels.",
        "Is tenant: yes.",
        "The caller's mood is calm.",
        "The caller's session date is 2025-06-27.",
        "The caller's session date is 2025-06-27.",
        "Wish: She wants to be called back after five, and never in the morning!",
    ]


def test_what_was_not_collected_or_is_secret_is_no_statement() -> None:
    collected = {
        "a": "unknown",
        "b": "N/A",
        "c": "",
        "d": "[pin]",
        "e": "Not provided",
        "f": "[card number].",
    }
    assert facts.statements(call(collected=collected)) == []


def test_evaluation_of_the_agent_is_not_remembered() -> None:
    data = {
        "conversation_id": "conv_1",
        "transcript": [{"role": "user", "message": "My tomatoes have spots."}],
        "analysis": {
            "evaluation_criteria_results": {"polite": {"result": "success", "rationale": "Was polite."}},
            "data_collection_results": {"plant": {"value": "tomato", "rationale": "The caller said so."}},
        },
    }
    messages = facts.conversation(call_record(data, "+16125550142", 1))
    assert [message["content"] for message in messages] == [
        "The caller's plant is tomato.",
        "My tomatoes have spots.",
    ]


def test_turns_that_say_nothing_are_left_out_but_a_yes_stays() -> None:
    messages = facts.conversation(call("Tuesday at four?", "Uh... hmm.", "Is that good?", "Yes."))
    assert [message["content"] for message in messages] == ["Tuesday at four?", "Is that good?", "Yes."]


def test_long_turn_is_cut_between_words_and_nothing_is_lost() -> None:
    text = " ".join(f"word{number}" for number in range(3_000))
    messages = facts.conversation(call("", text))
    assert all(len(message["content"]) <= 8_000 for message in messages)
    assert " ".join(message["content"] for message in messages) == text


def test_instructions_name_the_day_of_the_call() -> None:
    told = facts.instructions(call("Hi."))
    assert "Tuesday, 2026-03-03" in told
    assert "{" not in told


def test_instructions_ask_for_the_callers_own_durable_facts() -> None:
    told = facts.instructions(call("Hi."))
    for part in (
        "preferences",
        "language",
        "Ignore what the assistant claims",
        "not about the caller",
        "date",
    ):
        assert part in told
