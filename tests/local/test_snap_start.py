"""SnapStart as it is deployed: nothing of the secret, and no socket, is in the snapshot."""

import json
from collections.abc import Iterator

import httpx
import pytest

from local.system import System
from tests.local.test_system import CALLER, post

SECRET_READ = {"operation": "secretsmanager:GetSecretValue", "latency_seconds": 0.0}
WAITED_FOR = ("client-data", "retrieve")


@pytest.fixture(scope="module")
def snapped() -> Iterator[System]:
    with System(settings={"snap_start": True}) as running:
        yield running


def reads_of_the_secret(system: System) -> int:
    return sum(rule["fired"] for rule in system.aws.faults())


def pings(system: System) -> int:
    return len(httpx.get(f"{system.mem0_url}/_requests?operation=ping").json())


@pytest.mark.parametrize("function", WAITED_FOR)
def test_secret_and_socket_are_taken_after_the_restore(snapped: System, function: str) -> None:
    snapped.aws.set_faults(SECRET_READ)
    before = pings(snapped)
    (snapshot,) = snapped.host.warm(function)
    assert snapshot.init_ms is not None
    assert (reads_of_the_secret(snapped), pings(snapped)) == (0, before)
    at = snapped.endpoints
    if function == "client-data":
        status, body = post(at.client_data_url, CALLER, {"X-Workspace-Key": at.workspace_key})
    else:
        status, body = post(at.retrieve_url, {"query": "anything", "user_id": CALLER["caller_id"]})
    assert status == 200, body
    assert snapshot.invocations == 1
    assert (reads_of_the_secret(snapped), pings(snapped)) == (1, before + 1)


def test_functions_that_nobody_waits_for_are_not_snapped(snapped: System) -> None:
    specs = snapped.host.functions
    assert {name for name, spec in specs.items() if spec.snap_start} == set(WAITED_FOR)
    assert json.dumps(specs["client-data"].environment).count("local-mem0-key") == 0
