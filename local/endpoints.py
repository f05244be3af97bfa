"""The addresses and keys by which the demo and the simulated ElevenLabs reach a system, local or deployed."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from local.elevenlabs.server import WorkspaceServer


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where the three functions and Mem0 are, and the keys that they accept.

    Attributes:
        client_data_url, retrieve_url, post_call_url: full URLs, e.g. `http://127.0.0.1:8101/client-data`.
        mem0_url: root URL of Mem0 or its stand-in, without a path.
        workspace_key: what ClientData expects in `X-Workspace-Key`.
        hmac_key: the secret that signs post-call webhooks.
        mem0_api_key: the key for `Authorization: Token ...` at Mem0.
    """

    client_data_url: str
    retrieve_url: str
    post_call_url: str
    mem0_url: str
    workspace_key: str = field(repr=False)
    hmac_key: str = field(repr=False)
    mem0_api_key: str = field(repr=False)


class System(Protocol):
    """Anything that runs and has endpoints."""

    @property
    def endpoints(self) -> Endpoints:
        """The endpoints of the running system; valid until it is stopped."""
        ...

    @property
    def elevenlabs(self) -> "WorkspaceServer":
        """The ElevenLabs workspace whose agents use it."""
        ...

    @property
    def operator_environment(self) -> dict[str, str]:
        """The environment in which the operator's commands use it."""
        ...
