"""`make run` as it is typed: the story through the real functions, which must end well."""

import io

import pytest

from local.story import tell
from local.system import System


def test_the_caller_is_remembered_by_the_real_system(system: System) -> None:
    out = io.StringIO()
    assert tell(system, out), out.getvalue()
    assert "FAILED" not in out.getvalue()


@pytest.mark.parametrize("name", ["Juniper", "Piotr", "chicken", "Maria"])
def test_persona_that_ships_names_nothing_of_any_caller(name: str) -> None:
    """An example in a prompt is heard by every caller, sooner or later."""
    from client_data import personas  # noqa: PLC0415 - beside the only test that reads it

    assert name not in personas.prompt("", "")
