"""`amem secret` makes what can be made, checks the Mem0 key, and overwrites nothing unasked."""

import io
import json
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from ops.cli import main
from tests.unit.conftest import SECRET, SECRET_NAME, Aws

KEY = SECRET["MEM0_API_KEY"]


@pytest.fixture(autouse=True)
def mem0_here(mem0: Mem0StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEM0_HOST", mem0.url)
    monkeypatch.delenv("MEM0_API_KEY", raising=False)


def run(monkeypatch: pytest.MonkeyPatch, *options: str, piped: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(piped))
    return main(["secret", "--name", SECRET_NAME, *options])


def stored(aws: Aws) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(aws.secrets.get_secret_value(SecretId=SECRET_NAME)["SecretString"])
    return values


def remove(aws: Aws) -> None:
    aws.secrets.delete_secret(SecretId=SECRET_NAME, ForceDeleteWithoutRecovery=True)


def test_secret_is_made_with_what_mem0_says_of_the_key(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    remove(aws)
    assert run(monkeypatch, piped=f"{KEY}\n") == 0
    values = stored(aws)
    assert values["MEM0_API_KEY"] == KEY
    assert (values["MEM0_ORG_ID"], values["MEM0_PROJECT_ID"]) == ("local-org", "local-project")
    assert len(values["ELEVENLABS_WORKSPACE_KEY"]) >= 32
    assert values["ELEVENLABS_HMAC_KEY"] == ""
    shown = "".join(capsys.readouterr())
    assert KEY not in shown
    assert values["ELEVENLABS_WORKSPACE_KEY"] not in shown


def test_what_is_there_is_kept(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch) == 0
    assert stored(aws) == SECRET
    assert "nothing was changed" in capsys.readouterr().err


def test_what_is_missing_is_completed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.set_secret(MEM0_ORG_ID="", MEM0_PROJECT_ID="", ELEVENLABS_WORKSPACE_KEY="", OTHER="mine")
    assert run(monkeypatch) == 0
    values = stored(aws)
    made = values["ELEVENLABS_WORKSPACE_KEY"]
    assert made
    assert values == {**SECRET, "OTHER": "mine", "ELEVENLABS_WORKSPACE_KEY": made}


def test_key_is_replaced_only_when_asked(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--replace", "ELEVENLABS_WORKSPACE_KEY") == 0
    assert stored(aws)["ELEVENLABS_WORKSPACE_KEY"] != SECRET["ELEVENLABS_WORKSPACE_KEY"]
    assert stored(aws)["MEM0_API_KEY"] == KEY


def test_dry_run_writes_nothing(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    remove(aws)
    assert run(monkeypatch, "--dry-run", piped=KEY) == 0
    with pytest.raises(aws.secrets.exceptions.ResourceNotFoundException):
        stored(aws)


@pytest.mark.parametrize(
    ("piped", "told"), [("wrong-key", "refuses the API key"), ("", "is missing"), ("a b", "no API key")]
)
def test_key_that_does_not_work_is_told_and_nothing_is_written(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], piped: str, told: str
) -> None:
    remove(aws)
    assert run(monkeypatch, piped=piped) in (1, 2)
    shown = capsys.readouterr().err
    assert told in shown
    assert "to do:" in shown or told == "no API key"
    assert not piped or piped not in shown


def test_key_of_another_project_is_not_mixed_in(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.set_secret(MEM0_PROJECT_ID="another")
    assert run(monkeypatch) == 1
    assert "--replace MEM0_PROJECT_ID" in capsys.readouterr().err
    assert stored(aws)["MEM0_PROJECT_ID"] == "another"
