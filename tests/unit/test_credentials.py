"""Credentials: the environment wins, the secret is cached for a while, lists overlap while keys rotate."""

import socket
from collections.abc import Callable

import pytest

from shared.aws import AwsClient
from shared.credentials import Credentials, CredentialsError
from shared.environment import Environment
from tests.unit.conftest import Aws, Variables

CACHE_SECONDS = 300


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class UnknownError(Exception):
    pass


Make = Callable[[], Credentials]


@pytest.fixture
def make(variables: Variables, clock: Clock) -> Make:
    def made() -> Credentials:
        return Credentials(Environment.parse(variables), AwsClient(variables), clock)

    return made


@pytest.fixture
def credentials(aws: Aws, make: Make) -> Credentials:
    assert aws
    return make()


def test_secret_is_read(credentials: Credentials) -> None:
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
    assert credentials.keys("ELEVENLABS_HMAC_KEY") == ["local-hmac-key"]


def test_environment_wins(credentials: Credentials, variables: Variables) -> None:
    variables["MEM0_API_KEY"] = "from the environment"
    assert credentials.text("MEM0_API_KEY") == "from the environment"


def test_environment_alone_needs_no_secret(variables: Variables, make: Make) -> None:
    del variables["CREDENTIALS_SECRET"]
    variables["ELEVENLABS_HMAC_KEY"] = "k"
    assert make().keys("ELEVENLABS_HMAC_KEY") == ["k"]
    assert make().optional_text("MEM0_ORG_ID") == ""


def test_two_keys_overlap_while_they_are_rotated(
    aws: Aws, credentials: Credentials, variables: Variables
) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=["new", "old"])
    assert credentials.keys("ELEVENLABS_HMAC_KEY") == ["new", "old"]
    variables["ELEVENLABS_WORKSPACE_KEY"] = '["new", "old"]'
    assert credentials.keys("ELEVENLABS_WORKSPACE_KEY") == ["new", "old"]


def test_changed_secret_is_seen_when_the_cache_runs_out(
    aws: Aws, credentials: Credentials, clock: Clock
) -> None:
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
    aws.set_secret(MEM0_API_KEY="new")
    clock.now += CACHE_SECONDS - 1
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
    clock.now += 2
    assert credentials.text("MEM0_API_KEY") == "new"


def attempt_with(credentials: Credentials, key: str) -> Callable[[], str]:
    def attempt() -> str:
        if credentials.text("MEM0_API_KEY") != key:
            raise UnknownError
        return key

    return attempt


def test_new_key_is_read_at_once_when_the_old_one_does_not_fit(aws: Aws, credentials: Credentials) -> None:
    credentials.text("MEM0_API_KEY")
    aws.set_secret(MEM0_API_KEY="new")
    assert credentials.retry_with_new(attempt_with(credentials, "new"), UnknownError) == "new"


def test_key_that_fits_nowhere_stays_unknown(credentials: Credentials) -> None:
    with pytest.raises(UnknownError):
        credentials.retry_with_new(attempt_with(credentials, "wrong"), UnknownError)


def test_flood_of_wrong_keys_is_no_flood_of_requests(credentials: Credentials, clock: Clock) -> None:
    credentials.text("MEM0_API_KEY")

    def tries(*, at_once: bool = False) -> int:
        """How often one wrong key was tried: twice, if the secret was read again."""
        count = 0

        def attempt() -> None:
            nonlocal count
            count += 1
            raise UnknownError

        with pytest.raises(UnknownError):
            credentials.retry_with_new(attempt, UnknownError, at_once=at_once)
        return count

    def read_again(times: int, seconds: float) -> int:
        total = 0
        for _ in range(times):
            clock.now += seconds
            total += tries() - 1
        return total

    assert read_again(100, 0) == 5
    assert read_again(100, 0.1) in (4, 5)
    assert tries(at_once=True) == 2
    clock.now += 3600
    assert read_again(100, 0) == 5


def test_known_values_outlive_an_outage_of_secrets_manager(
    credentials: Credentials, clock: Clock, variables: Variables
) -> None:
    credentials.text("MEM0_API_KEY")
    clock.now += CACHE_SECONDS + 1
    variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"


def test_no_caller_waits_for_a_slow_secrets_manager_while_the_old_values_are_there(
    credentials: Credentials, clock: Clock, variables: Variables
) -> None:
    credentials.text("MEM0_API_KEY")
    clock.now += CACHE_SECONDS + 1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert credentials.text("MEM0_API_KEY") == "local-mem0-key"
        assert credentials.keys("ELEVENLABS_HMAC_KEY") == ["local-hmac-key"]
        silent.settimeout(5)
        silent.accept()[0].close()  # one attempt, and none for a while
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_unreachable_secret_is_an_error_and_the_next_question_tries_again(
    aws: Aws, credentials: Credentials, variables: Variables
) -> None:
    variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    with pytest.raises(CredentialsError, match="agentic-memory/credentials"):
        credentials.text("MEM0_API_KEY")
    variables["AWS_ENDPOINT_URL"] = aws.url
    assert credentials.text("MEM0_API_KEY") == "local-mem0-key"


@pytest.mark.parametrize("value", ["", " \n", None, [], [""], [None, "\n"]])
def test_missing_key_is_named_and_never_accepted(aws: Aws, credentials: Credentials, value: object) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=value)
    with pytest.raises(CredentialsError, match="ELEVENLABS_HMAC_KEY is missing"):
        credentials.keys("ELEVENLABS_HMAC_KEY")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["k", 7], "must be a string"),
        (7, "must be a string"),
        ({}, "must be a string"),
        ("a\nb", "line break"),
        (["k\x00"], "control character"),
        ("[x", "JSON list"),
    ],
)
def test_key_that_cannot_be_meant_is_named_without_its_value(
    aws: Aws, credentials: Credentials, value: object, why: str
) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=value)
    with pytest.raises(CredentialsError, match=f"ELEVENLABS_HMAC_KEY .*{why}"):
        credentials.keys("ELEVENLABS_HMAC_KEY")


@pytest.mark.parametrize("value", ["m0-\u201dkey\u201d", "m0-key\u2026"])
def test_key_that_no_header_can_hold_is_named(aws: Aws, credentials: Credentials, value: str) -> None:
    """As from a word processor; Mem0 is not to blame for it."""
    aws.set_secret(MEM0_API_KEY=value)
    with pytest.raises(CredentialsError, match=r"MEM0_API_KEY .* no key has"):
        credentials.text("MEM0_API_KEY")


@pytest.mark.parametrize("value", ["k\n", " k ", ["k", ""], ["", "k\r\n"], '["k", ""]'])
def test_key_is_used_as_it_is_meant(aws: Aws, credentials: Credentials, value: object) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=value)
    assert credentials.keys("ELEVENLABS_HMAC_KEY") == ["k"]


@pytest.mark.parametrize("secret", ["not json", "[]", '"x"'])
def test_secret_of_the_wrong_shape_is_explained_without_its_value(
    aws: Aws, credentials: Credentials, secret: str
) -> None:
    aws.secrets.put_secret_value(SecretId="agentic-memory/credentials", SecretString=secret)
    with pytest.raises(CredentialsError, match="must be a JSON object with the keys MEM0_API_KEY") as failed:
        credentials.text("MEM0_API_KEY")
    assert "not json" not in str(failed.value)
