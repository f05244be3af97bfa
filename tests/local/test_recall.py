"""The command that measures recall: its exit codes and its words."""

import json
from pathlib import Path

import pytest

from bench import recall


def test_file_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recall.main(["--data", str(tmp_path / "none.json")]) == 2
    assert "none.json cannot be read" in capsys.readouterr().err


def test_file_of_another_shape_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "odd.json"
    file.write_text(json.dumps([{"conversation": {"session_1": []}}]))
    assert recall.main(["--data", str(file)]) == 2
    assert "0.qa: Field required" in capsys.readouterr().err


def test_limit_must_be_a_number_of_callers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        recall.main(["--limit", "none"])
    assert refused.value.code == 2
    assert "give 1 or more" in capsys.readouterr().err


def test_page_is_not_written_from_other_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        recall.main(["--data", "other.json", "--docs", str(tmp_path)])
    assert refused.value.code == 2
    assert "a whole run only" in capsys.readouterr().err
