"""The pages, without a browser: what they show, what they hide, and what they refuse."""

import html
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from starlette.testclient import TestClient

from console.callers import without_numbers
from console.pages import calls, health
from local.elevenlabs import Call, ElevenLabs, Turn
from local.lambda_host.toolchain import ROOT
from local.system import System
from ops import dead_letters
from ops.calls import Sources, caller
from ops.errors import OperatorError
from ops.mem0 import Mem0
from post_call import messages
from post_call.record import CallRecord
from post_call.record import Turn as Said
from tests.console.conftest import MARIA, ORIGIN, PORT, Open, call_of, reference
from tests.local.support import forget, until
from tests.unit.test_mem0_store import CALLER, Listing, many_rows

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> {{ 7*7 }} {% raw %} "
    '</pre></main> " onmouseover="x --> ]]> &lt;b&gt; javascript:alert(3)'
)
CARD = "4111 1111 1111 1111"


def text(page: str) -> str:
    """A page's text, its tags left out."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts: list[str | None] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.names.add(tag)
        self.attributes |= found.keys()
        if tag == "script":
            self.scripts.append(found.get("src"))
        self.links += [str(found[name]) for name in ("href", "src", "action") if name in found]


def finished(console: TestClient, address: str) -> str:
    """The page of a job, once it is over."""
    found = ""

    def is_over() -> bool:
        nonlocal found
        found = console.get(address).text
        return "Working." not in found

    until(is_over, "the job is over", 30)
    return text(found)


def remember(system: System, user_id: str, words: str, **metadata: Any) -> None:
    """A memory in Mem0 as it is, whoever wrote it."""
    body = {
        "user_id": user_id,
        "messages": [{"role": "user", "content": words}],
        "infer": False,
        "metadata": {"type": "factual", **metadata},
    }
    headers = {"Authorization": f"Token {system.endpoints.mem0_api_key}"}
    httpx.post(f"{system.mem0_url}/v3/memories/add/", json=body, headers=headers).raise_for_status()


# Calls


def test_start_is_try_it_on_this_machine_and_calls_for_a_stage(open_console: Open) -> None:
    assert open_console().get("/", follow_redirects=False).headers["location"] == "/try"
    stage = open_console(phone=None)
    assert stage.get("/", follow_redirects=False).headers["location"] == "/calls"
    assert stage.get("/try").status_code == 404
    assert "Try it" not in stage.get("/calls").text


def test_calls_are_listed_newest_first_with_what_became_of_them(
    console: TestClient, maria: list[Call]
) -> None:
    page = console.get("/calls").text
    first, second = (page.index(f"/calls/{call.conversation_id}") for call in maria)
    assert second < first
    row = text(page[second : page.index("</tr>", second)])
    assert "Nora" in row
    assert "remembered" in row
    assert "+1612•••0142" in row


def test_numbers_are_masked_until_asked_for(console: TestClient, maria: list[Call]) -> None:
    who = reference(console.get("/callers").text)
    addresses = [
        "/calls",
        f"/calls/{maria[1].conversation_id}",
        f"/calls/{maria[1].conversation_id}/look-ups/0",
        "/callers",
        f"/callers/{who}",
        f"/callers/{who}/prompt",
        f"/callers/{who}/search?q=key",
        f"/callers/{who}/forget",
        f"/calls?caller={who}",
        "/health",
    ]
    for address in addresses:
        answer = console.get(address)
        assert answer.status_code == 200, address
        assert MARIA not in answer.text, address
        assert MARIA[1:] not in answer.text, address
    back = console.post(
        "/numbers", data={"show": "yes", "back": "/calls?state=remembered"}, follow_redirects=False
    )
    assert back.headers["location"] == "/calls?state=remembered"
    assert MARIA in console.get("/calls").text
    console.post("/numbers", data={"show": "no", "back": "/calls"})
    assert MARIA not in console.get("/calls").text


@pytest.mark.parametrize(
    "spelled",
    ["+16125550193", "+1 612 555-0193", "(612) 555-0193", "612.555.0193", "001 612 5550193", "555 0193"],
)
def test_caller_s_own_number_is_masked_in_any_spelling(spelled: str) -> None:
    assert without_numbers(f"Call me at {spelled}, box 12.", "+16125550193") == (
        "Call me at +1612•••0193, box 12."
    )


def test_number_of_somebody_else_is_masked_and_other_figures_are_not() -> None:
    words = "My wife has +44 7700 900193. Order 123456789 of 2026-03-03T10:00:00+00:00."
    assert without_numbers(words, "+16125550193") == words.replace("+44 7700 900193", "+4477•••0193")


def test_number_that_was_said_or_looked_up_is_masked_as_well(
    console: TestClient, elevenlabs: ElevenLabs
) -> None:
    said = "Is my number +1 612 555 0193 or 612-555-0193, and my wife's +447700900193?"
    rung = console.post("/try", data={"caller_id": "+1 612 555 0193", "agent_id": "agent_01lindenstreetvet"})
    address = str(rung.url).removeprefix(ORIGIN)
    console.post(f"{address}/say", data={"words": said})
    console.post(f"{address}/hang-up")
    call = elevenlabs.run_call(call_of("+16125550193", said))
    over = f"/calls/{address.rpartition('/')[2]}"
    pages = [address, over, f"{over}/look-ups/0", f"/calls/{call.conversation_id}", f"/try?again={over[7:]}"]
    for page in pages:
        answer = console.get(page)
        assert answer.status_code == 200, page
        assert not re.search(r"555.?0193|900193", answer.text), page
    again = console.post(
        "/try",
        data={"again": over[7:], "caller_id": "+1612•••0193", "agent_id": "agent_01lindenstreetvet"},
    )
    console.post("/numbers", data={"show": "yes"})
    assert "+1 612 555 0193" in console.get(str(again.url)).text


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "", "x\r\ny: z"]
)
def test_asking_for_numbers_never_leads_away(console: TestClient, back: str) -> None:
    answer = console.post("/numbers", data={"show": "yes", "back": back}, follow_redirects=False)
    where = answer.headers["location"]
    assert where.startswith("/")
    assert not where.startswith(("//", "/\\"))


def test_calls_are_filtered(console: TestClient, maria: list[Call], elevenlabs: ElevenLabs) -> None:
    withheld = elevenlabs.run_call(call_of("anonymous", "I would rather not say who I am today."))
    first = f"/calls/{maria[0].conversation_id}"
    left_out = console.get("/calls", params={"state": "left out"}).text
    assert withheld.conversation_id in left_out
    assert first not in left_out
    assert first in console.get("/calls", params={"agent": maria[0].script.agent_id}).text
    assert first not in console.get("/calls", params={"agent": "agent_01papermoonbooks"}).text
    assert (
        first in console.get("/calls", params={"q": "WHIPPET juniper"}).text
        or first in console.get("/calls", params={"q": "whippet"}).text
    )
    assert "No call fits" in console.get("/calls", params={"q": "zeppelin"}).text


def test_number_is_searched_in_any_spelling_and_does_not_stay_in_the_address(
    console: TestClient, maria: list[Call]
) -> None:
    answer = console.get("/calls", params={"q": "+1 (612) 555-0142"}, follow_redirects=False)
    assert "612" not in answer.headers["location"]
    page = console.get(answer.headers["location"]).text
    assert all(call.conversation_id in page for call in maria)
    assert console.get("/calls", params={"q": "+1 612 555 0199"}).text.count("/calls/conv_") == 0


def test_conversation_id_leads_to_its_call(console: TestClient, maria: list[Call]) -> None:
    answer = console.get("/calls", params={"q": maria[0].conversation_id}, follow_redirects=False)
    assert answer.headers["location"] == f"/calls/{maria[0].conversation_id}"


def test_pages_of_calls_hold_each_call_once(console: TestClient, system: System) -> None:
    start = int(time.time()) - 400 * 86_400
    data = [
        call_detail(f"conv_old_{number:03d}", start + number // 3) for number in range(60)
    ]  # three in each second
    system.elevenlabs.workspace.seed(data)
    found: list[str] = []
    address = "/calls"
    while True:
        page = console.get(address).text
        found += re.findall(r'href="/calls/(conv_\w+)"', page)
        older = re.search(r'href="(/calls\?[^"]*before[^"]*)"', page)
        if not older:
            break
        address = html.unescape(older[1])
    assert len(found) == len(set(found))
    assert {detail["conversation_id"] for detail in data} <= set(found)


def test_calls_of_a_caller_are_found_wherever_elevenlabs_has_the_caller(
    console: TestClient, system: System
) -> None:
    phone, web, now = "+16125550195", "anna@shop.example", int(time.time())
    inbound, outbound, own = (
        call_detail(f"conv_{name}", now - 30 * number)
        for number, name in ((2, "inbound"), (1, "outbound"), (0, "web"))
    )
    inbound["metadata"]["phone_call"]["external_number"] = phone
    inbound["conversation_initiation_client_data"]["dynamic_variables"]["system__caller_id"] = phone
    outbound["metadata"]["phone_call"] |= {"external_number": phone, "direction": "outbound"}
    outbound["conversation_initiation_client_data"]["dynamic_variables"]["system__called_number"] = phone
    own["metadata"]["phone_call"], own["user_id"] = None, web
    system.elevenlabs.workspace.seed([inbound, outbound, own])
    for caller_id, expected in ((phone, ["conv_outbound", "conv_inbound"]), (web, ["conv_web"])):
        who = reference(console.post("/callers", data={"caller": caller_id}).text)
        page = console.get(f"/calls?caller={who}").text
        assert re.findall(r'href="/calls/(conv_\w+)"', page) == expected


def call_detail(conversation_id: str, start: int) -> dict[str, Any]:
    phone_call = {"type": "twilio", "direction": "inbound", "external_number": "+16125550188"}
    return {
        "agent_id": "agent_01lindenstreetvet",
        "agent_name": "Nora",
        "conversation_id": conversation_id,
        "status": "done",
        "user_id": None,
        "transcript": [{"role": "user", "message": "Good day, are you open?", "time_in_call_secs": 1}],
        "metadata": {"start_time_unix_secs": start, "call_duration_secs": 9, "phone_call": phone_call},
        "analysis": None,
        "conversation_initiation_client_data": {"dynamic_variables": {}},
    }


def test_call_is_shown_from_the_ring_to_the_memory(console: TestClient, maria: list[Call]) -> None:
    page = console.get(f"/calls/{maria[1].conversation_id}").text
    words = text(page)
    for step in ("The phone rang", "ClientData answered", "PostCall accepted", "The call was remembered"):
        assert step in words
    assert "who has the spare key" in words  # what was looked up
    assert "Piotr" in words
    earlier = re.findall(rf'href="/calls/{maria[0].conversation_id}#memory-([0-9a-f-]+)"', page)
    assert len(earlier) > 3, "each line that was told names the call it comes from"
    before = console.get(f"/calls/{maria[0].conversation_id}").text
    assert f'id="memory-{earlier[0]}"' in before
    assert "Thank you, Nora. Bye!" in words


def test_look_up_says_what_was_offered_and_why_not_the_rest(console: TestClient, maria: list[Call]) -> None:
    words = text(console.get(f"/calls/{maria[1].conversation_id}/look-ups/0").text)
    assert "What Mem0 offers now" in words
    assert "its words fit the question best" in words
    assert re.search(r"no: (other|another)", words), "a reason for what was not chosen"
    assert console.get(f"/calls/{maria[1].conversation_id}/look-ups/7").status_code == 404


def test_secrets_are_marked_by_their_kind(console: TestClient, elevenlabs: ElevenLabs) -> None:
    call = elevenlabs.run_call(call_of("+16125550171", f"My card number is {CARD}, please charge it."))
    page = console.get(f"/calls/{call.conversation_id}").text
    assert '<mark class="redacted">[card number]</mark>' in page
    assert CARD not in page
    assert "Replaced before it was stored" in text(page)


def test_call_that_left_nothing_says_why(console: TestClient, elevenlabs: ElevenLabs) -> None:
    call = elevenlabs.run_call(call_of("anonymous", "I would rather not say who I am today."))
    words = text(console.get(f"/calls/{call.conversation_id}").text)
    assert re.search(r"No memory: left out, \w+", words)


@pytest.mark.parametrize(
    "path",
    [
        "/calls/conv_none",
        "/calls/..%2f..%2fetc%2fpasswd",
        "/calls/%2e%2e",
        "/calls/conv_1%0d%0aSet-Cookie:x",
        "/callers/" + "0" * 24,
        "/callers/*",
        "/callers?page=0",
        "/callers?page=x",
        "/callers?page=99999999999",
        "/calls?before=yesterday",
        "/calls?caller=nobody",
        "/jobs/99",
        "/jobs/x",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fguard.py",
        "/try/conv_none",
        "/nothing",
    ],
)
def test_what_is_not_there_is_told_in_words(console: TestClient, path: str) -> None:
    answer = console.get(path)
    assert answer.status_code in (400, 404)
    assert "Traceback" not in answer.text
    assert "def " not in answer.text
    assert "set-cookie" not in answer.headers


# Callers


def test_callers_lead_to_their_memories(console: TestClient, maria: list[Call]) -> None:
    answer = console.post("/callers", data={"caller": "1 612-555-0142".replace("1 612", "+1 612")})
    assert answer.status_code == 200
    page = answer.text
    words = text(page)
    assert "The caller's pet name is Juniper." in words
    assert all(f"/calls/{call.conversation_id}" in page for call in maria)
    assert page.index(maria[1].conversation_id) < page.index(maria[0].conversation_id), "newest first"


@pytest.mark.parametrize("caller", ["*", "anonymous", "+49", "x" * 600])
def test_caller_that_is_none_is_refused_with_a_remedy(console: TestClient, caller: str) -> None:
    answer = console.post("/callers", data={"caller": caller})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_prompt_of_now_is_that_of_client_data(console: TestClient, maria: list[Call], system: System) -> None:
    assert maria
    at = system.endpoints
    agent = "agent_01papermoonbooks"
    body = {"caller_id": MARIA, "agent_id": agent, "called_number": "", "call_sid": ""}
    answered = httpx.post(at.client_data_url, json=body, headers={"X-Workspace-Key": at.workspace_key}).json()
    prompt = answered["conversation_config_override"]["agent"]["prompt"]["prompt"]
    who = reference(console.post("/callers", data={"caller": MARIA}).text)
    page = console.get(f"/callers/{who}/prompt", params={"agent": agent}).text
    shown = re.search(r'<pre class="prompt"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert shown
    assert html.unescape(re.sub(r"</?mark[^>]*>", "", shown[1])) == prompt.replace(MARIA, "+1612•••0142")
    assert "secret__" not in page


def test_search_is_retrieve(console: TestClient, maria: list[Call], system: System) -> None:
    assert maria
    question = "who has the spare key?"
    body = {"query": question, "user_id": MARIA}
    answered = httpx.post(system.endpoints.retrieve_url, json=body).json()["memories"]
    who = reference(console.post("/callers", data={"caller": MARIA}).text)
    words = text(console.get(f"/callers/{who}/search", params={"q": question}).text)
    assert answered
    for memory in answered:
        assert " ".join(memory["memory"].split()) in words
        assert f"{memory['score']:.3f}" in words


def test_what_replaced_what_is_shown(
    console: TestClient, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ops.calls import sources as module  # noqa: PLC0415

    user_id = "+16125550172"
    remember(system, user_id, "The caller lives in Duluth.", conversation_id="conv_move_1")
    remember(system, user_id, "The caller lives in Fargo.", conversation_id="conv_move_2")
    real = module.stored

    def replacing(rows: Any, owner: str) -> Any:
        found = list(real(rows, owner))
        newer = next((memory for memory in found if "Fargo" in memory.text), None)
        return [replace(m, replaced_by=newer.id) if newer and "Duluth" in m.text else m for m in found]

    monkeypatch.setattr(module, "stored", replacing)
    page = console.post("/callers", data={"caller": user_id}).text
    assert "Replaced by" in page
    assert "“The caller lives in Fargo.”" in page


def test_hostile_memories_are_text(console: TestClient, system: System, elevenlabs: ElevenLabs) -> None:
    user_id = "+16125550173"
    remember(system, user_id, HOSTILE, conversation_id='conv_x"><script>', caller_name="<b>Eve</b>")
    call = elevenlabs.run_call(call_of(user_id, HOSTILE, title=HOSTILE))
    who = reference(console.post("/callers", data={"caller": user_id}).text)
    for address in (
        f"/callers/{who}",
        f"/callers/{who}/prompt",
        f"/callers/{who}/search?q=alert",
        f"/calls/{call.conversation_id}",
        "/calls",
        "/callers",
        f"/callers/{who}/search?q=%3Cscript%3Ealert(4)%3C/script%3E",
        "/calls?q=%22%3E%3Cscript%3Ealert(4)%3C/script%3E",
    ):
        page = console.get(address).text
        tags = Tags()
        tags.feed(page)
        assert tags.scripts == [
            "/static/vendor/htmx.min.js",
            "/static/console.js",
        ]
        assert not tags.names & {"img", "b", "style", "iframe", "object"}, address
        assert not {name for name in tags.attributes if name.startswith("on") or name == "style"}, address
        assert not [link for link in tags.links if not link.startswith(("/", "#"))], address
    assert "<script>alert(1)</script>" in text(console.get(f"/calls/{call.conversation_id}").text)


def test_export_is_the_command_s(console: TestClient, maria: list[Call], system: System) -> None:
    assert maria
    page = console.post("/callers", data={"caller": MARIA}).text
    answer = console.post(f"/callers/{reference(page)}/export")
    assert "attachment" in answer.headers["content-disposition"]
    assert MARIA not in answer.headers["content-disposition"]
    command = subprocess.run(
        [sys.executable, "-m", "ops", "export", MARIA],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **system.operator_environment},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, theirs = json.loads(answer.text), json.loads(command.stdout)
    assert ours["caller"] == MARIA
    assert len(ours["memories"]) > 3
    assert {k: v for k, v in ours.items() if k != "exported_at"} == {
        k: v for k, v in theirs.items() if k != "exported_at"
    }


def test_caller_is_forgotten_only_when_typed(console: TestClient, system: System, sources: Sources) -> None:
    user_id = "+16125550174"
    remember(system, user_id, "The caller keeps bees.")
    who = reference(console.post("/callers", data={"caller": user_id}).text)
    assert "1 memories" in text(console.get(f"/callers/{who}/forget").text)
    for typed in ("", "forget", "+16125550175"):
        refused = console.post(f"/callers/{who}/forget", data={"typed": typed})
        assert refused.status_code == 400
        assert list(sources.memories(user_id))
    begun = console.post(f"/callers/{who}/forget", data={"typed": "+1 612 555 0174"}, follow_redirects=False)
    words = finished(console, begun.headers["location"])
    assert "Done." in words
    assert "'listed': 0" in words
    assert user_id not in words
    assert not list(sources.memories(user_id))
    assert "Nothing is remembered of this caller" in console.get(f"/callers/{who}").text


def test_reference_means_the_same_caller_after_a_restart(
    console: TestClient, open_console: Open, maria: list[Call]
) -> None:
    assert maria
    who = reference(console.post("/callers", data={"caller": MARIA}).text)
    assert "Juniper" in open_console().get(f"/callers/{who}").text


# What may be changed


def test_stage_is_read_only_unless_started_otherwise(
    open_console: Open, maria: list[Call], sources: Sources, system: System
) -> None:
    assert maria
    stage = open_console(allow_changes=False, phone=None)
    who = reference(stage.post("/callers", data={"caller": MARIA}).text)
    before = len(list(sources.memories(MARIA)))
    page = stage.get(f"/callers/{who}/forget").text
    assert "--allow-changes" in page
    assert 'name="typed"' not in page
    assert stage.post(f"/callers/{who}/forget", data={"typed": MARIA}).status_code == 403
    assert stage.post("/health/redrive").status_code == 403
    assert len(list(sources.memories(MARIA))) == before
    assert stage.post("/try", data={"caller_id": MARIA}).status_code == 404
    assert system.elevenlabs


# Health


def test_health_shows_checks_queue_and_latency(console: TestClient, maria: list[Call]) -> None:
    assert maria
    words = text(console.get("/health").text)
    assert re.search(r"\d+ in the queue, \d+ being remembered", words)
    until(lambda: "Each bar is a minute" in text(console.get("/health").text), "the log is delivered")
    checks = text(console.get("/health/checks").text)
    assert "0 broken" in checks
    assert "warning who is told of alarms" in checks
    assert "-c alarm_email=you@example.com" in checks


def test_dead_letters_are_shown_with_reasons_and_moved_back(console: TestClient, sources: Sources) -> None:
    user_id = "+16125550175"
    put_dead_letter(sources, "conv_dead", user_id, "Mem0 refused <b>it</b>")
    page = console.get("/health").text
    assert "Mem0 refused <b>it</b>" in text(page)
    assert "<b>" not in page
    assert user_id not in page
    begun = console.post("/health/redrive", follow_redirects=False)
    assert "moved 1 back to the queue" in finished(console, begun.headers["location"])
    until(
        lambda: any("lime mortar" in memory.text for memory in sources.memories(user_id)), "it is remembered"
    )


def test_dead_letters_are_not_read_again_while_their_number_is_the_same(
    console: TestClient, system: System, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    read = dead_letters.Reader.read

    def counted(self: dead_letters.Reader, limit: int | None = None) -> Iterator[dead_letters.DeadLetter]:
        reads.append(limit)
        return read(self, limit)

    monkeypatch.setattr(dead_letters.Reader, "read", counted)
    start = int(time.time()) - 600
    system.elevenlabs.workspace.seed([call_detail("conv_lost", start)])
    url = sources.deployment.output("DeadLetterQueueUrl")
    put_dead_letter(sources, "conv_lost", "+16125550188", "Mem0 refused it")
    for _ in range(3):
        assert "Mem0 refused it" in text(console.get("/calls/conv_lost").text)
    assert len(reads) == 1
    with dead_letters.Reader(sources.sqs, url) as reader:
        for letter in reader.read():
            reader.delete(letter)
    assert "Mem0 refused it" not in text(console.get("/calls/conv_lost").text)


def put_dead_letter(sources: Sources, conversation_id: str, user_id: str, reason: str) -> None:
    """Put a call among the dead letters, as the worker does."""
    record = CallRecord(
        conversation_id=conversation_id,
        agent_id="agent_01lindenstreetvet",
        user_id=user_id,
        call_start=int(time.time()) - 600,
        turns=(Said("agent", "How can I help?"), Said("user", "Please order nine bags of lime mortar.")),
    )
    (message,) = messages.of_call(record)
    sources.sqs.send_message(
        QueueUrl=sources.deployment.output("DeadLetterQueueUrl"),
        MessageBody=message.body,
        MessageGroupId=conversation_id,
        MessageDeduplicationId=conversation_id,
        MessageAttributes={
            "reason": {"DataType": "String", "StringValue": reason},
            "group": {"DataType": "String", "StringValue": message.group_id},
        },
    )


# Problems


def test_health_shows_the_rest_when_a_part_cannot_be_read(
    console: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_sqs: Any, url: str) -> tuple[int, int]:
        if "dead" in url:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no sqs:ReceiveMessage"}}, "Get")
        return 3, 1

    monkeypatch.setattr(dead_letters, "count", refuse)
    monkeypatch.setattr(health, "check_stack", lambda _deployment: 1 / 0)
    answer = console.get("/health")
    words = text(answer.text)
    assert answer.status_code == 200
    assert "no sqs:ReceiveMessage" in words
    assert "check your AWS credentials" in words
    assert "3 in the queue" in words
    assert "a defect of the console: ZeroDivisionError" in text(console.get("/health/checks").text)


def test_defect_is_told_on_a_page_behind_the_guard_and_logged_without_its_text(
    console: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("what a caller said")

    monkeypatch.setattr(calls, "call", fail)
    answer = console.get("/calls/conv_1")
    assert answer.status_code == 500
    assert "a defect of the console: ValueError" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "what a caller said" not in answer.text + caplog.text
    assert "ValueError" in caplog.text


def test_export_that_fails_is_a_page_and_no_half_of_a_file(
    console: TestClient, monkeypatch: pytest.MonkeyPatch, maria: list[Call]
) -> None:
    assert maria
    who = reference(console.post("/callers", data={"caller": MARIA}).text)

    def fail(*_: object, **__: object) -> None:
        raise OperatorError("Mem0 cannot be reached")

    monkeypatch.setattr(Mem0, "memories", fail)
    answer = console.post(f"/callers/{who}/export")
    assert answer.status_code == 502
    assert "Mem0 cannot be reached" in answer.text
    assert "content-disposition" not in answer.headers


ODD_TURN = {
    "role": "agent",
    "message": "One moment.",
    "time_in_call_secs": 10**14,
    "tool_calls": [
        {"tool_name": {"a": 1}, "request_id": ["x"], "params_as_json": '{"query": "bees"}'},
        {"tool_name": None, "request_id": None, "params_as_json": "[1"},
    ],
    "tool_results": [
        {"request_id": ["x"], "tool_latency_secs": float("nan"), "result_value": '{"memories": [{}, 1]}'},
        {"request_id": None, "tool_latency_secs": -1e300, "result_value": {"a": 1}},
    ],
}


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": None},
        {"metadata": {"start_time_unix_secs": "x", "phone_call": "x"}},
        {"metadata": {"start_time_unix_secs": 10**18, "call_duration_secs": -5}},
        {"transcript": [1, None, {"role": None, "message": 5}, ODD_TURN]},
        {"transcript": None, "status": "initiated", "analysis": {"transcript_summary": 5}},
        {"transcript": {"a": 1}, "status": ["x"], "user_id": 5},
        {"agent_id": None, "agent_name": {"a": 1}, "conversation_initiation_client_data": ["x"]},
    ],
)
def test_call_that_is_not_as_documented_is_shown(
    console: TestClient, sources: Sources, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    detail = {**call_detail("conv_odd", int(time.time()) - 600), **changed}
    monkeypatch.setattr(sources.workspace, "conversation", lambda _id: detail)
    rows = [{"conversation_id": "conv_odd", "start_time_unix_secs": "x"}]
    monkeypatch.setattr(sources.workspace, "conversations", lambda **_: iter(rows))
    for address in ("/calls/conv_odd", "/calls"):
        answer = console.get(address)
        assert answer.status_code == 200, address
        assert "conv_odd" in answer.text


def test_failure_is_shown_with_its_remedy(
    console: TestClient, sources: Sources, monkeypatch: pytest.MonkeyPatch, maria: list[Call]
) -> None:
    who = reference(console.post("/callers", data={"caller": MARIA}).text)
    monkeypatch.setattr(
        sources.workspace._http,
        "_base_url",
        sources.workspace._http._enforce_trailing_slash(httpx.URL("http://127.0.0.1:9")),
    )
    sources.workspace.backoff = 0.0
    answer = console.get(f"/calls/{maria[0].conversation_id}")
    assert answer.status_code == 502
    assert 'role="alert"' in answer.text
    assert "ElevenLabs" in text(answer.text)
    assert "Traceback" not in answer.text
    assert console.get(f"/callers/{who}").status_code == 200, "what does not need ElevenLabs goes on"


# Empty


def test_empty_states_say_what_to_do_next(open_console: Open, system: System) -> None:
    page = open_console().get("/calls", params={"agent": "agent_none"}).text
    assert "Show all calls" in page
    user_id = "+16125550176"
    forget(system, user_id)
    assert "After the next call" in open_console().post("/callers", data={"caller": user_id}).text


def test_pages_need_no_cookie_of_numbers(console: TestClient) -> None:
    console.cookies.set(f"console-{PORT}-numbers", "x<script>")
    assert console.get("/calls").status_code == 200


def test_silent_turns_are_no_trouble(console: TestClient, elevenlabs: ElevenLabs) -> None:
    script = call_of("+16125550177", "Hello there, I am calling about the roof.")
    call = elevenlabs.run_call(replace(script, turns=(*script.turns, Turn(role="agent", message=None))))
    assert console.get(f"/calls/{call.conversation_id}").status_code == 200


@pytest.mark.parametrize("order", ["oldest first", "newest first", "none"])
def test_pages_of_memories_hold_each_once_whatever_order_mem0_lists_them_in(
    sources: Sources, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    rows = many_rows(730)
    if order == "newest first":
        rows.reverse()
    elif order == "none":
        random.Random(7).shuffle(rows)
    Listing(rows, monkeypatch)
    first = caller(sources, CALLER)
    assert first.count == 730
    found = [
        memory.text for page in range(1, first.pages + 1) for memory in caller(sources, CALLER, page).memories
    ]
    assert found == [f"Memory {number}." for number in range(729, -1, -1)]
    assert not caller(sources, CALLER, first.pages + 1).memories
