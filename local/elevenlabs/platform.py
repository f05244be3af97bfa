"""Runs a call as the workspace is set up: asks for client data, uses tools, delivers the webhook.

As on the platform, a call whose initiation fails does not take place, and the LLM cannot change a tool's
property that is bound to a variable. Every call becomes a conversation, every use of a tool an execution.
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
    WebhookTool,
    initiate,
    initiate_without_webhook,
)
from local.elevenlabs.delivery import RETRIED_TYPE, SUCCESS, Delivery, Sleep, Webhook
from local.elevenlabs.http_client import TIMEOUT, HttpClient, Reply
from local.elevenlabs.payload import REDACTED, encode, post_call_event, system_variables
from local.elevenlabs.script import CallScript, ToolUse
from local.elevenlabs.transcript import ToolResult, canned
from local.elevenlabs.workspace import Workspace

# How long the phone rings for client data. Not published; ClientData's own limit, so that its error is seen.
INITIATION_SECONDS = 15.0
EVENT_ONLY = ("audio", "failure")
# The types of events by the names that the settings have for them.
EVENT_NAMES = {
    "post_call_transcription": "transcript",
    "post_call_audio": "audio",
    "call_initiation_failure": "call_initiation_failure",
}


@dataclass(kw_only=True)
class Call:
    """One call; each step fills in what it found.

    `problem` is why the call did not take place. `initiation_body` and `initiation_reply` are what was sent
    to the initiation webhook, and its answer.
    """

    script: CallScript
    conversation_id: str
    agent: Agent
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
    """Runs the calls of a workspace as its state says. It is a context manager.

    `sleep` waits before retries of a delivery, with jitter from `rng`; `compressed(1000)` makes it quick.
    """

    def __init__(
        self, workspace: Workspace, *, sleep: Sleep = time.sleep, rng: random.Random | None = None
    ) -> None:
        self.workspace = workspace
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - spreads waits and calls, guards nothing
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
        """Before the call: ask the initiation webhook who is calling (phone calls of agents that fetch)."""
        agent = self.workspace.agent_in_call(
            script.agent_id, script.agent_name, script.called_number, self._rng.random()
        )
        conversation_id = script.conversation_id or f"conv_{uuid4().hex[:28]}"
        call = Call(script=script, conversation_id=conversation_id, agent=agent)
        if script.kind in EVENT_ONLY:
            return call
        system = system_variables(script, call.conversation_id)
        try:
            if script.kind == "web" or not agent.fetches:
                call.initiation = initiate_without_webhook(agent, system)
            else:
                call.initiation = self._ask_client_data(call, system)
        except InitiationError as error:
            call.problem = str(error)
            self._keep_failed(call)
        return call

    def use_tool(self, call: Call, tool: ToolUse) -> ToolResult:
        """During the call: the agent uses a tool, over HTTP if it is a webhook tool of the agent."""
        ours = call.agent.tool(tool.name) if tool.result is None else None
        result = self._call_tool(call, tool, ours) if ours else canned(tool)
        call.tool_results.append(result)
        return result

    def end_call(self, call: Call) -> Delivery:
        """After the call: keep the conversation, and deliver the signed webhook with retries."""
        call.event = self._event(call)
        if call.event["type"] == RETRIED_TYPE:
            self.workspace.seed([call.event["data"]])
        webhook, options = self.workspace.post_call_webhook(call.script.agent_id, call.agent.branch_id or "")
        wanted = EVENT_NAMES[call.event["type"]] in (options.get("events") or [])
        event = call.event
        if options.get("exclude_transcript"):
            event = {**event, "data": {**event["data"], "transcript": []}}
        call.delivery = self._deliver(webhook if wanted else None, encode(event), event["type"])
        return call.delivery

    def deliver(self, body: bytes, event_type: str) -> Delivery:
        """Sign and deliver a body as it is by the workspace's own webhook, by the platform's policy."""
        return self._deliver(self.workspace.signing_webhook(), body, event_type)

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
        agent = call.agent
        if not agent.initiation_url:
            raise InitiationError("The agent fetches client data, and there is no URL: the call lasts 0 s.")
        body = {
            "caller_id": call.script.caller_id,
            "agent_id": call.script.agent_id,
            "called_number": call.script.called_number,
            "call_sid": system["system__call_sid"],
        }
        known = {name: value for name, value in system.items() if value is not None}
        headers = self.workspace.header_values(agent.initiation_headers, known)
        reply = self._client.post(agent.initiation_url, encode(body), headers, timeout=INITIATION_SECONDS)
        call.initiation_body, call.initiation_reply = json.dumps(body), reply
        if reply.status != SUCCESS:
            raise InitiationError(f"The initiation webhook answered {reply}, not 200: {reply.text[:200]}")
        return initiate(reply.text, agent, system)

    def _call_tool(self, call: Call, tool: ToolUse, ours: WebhookTool) -> ToolResult:
        variables = call.initiation.variables if call.initiation else {}
        known = {**variables, **system_variables(call.script, call.conversation_id)}
        bound = {
            name: known[variable] for name, variable in ours.bound.items() if known.get(variable) is not None
        }
        filled = {name: value for name, value in tool.arguments.items() if name in ours.filled}
        body = {**filled, **ours.constant, **bound}
        headers = self.workspace.header_values(ours.headers, known)
        text = json.dumps(body, ensure_ascii=False) if ours.sends_body else ""
        reply = self._client.send(ours.method, ours.url, text.encode(), headers, timeout=ours.timeout)
        result = ToolResult(
            tool=tool,
            result=reply.text if reply.status is not None else f"Tool failed: {reply.problem}",
            is_error=reply.status != SUCCESS,
            milliseconds=reply.milliseconds,
            url=ours.url,
            body=text,
        )
        self._keep_execution(call, ours, result, reply)
        return result

    def _keep_execution(self, call: Call, ours: WebhookTool, result: ToolResult, reply: Reply) -> None:
        kind = (
            f"http_{reply.status}" if reply.status else "timeout" if reply.problem == TIMEOUT else "network"
        )
        self.workspace.keep_execution(
            {
                "id": f"toolexec_{uuid4().hex[:24]}",
                "tool_id": ours.tool_id,
                "tool_request_id": f"{ours.name}_{uuid4().hex[:12]}",
                "conversation_id": call.conversation_id,
                "agent_id": call.script.agent_id,
                "branch_id": call.agent.branch_id,
                "timestamp": time.time(),
                "latency_secs": round(reply.milliseconds / 1000, 3),
                "is_error": result.is_error,
                "request_payload": result.body,
                "response_payload": reply.text,
                "error_type": kind if result.is_error else None,
                "error_message": (reply.text or reply.problem)[:500] if result.is_error else None,
                "tool_call_details": {
                    "type": "webhook",
                    "method": ours.method,
                    "url": ours.url,
                    "headers": dict.fromkeys(ours.headers, REDACTED),
                    "path_params": {},
                    "query_params": {},
                    "body": result.body,
                },
            }
        )

    def _event(self, call: Call) -> dict[str, Any]:
        event = post_call_event(
            call.script, call.conversation_id, initiation=call.initiation, tool_results=call.tool_results
        )
        if event["type"] == RETRIED_TYPE:
            data = event["data"]
            data |= {"branch_id": call.agent.branch_id, "version_id": call.agent.version_id}
            if data["metadata"]["phone_call"] and call.agent.phone_number_id:
                data["metadata"]["phone_call"]["phone_number_id"] = call.agent.phone_number_id
        return event

    def _keep_failed(self, call: Call) -> None:
        data = self._event(call)["data"]
        data |= {"status": "failed", "transcript": [], "analysis": None}
        data["metadata"] |= {"call_duration_secs": 0, "termination_reason": call.problem}
        data["metadata"]["error"] = {"code": 1008, "reason": call.problem}
        self.workspace.seed([data])

    def _deliver(self, webhook: dict[str, Any] | None, body: bytes, event_type: str) -> Delivery:
        if webhook is None or webhook["is_disabled"] or webhook["is_auto_disabled"]:
            return Delivery(event_type=event_type, attempts=())
        policy = Webhook(
            url=webhook["webhook_url"],
            key=webhook["key"],
            retry_enabled=webhook["retry_enabled"],
            sleep=self._sleep,
            rng=self._rng,
        )
        delivery = policy.deliver(self._client, body, event_type)
        self.workspace.note_delivery(
            webhook["webhook_id"], accepted=delivery.accepted, status=delivery.last.status
        )
        return delivery
