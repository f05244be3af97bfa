"""Writes a script's turns down as ElevenLabs does: one object for each turn, with all its fields.

A tool use becomes two turns, as on the platform: the agent's call, and the result with a null message.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.elevenlabs.script import CallScript, ToolUse, Turn

LETTERS_PER_SECOND = 15
PAUSE_SECONDS = 1
CLOSING_SECONDS = 2
# What is null in an ordinary turn.
NO_EXTRAS = dict.fromkeys(
    ("multivoice_message", "feedback", "llm_override", "rag_retrieval_info", "llm_usage")
)
METRICS = {
    "convai_llm_service_ttfb": {"elapsed_time": 0.31},
    "convai_tts_service_ttfb": {"elapsed_time": 0.12},
}


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What one tool use came to.

    `result` is the text that the LLM was given. `url` and `body` are what was sent; empty for canned answers.
    """

    tool: ToolUse
    result: str
    is_error: bool = False
    milliseconds: float = 0.0
    url: str = ""
    body: str = ""


def canned(tool: ToolUse) -> ToolResult:
    """The result of a tool that is not ours: the script's answer, or an empty one."""
    return ToolResult(tool=tool, result=tool.result or "", is_error=tool.is_error, milliseconds=180.0)


def duration(turns: Sequence[Turn]) -> int:
    """The call's length in whole seconds, from the length of what was said."""
    times = _times(turns)
    return times[-1] + _spoken_seconds(turns[-1]) + CLOSING_SECONDS if times else 0


def transcript(script: CallScript, results: Sequence[ToolResult] = ()) -> list[dict[str, Any]]:
    """The `transcript` list of a post-call payload, with a result for each tool use (else its canned one)."""
    remaining = list(results)
    written = []
    for index, (turn, at) in enumerate(zip(script.turns, _times(script.turns), strict=True)):
        written.append(_written(script, turn, at, index))
        if turn.tool:
            result = remaining.pop(0) if remaining else canned(turn.tool)
            request_id = f"{turn.tool.name}_{index:04d}"
            written[-1]["tool_calls"] = [_tool_call(result, request_id)]
            after = _written(script, Turn(role="agent"), at + 1, index)
            written.append({**after, "tool_results": [_tool_result(result, request_id)]})
    return written


def _times(turns: Sequence[Turn]) -> list[int]:
    times: list[int] = []
    clock = 0
    for turn in turns:
        clock = turn.at if turn.at is not None else clock
        times.append(clock)
        clock += _spoken_seconds(turn) + PAUSE_SECONDS
    return times


def _spoken_seconds(turn: Turn) -> int:
    return len(turn.message or "") // LETTERS_PER_SECOND


def _written(script: CallScript, turn: Turn, at: int, index: int) -> dict[str, Any]:
    by_agent = turn.role == "agent"
    agent = {"agent_id": script.agent_id, "branch_id": None, "workflow_node_id": None}
    return {
        **NO_EXTRAS,
        "role": turn.role,
        "agent_metadata": agent if by_agent else None,
        "message": turn.message,
        "tool_calls": [],
        "tool_results": [],
        "time_in_call_secs": at,
        "conversation_turn_metrics": {"metrics": METRICS} if by_agent and index else None,
        "interrupted": turn.interrupted,
        "original_message": turn.original_message,
        "source_medium": None if by_agent else turn.medium,
    }


def _tool_call(result: ToolResult, request_id: str) -> dict[str, Any]:
    details: dict[str, Any] = {"type": "client", "parameters": json.dumps(result.tool.arguments)}
    if result.url:
        empty: dict[str, Any] = {"headers": {}, "path_params": {}, "query_params": {}}
        details = {"type": "webhook", "method": "POST", "url": result.url, "body": result.body, **empty}
    return {
        "type": details["type"],
        "request_id": request_id,
        "tool_name": result.tool.name,
        "params_as_json": json.dumps(result.tool.arguments, ensure_ascii=False),
        "tool_has_been_called": True,
        "tool_details": details,
    }


def _tool_result(result: ToolResult, request_id: str) -> dict[str, Any]:
    return {
        "type": "webhook" if result.url else "client",
        "request_id": request_id,
        "tool_name": result.tool.name,
        "result_value": result.result,
        "is_error": result.is_error,
        "tool_has_been_called": True,
        "tool_latency_secs": round(result.milliseconds / 1000, 3),
        "dynamic_variable_updates": [],
    }
