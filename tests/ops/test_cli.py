"""All commands keep the same conventions."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from botocore.exceptions import ClientError

from local.elevenlabs import WorkspaceServer
from local.elevenlabs.workspace import AGENTS
from ops.cli import commands, main
from ops.deployment import Deployment
from tests.ops.conftest import STAGE

NORA = next(iter(AGENTS))
READ_ONLY = {"doctor", "explain", "export", "dead-letters", "console"}
WITHOUT_A_QUESTION = {"secret", "redrive"}  # which keep what is there, and lose nothing


@pytest.mark.parametrize("name", commands.commands)
def test_command_has_the_options_that_all_have(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = {option for parameter in commands.commands[name].params for option in parameter.opts}
    assert {"--stage", "--region", "--profile", "--json"} <= options
    assert ("--dry-run" in options) == (name not in READ_ONLY)
    assert ("--yes" in options) == (name not in READ_ONLY | WITHOUT_A_QUESTION)
    assert main([name, "--help"]) == 0
    assert f"Usage: amem {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", commands.commands)
def test_command_has_a_section_with_its_output(name: str) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition(f"\n### amem {name}\n")[2].partition("\n##")[0]
    assert f"$ ./amem {name}" in section


def test_no_option_takes_a_key() -> None:
    for command in commands.commands.values():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not isinstance(parameter.type, click.Choice):
                assert not any(word in parameter.opts[0] for word in ("key", "token", "password"))


def test_exit_codes_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "Exit codes: 0 done, 1 something failed" in capsys.readouterr().out
    assert main(["no-such-command"]) == 2


def test_missing_elevenlabs_key_is_told_with_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", " ")
    assert main(["connect", "--stage", STAGE, "--all-agents"]) == 2
    shown = capsys.readouterr().err
    assert "ELEVENLABS_API_KEY is not set" in shown
    for permission in ("convai_read", "convai_write", "webhooks_write"):
        assert permission in shown


def test_unknown_profile_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--profile", "nobody"]) == 2
    assert "The config profile (nobody) could not be found" in capsys.readouterr().err


def test_permission_that_aws_refuses_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: sqs:ReceiveMessage"

    def refuse(_self: Deployment, _service: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": words}}, "ReceiveMessage")

    monkeypatch.setattr(Deployment, "client", refuse)
    assert main(["dead-letters", "--stage", STAGE]) == 1
    shown = capsys.readouterr().err
    assert "sqs:ReceiveMessage" in shown
    assert "docs/operations.md" in shown


def test_residency_host_is_used_for_everything(
    elevenlabs: WorkspaceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the SDK and by plain requests, with or without a slash at the end."""
    monkeypatch.setenv("ELEVENLABS_BASE_URL", f"{elevenlabs.url}/")
    assert main(["connect", "--stage", STAGE, "--agent", NORA, "--yes"]) == 0
    operations = {request["operation"] for request in elevenlabs.requests()}
    assert {"webhooks.create", "secrets.create", "tools.create", "agents.update"} <= operations


@pytest.mark.parametrize(("no_color", "is_plain"), [("", False), ("1", True)])
def test_no_color_is_respected_on_a_terminal(no_color: str, *, is_plain: bool) -> None:
    ours, theirs = pty.openpty()
    code = "from ops.terminal import Terminal; Terminal().warn('mind this')"
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    environment |= {"NO_COLOR": no_color} if no_color else {}
    command = [sys.executable, "-c", code]
    root = Path(__file__).resolve().parents[2]
    subprocess.run(command, stderr=theirs, env=environment, cwd=root, check=True, timeout=20)
    os.close(theirs)
    shown = os.read(ours, 1000)
    os.close(ours)
    assert b"mind this" in shown
    assert (b"\033[" not in shown) == is_plain
