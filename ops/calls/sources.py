"""Where what is known of calls is read: ElevenLabs, the stage's queue and ledger, and Mem0 as the functions see it."""

import datetime as dt
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.secret import Secret
from ops.workspace import Workspace
from shared.environment import Environment
from shared.memory import Kind, Memory

_MOST_PAGES = 500


@dataclass(frozen=True, kw_only=True)
class StoredMemory:
    """One memory as it is in Mem0 now.

    Attributes:
        id: Mem0's.
        memory: as the functions read it.
        conversation_id: of the call that it comes from; empty if it does not say.
        agent_id: of that call; empty if it does not say.
        replaced_by: the id of the memory that replaced it; empty if it stands.
    """

    id: str
    memory: Memory
    conversation_id: str
    agent_id: str
    replaced_by: str = ""

    @property
    def text(self) -> str:
        """What is remembered, as plain text on one line."""
        return self.memory.text

    @property
    def kind(self) -> Kind:
        """`fact`, `passage` or `summary`."""
        return self.memory.kind

    @property
    def created(self) -> dt.datetime:
        """When the call was made in which it was said, in UTC."""
        return self.memory.created


class Sources:
    """A stage and a workspace, to be read by any number of threads.

    Args:
        deployment: the stage.
        workspace: where its calls take place.
    """

    def __init__(self, deployment: Deployment, workspace: Workspace) -> None:
        self.deployment = deployment
        self.workspace = workspace

    @functools.cached_property
    def variables(self) -> Mapping[str, str]:
        """The environment in which the functions' code runs here: theirs, with the secret's values in it.

        Raises:
            OperatorError: if there is no secret.
        """
        settings = self.deployment.environment
        values = Secret(self.deployment, settings.credentials_secret).read()
        if values is None:
            raise OperatorError(
                f"there is no secret {settings.credentials_secret}", remedy="run `amem secret`"
            )
        plain = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
        }
        return {**settings.variables, **plain}

    @functools.cached_property
    def environment(self) -> Environment:
        """The functions' settings."""
        return Environment.parse(self.variables)

    def user_id(self, caller: str) -> str:
        """The user id of a caller whose number is written in any way, or of a web user.

        Raises:
            OperatorError: if it is nobody's.
        """
        raise NotImplementedError

    def memories(self, user_id: str, conversation_id: str = "") -> Iterator[StoredMemory]:
        """The memories of a caller in Mem0's order; only those of one call if it is named.

        Raises:
            OperatorError: if Mem0 cannot be read.
        """
        raise NotImplementedError
