"""Doctor's matrix: each cause is made alone in a connected stage, and `amem doctor` must name it alone."""

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.common.rig import Progress
from bench.common.section import Section
from local.lambda_host.toolchain import ROOT
from ops.doctor import CHECKS
from tests.ops.test_doctor import MATRIX

_TESTS = "tests/ops/test_doctor.py"


def run(progress: Progress) -> Section:
    """Run the matrix, and tell how each cause was found."""
    section = Section(
        title="What doctor names",
        how=(
            "A stage is connected to the workspace stand-in, and one thing is changed. *Finding* is the check"
            " that has to report it, alone; *remedy* is what it tells to do."
        ),
    )
    progress(f"{len(MATRIX)} causes")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", _TESTS, f"--junit-xml={report}"]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)  # noqa: S603 - our own tests
        cases = {str(case.get("name")): case for case in ET.parse(report).iter("testcase")}  # noqa: S314
    for cause, check in MATRIX.items():
        case = cases.get(f"test_cause_is_the_one_finding[{cause.__name__}]")
        found = case is not None and case.find("failure") is None and case.find("error") is None
        figures = {"finding": check, "remedy": CHECKS[check].remedy}
        section.add(cause.__name__.replace("_", " "), figures, passed=found)
    return section
