"""A quick selection of the reliability matrix, and what its tables are made of."""

from pathlib import Path

from bench.reliability import crash
from bench.reliability.calls import Tally
from bench.reliability.page import page
from bench.reliability.report import Results, Section, broken_off
from local.lambda_host.toolchain import quiet

QUICK = [
    place
    for place in crash.PLACES
    if place.step.startswith(("post_call.call_queue", "post_call.ledger:Entry", "shared.mem0"))
]


def test_instances_killed_at_the_worst_places_lose_and_double_nothing() -> None:
    section = crash.run(quiet, calls=1, places=QUICK, ways=["kill"])
    assert section.failures == []
    assert len(section.rows) == len(QUICK) + 1


def test_section_becomes_a_table_and_names_what_is_wrong() -> None:
    section = Section(key="k", title="T", about="About.")
    section.add("first", {"calls": 2, "lost": 0}, passed=True)
    section.add("second | odd", {"calls": 2, "twice": 1}, passed=False, remark="why")
    text = section.markdown()
    assert "| case | calls | lost | twice | result | remark |" in text
    assert "| second \\| odd | 2 |  | 1 | **FAILED** | why |" in text
    assert [row.case for row in section.failures] == ["second | odd"]


def section_of(key: str, title: str, *, passed: bool = True) -> Section:
    section = Section(key=key, title=title, about="About.", seconds=41.6, measured="2026-01-02 03:04 UTC")
    section.add("case", {"calls": 1}, passed=passed)
    return section


def test_newest_result_of_each_section_is_kept(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    results.keep([section_of("crash", "old"), section_of("load", "other")])
    results.keep([section_of("crash", "new")])
    found = results.sections(["size", "load", "crash"])
    assert [(section.title, section.rows[0].figures) for section in found] == [
        ("other", {"calls": 1}),
        ("new", {"calls": 1}),
    ]


def test_whole_run_stands_alone(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    results.keep([section_of("crash", "old"), section_of("load", "old")])
    results.keep([section_of("crash", "new")], alone=True)
    assert [section.title for section in results.sections(["crash", "load"])] == ["new"]


def test_section_that_could_not_be_run_takes_the_place_of_its_older_result(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    results.keep([section_of("crash", "old")])
    results.keep([broken_off("crash", "ValueError: no")])
    (found,) = results.sections(["crash"])
    assert "not run to its end: ValueError: no" in found.markdown()
    assert len(found.failures) == 1


def test_page_says_what_was_measured_when() -> None:
    sections = [section_of("crash", "Now"), section_of("load", "Before", passed=False)]
    text = page(sections, missing=["size"], now=["crash"], began="2026-02-03 04:05 UTC", seconds=90)
    assert "Measured on 2026-02-03 04:05 UTC, in 1.5 minutes" in text
    assert "Failed cases: 1." in text
    assert "Never measured: size." in text
    assert "| Now | 1 | 1 |  |  |  | passed |" in text
    assert "| Before | 1 | 1 |  |  |  | **1 FAILED** |" in text
    assert "<summary>Now: 1 case</summary>\n\nTook 42 s.\n" in text
    assert "<summary>Before: 1 case</summary>\n\n**Not run then.** Measured on 2026-01-02 03:04 UTC" in text


def test_page_of_a_whole_run_says_so() -> None:
    text = page([section_of("crash", "Now")], now=["crash"], began="2026-02-03 04:05 UTC", seconds=90)
    assert "All sections are from one run." in text
    assert "Not run then" not in text


def tally_of(*, remembered: int = 1, dead: int = 0, unexplained: int = 0) -> Tally:
    both = ["a"] * min(remembered, dead)
    return Tally(
        calls=1,
        remembered=["a"] * remembered,
        dead=["a"] * dead,
        lost=[],
        both=both,
        unexplained=["a"] * unexplained,
        facts_twice=0,
        passages_twice=0,
    )


def test_call_that_is_remembered_and_a_dead_letter_is_neither_clean_nor_dead_lettered() -> None:
    assert tally_of().clean
    assert tally_of(remembered=0, dead=1).dead_lettered
    both = tally_of(dead=1)
    assert not both.clean
    assert not both.dead_lettered
    assert both.figures()["both"] == 1


def test_dead_letter_without_a_reason_is_not_counted_as_dead_lettered() -> None:
    assert not tally_of(remembered=0, dead=1, unexplained=1).dead_lettered
