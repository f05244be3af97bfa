"""What is stored, and until when, is a setting; days count from the call."""

import pytest

from post_call import retention
from shared.memories import FACTUAL, SEMANTIC

START = 1_772_532_000  # 3 March 2026


def test_without_settings_both_types_are_kept_for_ever() -> None:
    assert retention.stored_types() == (FACTUAL, SEMANTIC)
    assert retention.expiry(FACTUAL, START) == retention.expiry(SEMANTIC, START) == {}


@pytest.mark.parametrize("kind", [FACTUAL, SEMANTIC])
def test_one_type_alone_can_be_stored(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_TYPES", kind)
    assert retention.stored_types() == (kind,)


def test_days_count_from_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMANTIC_RETENTION_DAYS", "30")
    assert retention.expiry(SEMANTIC, START) == {"expiration_date": "2026-04-02"}
    assert retention.expiry(FACTUAL, START) == {}


@pytest.mark.parametrize("days", ["0", "-1", "soon", "1e9"])
def test_days_that_make_no_sense_are_refused(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTUAL_RETENTION_DAYS", days)
    with pytest.raises(ValueError, match="FACTUAL_RETENTION_DAYS must be"):
        retention.expiry(FACTUAL, START)


def test_unknown_type_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_TYPES", "none")
    with pytest.raises(ValueError, match="STORE_TYPES must be one of both, factual, semantic"):
        retention.stored_types()
