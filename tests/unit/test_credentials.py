"""Credentials: the environment wins, the secret is cached for a while, lists overlap while keys rotate."""

import socket

import pytest

from shared.credentials import CACHE_SECONDS, Credentials, CredentialsError
from tests.unit.conftest import Aws


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_secret_is_read(aws: Aws) -> None:
    assert aws
    credentials = Credentials()
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
    assert credentials.keys("ELEVENLABS_HMAC_KEY") == ["local-hmac-key"]


def test_environment_wins(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws
    monkeypatch.setenv("MEM0_API_KEY", "from the environment")
    assert Credentials().text("MEM0_API_KEY") == "from the environment"


def test_environment_alone_needs_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_SECRET")
    monkeypatch.setenv("ELEVENLABS_HMAC_KEY", "k")
    assert Credentials().keys("ELEVENLABS_HMAC_KEY") == ["k"]
    assert Credentials().optional_text("MEM0_ORG_ID") == ""


def test_two_keys_overlap_while_they_are_rotated(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=["new", "old"])
    assert Credentials().keys("ELEVENLABS_HMAC_KEY") == ["new", "old"]
    monkeypatch.setenv("ELEVENLABS_WORKSPACE_KEY", '["new", "old"]')
    assert Credentials().keys("ELEVENLABS_WORKSPACE_KEY") == ["new", "old"]


def test_changed_secret_is_seen_when_the_cache_runs_out(aws: Aws, clock: Clock) -> None:
    credentials = Credentials(clock)
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
    aws.set_secret(MEM0_API_KEY="new")
    clock.now += CACHE_SECONDS - 1
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
    clock.now += 2
    assert credentials.text("MEM0_API_KEY") == "new"


def test_refresh_reads_anew_at_once(aws: Aws, clock: Clock) -> None:
    credentials = Credentials(clock)
    assert not credentials.refresh()
    credentials.text("MEM0_API_KEY")
    aws.set_secret(MEM0_API_KEY="new")
    assert credentials.refresh()
    assert credentials.text("MEM0_API_KEY") == "new"


def test_flood_of_wrong_keys_is_no_flood_of_requests(aws: Aws, clock: Clock) -> None:
    credentials = Credentials(clock)
    credentials.text("MEM0_API_KEY")
    assert aws
    assert sum(credentials.refresh() for _ in range(100)) == 5
    granted = 0
    for _ in range(100):
        clock.now += 0.1
        granted += credentials.refresh()
    assert 4 <= granted <= 5
    assert credentials.refresh(at_once=True)
    clock.now += 3600
    assert sum(credentials.refresh() for _ in range(100)) == 5


def test_known_values_outlive_an_outage_of_secrets_manager(
    aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aws
    credentials = Credentials(clock)
    credentials.text("MEM0_API_KEY")
    clock.now += CACHE_SECONDS + 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"


def test_nobody_waits_for_a_slow_secrets_manager_while_the_old_values_are_there(
    aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aws
    credentials = Credentials(clock)
    credentials.text("MEM0_API_KEY")
    clock.now += CACHE_SECONDS + 1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
        assert credentials.keys("ELEVENLABS_HMAC_KEY") == ["local-hmac-key"]
        silent.settimeout(5)
        silent.accept()[0].close()  # one attempt, and none for a while
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_unreachable_secret_is_an_error_and_the_next_question_tries_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    credentials = Credentials()
    with pytest.raises(CredentialsError, match="agentic-memory/credentials"):
        credentials.text("MEM0_API_KEY")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"


@pytest.mark.parametrize("value", ["", None, [], [""], ["k", 7], 7, {}])
def test_missing_key_is_named_and_never_accepted(aws: Aws, value: object) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=value)
    with pytest.raises(CredentialsError, match="ELEVENLABS_HMAC_KEY is missing"):
        Credentials().keys("ELEVENLABS_HMAC_KEY")


@pytest.mark.parametrize("secret", ["not json", "[]", '"x"'])
def test_secret_of_the_wrong_shape_is_explained_without_its_value(aws: Aws, secret: str) -> None:
    aws.secrets.put_secret_value(SecretId="agentic-memory/credentials", SecretString=secret)
    with pytest.raises(CredentialsError, match="must be a JSON object with the keys MEM0_API_KEY") as failed:
        Credentials().text("MEM0_API_KEY")
    assert "not json" not in str(failed.value)
