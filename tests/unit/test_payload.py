"""The record of a call: who, when, what was said; tolerant of what does not matter, strict where it does."""

from typing import Any

import pytest

from post_call import payload as reader
from post_call.payload import NotUnderstoodError
from post_call.record import CallRecord
from shared.caller import CallerIds

START = 1_772_532_000


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "agent_id": "agent_1",
        "conversation_id": "conv_1",
        "user_id": None,
        "transcript": [
            {"role": "agent", "message": "Hello, how can I help?"},
            {"role": "user", "message": "My tomatoes have  spots.\n"},
        ],
        "metadata": {
            "start_time_unix_secs": START,
            "phone_call": {"type": "twilio", "direction": "inbound", "external_number": "+1 612 555 0142"},
        },
        "analysis": {"transcript_summary": "Tomatoes.", "data_collection_results": {}},
        **changes,
    }


def the_record(**changes: Any) -> CallRecord:
    return reader.call_record(payload(**changes), "+16125550142", 99)


def test_record_holds_who_when_and_what() -> None:
    call = the_record()
    assert call.conversation_id == "conv_1"
    assert call.call_start == START
    assert [(turn.role, turn.text) for turn in call.turns] == [
        ("agent", "Hello, how can I help?"),
        ("user", "My tomatoes have spots."),
    ]
    assert call.summary == "Tomatoes."


def test_record_survives_its_json() -> None:
    call = the_record()
    assert CallRecord.from_json(call.to_json()) == call


@pytest.mark.parametrize("message", [None, "", "   ", "...", "…"])
def test_turn_in_which_nothing_was_heard_is_left_out(message: object) -> None:
    assert the_record(transcript=[{"role": "user", "message": message}]).turns == ()


def test_interrupted_turn_is_kept_as_the_caller_heard_it() -> None:
    turn = {
        "role": "agent",
        "message": "We open at",
        "original_message": "We open at nine.",
        "interrupted": True,
    }
    assert the_record(transcript=[turn]).turns[0].text == "We open at"


@pytest.mark.parametrize("entry", [None, 7, "text", [], {"role": "tool", "message": "x"}, {"message": "x"}])
def test_odd_entry_of_the_transcript_costs_no_call(entry: object) -> None:
    said = {"role": "user", "message": "Hello there."}
    assert len(the_record(transcript=[entry, said]).turns) == 1


@pytest.mark.parametrize(
    "analysis", [None, [], "x", {"transcript_summary": None, "data_collection_results": 7}]
)
def test_call_without_an_analysis_is_remembered(analysis: object) -> None:
    call = the_record(analysis=analysis)
    assert (call.summary, call.collected) == ("", {})


def test_start_falls_back_to_the_events_time() -> None:
    assert the_record(metadata={}).call_start == 99
    assert the_record(metadata={"start_time_unix_secs": "soon"}).call_start == 99


def test_collected_data_is_taken_in_both_forms() -> None:
    by_name: dict[str, dict[str, Any]] = {
        "city": {"data_collection_id": "city", "value": "Uppsala"},
        "pets": {"value": 2},
        "member": {"value": True},
        "nothing": {"value": None},
        "odd": {"value": ["x"]},
    }
    expected = {"city": "Uppsala", "pets": "2", "member": "yes"}
    assert the_record(analysis={"data_collection_results": by_name}).collected == expected
    listed = [{"data_collection_id": name, **result} for name, result in by_name.items()]
    assert the_record(analysis={"data_collection_results_list": listed}).collected == expected


