"""The story of one caller's two calls, told on the terminal while it happens.

Why it exists: ``make run`` is the first thing that a newcomer sees, and the proof that the parts work
together. Both want the same: every step shown as it is, and a verdict that is true only if the second call
really used the first.

It refuses to be fooled: each run has callers whom nobody has remembered before, and what was stored is read
from Mem0, not from our own functions.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TextIO

from local.elevenlabs import Call, ElevenLabs, compressed, load_script, tools_of
from local.endpoints import System
from local.remembered import Mem0Error, Remembered
from local.replay import play_file
from local.scenes import HURRY, KINDS, converse, hang_up, list_memories, look_up, ring, say
from local.terminal import Terminal

__all__ = ["fresh_number", "holds", "play_file", "tell"]

CALLS: Final = Path(__file__).parent / "calls"
PATIENCE: Final = 30.0
"""Seconds until memories must have been stored."""

_DAYS_BETWEEN: Final = 9
_AREA_CODES: Final = ("218", "320", "507", "612", "651", "763", "952")


@dataclass(kw_only=True)
class Check:
    """One line of the verdict; ``ok`` is None until the story got there."""

    text: str
    ok: bool | None = None
    detail: str = ""


class Verdict:
    """What must be true in the end, in the order in which it is told."""

    def __init__(self) -> None:
        self.stranger_first = Check(text="On the first call nobody knew the caller")
        self.safe = Check(text="The signed webhook was answered at the first try")
        self.stored = Check(text="The call was stored both ways, under her number only")
        self.known = Check(text="On the second call ClientData knew her")
        self.told = Check(text="The prompt held what she said in the first call")
        self.found = Check(text="The agent found what it looked up")
        self.private = Check(text="Another caller heard nothing of it")

    @property
    def checks(self) -> tuple[Check, ...]:
        """All lines."""
        return (
            self.stranger_first,
            self.safe,
            self.stored,
            self.known,
            self.told,
            self.found,
            self.private,
        )

    @property
    def passed(self) -> bool:
        """Whether every single line is ok."""
        return all(check.ok for check in self.checks)


def tell(system: System, out: TextIO, *, patience: float = PATIENCE) -> bool:
    """Play the two calls against a running system and tell what happens.

    Args:
        system: a running system.
        out: where the story is told.
        patience: seconds that storing the memories may take.

    Returns:
        True only if the second call really used the first, and nobody else could.
    """
    page = Terminal(out)
    verdict = Verdict()
    began = time.monotonic()
    with (
        ElevenLabs(system.endpoints, sleep=compressed(HURRY)) as elevenlabs,
        Remembered(system.endpoints) as remembered,
    ):
        try:
            _Story(page, verdict, elevenlabs, remembered, patience).tell()
        except Mem0Error as error:
            page.text(str(error))
    page.step("Did the second call use the first?")
    for check in verdict.checks:
        page.check(check.text, check.ok, check.detail)
    page.verdict(
        f"The caller was remembered. Told in {time.monotonic() - began:.1f} s."
        if verdict.passed
        else "The caller was NOT remembered as she should be.",
        good=verdict.passed,
    )
    return verdict.passed


def fresh_number(remembered: Remembered, rng: random.Random, taken: Sequence[str] = ()) -> str:
    """A fictional phone number that Mem0 has no memory of.

    Raises:
        Mem0Error: none was found, which means that hundreds of stories lie in this data directory.
    """
    for _ in range(50):
        number = f"+1{rng.choice(_AREA_CODES)}55501{rng.randrange(100):02}"
        if number not in taken and not remembered.of_user(number):
            return number
    raise Mem0Error("No number without memories was found in 50 tries. Remove the data directory.")


def holds(text: str, words: Sequence[str]) -> list[str]:
    """Those of the words that occur in the text, in any case."""
    return [word for word in words if word.casefold() in text.casefold()]


def _counted(variables: Mapping[str, object]) -> str:
    return f"returning_caller {variables['returning_caller']}, memory_count {variables['memory_count']}"


def _number(value: object) -> int:
    """A dynamic variable as a number; -1 if it is none."""
    return int(str(value)) if str(value).isdecimal() else -1


class _Story:
    """The story's five chapters; each returns whether there is a point in going on."""

    def __init__(
        self,
        page: Terminal,
        verdict: Verdict,
        elevenlabs: ElevenLabs,
        remembered: Remembered,
        patience: float,
    ) -> None:
        self._page = page
        self._verdict = verdict
        self._elevenlabs = elevenlabs
        self._remembered = remembered
        self._patience = patience
        rng = random.Random()  # noqa: S311 - picks a fictional number
        number = fresh_number(remembered, rng)
        self._other = fresh_number(remembered, rng, taken=(number,))
        now = int(time.time())
        first = load_script(CALLS / "maria-first.json")
        second = load_script(CALLS / "maria-second.json")
        self._first = replace(first, caller_id=number, start=now - _DAYS_BETWEEN * 86_400)
        self._second = replace(second, caller_id=number, start=now)

    def tell(self) -> None:
        self._page.title("AgenticMemory: one caller, two calls")
        self._page.text(
            f"Maria calls her vet twice, {_DAYS_BETWEEN} days apart, from {self._first.caller_id}. "
            "ElevenLabs and Mem0 are played by stand-ins on this machine; the three functions in between are"
            " the ones that deploy."
        )
        first = self._first_call()
        if first and self._store(first) and (second := self._second_call()):
            self._look_up(second)
            self._end(second)
        if first:
            self._somebody_else()

    def _first_call(self) -> Call | None:
        page, check = self._page, self._verdict.stranger_first
        page.step("Maria calls for the first time. While the phone rings, the agent asks who she is")
        call = ring(page, self._elevenlabs, self._first)
        if call.initiation is None:
            check.ok, check.detail = False, call.problem
            return None
        known = call.initiation.variables
        leaked = holds(call.initiation.prompt, self._first.remember)
        check.ok = known["returning_caller"] == "no" and _number(known["memory_count"]) == 0 and not leaked
        check.detail = _counted(known)
        page.text(
            "The first request waits for the function to start. The agent knows nothing about her, and"
            " takes the call:"
        )
        page.line()
        converse(page, self._first)
        return call

    def _store(self, call: Call) -> bool:
        page = self._page
        page.step("She hangs up. ElevenLabs delivers the conversation, signed")
        delivery = hang_up(page, self._elevenlabs, call)
        safe = self._verdict.safe
        safe.ok = delivery.accepted and len(delivery.attempts) == 1
        safe.detail = f"{delivery.last} in {delivery.last.milliseconds:.0f} ms"
        if not delivery.accepted:
            return False
        page.text(
            "The webhook is answered as soon as the call is safe in the queue. The worker does the rest."
        )
        page.step("The call becomes memories")
        began = time.monotonic()
        memories = self._remembered.wait_for(call.conversation_id, KINDS, self._patience)
        tally = ", ".join(
            f"{sum(memory.kind == kind for memory in memories)} {kind}" for kind in sorted(KINDS)
        )
        page.text(f"After {time.monotonic() - began:.1f} s Mem0 holds {len(memories)} memories: {tally}.")
        list_memories(page, memories)
        stored = self._verdict.stored
        owners = {memory.user_id for memory in memories}
        stored.ok = {memory.kind for memory in memories} >= KINDS and owners == {self._first.caller_id}
        stored.detail = tally
        return bool(memories)

    def _second_call(self) -> Call | None:
        page, known, told = self._page, self._verdict.known, self._verdict.told
        page.step(f"{_DAYS_BETWEEN} days later Maria calls again")
        call = ring(page, self._elevenlabs, self._second)
        if call.initiation is None:
            known.ok, known.detail = False, call.problem
            return None
        variables = call.initiation.variables
        known.ok = variables["returning_caller"] == "yes" and _number(variables["memory_count"]) > 0
        known.detail = _counted(variables)
        present = holds(call.initiation.prompt, self._first.remember)
        told.ok = bool(present) and len(present) == len(self._first.remember)
        told.detail = f"{len(present)} of {len(self._first.remember)}: {', '.join(present) or 'none'}"
        page.text("This is the prompt that the agent starts with, word for word:")
        page.frame("prompt of the second call", call.initiation.prompt)
        return call

    def _look_up(self, call: Call) -> None:
        page, found = self._page, self._verdict.found
        page.step("During the call the agent looks something up")
        verdicts = []
        for turn in self._second.turns:
            say(page, turn, self._second)
            if turn.tool:
                outcome = self._elevenlabs.use(call, turn.tool)
                look_up(page, outcome)
                missing = set(turn.tool.expect) - set(holds(outcome.result, turn.tool.expect))
                verdicts.append(not outcome.is_error and bool(turn.tool.expect) and not missing)
                found.detail = f"looked for {', '.join(turn.tool.expect)}"
        found.ok = bool(verdicts) and all(verdicts)

    def _end(self, call: Call) -> None:
        self._page.step("She hangs up, and this call will be remembered too")
        hang_up(self._page, self._elevenlabs, call)

    def _somebody_else(self) -> None:
        page, private = self._page, self._verdict.private
        page.step("Meanwhile somebody else calls the same clinic, and asks the same question")
        stranger = replace(self._second, caller_id=self._other)
        call = ring(page, self._elevenlabs, stranger)
        if call.initiation is None:
            private.ok, private.detail = False, call.problem
            return
        outcomes = [self._elevenlabs.use(call, tool) for tool in tools_of(stranger)]
        for outcome in outcomes:
            look_up(page, outcome)
        secrets = [*self._first.remember, *(word for outcome in outcomes for word in outcome.tool.expect)]
        heard = holds(call.initiation.prompt, secrets)
        heard += [word for outcome in outcomes for word in holds(outcome.result, secrets)]
        variables = call.initiation.variables
        failed = any(outcome.is_error for outcome in outcomes)
        private.ok = not heard and not failed and variables["returning_caller"] == "no"
        private.detail = f"heard: {', '.join(sorted(set(heard))) or 'nothing'}"
