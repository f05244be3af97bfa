"""The dependency matrix: what becomes of calls while Mem0, SQS, DynamoDB or Secrets Manager fail.

All cases run at once, each with its own callers: a fault is tied to a mark in their conversation ids. Faults
of a start or of an expired secret are in `dependency_start` and `dependency_secret`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from bench.common.calls import Call, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability import dependency_secret, dependency_start
from bench.reliability.rig import MANY, FaultRig
from local.elevenlabs import Delivery

CALLS = 5
TIMEOUT_SECONDS = 2
RETRY_AFTER_SECONDS = 3
_ONCE = 2 * CALLS
"""Both adds of each call."""
_AWS_ONCE = 4 * CALLS
"""The three attempts that one call to AWS makes, and the one on a connection that was kept."""
_WHO_TALKS = """The webhook talks to Secrets Manager and SQS, the worker to all four, ClientData and Retrieve
to Secrets Manager and Mem0. None talks to SQS or DynamoDB at its start, so those have no such rows."""
Rule = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What fails, how, and what must become of the calls: `remembered` or `dead`, with such a reason."""

    words: str
    mem0: Rule | None = None
    aws: tuple[Rule, ...] = ()
    becomes: str = "remembered"
    reason: str = ""


def _mem0(words: str, *, becomes: str = "remembered", reason: str = "", **rule: Any) -> Case:
    rule = {"operation": "add", **({"count": _ONCE} if becomes == "remembered" else {}), **rule}
    return Case(words=f"worker: Mem0: {words}", mem0=rule, becomes=becomes, reason=reason)


def _ledger(words: str, note: str, **rule: Any) -> Case:
    return _aws(f"worker: DynamoDB {words}", "dynamodb:*", contains=[note], **rule)


def _queue(words: str, **rule: Any) -> Case:
    return _aws(f"webhook: SQS {words}", "sqs:SendMessage", **rule)


def _aws(words: str, operation: str, **rule: Any) -> Case:
    return Case(words=words, aws=({"operation": operation, "count": _AWS_ONCE, **rule},))


def _visibility(words: str, **rule: Any) -> Case:
    words = f"worker: SQS {words} to hide a call until its next try (Mem0: 503)"
    case = _aws(words, "sqs:ChangeMessageVisibility", contains=[], **rule)
    return replace(case, mem0={"operation": "add", "count": _ONCE, "status": 503})


def _dead_letter(words: str, **rule: Any) -> Case:
    words = f"worker: SQS {words} the dead letter (Mem0: 400)"
    case = _aws(words, "sqs:SendMessage", contains=['{"reason": {'], **rule)
    return replace(
        case,
        mem0={"operation": "add", "status": 400},
        becomes="dead",
        reason="rejected the request (HTTP 400)",
    )


_THROTTLED = {"status": 400, "body": {"__type": "ThrottlingException"}}
_SLOW = {"latency_seconds": 3}
_FAILS: dict[str, Rule] = {"refuses": {"refuse": True}, "throttles": _THROTTLED, "is slow (3 s)": _SLOW}
_CLAIM = "if_not_exists(digest"
_NOTES = {
    "the claim": _CLAIM,
    "the note that both adds are accepted": "SET tries = :tries",  # with the release of the claim
    "the note that both are done, and the call remembered": "closed_at = :now",
}
_RETRY_AFTER = "429 with Retry-After"
CASES = (
    _mem0("connection refused", refuse=True),
    _mem0("hangs", hang=True),
    _mem0(_RETRY_AFTER, status=429, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}),
    _mem0("500", status=500),
    _mem0("503", status=503),
    _mem0("no answer after it accepted the add", hang=True, after_work=True),
    _mem0("500 after it accepted the add", status=500, after_work=True),
    _mem0("HTML instead of JSON", html=True),
    _mem0("half a JSON document", garbage=True),
    _mem0("answers a byte at a time", drip_bytes_per_second=10, drip_headers=True),
    _mem0("400", status=400, becomes="dead", reason="rejected the request (HTTP 400)"),
    _mem0("401 at every try", status=401, becomes="dead", reason="refused the API key (HTTP 401)"),
    _mem0("503 at every try", status=503, becomes="dead", reason="tried 5 times; the last time: Mem0 failed"),
    *(_queue(words, **rule) for words, rule in _FAILS.items()),
    _queue("answers 500", status=500),
    _queue("took the call, and no answer came", refuse=True, after_work=True),
    *(
        _ledger(f"{words} at {at}", note, **rule)
        for at, note in _NOTES.items()
        for words, rule in _FAILS.items()
    ),
    _ledger("made the claim, and no answer came", _CLAIM, refuse=True, after_work=True),
    *(_visibility(words, **rule) for words, rule in _FAILS.items()),
    *(_dead_letter(f"{words} at", **rule) for words, rule in _FAILS.items()),
)


@dataclass(kw_only=True)
class Trial:
    """A case with its calls and their deliveries; `mark` stands in their conversation ids."""

    case: Case
    mark: str
    calls: list[Call] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)


