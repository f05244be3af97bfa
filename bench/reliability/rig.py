"""The rig of the reliability matrix: callers, and the means to count what became of each call.

What was remembered is read from the stand-in's file, where each add that Mem0 accepted is an event.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any, Self, TypeVar

from bench.common.calls import Call, caller, ids, make_call
from bench.common.rig import Progress, Rig
from bench.reliability.tally import Tally
from local.elevenlabs import Delivery
from local.lambda_host import EventSource
from local.lambda_host.toolchain import ROOT
from local.mem0.store import FILE_NAME

Given = TypeVar("Given")
Made = TypeVar("Made")
KINDS = ("factual", "semantic")
OK = 200
COMPRESSION_OF_LOAD = 30.0
"""In 81 seconds: the work of a load takes its time, so its retries must not be over before that."""
MANY = 100
"""A reservation (and half as many workers) for sections in which most instances only wait."""
_POLL_SECONDS = 0.1
_QUICK_SECONDS, _SLOW_POLL_SECONDS = 2.0, 0.5
"""After so long it is asked less often, because what is asked has work to do."""
_WORD_SECONDS = 10.0
"""How often something that takes long says how far it is."""


class FaultRig(Rig):
    """A system under test, see `Rig`."""

    def __init__(self, progress: Progress, **options: Any) -> None:
        super().__init__(progress, **options)
        self._callers = iter(range(1_000_000))

    def __enter__(self) -> Self:
        """Start the system."""
        super().__enter__()
        self.sqs = self.system.aws.client("sqs")
        return self

    def calls(self, count: int, **more: Any) -> list[Call]:
        """So many calls, each of a caller of its own."""
        return [make_call(caller(next(self._callers)), **more) for _ in range(count)]

    def deliver(self, call: Call, **options: Any) -> Delivery:
        """Deliver one call; the options are those of `post`."""
        return self.post(call.body, **options)

    def deliver_all(self, calls: Sequence[Call], *, at_once: int = 8, **options: Any) -> list[Delivery]:
        """Deliver calls, so many at a time; results in the order of the calls."""
        return self.side_by_side(partial(self.deliver, **options), calls, at_once, "calls are delivered")

    def side_by_side(
        self, work: Callable[[Given], Made], items: Sequence[Given], at_once: int, words: str
    ) -> list[Made]:
        """Do `work` for each item, so many at a time, and say now and then how far it is."""
        senders = ThreadPoolExecutor(at_once)
        try:
            doing = [senders.submit(work, item) for item in items]
            left: set[Future[Made]] = set(doing)
            while left:
                _, left = wait(left, timeout=_WORD_SECONDS)
                if left:
                    self.progress(f"{len(doing) - len(left)} of {len(doing)} {words}")
            return [task.result() for task in doing]
        finally:
            # After a Ctrl-C retries are not waited for: what they are sent to ends with the rig.
            senders.shutdown(wait=False, cancel_futures=True)

    def event_source(self, **options: Any) -> EventSource:
        """An event source beside the system's own (pause that); the options replace the template's."""
        system, mapping = self.system, self.system.template.mapping
        deployed = {
            "queue_arn": next(queue.arn for queue in system.template.queues if queue.dead_letters),
            "batch_size": mapping.batch_size,
            "partial_failures": mapping.partial_failures,
            "wake": system.aws.wake,
        }
        options = {"sqs": self.sqs, "queue_url": system.queue_url, **deployed, **options}
        return EventSource(system.host, mapping.function, **options)

    def ops(self, *arguments: str, output: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start an operator's command against this system."""
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.system.data_dir)}
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "ops", *arguments],
            cwd=ROOT,
            env=environment | self.system.operator_environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def logged(self, words: str, function: str = "post-call") -> list[str]:
        """The lines of a function's log that hold these words."""
        return [line for line in self.system.host.logs.lines(function) if words in line]

    def cold(self) -> None:
        """End all instances, so that each function starts anew."""
        for instance in self.system.host.instances():
            instance.kill()
            instance.wait(10)

    def change_secret(self, **changes: object) -> None:
        """Put these values into the secret."""
        client, name = self.system.aws.client("secretsmanager"), self.system.template.secret_name
        held = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        client.put_secret_value(SecretId=name, SecretString=json.dumps(held | changes))

    def accepted_adds(self) -> dict[str, Counter[str]]:
        """For each conversation the adds that Mem0 accepted, by kind (a part of a long call as `#2`)."""
        found: dict[str, Counter[str]] = {}
        for payload in self.add_payloads():
            metadata = payload.get("metadata", {})
            part = metadata.get("part", 1)
            kind = metadata.get("type", "") + (f"#{part}" if part != 1 else "")
            found.setdefault(metadata.get("conversation_id", ""), Counter())[kind] += 1
        return found

    def add_payloads(self) -> list[dict[str, Any]]:
        """What was sent in each accepted add whose event did not fail, oldest first."""
        path = self.system.data_dir / FILE_NAME
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            query = (
                "SELECT payload FROM events WHERE event_type = 'ADD' AND status != 'FAILED'"
                " ORDER BY created_at, rowid"
            )
            return [json.loads(row[0]) for row in database.execute(query)]

    def dead_letters(self) -> list[tuple[str, str]]:
        """The body and the reason of each dead letter. They stay where they are."""
        found, handles = [], []
        url = self.system.dead_letter_url
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, MessageAttributeNames=["All"]
        ).get("Messages", []):
            for message in messages:
                reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")
                found.append((message["Body"], reason))
                handles.append(message["ReceiptHandle"])
        for handle in handles:
            self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return found

    def waiting(self, url: str | None = None) -> int:
        """Messages in the queue, in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.system.queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def drained(self, timeout: float) -> bool:
        """Wait until the queue is empty and Mem0 has nothing left to do; False if it takes too long."""
        if not self.until(lambda: self.waiting() == 0, timeout, lambda: f"{self.waiting()} calls are queued"):
            return False
        return bool(self.mem0("POST", "/_settle?timeout=30")["settled"])

    def until(
        self, condition: Callable[[], object], timeout: float, words: Callable[[], str] | None = None
    ) -> bool:
        """Poll until the condition holds, and say now and then how far it is; False if it takes too long."""
        began = said = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now - began > timeout:
                return False
            if words and now - said > _WORD_SECONDS:
                self.progress(words())
                said = now
            time.sleep(_POLL_SECONDS if now - began < _QUICK_SECONDS else _SLOW_POLL_SECONDS)
        return True

    def outcome(self, calls: Iterable[Call], timeout: float) -> Tally:
        """What has become of these calls when the queue is empty, or after so many seconds."""
        self.drained(timeout)
        return self.tally(calls)

    def tally(self, calls: Iterable[Call]) -> Tally:
        """What has become of these calls (each of one part)."""
        adds = self.accepted_adds()
        letters = self.dead_letters()
        made = ids(calls)
        count = {call: adds.get(call, Counter()) for call in made}
        remembered = [call for call in made if all(count[call][kind] for kind in KINDS)]
        dead = [call for call in made if any(call in body for body, _reason in letters)]
        return Tally(
            calls=len(made),
            remembered=remembered,
            dead=dead,
            lost=[call for call in made if call not in remembered and call not in dead],
            both=[call for call in dead if call in remembered],
            unexplained=[call for call in dead if any(call in body and not why for body, why in letters)],
            facts_twice=sum(max(0, count[call]["factual"] - 1) for call in made),
            passages_twice=sum(max(0, count[call]["semantic"] - 1) for call in made),
        )


@contextmanager
def meanwhile(*works: Callable[[Event], None]) -> Iterator[None]:
    """Let each of these work in a thread of its own until the block ends, which sets the event."""
    over = Event()
    threads = [Thread(target=work, args=(over,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
