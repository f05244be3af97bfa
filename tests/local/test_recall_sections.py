"""The naive shapes, the speed, and the sections that tell all of it."""

import pytest

from bench.common.section import Section
from bench.recall import DATA
from bench.retrieval import naive, scale
from bench.retrieval.histories import History, load
from bench.retrieval.run import Results, Stored
from bench.retrieval.score import score
from bench.retrieval.sections import Recall
from local.lambda_host.toolchain import quiet


@pytest.fixture(scope="module")
def histories() -> list[History]:
    return load(DATA, limit=1)


def results(text: str, semantic: int = 2) -> Results:
    answers = [score("update", ["I moved to Lund."], [text]), score("none", [], [])]
    return Results([Stored(1000, semantic, 3)], answers, answers, [True, False])


def recall(histories: list[History], text: str = "I moved to Lund.", semantic: int = 2) -> Recall:
    made = Recall(histories, [], quiet)
    made.ours = results(text, semantic)
    made.shapes = {words: results("no") for words in naive.SHAPES.values()}
    return made


def targets(section: Section) -> dict[str, bool]:
    return {target.what: target.reached for target in section.targets}


def test_sections_tell_what_was_found(histories: list[History]) -> None:
    made = recall(histories)
    assert all(targets(made.found()).values())
    beside = made.naive()
    assert "| one memory a turn | 0.0% | 0.0% | 0.0% |" in beside.markdown()
    assert [chart.name for chart in beside.charts] == ["recall-found.svg", "recall-read.svg"]
    assert "| updates of old facts | 1 | 100.0% |" in made.kinds().markdown()
    assert "tells 50.0% of 2 latest facts" in made.context().how
    assert "finds the evidence of 100% of the questions fewer" in made.first_sentence()


def test_targets_are_missed_where_nothing_is_found_or_too_much_is_kept(histories: list[History]) -> None:
    assert not targets(recall(histories, text="no").found())["evidence found in three memories"]
    tight = [
        reached
        for what, reached in targets(recall(histories, semantic=3).found()).items()
        if "one memory" in what
    ]
    assert tight == [False]


@pytest.mark.parametrize("shape", naive.SHAPES)
def test_naive_shape_finds_something(shape: str, histories: list[History]) -> None:
    found = naive.run(shape, histories, quiet)
    assert len(found.answers) == len(histories[0].questions)
    assert any(answer.hit(3) for answer in found.answers)


def test_speed_is_measured_over_http(histories: list[History]) -> None:
    assert all(milliseconds > 0 for milliseconds in scale.measure(histories, quiet, memories=100, callers=2))
