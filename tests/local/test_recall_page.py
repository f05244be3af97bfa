"""The naive shapes, the speed, and the page that tells all of it."""

from xml.etree import ElementTree as ET

import pytest

from bench.evidence import naive, page, scale
from bench.evidence.histories import History, load
from bench.evidence.judge import judge
from bench.evidence.play import Outcome, Stored
from bench.recall import DATA


@pytest.fixture(scope="module")
def histories() -> list[History]:
    return load(DATA, limit=1)


def quiet(_words: str) -> None:
    """Nobody is told."""


def outcome(text: str, semantic: int = 2) -> Outcome:
    answers = [judge("update", ["I moved to Lund."], [text]), judge("none", [], [])]
    return Outcome([Stored(1000, semantic, 3)], answers, answers, [True, False])


def run(histories: list[History], text: str = "I moved to Lund.", semantic: int = 2) -> page.Run:
    return page.Run(
        histories,
        outcome(text, semantic),
        {shape: outcome("no") for shape in naive.SHAPES},
        scale.Speed(10, 2, 1.0, 60.0),
    )


def test_page_tells_what_was_reached_and_what_was_missed(histories: list[History]) -> None:
    text = page.page(run(histories))
    assert "- Reached: evidence found for 100.0% of the questions" in text
    assert "- **Missed**: the stand-in's search: p50 1 ms, p99 60 ms" in text
    assert "| one memory a turn | 0.0% | 0.0% | 0.0% |" in text
    assert "| updates of old facts | 1 | 100.0% |" in text
    assert "tells 50.0% of 2 latest facts" in text
    assert "$" not in text


def test_missed_targets_are_no_success(histories: list[History]) -> None:
    assert not all(run(histories, text="no").targets().values())
    reached = run(histories, semantic=3).targets()
    assert [good for words, good in reached.items() if "more than one memory" in words] == [False]


def test_charts_are_svg(histories: list[History]) -> None:
    drawn = page.charts(run(histories))
    assert set(drawn) == set(page.CHARTS)
    assert all(ET.fromstring(each).tag.endswith("svg") for each in drawn.values())  # noqa: S314 - our own


@pytest.mark.parametrize("shape", naive.SHAPES)
def test_each_naive_shape_finds_something(shape: str, histories: list[History]) -> None:
    played = naive.play(shape, histories, quiet)
    assert len(played.answers) == len(histories[0].questions)
    assert any(answer.hit(3) for answer in played.answers)


def test_speed_is_measured_over_http(histories: list[History]) -> None:
    speed = scale.measure(histories, quiet, memories=100, callers=2)
    assert 0 < speed.p50 <= speed.p99
