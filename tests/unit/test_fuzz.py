"""Whatever arrives: never an exception, a stack trace, or a 500 for what is the sender's fault."""

from pathlib import Path

from bench.reliability.fuzz import fuzz, handlers

INPUTS = 500


def test_no_input_upsets_a_handler(tmp_path: Path) -> None:
    with handlers(tmp_path) as made:
        fuzz(made, INPUTS)
        assert sum(made.statuses.values()) >= INPUTS
        assert {"200", "400", "401"} <= made.statuses.keys()
