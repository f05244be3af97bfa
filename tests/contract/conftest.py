"""Which ElevenLabs the contract is tested against: the stand-in, or with AMEM_LIVE=1 the real service.

The real one is that of ELEVENLABS_API_KEY, at ELEVENLABS_BASE_URL. Everything that the tests make there is
made for them, and removed.
"""

import os
from collections.abc import Iterator

import httpx
import pytest

from local.elevenlabs import WorkspaceServer

LIVE = os.environ.get("AMEM_LIVE") == "1"


@pytest.fixture(scope="session")
def elevenlabs() -> Iterator[httpx.Client]:
    """A client of the workspace, with a key that may do everything."""
    if LIVE:
        url = os.environ.get("ELEVENLABS_BASE_URL") or "https://api.elevenlabs.io"
        headers = {"xi-api-key": os.environ["ELEVENLABS_API_KEY"]}
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            yield client
        return
    with WorkspaceServer() as server:
        headers = {"xi-api-key": server.api_key}
        with httpx.Client(base_url=server.url, headers=headers, timeout=30, trust_env=False) as client:
            yield client
