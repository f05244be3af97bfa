"""A quick selection of the reliability matrix, and what its tables are made of."""

from bench.common.section import Section
from bench.faults import values
from bench.reliability import crash
from bench.reliability.tally import Tally
from local.lambda_host.toolchain import quiet

QUICK = [
    place
    for place in crash.PLACES
    if place.step.startswith(("post_call.call_queue", "post_call.ledger:Entry", "shared.mem0"))
]


def test_instances_killed_at_the_worst_places_lose_and_double_nothing() -> None:
    section = crash.run(quiet, calls=1, places=QUICK, ways=["kill"])
    assert section.missed == []
    assert len(section.targets) == len(QUICK) + 1


def test_page_sums_up_each_section() -> None:
    section = Section(title="Duplicates")
    section.add("case", {"calls": 2, "lost": 1, "facts twice": 1, "passages twice": 2}, passed=False)
    found = values({"duplicates": section, "fuzz": Section(title="Fuzzing")})
    assert found["failed"] == 1
    assert "| Duplicates | 1 | 2 | 1 |  | 3 | **1 MISSED** |" in str(found["summary"])
    assert "| Fuzzing | 0 |  |  |  |  | reached |" in str(found["summary"])


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