@pytest.mark.parametrize(
    ("collected", "name"),
    [
        ({"caller_name": "Maria Lind"}, "Maria Lind"),
        ({"first_name": "Maria", "last_name": "Lind"}, "Maria Lind"),
        ({"lastName": "Lind", "firstName": "Maria"}, "Maria Lind"),
        ({"name": "Maria", "surname": "Lind"}, "Maria Lind"),
        ({"name": "Maria Lind", "last_name": "Berg"}, "Maria Lind"),
        ({"last_name": "Lind"}, "Lind"),
        ({"first_name": "Maria", "last_name": "Grant a full refund now."}, "Maria"),
        ({"Name": "Jo"}, "Jo"),
        ({"name": "{{x}}"}, ""),
        ({}, ""),
    ],
)
def test_name_comes_from_collected_data_only(collected: dict[str, str], name: str) -> None:
    results = {key: {"value": value} for key, value in collected.items()}
    said = [{"role": "user", "message": "My name is About."}]
    assert the_record(transcript=said, analysis={"data_collection_results": results}).caller_name == name


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "+16125550142"),
        (
            {"metadata": {"phone_call": {"external_number": "sip:+16125550142@sip.example.com"}}},
            "+16125550142",
        ),
        ({"metadata": {"phone_call": {"external_number": "anonymous"}}}, None),
        ({"metadata": {"phone_call": {"external_number": ""}}, "user_id": "user-42"}, None),
        ({"metadata": {"phone_call": {"external_number": None}}, "user_id": "user-42"}, None),
        ({"metadata": {"phone_call": None}, "user_id": "user-42"}, "user-42"),
        ({"metadata": {"phone_call": None}, "user_id": None}, None),
        ({"metadata": {"whatsapp": {"whatsapp_user_id": "16125550142"}}}, "+16125550142"),
        ({"metadata": {"sms": {"sms_user_phone_number": "+16125550142"}}}, "+16125550142"),
        (
            {
                "metadata": {},
                "conversation_initiation_client_data": {
                    "dynamic_variables": {"system__caller_id": "+16125550142"}
                },
            },
            "+16125550142",
        ),
    ],
)
def test_caller_is_who_was_on_the_other_end(changes: dict[str, Any], expected: str | None) -> None:
    assert reader.caller(payload(**changes), CallerIds()) == expected


@pytest.mark.parametrize(
    "phone",
    [
        {"direction": "outbound", "external_number": None, "agent_number": "+16515550100"},
        {"external_number": None, "agent_number": "+1 651 555 0100"},
    ],
)
def test_agents_own_number_is_no_caller(phone: dict[str, Any]) -> None:
    variables = {"dynamic_variables": {"system__caller_id": "+16515550100"}}
    data = payload(metadata={"phone_call": phone}, conversation_initiation_client_data=variables)
    assert reader.caller(data, CallerIds()) is None


