"""Whatever arrives: never an exception, a stack trace, or a 500 for what is the sender's fault."""

from tests.unit.fuzzing import fuzz, handlers

INPUTS = 500


def test_no_input_upsets_a_handler() -> None:
    with handlers() as fuzzed:
        fuzz(fuzzed, INPUTS)
        assert sum(fuzzed.statuses.values()) >= INPUTS
        assert {"200", "400", "401"} <= fuzzed.statuses.keys()
