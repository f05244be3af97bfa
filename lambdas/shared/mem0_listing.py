"""How to read Mem0's lists: their shape, their order, their pages."""

import itertools
from collections.abc import Mapping, Sequence

from shared.mem0_failures import OddAnswerError
from shared.memories import FACTUAL, moment

PAGE_SIZE = 200
"""The most rows that Mem0 returns at once. Source: Mem0's OpenAPI file."""

_DATE = len("- 2026-03-03: \n")
_LONGEST_FACT = 600


def results(answer: object) -> list[object]:
    """The rows of an answer.

    Raises:
        OddAnswerError: if it has no list of results.
    """
    if isinstance(answer, Mapping) and isinstance(answer.get("results"), list):
        return list(answer["results"])
    raise OddAnswerError


def identity(row: object) -> str:
    """The id of a row; an empty string if it has none."""
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, str) else ""


def order(rows: Sequence[object]) -> int:
    """1 if `rows` are listed oldest first, -1 if newest first, 0 if it cannot be told. Mem0 does not say."""
    # A sample tells: of twenty moments, a list in no order has one order by chance once in 10^18.
    sample = [*rows[:: max(1, len(rows) // 20)], *rows[-1:]]
    moments = [moment(row.get("created_at") if isinstance(row, dict) else None) for row in sample]
    if len(set(moments)) < 2:  # noqa: PLR2004
        return 0
    pairs = list(itertools.pairwise(moments))
    return 1 if all(a <= b for a, b in pairs) else -1 if all(a >= b for a, b in pairs) else 0


def last_page(count: int) -> tuple[int, int]:
    """The number and the size of the last page, with the size that leaves it fullest."""
    size = max(range(PAGE_SIZE // 2, PAGE_SIZE + 1), key=lambda size: count % size or size)
    return -(-count // size), size


def enough_of(rows: Sequence[object], characters: int) -> list[object] | None:
    """The first of `rows` whose facts fill so many characters of a prompt; None if all together do not.

    It counts with care: each fact once, with the date that will stand before it, and only as many characters
    of a long one as surely remain of it.
    """
    longest = min(_LONGEST_FACT, characters // 12)
    told = set()
    for at, row in enumerate(rows, 1):
        if isinstance(row, dict) and isinstance(metadata := row.get("metadata"), dict):
            text = row.get("memory")
            if metadata.get("type") == FACTUAL and isinstance(text, str) and text not in told:
                told.add(text)
                characters -= _DATE + min(len(text), longest)
                if characters <= 0:
                    return list(rows[:at])
    return None
