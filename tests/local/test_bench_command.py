"""The frame of the bench commands: what is written when, and which exit code says what."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.common.charts import OURS, Bar
from bench.common.command import MeasureError, Run, parser
from bench.common.section import Section
from local.lambda_host.toolchain import ROOT

NAMES = ("one", "two")
PROGRAM = """
import threading
from bench.common.command import start
threading.Thread(target=threading.Event().wait).start()
def main():
    try:
        print("began", flush=True)
        threading.Event().wait()
    finally:
        print("cleared up", flush=True)
start(main)
"""


def section_of(name: str, *, passed: bool = True) -> Section:
    section = Section(title=name.capitalize(), how="How.")
    section.add("case", {"calls": 1}, passed=passed)
    section.chart(f"{name}.svg", "Chart", [[Bar(label="a", value=1.0, words="1", colour=OURS)]])
    return section


def finished(folder: Path, *arguments: str, two: Callable[[], Section]) -> tuple[Run, str]:
    """A run with these options, and the page that it wrote."""
    template = folder / "page.md"
    template.write_text("$measured\n$targets\n$sections\n$folded\n$more")
    run = Run(parser("About.", NAMES), NAMES, arguments)
    run.measure({"one": lambda: section_of("one"), "two": two})
    run.finish(template, lambda: {"more": "More."})
    page = folder / "docs" / "page.md"
    return run, page.read_text() if page.exists() else ""


@pytest.mark.parametrize("quick", [False, True])
def test_page_tells_what_was_measured_when_and_against_what(tmp_path: Path, *, quick: bool) -> None:
    options = ["--docs", str(tmp_path / "docs"), *(["--quick"] if quick else [])]
    run, page = finished(tmp_path, *options, two=lambda: section_of("two"))
    assert (run.code, run.times(20), run.times(20, 5)) == (0, 2 if quick else 20, 5 if quick else 20)
    assert "Measured on 20" in page
    assert "stand-ins on the same machine" in page
    assert ("A quick run" in page) is quick
    assert "## One\n\nHow.\n\n![Chart](charts/one.svg)" in page
    assert "<details><summary>Two: 1 case</summary>\n\nTook 0 s.\n\nHow.\n" in page
    assert page.endswith("More.")
    assert (tmp_path / "docs" / "charts" / "two.svg").exists()


@pytest.mark.parametrize("arguments", [["--quick"], ["--only", "one"], ["--only", "one,two", "--quick"]])
def test_partial_and_quick_runs_write_no_page_in_docs(arguments: list[str]) -> None:
    assert Run(parser("About.", NAMES), NAMES, arguments).docs is None


@pytest.mark.parametrize("arguments", [["--only", "one", "--docs", "x"], ["--only", "one,three"]])
def test_page_of_a_part_and_unknown_sections_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        Run(parser("About.", NAMES), NAMES, arguments)
    assert refused.value.code == 2


def test_section_that_breaks_off_keeps_the_page_from_being_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Section:
        raise MeasureError("not remembered")

    run, page = finished(tmp_path, "--docs", str(tmp_path / "docs"), two=fail)
    assert (run.code, page, list(run.sections)) == (1, "", ["one"])
    shown = capsys.readouterr()
    assert shown.err == "two: not remembered\n"
    assert "page.md is not written: two could not be measured" in shown.out


def test_missed_target_is_named_and_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = finished(tmp_path, "--only", "two", two=lambda: section_of("two", passed=False))
    assert (run.code, list(run.sections)) == (1, ["two"])
    assert "MISSED: case" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_command_cleanly(number: int, code: int) -> None:
    command, environment = [sys.executable, "-c", PROGRAM], {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "began\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (code, "cleared up\n", "\nstopped; nothing was written\n")
