"""Runs a call as ElevenLabs does: asks for client data, lets the agent use its tool, delivers the webhook.

As on the platform, a call whose initiation fails does not take place, and the LLM cannot change a tool's
property that is bound to a variable.
"""

import json
import random
import time
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from local.elevenlabs.agent import (
    Agent,
    Initiation,
    InitiationError,
    Value,
    initiate,
    initiate_without_webhook,
)
from local.elevenlabs.delivery import SUCCESS, Delivery, Sleep, Webhook
from local.elevenlabs.http_client import HttpClient, Reply
from local.elevenlabs.payload import encode, post_call_event, system_variables
from local.elevenlabs.script import CallScript, ToolUse
from local.elevenlabs.transcript import ToolResult, canned
from local.endpoints import Endpoints

# How long the phone rings for client data. Not published; ClientData's own limit, so that its error is seen.
INITIATION_SECONDS = 15.0
TOOL_SECONDS = 20.0  # the platform's default `response_timeout_secs`
EVENT_ONLY = ("audio", "failure")


@dataclass(kw_only=True)
class Call:
    """One call; each step fills in what it found.

    `problem` is why the call did not take place. `initiation_body` and `initiation_reply` are what was sent
    to the initiation webhook, and its answer.
    """

    script: CallScript
    conversation_id: str
    initiation_body: str = ""
    initiation_reply: Reply | None = None
    initiation: Initiation | None = None
    problem: str = ""
    tool_results: list[ToolResult] = field(default_factory=list)
    event: dict[str, Any] = field(default_factory=dict, repr=False)
    delivery: Delivery | None = None

    @property
    def accepted(self) -> bool:
        """Whether the call took place and its post-call webhook was answered with exactly 200."""
        return not self.problem and self.delivery is not None and self.delivery.accepted


class ElevenLabs:
    """The simulated platform, which calls the system at `endpoints`. It is a context manager.

    `sleep` waits before retries of a delivery, with jitter from `rng`; `compressed(1000)` makes it quick.
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
        self._client = HttpClient()

    def run_call(self, script: CallScript) -> Call:
        """Run a whole call: its start, each tool, its end; one that cannot start ends there."""
        call = self.start_call(script)
        if not call.problem:
            for tool in script.tools:
                self.use_tool(call, tool)
            self.end_call(call)
        return call

    def start_call(self, script: CallScript) -> Call:
        """Before the call: ask ClientData who is calling (inbound phone calls only)."""
        call = Call(script=script, conversation_id=script.conversation_id or f"conv_{uuid4().hex[:28]}")
        if script.kind in EVENT_ONLY:
            return call
        system = system_variables(script, call.conversation_id)
        try:
            if script.kind == "web":
                call.initiation = initiate_without_webhook(self.agent, system)
            else:
                call.initiation = self._ask_client_data(call, system)
        except InitiationError as error:
            call.problem = str(error)
        return call

    def use_tool(self, call: Call, tool: ToolUse) -> ToolResult:
        """During the call: the agent uses a tool. Ours calls Retrieve, others have a canned answer."""
        is_ours = tool.result is None and tool.name == self.agent.tool.name
        result = self._retrieve(call, tool) if is_ours else canned(tool)
        call.tool_results.append(result)
        return result

    def end_call(self, call: Call) -> Delivery:
        """After the call: deliver the signed webhook, with retries."""
        call.event = post_call_event(
            call.script, call.conversation_id, initiation=call.initiation, tool_results=call.tool_results
        )
        call.delivery = self.deliver(encode(call.event), call.event["type"])
        return call.delivery

    def deliver(self, body: bytes, event_type: str) -> Delivery:
        """Sign and deliver a body as it is, by the platform's policy."""
        return self._webhook.deliver(self._client, body, event_type)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()

    def _ask_client_data(self, call: Call, system: dict[str, Value | None]) -> Initiation:
        body = {
            "caller_id": call.script.caller_id,
            "agent_id": call.script.agent_id,
            "called_number": call.script.called_number,
            "call_sid": system["system__call_sid"],
        }
        headers = {"X-Workspace-Key": self.endpoints.workspace_key}
        reply = self._client.post(
            self.endpoints.client_data_url, encode(body), headers, timeout=INITIATION_SECONDS
        )
        call.initiation_body, call.initiation_reply = json.dumps(body), reply
        if reply.status != SUCCESS:
            raise InitiationError(f"The initiation webhook answered {reply}, not 200: {reply.text[:200]}")
        return initiate(reply.text, self.agent, system)

    def _retrieve(self, call: Call, tool: ToolUse) -> ToolResult:
        ours = call.initiation.variables if call.initiation else {}
        known = {**ours, **system_variables(call.script, call.conversation_id)}
        bound = {name: known.get(variable) for name, variable in self.agent.tool.bound.items()}
        body = {**tool.arguments, **{name: value for name, value in bound.items() if value is not None}}
        headers = {name: str(known.get(variable, "")) for name, variable in self.agent.tool.headers.items()}
        reply = self._client.post(self.endpoints.retrieve_url, encode(body), headers, timeout=TOOL_SECONDS)
        return ToolResult(
            tool=tool,
            result=reply.text if reply.status is not None else f"Tool failed: {reply.problem}",
            is_error=reply.status != SUCCESS,
            milliseconds=reply.milliseconds,
            url=self.endpoints.retrieve_url,
            body=json.dumps(body, ensure_ascii=False),
        )
