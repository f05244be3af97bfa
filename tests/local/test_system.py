"""The system as a whole: its parts are those of the template, and none outlives it."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.elevenlabs import Workspace
from local.system import DEFAULTS, PORTS, LocalCredentials, System
from tests.local.support import NO_TLS, free_port_base, gone, until


def post(url: str, body: object, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    with httpx.Client(verify=NO_TLS, timeout=30, trust_env=False) as client:
        answer = client.post(url, json=body, headers=headers)
    return answer.status_code, answer.json()


CALLER = {"caller_id": "+16125550142", "agent_id": "a", "called_number": "+16125550100", "call_sid": "CA1"}


def test_endpoints_answer_and_refuse_as_they_should(system: System) -> None:
    at = system.endpoints
    status, body = post(at.client_data_url, CALLER, {"X-Workspace-Key": at.workspace_key})
    assert (status, body["type"]) == (200, "conversation_initiation_client_data")
    assert post(at.client_data_url, CALLER, {"X-Workspace-Key": "guess"})[0] == 401
    status, body = post(at.retrieve_url, {"query": "anything", "user_id": "+16125550143"})
    assert (status, body["memories"]) == (200, [])
    assert post(at.post_call_url, {"type": "post_call_transcription"})[0] == 401
    other = at.retrieve_url.replace("/retrieve", "/client-data")
    assert post(other, {}) == (404, {"message": "Not Found"})


def test_queue_table_and_secret_are_the_templates(system: System) -> None:
    aws, template = system.aws, system.template
    found = aws.client("sqs").get_queue_attributes(QueueUrl=system.queue_url, AttributeNames=["All"])
    (calls,) = [queue for queue in template.queues if queue.dead_letters]
    assert found["Attributes"].items() >= calls.attributes.items()
    assert json.loads(found["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == calls.maximum_receives
    table = aws.client("dynamodb").describe_table(TableName=system.ledger_table)["Table"]
    assert table["KeySchema"] == [{"AttributeName": "conversation_id", "KeyType": "HASH"}]
    secret = aws.client("secretsmanager").get_secret_value(SecretId=template.secret_name)
    assert json.loads(secret["SecretString"]).keys() == DEFAULTS.keys()
    functions = system.host.functions
    assert {spec.environment["CREDENTIALS_SECRET"] for spec in functions.values()} == {template.secret_name}
    assert functions["post-call"].environment["CALL_QUEUE_URL"] == system.queue_url


def test_keys_come_from_the_environment_else_are_the_defaults() -> None:
    made = LocalCredentials.from_environment(
        {"MEM0_API_KEY": "mine", "ELEVENLABS_HMAC_KEY": '["new", "old"]'}
    )
    assert made.values["MEM0_API_KEY"] == "mine"
    assert made.values["ELEVENLABS_HMAC_KEY"] == ["new", "old"]
    assert made.first("ELEVENLABS_HMAC_KEY") == "new"
    assert made.values["MEM0_ORG_ID"] == "local-org"
    assert "mine" not in repr(made)


def test_another_mem0_has_no_default_project() -> None:
    made = LocalCredentials.from_environment({}, own_mem0=False)
    assert (made.values["MEM0_ORG_ID"], made.values["MEM0_PROJECT_ID"]) == ("", "")


def test_taken_port_is_found_before_anything_starts() -> None:
    base = free_port_base()
    taken = base + PORTS["retrieve"]
    with (
        socket.create_server(("127.0.0.1", taken)),
        pytest.raises(match=f"port {taken} .*--port-base"),
    ):
        System(port_base=base).start()


def test_options_of_a_system_of_its_own(tmp_path: Path) -> None:
    base = free_port_base()
    earlier = Workspace(tmp_path / "data")
    key = earlier.new_webhook("AgenticMemory", f"http://127.0.0.1:{base + 3}/post-call")["key"]
    earlier.close()
    system = System(
        port_base=base,
        data_dir=tmp_path / "data",
        settings={"search_limit": 7},
        environment={"EXTRA": "1"},
        visibility_timeout=2,
    )
    with system:
        assert system.endpoints.post_call_url == f"http://127.0.0.1:{base + 3}/post-call"
        assert system.endpoints.mem0_url == f"http://127.0.0.1:{base + 10}"
        assert system.elevenlabs.url == f"http://127.0.0.1:{base + 12}"
        secret = system.aws.client("secretsmanager").get_secret_value(SecretId=system.template.secret_name)
        assert key in json.loads(secret["SecretString"])["ELEVENLABS_HMAC_KEY"]
        assert system.host.functions["retrieve"].environment["MEM0_SEARCH_LIMIT"] == "7"
        names = ["VisibilityTimeout"]
        answer = system.aws.client("sqs").get_queue_attributes(
            QueueUrl=system.queue_url, AttributeNames=names
        )
        assert answer["Attributes"] == {"VisibilityTimeout": "2"}
        pids = [instance.pid for instance in system.host.warm("retrieve", 2)] + [system.aws.pid]
        assert not any(gone(pid) for pid in pids)
    until(lambda: all(gone(pid) for pid in pids), "nothing is left")
    assert (tmp_path / "data" / "logs").is_dir()
