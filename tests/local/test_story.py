"""The story is true only if the second call really used the first."""

import io
import random
from dataclasses import dataclass, replace

import pytest

from local.endpoints import Endpoints
from local.remembered import Remembered
from local.story import fresh_number, holds, tell
from local.terminal import WIDTH
from tests.local.fake_memory_system import FakeSystem


def told(system: FakeSystem) -> tuple[bool, str]:
    out = io.StringIO()
    good = tell(system, out, patience=0)
    return good, out.getvalue()


def test_a_system_that_remembers_passes() -> None:
    with FakeSystem() as system:
        good, text = told(system)
    assert good
    assert "FAILED" not in text
    assert "not reached" not in text
    assert "The caller was remembered." in text
    assert "allergic to chicken" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "\033" not in text


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ({"forgets": True}, "The call was stored both ways"),
        ({"silent_prompt": True}, "The prompt held what she said"),
        ({"blurts": True}, "Another caller heard nothing"),
        ({"statuses": [500, 500, 500, 500, 500, 500]}, "The signed webhook was answered"),
        ({"statuses": [401]}, "The signed webhook was answered"),
        ({"client_data": (500, {"error": "Mem0 is down"})}, "On the first call nobody knew"),
    ],
    ids=["forgets", "silent prompt", "blurts", "500", "401", "client data fails"],
)
def test_a_system_that_does_not_remember_fails(
    fault: dict[str, object], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.elevenlabs.delivery.time.sleep", lambda _: None)
    with FakeSystem() as system:
        for name, value in fault.items():
            setattr(system, name, value)
        good, text = told(system)
    assert not good
    assert any("FAILED" in row and line in row for row in text.splitlines())
    assert "NOT remembered" in text


def test_a_second_run_does_not_live_on_the_memories_of_the_first() -> None:
    with FakeSystem() as system:
        assert told(system)[0]
        system.forgets = True
        assert not told(system)[0]


@dataclass
class Fixed:
    """A system that has nothing but endpoints."""

    endpoints: Endpoints


def test_a_failure_of_mem0_is_told_and_fails() -> None:
    out = io.StringIO()
    with FakeSystem() as system:
        fixed = Fixed(replace(system.endpoints, mem0_api_key="wrong"))
        assert not tell(fixed, out, patience=0)
    assert "answered 401" in out.getvalue()


def test_a_fresh_number_has_no_memories() -> None:
    with FakeSystem() as system, Remembered(system.endpoints) as remembered:
        same = [random.Random(3) for _ in range(2)]
        first = fresh_number(remembered, same[0])
        system.memories.append({"memory": "x", "user_id": first, "metadata": None, "created_at": ""})
        assert fresh_number(remembered, same[1]) != first


def test_words_are_found_in_any_case() -> None:
    assert holds("PIOTR has the key", ["Piotr", "Juniper"]) == ["Piotr"]
