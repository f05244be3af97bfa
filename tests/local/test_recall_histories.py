"""Reading LoCoMo's format."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from bench.recall import CHOSEN_ON, DATA
from bench.retrieval.histories import HistoryError, load, with_questions_of_others

LOCOMO: dict[str, Any] = {
    "conversation": {
        "speaker_a": "Ann",
        "speaker_b": "Bo",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ann", "dia_id": "D1:1", "text": "I went to Lund.", "img_url": ["x"]},
            {"speaker": "Bo", "dia_id": "D1:2", "text": "Nice!"},
        ],
        "session_2_date_time": "1:00 am on 9 May, 2023",
        "session_2": [],
    },
    "qa": [
        {"question": "Where did Ann go?", "answer": "Lund", "evidence": ["D1:1; D1:2"], "category": 4},
        {"question": "What is Bo's cat called?", "evidence": ["D9:9"], "category": 5},
    ],
}


def write(folder: Path, value: object) -> Path:
    file = folder / "data.json"
    file.write_text(json.dumps(value))
    return file


def test_locomo_is_read(tmp_path: Path) -> None:
    (history,) = load(write(tmp_path, [LOCOMO]))
    (session,) = history.sessions
    assert session.start == 1_683_554_160
    assert [(turn.role, turn.text) for turn in session.turns] == [
        ("user", "I went to Lund."),
        ("agent", "Nice!"),
    ]
    assert [question.evidence for question in history.questions] == [("D1:1", "D1:2"), ()]
    assert [question.kind for question in history.questions] == ["detail", "none"]


def test_first_speaker_is_the_caller_if_nobody_is_named(tmp_path: Path) -> None:
    value = copy.deepcopy(LOCOMO)
    del value["conversation"]["speaker_a"]
    (history,) = load(write(tmp_path, [value]))
    assert history.turn("D1:1").role == "user"


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("session_1", "text", "session_1.*valid list, not 'text'"),
        ("session_1", [{"speaker": "Ann", "dia_id": "D1:1"}], r"session_1\.0\.text: Field required"),
        ("session_1_date_time", "yesterday", "session_1_date_time: 'yesterday' is no time"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, place: str, value: object, words: str) -> None:
    wrong = copy.deepcopy(LOCOMO)
    wrong["conversation"][place] = value
    with pytest.raises(HistoryError, match=words):
        load(write(tmp_path, [wrong]))


@pytest.mark.parametrize("value", [{}, [], [1], [{"conversation": {}}]])
def test_other_json_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(HistoryError):
        load(write(tmp_path, value))


@pytest.mark.parametrize("file", [DATA, CHOSEN_ON])
def test_own_sets_are_as_varied_as_promised(file: Path) -> None:
    histories = load(file)
    questions = [question for history in histories for question in history.questions]
    assert len(histories) >= 6
    assert sum(len(history.sessions) for history in histories) >= 30
    assert sum(bool(question.evidence) for question in questions) >= 150
    assert {question.kind for question in questions} >= {"update", "date", "name", "negation", "none"}
    assert len({history.number for history in histories}) == len(histories)
    assert all(not question.evidence for question in questions if question.kind == "none")
    assert len(load(file, limit=2)) == 2


def test_callers_of_the_two_sets_are_different() -> None:
    names = [{history.name for history in load(file)} for file in (DATA, CHOSEN_ON)]
    assert not names[0] & names[1]


def test_questions_of_others_have_no_answer_and_name_this_caller() -> None:
    before = load(DATA)
    after = with_questions_of_others(before, 5)
    for old, new in zip(before, after, strict=True):
        more = new.questions[len(old.questions) :]
        assert len(more) == 5
        assert not any(question.evidence for question in more)
        others = [history.caller for history in before if history is not old]
        assert not any(
            f"{name} " in question.text for name in others for question in more if name != old.caller
        )
