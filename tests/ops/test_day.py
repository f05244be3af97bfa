"""The operator's day, from an empty workspace to an empty workspace, by the commands alone."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.elevenlabs import Call, ElevenLabs, load_script
from local.memories import Memories
from local.system import System
from ops import dead_letters, forget
from ops.cli import main
from ops.doctor import live

CALLS = Path("local/calls")
MARIA = "+16125550142"
SECRET = "agentic-memory/credentials"
DAY = 86_400


@pytest.fixture
def system() -> Iterator[System]:
    """The deployed stack; somebody has followed the link in AWS's mail."""
    with System(deliver_logs=True, environment={"RETRY_DELAYS": "1"}) as running:
        (stack,) = running.aws.client("cloudformation").describe_stacks()["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        topic = {"TopicArn": outputs["AlarmTopicArn"], "Protocol": "email", "Endpoint": "ops@example.com"}
        running.aws.client("sns").subscribe(**topic)
        yield running


@pytest.fixture(autouse=True)
def operator(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's environment, for the running system instead of the other tests' stack."""
    for name, value in system.operator_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MEM0_API_KEY", system.endpoints.mem0_api_key)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    for module, name in ((forget, "POLL_SECONDS"), (forget, "PAUSE_SECONDS"), (live, "_POLL_SECONDS")):
        monkeypatch.setattr(module, name, 0.05)


def play(system: System, which: str, *, days_ago: int) -> Call:
    """One of Maria's calls as the workspace is set up, until it is remembered."""
    script = replace(load_script(CALLS / f"maria-{which}.json"), start=int(time.time()) - days_ago * DAY)
    with (
        ElevenLabs(system.elevenlabs.workspace, sleep=lambda _: None) as elevenlabs,
        Memories(system.endpoints, sleep=lambda _seconds: time.sleep(0.05)) as memories,
    ):
        call = elevenlabs.run_call(script)
        assert not call.problem
        assert memories.wait_for(call.conversation_id, frozenset({"factual", "semantic"}), 30)
    return call


def test_whole_day(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    system.aws.client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    empty = system.elevenlabs.state()

    def amem(*arguments: str) -> list[Any]:
        """What a command writes as JSON, a value a line."""
        assert main([*arguments, "--json"]) == 0, capsys.readouterr()
        written = capsys.readouterr()
        for key in keys():
            assert key not in written.out + written.err, "no secret is shown"
        if arguments[0] == "export":
            return [json.loads(written.out)]
        return [json.loads(line) for line in written.out.splitlines()]

    def keys() -> list[str]:
        answer = system.aws.client("secretsmanager").get_secret_value(SecretId=SECRET)
        values: dict[str, str] = json.loads(answer["SecretString"])
        return [value for name, value in values.items() if name.endswith("_KEY") and value]

    def wrong() -> list[Any]:
        """What doctor finds; the live proof is part of it."""
        findings = amem("doctor")
        assert "live-forgotten" in {finding["check"] for finding in findings}
        return [finding for finding in findings if finding["status"] != "ok"]

    assert {row["key"]: row["what was done"] for row in amem("secret")} == {
        "MEM0_API_KEY": "asked for",
        "MEM0_ORG_ID": "filled in",
        "MEM0_PROJECT_ID": "filled in",
        "ELEVENLABS_WORKSPACE_KEY": "made",
        "ELEVENLABS_HMAC_KEY": "empty",
    }
    assert amem("connect", "--all-agents", "--yes")
    first = play(system, "first", days_ago=9)
    assert wrong() == []
    second = play(system, "second", days_ago=0)
    assert second.initiation
    assert "Juniper" in second.initiation.prompt

    (explained,) = amem("explain", first.conversation_id)
    assert explained["told"]["lines"] == []
    assert explained["left"]["memories"]
    (explained,) = amem("explain", second.conversation_id)
    assert {line["memory"]["conversation_id"] for line in explained["told"]["lines"]} == {
        first.conversation_id
    }
    assert [used["tool"] for used in explained["look_ups"]] == ["recall_memory"]

    (document,) = amem("export", "+1 (612) 555-0142")
    known = {memory["metadata"]["conversation_id"] for memory in document["memories"]}
    assert known == {first.conversation_id, second.conversation_id}
    (receipt,) = amem("forget", MARIA, "--elevenlabs", "--yes")
    assert receipt["before"]["listed"] == len(document["memories"])
    assert (receipt["after"], receipt["conversations"]) == ({"listed": 0, "found": 0}, 2)
    (document,) = amem("export", MARIA)
    assert (document["memories"], document["ledger"], document["dead_letters"]) == ([], [], [])
    assert wrong() == []

    assert amem("disconnect", "--yes")
    assert system.elevenlabs.state() == empty