def run(progress: Progress) -> Section:
    """Let everything fail, and count."""
    section = Section(
        title="Dependency matrix",
        how=(
            f"{CALLS} calls a case. A fault lasts until it has hit both adds (or all attempts) of all of them"
            " once; *faults*: how often it hit. *First answer*: what ElevenLabs was told at first. *Tries*:"
            f" how often it delivered at most. All run at once, at a reservation of {MANY}, but for the cases"
            f" of a start. *The secret has run out*: it was read {dependency_secret.CACHE_SECONDS} s ago"
            " (300 s as deployed). Calls that failed because of a wrong key wait among the dead letters, and"
            " are redriven when it is fixed. *ClientData*: what a caller's ring was answered during the fault"
            " and after it."
        ),
    )
    with FaultRig(
        settings={"reserved_concurrency": MANY},
        visibility_timeout=8,
        environment={"MEM0_TIMEOUT": str(TIMEOUT_SECONDS), "CLAIM_SECONDS": "6", "RETRY_DELAYS": "1"},
        progress=progress,
    ) as rig:
        trials = [_prepare(number, case) for number, case in enumerate(CASES)]
        rig.mem0_faults(*(_marked_mem0(one) for one in trials if one.case.mem0))
        rig.system.aws.set_faults(*(rule for one in trials for rule in _marked_aws(one)))
        rig.system.host.warm("post-call", 4)
        answers = iter(rig.deliver_all([call for one in trials for call in one.calls], at_once=16))
        for one in trials:
            one.deliveries = [next(answers) for _ in one.calls]
        progress("dependency: all calls delivered")
        rig.drained(150)
        fired = _fired(rig, trials)
        for one in trials:
            _add_row(section, rig, one, fired[one.mark])
        beside = Section(title="")
        # Both wait most of the time. After a Ctrl-C the system ends first, and then who works with it.
        with ThreadPoolExecutor(1) as second, dependency_secret.rig_of_its_own(progress) as another:
            running = second.submit(dependency_secret.run, beside, another, progress)
            dependency_start.run(section, rig, progress)
            running.result()
    section.targets += beside.targets
    section.note = _WHO_TALKS
    return section


def _prepare(number: int, case: Case) -> Trial:
    mark = f"conv_dep{number:02d}x"
    some = [make_call(f"+1777{number:03d}{one:04d}", conversation_id=f"{mark}{one}") for one in range(CALLS)]
    return Trial(case=case, mark=mark, calls=some)


def _marked_mem0(one: Trial) -> Rule:
    return {**(one.case.mem0 or {}), "contains": one.mark}


def _marked_aws(one: Trial) -> list[Rule]:
    # A message that is only hidden is named by a handle, which bears no mark.
    return [
        rule if rule.get("contains") == [] else {**rule, "contains": [*rule.get("contains", []), one.mark]}
        for rule in one.case.aws
    ]


def _fired(rig: FaultRig, trials: list[Trial]) -> dict[str, list[int]]:
    """How often the rules of a mark have hit."""
    found: dict[str, list[int]] = {one.mark: [] for one in trials}
    for rule in rig.mem0("GET", "/_faults"):
        found[rule["contains"]].append(rule["fired"])
    marks = [one.mark for one in trials for _ in one.case.aws]
    for mark, rule in zip(marks, rig.system.aws.faults(), strict=True):
        found[mark].append(rule["fired"])
    return found


def _add_row(section: Section, rig: FaultRig, one: Trial, fired: list[int]) -> None:
    tally = rig.tally(one.calls)
    reasons = [reason for body, reason in rig.dead_letters() if one.mark in body]
    figures = {
        "faults": sum(fired),
        "first answer": "/".join(sorted({str(delivery.attempts[0].reply) for delivery in one.deliveries})),
        "tries": max(len(delivery.attempts) for delivery in one.deliveries),
        **tally.figures(),
    }
    remark = ""
    passed = min(fired) >= CALLS and all(delivery.accepted for delivery in one.deliveries)
    if one.case.becomes == "dead":
        passed = passed and tally.dead_lettered and not (tally.facts_twice or tally.passages_twice)
        passed = passed and all(one.case.reason in reason for reason in reasons)
        remark = f"reason: {reasons[0] if reasons else 'none'}"
    else:
        passed = passed and tally.clean
    if _RETRY_AFTER in one.case.words:
        waits = [later - earlier for times in _sent(rig, one) for earlier, later in pairwise(times)]
        waited = min(waits, default=0.0)
        passed = passed and waited >= RETRY_AFTER_SECONDS
        remark = f"asked for {RETRY_AFTER_SECONDS} s; the next try came after {waited:.1f} s at the earliest"
    if one.case.becomes == "dead" and "at every try" not in one.case.words:
        tries = max(map(len, _sent(rig, one)), default=0)
        remark += f"; sent {tries} time{'s'[: tries > 1]}"
    section.add(one.case.words, figures, passed=passed, remark=remark)


def _sent(rig: FaultRig, one: Trial) -> list[list[float]]:
    """When each of the adds was sent, at its first try and the others."""
    times: dict[tuple[str, str], list[float]] = {}
    for add in rig.mem0("GET", "/_requests?operation=add"):
        metadata = add["body"].get("metadata", {})
        if metadata.get("conversation_id", "").startswith(one.mark):
            times.setdefault((metadata["conversation_id"], metadata["type"]), []).append(add["time"])
    return list(times.values())
