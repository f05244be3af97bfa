"""docs/reliability.md: the words around the tables."""

import os
import platform
from collections.abc import Collection, Sequence

from bench.reliability.report import Section
from bench.reliability.rig import COMPRESSION, COMPRESSION_OF_LOAD

_HEAD = f"""# Reliability

A call is safe once PostCall has answered 200. From then on it is remembered, or it stands in the dead-letter
queue with the reason; there is no third place. This page is the proof: `make faults` breaks the running
system on purpose, counts what became of each call, and writes this page. `bench/faults.py --only crash,load`
runs parts of it.

The functions are the deployed code in Lambda's own runtime client, each instance a process of its own. SQS,
DynamoDB and Secrets Manager are moto, made fit for races (`local/aws/`); Mem0 is the stand-in
(`local/mem0/`). What was remembered is counted in the stand-in's file, where each accepted add is an event,
also one whose answer was lost. Visibility timeouts, claims, caches and retry delays are shortened where a
section says so or has to wait for them. ElevenLabs' retries (at once, after 30 s, 2, 8 and 30 minutes, each
10 % more or less) come {COMPRESSION:g} times faster, under load {COMPRESSION_OF_LOAD:g} times. Nothing else
differs from what is deployed.

*Lost*: neither remembered nor among the dead letters. *Both*: remembered, and among the dead letters all the
same; whoever redrives it finds nothing to do. *Facts twice*, *passages twice*: adds that Mem0 accepted beyond
one of each kind a call. All four must be 0, but for the one case that says otherwise.
"""
_WHOLE = "`make faults` writes this page from one run of everything."
_PARTS = "Only some sections were run now. Each of the others says when it was measured."


def page(
    sections: Sequence[Section],
    *,
    missing: Collection[str] = (),
    now: Collection[str],
    began: str,
    seconds: float,
) -> str:
    """The whole page.

    Args:
        sections: what there is to show.
        missing: the keys of sections of which there is no result at all.
        now: the keys of those that were run now.
        began: when this run began, in UTC.
        seconds: how long it took.
    """
    wrong = sum(len(section.failures) for section in sections)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    earlier = [section.key for section in sections if section.key not in now]
    lines = [
        f"Measured on {began}, in {seconds / 60:.1f} minutes, on {machine}.",
        f"{_PARTS if earlier or missing else _WHOLE} Not as it must be: {wrong or 'nothing'}.",
    ]
    lines += [f"Never measured: {', '.join(missing)}."] if missing else []
    tables = [section.markdown(earlier=section.key in earlier) for section in sections]
    return "\n".join([_HEAD, *lines, "", *tables])
