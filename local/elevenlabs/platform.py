"""Plays a call from beginning to end, as ElevenLabs would: before, during and after.

Why it exists: it is the only caller that our three functions have on this machine, so it does to them what
the real one does: asks for client data while the phone rings, lets the agent use its tool, and delivers the
signed webhook.

It refuses what the real platform refuses: a call whose initiation fails does not take place, and the LLM can
never change a tool's property that is bound to a variable.
"""

import json
import random
import time
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import uuid4

from local.endpoints import Endpoints

from .agent import Agent, Initiation, InitiationError, Value, accept, without_webhook
from .delivery import SUCCESS, Delivery, Sleep, Webhook
from .payload import encode, post_call_event, system_variables
from .script import CallScript, ToolUse
from .transcript import Outcome, canned
from .wire import Reply, Wire

_RING_SECONDS: Final = 15.0
"""How long the phone rings for client data. Not published; ClientData's own limit, so that its error is
seen."""

_TOOL_SECONDS: Final = 20.0
"""The platform's default ``response_timeout_secs``."""

_EVENT_ONLY: Final = ("audio", "failure")


@dataclass(kw_only=True)
class Call:
    """One call while it is played; each step fills in what it found.

    ``problem`` is why the call did not take place. ``asked`` and ``rang`` are the body that was sent to the
    initiation webhook, and its answer.
    """

    script: CallScript
    conversation_id: str
    asked: str = ""
    rang: Reply | None = None
    initiation: Initiation | None = None
    problem: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    event: dict[str, Any] = field(default_factory=dict, repr=False)
    delivery: Delivery | None = None

    @property
    def accepted(self) -> bool:
        """Whether the call took place and its post-call webhook was answered with exactly 200."""
        return not self.problem and self.delivery is not None and self.delivery.accepted


def new_conversation_id() -> str:
    """An id that no call had before, in ElevenLabs' form."""
    return f"conv_{uuid4().hex[:28]}"


class ElevenLabs:
    """The simulated platform.

    Args:
        endpoints: the system that it calls.
        agent: how the agent is set up there.
        sleep: waits between tries of a delivery; ``compressed(1000)`` makes it quick.
        rng: for the jitter of those waits.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        agent: Agent | None = None,
        *,
        sleep: Sleep = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.agent = agent or Agent()
        self._webhook = Webhook(
            url=endpoints.post_call_url,
            key=endpoints.hmac_key,
            sleep=sleep,
            rng=rng or random.Random(),  # noqa: S311 - spreads waits, guards nothing
        )
        self._wire = Wire()

    def play(self, script: CallScript, *, conversation_id: str | None = None) -> Call:
        """Play a whole call: ``ring``, each tool, ``hang_up``; one that cannot start ends there."""
        call = self.ring(script, conversation_id=conversation_id)
        if not call.problem:
            for tool in tools_of(script):
                self.use(call, tool)
            self.hang_up(call)
        return call

    def ring(self, script: CallScript, *, conversation_id: str | None = None) -> Call:
        """Before the call: ask ClientData who is calling (inbound phone calls only)."""
        call = Call(
            script=script, conversation_id=conversation_id or script.conversation_id or new_conversation_id()
        )
        if script.kind in _EVENT_ONLY:
            return call
        system = system_variables(script, call.conversation_id)
        try:
            call.initiation = (
                without_webhook(self.agent, system) if script.kind == "web" else self._ask(call, system)
            )
        except InitiationError as error:
            call.problem = str(error)
        return call

    def use(self, call: Call, tool: ToolUse) -> Outcome:
        """During the call: the agent uses a tool. Ours asks Retrieve, others have a canned answer."""
        is_ours = tool.result is None and tool.name == self.agent.tool.name
        outcome = self._retrieve(call, tool) if is_ours else canned(tool)
        call.outcomes.append(outcome)
        return outcome

    def hang_up(self, call: Call) -> Delivery:
        """After the call: deliver the signed webhook, again and again if need be."""
        call.event = post_call_event(
            call.script, call.conversation_id, initiation=call.initiation, outcomes=call.outcomes
        )
        call.delivery = self.deliver(encode(call.event), call.event["type"])
        return call.delivery

    def deliver(self, body: bytes, event_type: str) -> Delivery:
        """Sign and deliver a body as it is, by the platform's policy."""
        return self._webhook.deliver(self._wire, body, event_type)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()

    def _ask(self, call: Call, system: dict[str, Value | None]) -> Initiation:
        question = {
            "caller_id": call.script.caller_id,
            "agent_id": call.script.agent_id,
            "called_number": call.script.called_number,
            "call_sid": system["system__call_sid"],
        }
        headers = {"X-Workspace-Key": self.endpoints.workspace_key}
        reply = self._wire.post(
            self.endpoints.client_data_url, encode(question), headers, timeout=_RING_SECONDS
        )
        call.asked, call.rang = json.dumps(question), reply
        if reply.status != SUCCESS:
            raise InitiationError(f"The initiation webhook answered {reply}, not 200: {reply.text[:200]}")
        return accept(reply.text, self.agent, system)

    def _retrieve(self, call: Call, tool: ToolUse) -> Outcome:
        known = self._variables(call)
        bound = {name: known.get(variable) for name, variable in self.agent.tool.bound.items()}
        flat = {**tool.arguments, **{name: value for name, value in bound.items() if value is not None}}
        body: dict[str, Any] = flat
        if self.agent.tool.envelope:
            body = {
                "tool_call_id": f"call_{uuid4().hex[:12]}",
                "tool_name": tool.name,
                "parameters": flat,
                "conversation_id": call.conversation_id,
            }
        headers = {name: str(known.get(variable, "")) for name, variable in self.agent.tool.headers.items()}
        reply = self._wire.post(self.endpoints.retrieve_url, encode(body), headers, timeout=_TOOL_SECONDS)
        return Outcome(
            tool=tool,
            result=reply.text if reply.status is not None else f"Tool failed: {reply.problem}",
            is_error=reply.status != SUCCESS,
            milliseconds=reply.milliseconds,
            url=self.endpoints.retrieve_url,
            body=json.dumps(body, ensure_ascii=False),
        )

    @staticmethod
    def _variables(call: Call) -> dict[str, Value | None]:
        ours = call.initiation.variables if call.initiation else {}
        return {**ours, **system_variables(call.script, call.conversation_id)}


def tools_of(script: CallScript) -> list[ToolUse]:
    """The tools that a script uses, in order."""
    return [turn.tool for turn in script.turns if turn.tool]
