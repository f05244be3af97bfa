"""What the tests of the local system share: tiny functions written for a test, and one running system."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws.services import AwsServices
from local.lambda_host import FunctionSpec, LambdaHost
from local.system import System
from tests.local.support import OBEDIENT, MakeHost


@pytest.fixture
def make_host(tmp_path: Path) -> Iterator[MakeHost]:
    """A maker of hosts with one function "app": `make_host(code, timeout_seconds=..., ...)`."""
    hosts: list[LambdaHost] = []

    def make(code: str = OBEDIENT, *, steps: tuple[str, ...] = (), **spec: object) -> LambdaHost:
        folder = tmp_path / f"code-{len(hosts)}"
        folder.mkdir()
        (folder / "app.py").write_text(textwrap.dedent(code))
        settings = {"timeout_seconds": 10.0, "reserved_concurrency": 2, **spec}
        function = FunctionSpec(name="app", handler="app.lambda_handler", code=folder, **settings)  # type: ignore[arg-type]
        host = LambdaHost([function], log_folder=tmp_path / "logs", steps=steps)
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        host.stop()


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsServices]:
    """moto, once per worker, with nothing in it. Each test makes what it needs under names of its own."""
    services = AwsServices()
    yield services
    services.stop()


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The whole system, once per worker. Tests that change its state use callers of their own."""
    with System() as running:
        yield running
