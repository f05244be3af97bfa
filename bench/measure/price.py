"""What a call costs: AWS's list prices times what was measured here. No bill was seen for it."""

from dataclasses import dataclass

from bench.measure.charts import NAIVE, OURS, Bar, bars
from bench.measure.report import Chart, Section, Table, Target

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
SECRET_MONTH = 0.40
MEMORY_GB = 0.5  # memory_mb 512, ours
NAIVE_MEMORY_GB = 0.5
SEARCHES = 3  # tool calls in a phone call
LOG_BYTES = 3_000  # of a call's log lines, ours
CALLS_A_DAY = (1, 1_000, 100_000)
WRITES = 3  # of the ledger, for a call: the claim, one add, the close with the other
QUEUE_REQUESTS = 3  # send, receive, delete
ADD_SECONDS = 0.3  # Mem0's answer to an add, as in the worker's measurement
MEM0_SECONDS = 0.3  # Mem0's answer to a read
# How many of the invocations start cold. Lambda keeps an idle instance for some minutes: with a call a day
# all of them do, with a call every 1.4 minutes few, with one a second next to none. Assumed, not measured.
COLD = {1: 1.0, 1_000: 0.05, 100_000: 0.002}


@dataclass(frozen=True, kw_only=True)
class Side:
    """Seconds of one side: cold start of a function, and each kind of invocation, Mem0's time included."""

    start: float
    client_data: float
    retrieve: float
    webhook: float
    worker: float
    memory: float


def call_price(side: Side, a_day: int, *, ours: bool) -> float:
    """Dollars for one phone call when there are so many a day."""
    invocations = 3 + SEARCHES if ours else 2 + SEARCHES  # ClientData, searches, webhook and, ours, worker
    seconds = side.client_data + SEARCHES * side.retrieve + side.webhook + side.worker
    # The three functions are three pools; later searches meet a warm instance.
    seconds += COLD[a_day] * 3 * side.start
    price = seconds * side.memory * GB_SECOND + invocations * REQUEST + (2 + SEARCHES) * HTTP_API
    if ours:
        price += QUEUE_REQUESTS * SQS_FIFO + WRITES * LEDGER_WRITE
    return price + LOG_BYTES / 1e9 * LOG_GB


def measure(figures: dict[str, float]) -> Section:
    """Price a call of each side from the `figures` of the other sections (ms)."""

    def side(name: str, *, webhook: float, worker: float, memory: float) -> Side:
        return Side(
            start=figures[f"client-data.{name}.wall"] / 1000,
            client_data=figures[f"client-data.{name}.own"] / 1000 + MEM0_SECONDS,
            retrieve=figures[f"retrieve.{name}.own"] / 1000 + MEM0_SECONDS,
            webhook=webhook / 1000,
            worker=worker / 1000,
            memory=memory,
        )

    ours = side("ours", webhook=figures["ack.ours"], worker=figures["worker.ours"], memory=MEMORY_GB)
    naive = side("naive", webhook=figures["ack.naive"], worker=0.0, memory=NAIVE_MEMORY_GB)
    rows, groups = [], []
    for a_day in CALLS_A_DAY:
        mine, theirs = call_price(ours, a_day, ours=True), call_price(naive, a_day, ours=False)
        month = 30 * a_day
        rows.append(
            [
                f"{a_day:,}",
                f"${mine * 1e6:,.2f}",
                f"${theirs * 1e6:,.2f}",
                f"${mine * month + SECRET_MONTH:,.2f}",
                f"${theirs * month + SECRET_MONTH:,.2f}",
            ]
        )
        groups.append(
            [
                Bar(
                    label=f"{a_day:,} a day, {name}", value=price, words=f"${price * 1e6:,.0f}", colour=colour
                )
                for name, price, colour in (("ours", mine, OURS), ("naive", theirs, NAIVE))
            ]
        )
    stated = " / ".join(row[1] for row in rows)
    beside = " / ".join(row[2] for row in rows)
    return Section(
        key="price",
        title="Price of a call",
        how=HOW.format(date=PRICES_OF, searches=SEARCHES, mem0=MEM0_SECONDS),
        targets=[
            Target(
                what="a million calls at 1 / 1,000 / 100,000 a day",
                wanted="stated",
                reached=f"{stated} (naive {beside})",
                met=None,
            )
        ],
        tables=[
            Table(
                headers=("calls a day", "a million calls", "naive", "a month", "naive"),
                rows=rows,
            )
        ],
        charts=[
            Chart(
                name="performance-price.svg",
                words="price of a million calls",
                svg=bars("AWS's price of a million calls, by calls a day", groups),
            )
        ],
    )


HOW = """AWS's list prices of {date} (us-east-1, arm64, no free tier) times the durations measured above: one
ClientData, {searches} searches, one webhook and, ours, one worker. Mem0 is taken to answer in {mem0:g} s,
during which Lambda is paid for waiting. Both have 512 MB. Assumed, not measured: how many invocations start
cold (all at 1 call a day, 5 % at 1,000, 0.2 % at 100,000), and that Lambda's arm64 is as fast as this
machine at 512 MB, which it is not: there a function has 0.3 of a core, so cold starts cost about three
times as much, on both sides. API Gateway, queue, ledger and log are in it; a month adds the secret. Mem0's
own price, which is far higher, is not."""
