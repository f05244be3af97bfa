"""Redrive: the cause is mended, one command moves the dead letters back, and they are remembered once."""

import os
import subprocess
import sys
from pathlib import Path

from bench.reliability.report import Section
from bench.reliability.rig import Progress, Rig, until

ROOT = Path(__file__).resolve().parents[2]
CALLS = 20
COMMAND = ("-m", "ops", "redrive")
_SECONDS = 60


def run(progress: Progress) -> Section:
    """Let calls become dead letters, mend the cause, redrive, and count."""
    section = Section(
        key="redrive",
        title="Redrive",
        about=(
            f"{CALLS} calls become dead letters. Then the cause is mended and `python -m ops redrive` is run"
            " against the queues. They must be remembered once, and no dead letter may be left."
        ),
    )
    with Rig(visibility_timeout=8, environment={"RETRY_DELAYS": "1"}, progress=progress) as rig:
        rig.system.host.warm("post-call", 4)
        for words, fault in (
            ("Mem0's key was wrong (401)", {"status": 401}),
            (
                "Mem0 rejected them (400); one of the two adds had been accepted",
                {"status": 400, "infer": True},
            ),
            ("Mem0 accepted them and each extraction failed", {"operation": "infer", "fail": True}),
            ("Mem0 answered 200 with an error body", {"status": 200, "body": {"detail": "over quota"}}),
        ):
            calls = rig.calls(CALLS)
            rig.mem0_faults({"operation": "add"} | fault)
            rig.deliver_all(calls)
            rig.drained(_SECONDS)
            before = rig.tally(calls)
            rig.mem0_faults()
            # As deployed the dead letters wait for hours: SQS's deduplication window has long passed.
            rig.system.aws.advance_clock(301)
            done = redrive(rig)
            progress(f"redrive: {words}: exit code {done.returncode}: {(done.stdout + done.stderr)[-300:]}")
            until(lambda: rig.waiting(rig.system.dead_letter_url) == 0, 20)
            rig.drained(_SECONDS)
            tally = rig.tally(calls)
            section.add(
                words,
                {"dead letters before": len(before.dead), **tally.figures()},
                passed=done.returncode == 0 and before.buried and tally.clean,
                remark=f"exit code {done.returncode}",
            )
    return section


def redrive(rig: Rig) -> subprocess.CompletedProcess[str]:
    """Run the documented command against the rig's queues."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(rig.system.data_dir),
        "AWS_ENDPOINT_URL": rig.system.aws.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local-access-key",
        "AWS_SECRET_ACCESS_KEY": "local-secret-key",
    }
    urls = ["--queue-url", rig.system.queue_url, "--dead-letter-url", rig.system.dead_letter_url]
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, *COMMAND, *urls],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
