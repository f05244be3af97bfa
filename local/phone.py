"""The telephone of the console's page "Try it": calls that a person makes, by the simulated ElevenLabs."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from console.phone import LiveCall, PhoneError, Sample, Utterance
from local.demo.connect import ConnectError, connect
from local.elevenlabs import Call, CallScript, ElevenLabs, ToolUse, Turn, compressed, load_script
from local.elevenlabs.agent import SECRET_PREFIX
from local.elevenlabs.delivery import Delivery
from local.elevenlabs.transcript import CLOSING_SECONDS, ToolResult
from local.endpoints import System

CALLS = Path(__file__).parent / "calls"
SAMPLES = ("maria-first", "maria-second", "withheld")
TOOL = "recall_memory"

_MOST_CALLS = 100
_MOST_TURNS = 200
_LONGEST_CALLER = 64
_RETRIES_FASTER = 60  # than ElevenLabs' schedule, which takes 40 minutes
_GREETING = "Hello, what can I do for you?"
_NOTED = "I have noted that. Is there anything else?"
_NOT_KNOWN = "I have nothing about that."


@dataclass
class _Line:
    """One call: what the person has seen, and the call as the simulated ElevenLabs has it."""

    live: LiveCall
    call: Call
    began: float
    waiting: list[Turn] = field(default_factory=list)  # of the sample
    turns: list[Turn] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class SimulatedPhone:
    """Makes calls in the workspace of a system; a context manager. It is a `console.phone.Phone`."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._workspace = system.elevenlabs.workspace
        self._elevenlabs = ElevenLabs(self._workspace, sleep=compressed(_RETRIES_FASTER))
        self._scripts = {name: load_script(CALLS / f"{name}.json") for name in SAMPLES}
        self._lines: OrderedDict[str, _Line] = OrderedDict()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._elevenlabs.close()

    @property
    def samples(self) -> Sequence[Sample]:
        """The calls that are written already."""
        return [
            Sample(name=name, about=script.about, caller_id=script.caller_id or "", agent_id=script.agent_id)
            for name, script in self._scripts.items()
        ]

    def is_connected(self, agent_id: str) -> bool:
        """Whether the agent asks our functions."""
        agent = self._workspace.agent_in_call(agent_id, "", "", 0.0)
        return agent.fetches and agent.initiation_url == self._system.endpoints.client_data_url

    def connect(self) -> None:
        """Connect all agents by `amem connect`."""
        try:
            connect(self._system)
        except ConnectError as error:
            raise PhoneError(str(error)) from None

    def ring(self, *, caller_id: str, agent_id: str, sample: str = "", caller_name: str = "") -> LiveCall:
        """Begin a call."""
        script, waiting = self._script(caller_id, agent_id, sample, caller_name)
        call = self._elevenlabs.start_call(script)
        live = LiveCall(
            conversation_id=call.conversation_id,
            caller_id=script.caller_id or "",
            agent_id=script.agent_id,
            agent_name=call.agent.name,
            sample=sample,
            problem=call.problem,
            answered_ms=call.initiation_reply.milliseconds if call.initiation_reply else None,
        )
        line = _Line(live, call, time.monotonic(), waiting)
        if call.initiation:
            live.prompt = call.initiation.prompt
            live.variables = {
                name: str(value)
                for name, value in call.initiation.variables.items()
                if not name.startswith(SECRET_PREFIX)
            }
            self._agent_speaks(line, call.initiation.first_message or _GREETING)
        self._lines[call.conversation_id] = line
        while len(self._lines) > _MOST_CALLS:
            self._lines.popitem(last=False)
        return live

    def call(self, conversation_id: str) -> LiveCall | None:
        """A call that was begun here; None if there is none of this id."""
        line = self._lines.get(conversation_id)
        return line.live if line else None

    def say(self, conversation_id: str, words: str) -> None:
        """Let the caller say something, and the agent answer."""
        with self._talking(conversation_id) as line:
            if line.live.sample:
                self._play(line)
                return
            self._add(line, Turn(role="user", message=words))
            if not words.rstrip().endswith("?"):
                self._add(line, Turn(role="agent", message=_NOTED))
                return
            found = self._use(line, ToolUse(name=TOOL, arguments={"query": words}), "One moment, please.")
            told = [str(memory.get("memory", "")) for memory in found]
            self._add(line, Turn(role="agent", message=f"What I know: {told[0]}" if told else _NOT_KNOWN))

    def look_up(self, conversation_id: str, query: str) -> None:
        """Let the agent look something up."""
        with self._talking(conversation_id) as line:
            self._use(line, ToolUse(name=TOOL, arguments={"query": query}), None)

    def hang_up(self, conversation_id: str) -> None:
        """End the call, and deliver it."""
        with self._held(conversation_id) as line:
            if line.live.is_over or line.live.problem:
                return
            # Silence until now: the simulated ElevenLabs lets a call end so long after its last turn.
            line.turns.append(Turn(role="agent", at=max(0, _second(line) - CLOSING_SECONDS)))
            line.call.script = replace(line.call.script, turns=tuple(line.turns))
            delivery = self._elevenlabs.end_call(line.call)
            line.live.next_words = ""
            line.live.delivery = _in_words(delivery)
            line.live.is_delivered = delivery.accepted
            line.live.is_over = True

    def _script(
        self, caller_id: str, agent_id: str, sample: str, caller_name: str
    ) -> tuple[CallScript, list[Turn]]:
        """The call to make, and the turns that are written already."""
        now = int(time.time())
        if sample:
            script = self._scripts.get(sample)
            if script is None:
                raise PhoneError(f"there is no sample {sample[:_LONGEST_CALLER]!r}")
            turns = [replace(turn, at=None) for turn in script.turns]
            first = next((place for place, turn in enumerate(turns) if turn.role == "user"), len(turns))
            return replace(script, start=now), turns[first:]
        if not caller_id or len(caller_id) > _LONGEST_CALLER or not caller_id.isprintable():
            raise PhoneError("type a number to call from, or anonymous")
        known = {str(agent["agent_id"]) for agent in self._workspace.store.documents("agent")}
        if agent_id not in known:
            raise PhoneError("there is no such agent")
        name = self._workspace.agent(agent_id)["name"]
        collected: dict[str, Any] = {"caller_name": caller_name} if caller_name else {}
        return (
            CallScript(
                kind="phone",
                caller_id=caller_id,
                agent_id=agent_id,
                agent_name=name,
                start=now,
                turns=(Turn(role="agent", message=_GREETING),),
                collected=collected,
                summary="" if collected else None,
            ),
            [],
        )

    @contextmanager
    def _held(self, conversation_id: str) -> Iterator[_Line]:
        """A call that nobody else changes meanwhile: a form may be sent twice."""
        line = self._lines.get(conversation_id)
        if line is None:
            raise PhoneError("this call is not known any more")
        with line.lock:
            yield line

    @contextmanager
    def _talking(self, conversation_id: str) -> Iterator[_Line]:
        with self._held(conversation_id) as line:
            if line.live.is_over or line.live.problem:
                raise PhoneError("this call is over")
            if len(line.turns) >= _MOST_TURNS:
                raise PhoneError("this call is long enough: hang up")
            yield line

    def _agent_speaks(self, line: _Line, words: str) -> None:
        """The agent's greeting; a sample has its own."""
        script = line.call.script
        own = script.turns[0].message if line.waiting and script.turns[0].role == "agent" else None
        self._add(line, Turn(role="agent", message=own or words))
        line.live.next_words = _next_words(line.waiting)

    def _play(self, line: _Line) -> None:
        """The caller's next words of the sample, and all that the agent does until the ones after that."""
        while line.waiting:
            turn = line.waiting.pop(0)
            if turn.tool:
                self._use(line, turn.tool, turn.message)
            else:
                self._add(line, turn)
            if line.waiting and line.waiting[0].role == "user":
                break
        line.live.next_words = _next_words(line.waiting)

    def _use(self, line: _Line, tool: ToolUse, words: str | None) -> Sequence[Mapping[str, Any]]:
        """Let the agent say `words` and use a tool; the memories that it gets."""
        self._add(line, Turn(role="agent", message=words, tool=tool))
        result = self._elevenlabs.use_tool(line.call, tool)
        found = _memories(result)
        query = str(tool.arguments.get("query", tool.name))
        problem = "" if found is not None else _problem(result)
        line.live.utterances.append(Utterance(role="tool", text=query, memories=found or (), problem=problem))
        return found or ()

    def _add(self, line: _Line, turn: Turn) -> None:
        line.turns.append(replace(turn, at=_second(line)))
        if turn.message:
            line.live.utterances.append(Utterance(role=turn.role, text=turn.message))


def _second(line: _Line) -> int:
    """The second of the call."""
    return int(time.monotonic() - line.began)


def _in_words(delivery: Delivery) -> str:
    """What became of the webhook."""
    if not delivery.attempts:
        return "No webhook was delivered: the workspace has none that is switched on."
    count = len(delivery.attempts)
    tries = "the first try" if count == 1 else f"{count} tries"
    return f"PostCall answered {delivery.last} in {delivery.last.milliseconds:.0f} ms, at {tries}."


def _next_words(waiting: Sequence[Turn]) -> str:
    return next((turn.message or "(silence)" for turn in waiting if turn.role == "user"), "")


def _problem(result: ToolResult) -> str:
    return f"It failed: {result.result[:300]}" if result.result else "The agent has no such tool."


def _memories(result: ToolResult) -> Sequence[Mapping[str, Any]] | None:
    """The memories in Retrieve's answer; None if it is another one."""
    try:
        found = json.loads(result.result)["memories"]
    except (ValueError, KeyError, TypeError):
        return None
    return [memory for memory in found if isinstance(memory, dict)] if not result.is_error else None
