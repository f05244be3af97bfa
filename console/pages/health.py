"""Is everything as it must be: the doctor's checks, the queues, the dead letters, and Mem0's latency."""

import itertools
import time
from collections import defaultdict
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.jobs import Say
from console.problems import part
from console.site import Site, form
from ops import dead_letters, function_logs
from ops.connect import Context
from ops.doctor import Finding, check_stack, check_workspace
from ops.doctor.stack import oldest_message_seconds
from ops.redrive import redrive

MOST_LETTERS = 50
"""How many dead letters are shown."""

MINUTES = 60
_MOST_LINES = 20_000  # of each function's log
_FUNCTIONS = ("client-data", "retrieve", "post-call")
_HEIGHT = 120  # of the chart


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A minute of the chart: how many requests, the median and the slowest in ms, and heights in pixels."""

    minute: int
    requests: int
    median: float
    slowest: float
    median_height: int
    slowest_height: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many calls wait, how many are being worked on, and the age of the oldest message in seconds."""

    waiting: int
    under_way: int
    oldest: float


@dataclass(frozen=True, kw_only=True)
class Letters:
    """How many dead letters there are, and the first of them."""

    total: int
    shown: list[dead_letters.DeadLetter]


class HealthPages:
    """`/health` and its parts."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/health", self.health),
            Route("/health/checks", self.checks),
            Route("/health/redrive", form(self.redrive), methods=["POST"]),
        ]

    def health(self, request: Request) -> Response:
        """Queues, dead letters and latency. The checks are loaded by the page: they take a few seconds."""
        return self._site.render(
            request,
            "health.html",
            queue=part(self._queue),
            letters=part(self._letters),
            latency=part(self._latency),
        )

    def checks(self, request: Request) -> Response:
        """The doctor's checks, without its live proof."""
        return self._site.render(request, "checks.html", findings=part(self._findings))

    def redrive(self, _request: Request, _sent: FormData) -> Response:
        """Move the dead letters back to the queue."""
        self._site.require_changes()

        def run(say: Say) -> None:
            moved = 0

            def note(letter: dead_letters.DeadLetter) -> None:
                nonlocal moved
                moved += 1
                say(f"moved {letter.call}")

            redrive(
                self._site.sources.sqs,
                dead_letter_url=self._site.deployment.output("DeadLetterQueueUrl"),
                queue_url=self._site.deployment.output("CallQueueUrl"),
                moved=note,
            )
            self._site.recent.clear()
            say(f"moved {moved} back to the queue" if moved else "nothing was moved")

        number = self._site.jobs.start("Move dead letters back", "/health", run)
        return RedirectResponse(f"/jobs/{number}", 303)

    def _findings(self) -> list[Finding]:
        deployment = self._site.deployment
        context = Context(deployment, self._site.sources.workspace)
        findings = [*check_stack(deployment), *check_workspace(context)]
        return sorted(findings, key=lambda finding: ("broken", "warning", "ok").index(finding.status))

    def _queue(self) -> Queue:
        url = self._site.deployment.output("CallQueueUrl")
        waiting, under_way = dead_letters.count(self._site.sources.sqs, url)
        oldest = oldest_message_seconds(self._site.deployment, url)
        return Queue(waiting=waiting, under_way=under_way, oldest=oldest)

    def _letters(self) -> Letters:
        sqs, url = self._site.sources.sqs, self._site.deployment.output("DeadLetterQueueUrl")
        total = sum(dead_letters.count(sqs, url))
        if not total:
            return Letters(total=0, shown=[])
        with dead_letters.Reader(sqs, url) as reader:
            return Letters(total=total, shown=list(itertools.islice(reader.read(MOST_LETTERS), MOST_LETTERS)))

    def _latency(self) -> list[Bar]:
        """Mem0's latency in each minute of the last hour that had a request, from the functions' logs."""
        now = time.time()
        by_minute: dict[int, list[float]] = defaultdict(list)
        for function in _FUNCTIONS:
            lines = function_logs.read(
                self._site.deployment, function, since=now - MINUTES * 60, term="Mem0Latency"
            )
            for line in itertools.islice(lines, _MOST_LINES):
                latency = line.fields.get("Mem0Latency")
                if isinstance(latency, int | float):
                    by_minute[min(MINUTES - 1, max(0, int((now - line.at) // 60)))].append(float(latency))
        highest = max((max(found) for found in by_minute.values()), default=1.0) or 1.0
        return [
            _bar(minute, sorted(found), highest) for minute, found in sorted(by_minute.items(), reverse=True)
        ]


def _bar(minute: int, latencies: list[float], highest: float) -> Bar:
    median, slowest = latencies[len(latencies) // 2], latencies[-1]
    return Bar(
        minute=minute,
        requests=len(latencies),
        median=median,
        slowest=slowest,
        median_height=max(1, round(median / highest * _HEIGHT)),
        slowest_height=max(1, round(slowest / highest * _HEIGHT)),
    )
