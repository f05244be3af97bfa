"""`amem rotate` replaces a key while the old one stays valid; killed anywhere, it ends the same."""

import json
import time
from typing import Any

import pytest

from local.elevenlabs import WorkspaceServer
from local.elevenlabs.workspace import AGENTS
from ops.cli import main
from ops.connect import rotation, webhook
from tests.ops.conftest import STAGE, deploy
from tests.ops.kill import kill_at
from tests.unit.conftest import SECRET_NAME, Aws

NORA = next(iter(AGENTS))
NAMES = {"workspace-key": "ELEVENLABS_WORKSPACE_KEY", "hmac-key": "ELEVENLABS_HMAC_KEY"}
LOG_GROUP = f"/aws/lambda/agentic-memory-{STAGE}-client-data"


def amem(*arguments: str) -> int:
    return main([*arguments, "--stage", STAGE, "--yes"])


def keys(aws: Aws, which: str) -> list[str]:
    """What the functions accept, the newest first."""
    text = aws.secrets.get_secret_value(SecretId=SECRET_NAME)["SecretString"]
    value = json.loads(text)[NAMES[which]]
    return value if isinstance(value, list) else [value]


def used(server: WorkspaceServer, which: str) -> str:
    """The key that ElevenLabs uses at the moment."""
    if which == "workspace-key":
        (secret,) = server.state()["secret"]
        return str(secret["value"])
    signing = server.workspace.signing_webhook()
    assert signing
    return str(signing["key"])


def counts(server: WorkspaceServer) -> dict[str, int]:
    state = server.state()
    return {kind: len(state[kind]) for kind in ("webhook", "secret", "tool")}


def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rotation, webhook):
        monkeypatch.setattr(module, "RETIRED_SECONDS", 0)


@pytest.fixture(autouse=True)
def connected(elevenlabs: WorkspaceServer) -> WorkspaceServer:
    assert amem("connect", "--agent", NORA) == 0
    return elevenlabs


@pytest.mark.parametrize("which", NAMES)
def test_old_key_is_valid_for_an_hour_beside_the_new_one(
    aws: Aws,
    connected: WorkspaceServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    which: str,
) -> None:
    (old,) = before = keys(aws, which)[:1]
    assert amem("rotate", which) == 0
    assert f"the new {which} is in use" in capsys.readouterr().out
    new, *others = keys(aws, which)
    assert old in others
    assert used(connected, which) == new
    assert amem("rotate", which) == 0
    assert keys(aws, which) == [new, *others], "a second run within the hour changes nothing"
    an_hour_later(monkeypatch)
    assert amem("rotate", which) == 0
    assert f"the old {which} is removed" in capsys.readouterr().out
    assert old not in keys(aws, which)
    assert used(connected, which) == new
    assert before
    assert amem("connect") == 0
    assert keys(aws, which)[0] == new


@pytest.mark.parametrize("which", NAMES)
def test_dry_run_says_what_would_be_done_and_does_nothing(
    aws: Aws, connected: WorkspaceServer, capsys: pytest.CaptureFixture[str], which: str
) -> None:
    before = keys(aws, which), connected.state()
    assert amem("rotate", which, "--dry-run") == 0
    assert f"a new {which} would be made" in capsys.readouterr().err
    assert (keys(aws, which), connected.state()) == before
    assert amem("rotate", which) == 0
    before = keys(aws, which), connected.state()
    assert amem("rotate", which, "--dry-run") == 0
    assert f"the old {which} stays valid" in capsys.readouterr().err
    assert (keys(aws, which), connected.state()) == before


def log(aws: Aws, *newest: str | None) -> None:
    """ClientData's lines of calls, each with which key they bore."""
    logs = aws.client("logs")
    stream = {"logGroupName": LOG_GROUP, "logStreamName": "a"}
    logs.create_log_group(logGroupName=LOG_GROUP)
    logs.create_log_stream(**stream)
    at = int((time.time() + 90) * 1000)  # later than requests that were under way
    lines: list[dict[str, Any]] = [
        {"message": "caller looked up", **({"workspace_key": key} if key else {})} for key in newest
    ]
    logs.put_log_events(
        **stream, logEvents=[{"timestamp": at, "message": json.dumps(line)} for line in lines]
    )


@pytest.mark.parametrize(
    ("lines", "left"),
    [([None, None, None], 1), ([None, None], 2), ([None, None, "older", None], 2)],
    ids=["unused", "too few calls to tell", "still used"],
)
def test_old_workspace_key_goes_earlier_only_if_it_is_proven_unused(
    aws: Aws, lines: list[str | None], left: int
) -> None:
    assert amem("rotate", "workspace-key") == 0
    log(aws, *lines)
    assert amem("rotate", "workspace-key") == 0
    assert len(keys(aws, "workspace-key")) == left


def test_key_that_made_call_tokens_stays_while_they_are_valid(aws: Aws) -> None:
    deploy(aws, RETRIEVE_AUTH="call_token")
    assert amem("connect") == 0
    assert amem("rotate", "workspace-key") == 0
    log(aws, None, None, None)
    assert amem("rotate", "workspace-key") == 0
    assert len(keys(aws, "workspace-key")) == 2


def test_stage_that_is_not_connected_has_no_keys_to_rotate(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert amem("disconnect") == 0
    before = keys(aws, "workspace-key")
    assert amem("rotate", "workspace-key") == 2
    assert "run `amem connect` first" in capsys.readouterr().err
    assert keys(aws, "workspace-key") == before


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("which", NAMES)
def test_rotate_killed_at_any_request_ends_the_same(
    aws: Aws, connected: WorkspaceServer, monkeypatch: pytest.MonkeyPatch, which: str, *, sent: bool
) -> None:
    """From the new key to the removal of the old one: the hour is over at once."""
    an_hour_later(monkeypatch)
    killed, number = True, 0
    while killed:
        number += 1
        old = keys(aws, which)[0]
        killed = kill_at(number, monkeypatch, sent=sent, command=lambda: amem("rotate", which))
        assert used(connected, which) in keys(aws, which), number
        if killed:
            assert amem("rotate", which) == 0, number
        assert keys(aws, which) == [used(connected, which)], number
        assert old not in keys(aws, which), number
        assert counts(connected) == {"webhook": 1, "secret": 1, "tool": 1}, number
    assert number > 4
    assert amem("connect", "--dry-run") == 0
