"""docs/reliability.md: the words around the tables."""

import os
import platform
from collections.abc import Sequence

from bench.reliability.report import Section

_HEAD = """# Reliability

A call is safe once PostCall has answered 200. From then on it is remembered, or it stands in the dead-letter
queue with the reason; there is no third place. This page is the proof: `make faults` breaks the running
system on purpose, counts what became of each call, and writes this page. `bench/faults.py --only crash,load`
runs parts of it.

The functions are the deployed code in Lambda's own runtime client, each instance a process of its own. SQS,
DynamoDB and Secrets Manager are moto, made fit for races (`local/aws/`); Mem0 is the stand-in
(`local/mem0/`). What was remembered is counted in the stand-in's file, where each accepted add is an event,
also one whose answer was lost. Visibility timeouts, claims and retry delays are shortened, and ElevenLabs'
retry schedule runs 600 times faster, so that hours pass in minutes; nothing else differs from what is
deployed.

*Lost*: neither remembered nor among the dead letters. *Facts twice*, *passages twice*: adds that Mem0
accepted beyond one of each kind a call.

Sections may come from separate runs: `--only` renews its sections and keeps the newest result of the others.
The minutes are the sum over all sections.
"""


def page(sections: Sequence[Section]) -> str:
    """The whole page."""
    measured = f"Measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    seconds = sum(section.seconds for section in sections)
    wrong = sum(len(section.failures) for section in sections)
    summary = f"{measured}, in {seconds / 60:.0f} minutes. Not as it must be: {wrong or 'nothing'}."
    return "\n".join([_HEAD, summary, "", *(section.markdown() for section in sections)])
