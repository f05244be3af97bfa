"""What a call costs: AWS's list prices times what was measured here. No bill was seen for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.common.section import Section

PRICES_OF = "2026-11-22"
# us-east-1, on demand, without the free tier. https://aws.amazon.com/lambda/pricing/ (arm64, first tier),
# /api-gateway/pricing/ (HTTP API), /sqs/pricing/ (FIFO), /dynamodb/pricing/on-demand/,
# /secrets-manager/pricing/, /cloudwatch/pricing/ (logs).
GB_SECOND = 0.0000133334
REQUEST = 0.20 / 1e6
HTTP_API = 1.00 / 1e6
SQS_FIFO = 0.50 / 1e6
LEDGER_WRITE = 0.625 / 1e6
LOG_GB = 0.50
LEDGER_READ = 0.125 / 1e6
MONTH = 8.50
"""Of ours, with no call at all: 25 alarms (26 metrics) 2.60, the dashboard 3.00, the key of the alarms' topic
1.00, the secret 0.40, five custom metrics 1.50."""
SECRET_MONTH = 0.40
MEMORY_GB = 0.5  # memory_mb 512, on both sides
SEARCHES = 3  # tool calls in a phone call
LOG_BYTES = 3_000  # of a call's log lines, ours
CALLS_A_DAY = (1, 1_000, 100_000)
MOST = 0.25
MEM0_SECONDS = 0.3  # Mem0's answer to a read


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What remembering a call takes: the figures of its invocations, and requests to the queue and ledger."""

    invocations: tuple[str, ...] = ()
    queue: int = 0
    writes: int = 0
    reads: int = 0


NAIVE = Worker()
ACCEPTED = Worker(invocations=("worker.accept",), queue=3, writes=3, reads=1)
"""Until Mem0 has accepted both adds: send, receive, delete; claim, note, close; was the caller forgotten?"""
KNOWN = Worker(invocations=("worker.accept", "worker.check"), queue=5, writes=5, reads=2)
"""Until Mem0 says SUCCEEDED: a change of visibility and a receive more, a second claim, and a release."""

# How many of the invocations start cold. Lambda keeps an idle instance for some minutes: with a call a day
# all of them do, with a call every 1.4 minutes few, with one a second next to none. Assumed, not measured.
COLD = {1: 1.0, 1_000: 0.05, 100_000: 0.002}


def call_price(figures: Mapping[str, float], side: str, a_day: int, worker: Worker) -> float:
    """Dollars for one phone call when there are so many a day, from the figures of all sections (ms)."""
    spent = figures[f"client-data.{side}.own"] + SEARCHES * figures[f"retrieve.{side}.own"]
    spent += figures[f"ack.{side}"] + sum(figures[name] for name in worker.invocations)
    # The three functions are three pools; later searches meet a warm instance.
    spent += COLD[a_day] * 3 * figures[f"client-data.{side}.wall"]
    seconds = spent / 1000 + (1 + SEARCHES) * MEM0_SECONDS
    requests = 2 + SEARCHES
    price = seconds * MEMORY_GB * GB_SECOND + (requests + len(worker.invocations)) * REQUEST
    price += requests * HTTP_API + LOG_BYTES / 1e9 * LOG_GB
    return price + worker.queue * SQS_FIFO + worker.writes * LEDGER_WRITE + worker.reads * LEDGER_READ


def measure(figures: Mapping[str, float]) -> Section:
    """Price a call of both sides from the figures of the other sections."""
    prices = {
        a_day: (call_price(figures, "ours", a_day, KNOWN), call_price(figures, "naive", a_day, NAIVE))
        for a_day in CALLS_A_DAY
    }
    grown = max(prices[a_day][0] / call_price(figures, "ours", a_day, ACCEPTED) - 1 for a_day in CALLS_A_DAY)
    section = Section(
        title="Price of a call",
        how=HOW.format(date=PRICES_OF, searches=SEARCHES, mem0=MEM0_SECONDS, month=f"{MONTH:.2f}"),
    )
    section.target(
        "what knowing that a call was stored adds to its price",
        f"≤ {MOST:.0%}",
        f"{grown:.0%}",
        reached=grown <= MOST,
        reason="it takes a second delivery, two more writes of the ledger, and a question to Mem0.",
    )
    section.table(
        ("calls a day", "a thousand calls", "naive", "a month", "naive"),
        [
            [
                f"{a_day:,}",
                f"{mine * 1e5:.1f} cents",
                f"{theirs * 1e5:.1f} cents",
                f"${mine * 30 * a_day + MONTH:,.2f}",
                f"${theirs * 30 * a_day + SECRET_MONTH:,.2f}",
            ]
            for a_day, (mine, theirs) in prices.items()
        ],
    )
    return section


HOW = """AWS's list prices of {date} (us-east-1, arm64, no free tier) times the durations measured above: one
ClientData, {searches} searches, one webhook and, ours, two deliveries to the worker. Mem0 is taken to answer
in {mem0:g} s, while Lambda is paid for waiting. Assumed, not measured: how many invocations start cold (all
at 1 call a day, 5 % at 1,000, 0.2 % at 100,000). Lambda's arm64 at 512 MB is slower than this machine, on
both sides. API Gateway, queue, ledger and log are included. A month of ours includes ${month} for alarms,
dashboard, metrics, a key and the secret. Mem0's own price is far higher, and not included."""
