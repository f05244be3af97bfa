"""`make live`: what the stand-ins promise, asked of the real ElevenLabs and the real Mem0.

The suite is tests/contract, which `make test` runs against the stand-ins. It needs the keys of a workspace
and of a project, says first what it costs, and removes everything that it made. What is not documented is
reported as it was found.
Exit code 1 if a promise does not hold, 2 if a key is missing or nobody agreed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
SUITE = "tests/contract"
KEYS = {
    "ELEVENLABS_API_KEY": "ElevenLabs, Developers, API keys: convai_read, convai_write, webhooks_write",
    "MEM0_API_KEY": "https://app.mem0.ai, Settings, API keys",
}
CANNOT_START = 2
_UNKNOWN = "test_unknown_"
_COSTLY = ("mem0 add", "mem0 extractions", "mem0 search")


def main() -> int:
    """Run the suite twice, against the stand-ins and against the real services; 0 if all holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether the cost is fine")
    options = parser.parse_args()
    if missing := [name for name in KEYS if not os.environ.get(name, "").strip()]:
        for name in missing:
            print(f"{name} is not set: make one at {KEYS[name]}", file=sys.stderr)
        print("They should be of a workspace and a project for tests.", file=sys.stderr)
        return CANNOT_START
    with tempfile.TemporaryDirectory() as folder:
        counts, report = Path(folder) / "counts.json", Path(folder) / "report.xml"
        print("Against the stand-ins:", flush=True)
        if code := _pytest(AMEM_COUNTS=str(counts)):
            return code
        print(cost(Counter(json.loads(counts.read_text(encoding="utf-8")))), flush=True)
        if not options.yes and not _agreed():
            print("Nothing was sent. Add --yes (make live YES=1) if that is meant.", file=sys.stderr)
            return CANNOT_START
        code = _pytest(f"--junit-xml={report}", "-o", "junit_family=legacy", "--tb=short", AMEM_LIVE="1")
        print(findings(report))
    return code


def cost(requests: Counter[str]) -> str:
    """What a run costs, by the requests that the stand-ins have counted."""
    total = dict.fromkeys(("elevenlabs", "mem0"), 0)
    for name, count in requests.items():
        if name != "mem0 extractions":
            total[name.partition(" ")[0]] += count
    adds, extractions, searches = (requests[name] for name in _COSTLY)
    elevenlabs = os.environ.get("ELEVENLABS_BASE_URL") or "https://api.elevenlabs.io"
    return f"""
Against the real services, this will send
  {total["elevenlabs"]:4} requests to {elevenlabs}: no call, no speech, no credits
  {total["mem0"]:4} requests to {os.environ.get("MEM0_HOST") or "https://api.mem0.ai"}: {adds} adds \
({extractions} with an extraction), {searches} searches, and more while it waits
It makes webhooks, secrets, tools, agents and users named amem_contract_..., and removes them. It changes the
workspace's post-call webhook for a moment if none is set, and not at all otherwise."""


def findings(report: Path) -> str:
    """What was found where nothing is documented."""
    lines = ["", "Not documented, and found:"]
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own file
        name = str(case.get("name"))
        if name.startswith(_UNKNOWN):
            skipped = case.find("skipped")
            seen = [entry.get("value") for entry in case.iter("property") if entry.get("name") == "saw"]
            what = "; ".join(map(str, seen))
            if skipped is not None:
                what = f"not asked: {skipped.get('message')}"
            lines.append(f"  {name.removeprefix(_UNKNOWN).replace('_', ' ')}: {what or 'failed'}")
    return "\n".join(lines)


def _pytest(*options: str, **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", SUITE, *options]
    known = {name: value for name, value in os.environ.items() if name not in ("AMEM_LIVE", "AMEM_COUNTS")}
    done = subprocess.run(command, cwd=ROOT, env=known | environment, check=False)  # noqa: S603 - our own
    return 1 if done.returncode else 0


def _agreed() -> bool:
    return sys.stdin.isatty() and input("Type yes to go on: ").strip() == "yes"


if __name__ == "__main__":
    sys.exit(main())
