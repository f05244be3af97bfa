"""The demo: a caller calls twice, and the second call must use what was said in the first."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from local.demo.connect import ConnectError, connect
from local.demo.show import COMPRESSION, KINDS, end_call, list_memories, say, start_call, use_tool
from local.demo.terminal import Terminal
from local.elevenlabs import Call, CallScript, ElevenLabs, compressed, load_script
from local.endpoints import System
from local.memories import Memories, ReadError

CALLS = Path(__file__).parents[1] / "calls"
DAYS_BETWEEN = 9
OTHER_CALLER = "+16125550187"


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def run_demo(
    system: System,
    out: TextIO,
    *,
    patience: float = 30.0,
    connect: Callable[[System], Iterable[str]] = connect,
) -> bool:
    """Run the two calls against a running system that knows neither caller, and print what happens.

    Returns:
        True only if the first call was stored within `patience` seconds, the second used it, and nobody else
        could.
    """
    began = time.monotonic()
    page = Terminal(out)
    page.title("AgenticMemory: one caller, two calls")
    page.step("The ElevenLabs workspace is empty. ./amem connect --all-agents sets it up")
    try:
        for line in connect(system):
            page.entry("connect", line)
    except ConnectError as error:
        page.text(str(error))
        return False
    with (
        ElevenLabs(system.elevenlabs.workspace, sleep=compressed(COMPRESSION)) as elevenlabs,
        Memories(system.endpoints) as memories,
    ):
        passed = Demo(page, elevenlabs, memories, patience).run()
    seconds = time.monotonic() - began
    page.verdict(
        f"The caller was remembered, in {seconds:.1f} s." if passed else "The caller was NOT remembered.",
        good=passed,
    )
    return passed


class Demo:
    """The demo's steps, in their order. What was stored is read from Mem0, not from our functions."""

    def __init__(self, page: Terminal, elevenlabs: ElevenLabs, memories: Memories, patience: float) -> None:
        self._page = page
        self._elevenlabs = elevenlabs
        self._memories = memories
        self._patience = patience
        self._passed: list[bool] = []
        now = int(time.time())
        first = load_script(CALLS / "maria-first.json")
        self._first = replace(first, start=now - DAYS_BETWEEN * 86_400)
        self._second = replace(load_script(CALLS / "maria-second.json"), start=now)
        self._other = replace(self._second, caller_id=OTHER_CALLER)

    def run(self) -> bool:
        """Run all steps; return whether every check passed."""
        self._page.text(
            f"Maria calls her vet twice, {DAYS_BETWEEN} days apart, from {self._first.caller_id}. ElevenLabs"
            " and Mem0 are simulated on this machine; the functions in between are the ones that deploy."
        )
        try:
            self._store(self._first_call())
            self._look_up(self._second_call())
            self._other_call()
        except (DemoError, ReadError) as error:
            self._page.text(str(error))
            return False
        return all(self._passed)

    def _first_call(self) -> Call:
        self._page.step("Maria calls for the first time. While the phone rings, the agent asks who she is")
        call, variables, _ = self._start(self._first)
        for turn in self._first.turns:
            say(self._page, turn, self._first)
        self._check("on the first call nothing was known about her", passed=_is_new(variables))
        return call

    def _store(self, call: Call) -> None:
        self._page.step("She hangs up, and ElevenLabs delivers the conversation, signed")
        delivery = end_call(self._page, self._elevenlabs, call)
        at_once = delivery.accepted and len(delivery.attempts) == 1
        self._check("the webhook was accepted at the first attempt", passed=at_once)
        self._page.step("A worker takes the call from the queue and stores it in Mem0")
        stored = self._memories.wait_for(call.conversation_id, KINDS, self._patience)
        counts = list_memories(self._page, stored)
        owners, kinds = {memory.user_id for memory in stored}, {memory.kind for memory in stored}
        right = kinds >= KINDS and owners == {self._first.caller_id}
        self._check(f"the call was stored in both kinds, under her number only ({counts})", passed=right)

    def _second_call(self) -> Call:
        self._page.step(f"{DAYS_BETWEEN} days later Maria calls again")
        call, variables, prompt = self._start(self._second)
        self._page.text("This is the prompt that the agent starts with, word for word:")
        self._page.frame("prompt of the second call", prompt)
        known = variables["returning_caller"] == "yes" and str(variables["memory_count"]) not in ("", "0")
        self._check("on the second call ClientData knew her", passed=known)
        found = present(prompt, self._first.remember)
        words = f"the prompt held what she said before ({', '.join(found) or 'nothing'})"
        self._check(words, passed=len(found) == len(self._first.remember))
        return call

    def _look_up(self, call: Call) -> None:
        self._page.step("During the call the agent looks something up")
        for turn in call.script.turns:
            say(self._page, turn, call.script)
            if turn.tool:
                result = use_tool(self._page, self._elevenlabs, call, turn.tool)
                found = present(result.result, turn.tool.expect) == list(turn.tool.expect)
                words = f"the agent found what it looked up ({', '.join(turn.tool.expect)})"
                self._check(words, passed=found and not result.is_error)
        end_call(self._page, self._elevenlabs, call)

    def _other_call(self) -> None:
        self._page.step("Somebody else calls the same clinic, and the agent asks the same question")
        call, variables, prompt = self._start(self._other)
        results = [use_tool(self._page, self._elevenlabs, call, tool) for tool in self._other.tools]
        secrets = [*self._first.remember, *(word for tool in self._other.tools for word in tool.expect)]
        heard = present(" ".join([prompt, *(result.result for result in results)]), secrets)
        private = _is_new(variables) and not heard and not any(result.is_error for result in results)
        self._check(f"another caller heard nothing of it ({', '.join(heard) or 'nothing'})", passed=private)

    def _start(self, script: CallScript) -> tuple[Call, dict[str, object], str]:
        call = start_call(self._page, self._elevenlabs, script)
        if call.initiation is None:
            self._check("the call could start", passed=False)
            raise DemoError("Without an agent there is no call.")
        return call, dict(call.initiation.variables), call.initiation.prompt

    def _check(self, text: str, *, passed: bool) -> None:
        self._passed.append(passed)
        self._page.check(text, passed=passed)


def present(text: str, words: Sequence[str]) -> list[str]:
    """Those of the words that occur in the text, in any case."""
    return [word for word in words if word.casefold() in text.casefold()]


def _is_new(variables: dict[str, object]) -> bool:
    return variables["returning_caller"] == "no" and str(variables["memory_count"]) == "0"