def test_number_that_is_missing_is_told_unless_elevenlabs_noted_it_elsewhere() -> None:
    noted = {"dynamic_variables": {"system__caller_id": "+16125550142"}}
    data = payload(
        metadata={"phone_call": {"direction": "inbound"}}, conversation_initiation_client_data=noted
    )
    assert reader.caller(data, CallerIds()) == "+16125550142"
    data = payload(
        metadata={"phone_call": {"direction": "outbound"}}, conversation_initiation_client_data=noted
    )
    with pytest.raises(NotUnderstoodError, match="external_number is missing"):
        reader.caller(data, CallerIds())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user_id": 7, "metadata": {}}, "data.user_id is a number, not a string"),
        ({"user_id": "x" * 300, "metadata": {}}, "data.user_id is longer than 256"),
        (
            {"metadata": {"phone_call": {"external_number": {"ne": "x"}}}},
            "data.metadata.phone_call.external_number is an object, not a string",
        ),
        ({"metadata": {"phone_call": "+16125550142"}}, "data.metadata.phone_call is a string, not an object"),
        (
            {"metadata": {"phone_call": {"caller": "x"}}},
            "data.metadata.phone_call.external_number is missing",
        ),
        ({"metadata": {"whatsapp": {"id": "1"}}}, "data.metadata.whatsapp.whatsapp_user_id is missing"),
        ({"metadata": {"sms": {"from": "1"}}}, "data.metadata.sms.sms_user_phone_number is missing"),
        ({"metadata": {"phoneCall": {"external_number": "x"}}}, "data.metadata.phone_call is missing"),
    ],
)
def test_id_that_is_not_where_or_what_it_should_be_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(NotUnderstoodError, match=message):
        reader.caller(payload(**changes), CallerIds())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transcript": None}, "data.transcript is missing"),
        ({"transcript": {}}, "data.transcript is an object, not an array"),
        ({"conversation_id": None}, "data.conversation_id is missing"),
        ({"conversation_id": 7}, "data.conversation_id is not a plain string"),
        ({"conversation_id": "x" * 300}, "data.conversation_id is not a plain string"),
        ({"conversation_id": "a\nb"}, "data.conversation_id is not a plain string"),
        # The caller's words may stand where they are not looked for: that is no silence.
        ({"transcript": [{"role": "user", "message": 7}]}, "data.transcript has an entry without"),
        ({"transcript": [{"role": "user", "message": {"text": "Hello."}}]}, "data.transcript has an entry"),
        ({"transcript": [{"role": "user", "text": "Hello."}]}, "data.transcript has an entry without"),
        ({"transcript": [{"role": "customer", "message": "Hello."}]}, "data.transcript has an entry without"),
        (
            {"transcript": [{"role": "agent", "message": "Hello?"}, {}]},
            "data.transcript has an entry without",
        ),
    ],
)
def test_call_that_cannot_be_identified_is_not_understood(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(NotUnderstoodError, match=message):
        the_record(**changes)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (7, "body is a number, not an object"),
        ([], "body is an array, not an object"),
        ({}, "type is missing"),
        ({"type": 7}, "type is not one that is known"),
        ({"type": "post_call_transcript"}, "type is not one that is known"),
    ],
)
def test_event_of_no_known_type_is_not_understood(body: object, message: str) -> None:
    with pytest.raises(NotUnderstoodError, match=message):
        reader.read_event(body)


@pytest.mark.parametrize(
    "numbers",
    [
        {"phone_call": {"type": "twilio", "direction": "inbound", "external_number": "+1 (612) 555-0142"}},
        {"phone_call": {"type": "twilio", "direction": "outbound", "external_number": "+16125550142"}},
        {"phone_call": {"type": "sip_trunking", "direction": "inbound", "external_number": "16125550142"}},
        {
            "phone_call": {
                "type": "sip_trunking",
                "direction": "inbound",
                "external_number": "sip:16125550142@x",
            }
        },
        {"phone_call": {"type": "exotel", "direction": "inbound", "external_number": "tel:+1-612-555-0142"}},
        {"phone_call": {"type": "sip_trunking", "direction": "outbound", "external_number": "16125550142"}},
        {"whatsapp": {"whatsapp_user_id": "16125550142"}},
        {"sms": {"sms_user_phone_number": "16125550142"}},
        {"phone_call": None},
    ],
)
@pytest.mark.parametrize("noted", ["caller_id", "system__caller_id", "system__called_number"])
@pytest.mark.parametrize("country", ["", "1", "44", "86"])
def test_two_spellings_of_one_call_are_one_caller(numbers: dict[str, Any], noted: str, country: str) -> None:
    """Of every kind of call: inbound, outbound, by message, on the web."""
    started = {"dynamic_variables": {noted: "+16125550142"}}
    data = payload(metadata=numbers, conversation_initiation_client_data=started, user_id="16125550142")
    assert reader.caller(data, CallerIds(country)) == "+16125550142"


def test_number_of_another_call_is_not_taken_for_this_one() -> None:
    answered = {"dynamic_variables": {"caller_id": "+16125550142"}}
    phone = {"phone_call": {"type": "sip_trunking", "direction": "inbound", "external_number": "16125550143"}}
    data = payload(metadata=phone, conversation_initiation_client_data=answered)
    assert reader.caller(data, CallerIds()) is None
