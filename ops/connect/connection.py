"""All parts of a connection together: planned, made, read back, and taken apart again."""

from collections.abc import Iterator, Sequence
from typing import Literal

from ops.connect.agent import Agent, live_branches
from ops.connect.key import KeySecret
from ops.connect.settings import WorkspaceSettings, of_others
from ops.connect.state import Change, Context, Part, Say
from ops.connect.tool import RetrieveTool
from ops.connect.webhook import PostCallWebhook, RetiredWebhooks
from ops.errors import OperatorError, cannot_start

Scope = Literal["auto", "workspace", "agents"]


class Connection:
    """What a stage wants of a workspace.

    Args:
        context: the stage, the workspace, and the record of earlier runs.
        agents: ids of agents that are to remember, beside those of earlier runs.
        scope: whose webhooks are set. `auto`: the workspace's, unless another system uses those.

    Raises:
        OperatorError: if there are no agents, or another scope is in use.
    """

    def __init__(self, context: Context, agents: Sequence[str] = (), scope: Scope = "auto") -> None:
        self._context = context
        self.agents = sorted({*context.record.get("agents", []), *agents})
        if not self.agents:
            raise cannot_start(
                "no agent is named, and none is connected yet", "add --agent ID, or --all-agents"
            )
        known = context.record.get("scope")
        if known and scope not in ("auto", known):
            raise cannot_start(f"it is connected with --scope {known}", "run `amem disconnect` first")
        self._webhook = PostCallWebhook(context)
        self._shared: list[Part] = [KeySecret(context), self._webhook, RetrieveTool(context)]
        for part in self._shared:
            part.to_undo()  # finds the ids of what is there
        self.scope = known or self._fitting(scope)

    def plan(self) -> list[Change]:
        """What has to change, in order."""
        return [change for part in self.parts() for change in part.to_make()]

    def make(self, say: Say) -> None:
        """Make the connection part by part, and read each back.

        Raises:
            OperatorError: if ElevenLabs refuses something, or did not keep what it was sent.
        """
        if (self._context.record.get("agents"), self._context.record.get("scope")) != (
            self.agents,
            self.scope,
        ):
            self._context.note(agents=self.agents, scope=self.scope)
        for part in self.parts():
            if part.to_make():
                part.make()
                if left := part.to_make():
                    lines = "; ".join(change.as_line() for change in left)
                    raise OperatorError(
                        f"{part.title}: ElevenLabs did not keep what it was sent: {lines}",
                        remedy="run this again; if it stays so, open an issue with this message",
                    )
                say(f"{part.title}: done")
            self._context.note_ids()

    def plan_back(self) -> list[Change]:
        """What disconnecting would change, in order."""
        return [change for part in self._parts_back() for change in part.to_undo()]

    def undo(self, say: Say) -> None:
        """Put back what was there before, in the opposite order, and forget the connection."""
        for part in self._parts_back():
            if part.to_undo():
                part.undo()
                say(f"{part.title}: as it was before")
        self._context.forget()

    def _fitting(self, scope: Scope) -> Scope:
        others = of_others(self._context, self._context.workspace.settings())
        if others and scope == "workspace":
            raise OperatorError(
                f"the workspace uses {others} already",
                remedy="use --scope agents, or change it in ElevenLabs",
            )
        return "agents" if others or scope == "agents" else "workspace"

    def parts(self, agents: Sequence[str] | None = None) -> Iterator[Part]:
        """Every part, in the order in which they are made; only of these `agents` if some are named."""
        yield from self._shared
        if self.scope == "workspace":
            yield WorkspaceSettings(self._context)
        for agent_id in self.agents if agents is None else agents:
            for branch_id in live_branches(self._context, agent_id):
                own = self.scope == "agents"
                yield Agent(self._context, agent_id, branch_id=branch_id, own_webhooks=own)
        yield RetiredWebhooks(self._context)

    def _parts_back(self) -> list[Part]:
        return list(reversed(list(self.parts())))
