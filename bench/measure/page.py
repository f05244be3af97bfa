"""Writes docs/performance.md and its charts: the targets, each measurement, and what follows from them."""

import datetime as dt
import platform
from collections.abc import Sequence
from pathlib import Path

from bench.measure.report import Section, ms, summary
from local.lambda_host.toolchain import python_minor

# One vCPU at 1,769 MB. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
FULL_CORE_MB = 1769
MEMORY_MB = 512


def write(folder: Path, sections: Sequence[Section], *, python: str, seconds: float) -> None:
    """Write the page and its charts into `folder` ("docs"). `seconds` is how long the bench ran."""
    charts = folder / "charts"
    charts.mkdir(parents=True, exist_ok=True)
    for chart in (chart for section in sections for chart in section.charts):
        (charts / chart.name).write_text(chart.svg, encoding="utf-8")
    text = page(sections, python=python, seconds=seconds)
    (folder / "performance.md").write_text(text, encoding="utf-8")


def page(sections: Sequence[Section], *, python: str, seconds: float) -> str:
    """The whole page in Markdown."""
    figures = {name: value for section in sections for name, value in section.figures.items()}
    targets = [target for section in sections for target in section.targets]
    day = dt.datetime.now(dt.UTC).date().isoformat()
    minutes = max(1, round(seconds / 60))
    machine = f"{platform.system()} on {platform.machine()}, Python {python_minor(python)}"
    parts = [HEAD.format(day=day, minutes=minutes, machine=machine), summary(targets)]
    parts += [_section(section) for section in sections]
    parts.append(_chosen(figures))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _section(section: Section) -> str:
    charts = [f"![{chart.words}](charts/{chart.name})" for chart in section.charts]
    tables = [table.markdown() for table in section.tables]
    return "\n\n".join([f"## {section.title}", section.how, *charts, *tables])


def _chosen(figures: dict[str, float]) -> str:
    share = MEMORY_MB / FULL_CORE_MB
    cpu = figures["client-data.ours.cpu"]
    own = figures["client-data.ours.own_cpu"]
    return CHOSEN.format(
        memory=MEMORY_MB,
        share=f"{share:.2f}",
        cpu=ms(cpu),
        slow=ms(cpu / share),
        own=ms(own),
        slow_own=ms(own / share),
        resident=f"{figures['resident.ours']:.0f}",
        cold=ms(figures["client-data.ours.wall"]),
        restored=ms(figures["client-data.restored"]),
        naive=ms(figures["client-data.naive.cpu"]),
        naive_slow=f"{figures['client-data.naive.cpu'] / share / 1000:.0f}",
    )


HEAD = """# Performance

A caller hears our latency: the phone rings until ClientData has answered, and the agent says nothing while
Retrieve searches. This page holds both against *the naive way*: a layer with plain `pip install mem0ai`, a
`MemoryClient` with its defaults, boto3 for the secret, both adds before the 200. It works; `bench/naive/`
is its code.

`make bench` measures everything here in one run and writes this page: the same Lambda host, the same
stand-in for Mem0 Cloud, the same machine, the two sides in turn. This run: {day}, {minutes} minutes,
{machine}, two cores that other work may have shared. Ratios are what to take away: a function with 512 MB
has a third of a core, so there all of these
milliseconds are about three times as many, on both sides.

## Targets"""

CHOSEN = """## Where it comes from

- **The client without the engine.** `import mem0` loads qdrant, grpc, numpy, openai and sqlalchemy, for
  classes that the hosted client never uses. `lambdas/shared/mem0/library.py` puts empty stand-ins for the
  engine, PostHog, `requests` and pydantic into `sys.modules` while mem0 is imported. The class that runs is
  the library's own. It makes one pydantic model, of three strings; a test fails when a new mem0ai makes
  another.
- **Bytecode that counts.** CDK's zip gives every file the time 1980, by which Python takes ordinary
  bytecode for stale and compiles 1,000 modules at every cold start: most of the naive way's CPU time. Ours
  is compiled with unchecked hashes.
- **No boto3.** Secrets Manager, SQS and DynamoDB speak one JSON protocol; `lambdas/shared/aws.py` is all of
  it that we need.
- **httpx on top, the standard library's HTTP below.** `MemoryClient` takes any client. Ours is an
  `httpx.Client` whose requests go through `http.client`, which is loaded anyway: httpcore and h11 are never
  imported, and cookies, redirects and authentication flows cost nothing.
- **One connection, kept for 330 s.** httpx drops an idle one after 5 s. NAT gateways forget after 350 s.
- **One request.** All memories of a caller are one page of 200. Of more, the newest are read: what fits the
  prompt is decided by the newest facts, not by the oldest.
- **One log line for a request.** The latency metric rides on it.
- **One deadline for the whole request**, name look-up and TLS included, because a timeout per read never ends
  against a server that drips.
- **The webhook only queues.** Mem0 is called by the worker, for which no caller waits.

## Memory and architecture

`memory_mb` is {memory}, `architecture` is arm64. Lambda gives a function CPU in proportion to its memory, a
whole core at 1,769 MB, so {memory} MB are {share} of one. A warm ClientData needs {own} of CPU at most,
{slow_own} there, beside the 300 ms and more that it waits for Mem0: twice the memory would double the price
of that waiting and save a few milliseconds that no caller hears. A cold start needs {cpu} of CPU, {slow} at
that share (Lambda usually lends more during init); the naive way's {naive} would be {naive_slow} s, and
init may take 10 s. {resident} MB are resident after the start, so
256 MB would do, at half the CPU: cold starts would be twice as long for a saving of cents. arm64 costs a
fifth less for each GB-second, and nothing in the layer is slower there; to stay on x86_64, set
`architecture`.

## SnapStart

With `-c snap_start=true`, ClientData and Retrieve are published as versions behind an alias, and start from a
snapshot taken after their imports. The secret is read and the socket opened after the restore, so neither
is ever in a snapshot. It is off by default because it is charged: for keeping each published version's
snapshot, by its memory and at least for three hours, and for each restore. At us-east-1's list prices
($0.0000015046 for a GB-second kept, $0.0001397998 for a GB restored, Python, 2026-11-22) two functions of
0.5 GB cost $3.90 a month for each kept version, with or without calls.

Here a cold ClientData needs {cold} until its first event, and a restored one {restored}; AWS's own time to
load the snapshot, which this machine cannot show, comes on top of the second. It pays where a first caller's
half second matters more than that: few calls spread over the day, each a
cold start. It does not with a call a minute and more, where instances stay warm, nor with one call at a time
in a test. Provisioned concurrency would answer sooner, and costs about $1.10 a month for each instance and
128 MB. The other lever is smaller and free: keep the layer as small as it is."""
