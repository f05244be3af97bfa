"""What the tests of the local system share besides fixtures: an obedient function, a queue line, waiting."""

import json
import socket
import ssl
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from local.aws.services import AwsServices
from local.lambda_host import EventSource, LambdaHost
from local.system import PORTS, System

MakeHost = Callable[..., LambdaHost]
# Made once: loading the system's certificates for each client costs more than a test.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Does what the event asks for, so that one function serves most tests.
OBEDIENT = """
import json, os, pathlib, signal, sys, threading, time
ticks = pathlib.Path(__file__).with_name("ticks")

def tick():
    while True:
        with ticks.open("a") as file:
            file.write(".")
        time.sleep(0.002)

def lambda_handler(event, context):
    match event.get("do"):
        case "wait":
            print("waiting", flush=True)
            gate = pathlib.Path(event["for"])
            while not gate.exists():
                time.sleep(0.002)
        case "hang":
            print("hanging", flush=True)
            time.sleep(600)
        case "fail":
            raise ValueError("as asked")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leave":
            sys.exit(3)
        case "tick":
            threading.Thread(target=tick, daemon=True).start()
            while not ticks.exists():
                time.sleep(0.002)
        case "print":
            print(event["line"])
        case "import":
            __import__(event["module"])
        case "answer":
            return event["with"]
        case "big":
            return "x" * event["bytes"]
    return {"pid": os.getpid(), "event": event, "environment": dict(os.environ), "path": sys.path,
            "left_ms": context.get_remaining_time_in_millis(), "request_id": context.aws_request_id}
"""


def until(condition: Callable[[], object], what: str, timeout: float = 10.0) -> None:
    """Poll a condition until it holds; fail, saying what was waited for, when `timeout` seconds are over."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.005)


def logged(host: LambdaHost, words: str) -> str:
    """Wait until the function "app" has logged a line with these words, and return it."""
    until(lambda: any(words in line for line in host.logs.lines("app")), f"{words!r} is logged")
    return next(line for line in host.logs.lines("app") if words in line)


def state_of(pid: int) -> str:
    """A process's state as in ps, e.g. "T" for stopped; "Z" when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"


def gone(pid: int) -> bool:
    """Whether no such process runs; one that has ended and waits for its parent to notice is gone."""
    return state_of(pid) == "Z"


def forget(system: System, user_id: str) -> None:
    """Delete all memories of a user, and wait until they are gone."""
    headers = {"Authorization": f"Token {system.endpoints.mem0_api_key}"}
    httpx.delete(
        f"{system.mem0_url}/v1/memories/", params={"user_id": user_id}, headers=headers
    ).raise_for_status()
    httpx.post(f"{system.mem0_url}/_settle").raise_for_status()


def make_queue(aws: AwsServices, *, visibility: int = 60, receives: int = 5) -> tuple[str, str, str]:
    """Make a FIFO queue as the stack does; return its URL, its ARN and its dead-letter queue's URL."""
    sqs, name = aws.client("sqs"), uuid.uuid4().hex
    fifo = {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    dead = sqs.create_queue(QueueName=f"{name}-dead.fifo", Attributes=fifo)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    policy = {"deadLetterTargetArn": f"{arn}-dead.fifo", "maxReceiveCount": receives}
    attributes = {**fifo, "VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(policy)}
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
    return url, f"{arn}.fifo", dead


def free_port_base() -> int:
    """Return a base from which all the ports of a system are free."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            base = int(probe.getsockname()[1])
        if base > 65_000:
            continue
        try:
            for offset in (0, *PORTS.values()):
                socket.create_server(("127.0.0.1", base + offset)).close()
        except OSError:
            continue
        return base


# Prints each body it gets; fails those that are named in the file "failing", dies for "kill", throws for
# "raise".
WORKER = """
import json, os, pathlib, signal, time
folder = pathlib.Path(__file__).parent
def lambda_handler(event, context):
    bodies = [record["body"] for record in event["Records"]]
    print("batch " + json.dumps(bodies), flush=True)
    (folder / "last.json").write_text(json.dumps(event))
    failing = (folder / "failing").read_text().split() if (folder / "failing").exists() else []
    if "kill" in failing and "kill" in bodies:
        os.kill(os.getpid(), signal.SIGKILL)
    if "raise" in failing and "raise" in bodies:
        raise ValueError("whole batch")
    while (folder / "gate").exists():
        time.sleep(0.002)
    failed = [r["messageId"] for r in event["Records"] if r["body"] in failing]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
"""


class Line:
    """A queue with its dead letters, a worker and the event source between them."""

    def __init__(self, aws: AwsServices, host: LambdaHost, visibility: int, **options: Any) -> None:
        self.aws = aws
        self.host = host
        self.sqs = aws.client("sqs")
        self.queue, self.arn, self.dead = make_queue(aws, visibility=visibility, receives=2)
        self.folder = host.functions["app"].code
        self.source = EventSource(
            host,
            "app",
            sqs=self.sqs,
            queue_url=self.queue,
            queue_arn=self.arn,
            visibility_seconds=visibility,
            wake=aws.wake,
            **options,
        )

    def send(self, body: str, group: str = "caller") -> None:
        self.sqs.send_message(
            QueueUrl=self.queue,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=f"{group}-{body}",
        )

    def fail(self, *bodies: str) -> None:
        (self.folder / "failing").write_text(" ".join(bodies))

    def batches(self) -> list[list[str]]:
        return [json.loads(line[6:]) for line in self.host.logs.lines("app") if line.startswith("batch ")]

    def seen(self) -> list[str]:
        return [body for batch in self.batches() for body in batch]

    def left(self, url: str | None = None) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.queue, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def noted(self, what: str) -> bool:
        return any(what in line for line in self.host.logs.lines("app"))
