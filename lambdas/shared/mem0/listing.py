"""How to read Mem0's lists: their shape, their order, their pages."""

import itertools
from collections.abc import Mapping, Sequence

from shared.mem0.failures import OddAnswerError
from shared.memory import moment

PAGE_SIZE = 200
"""The most rows that Mem0 returns at once. Source: Mem0's OpenAPI file."""


def results(answer: object) -> list[object]:
    """The rows of an answer.

    Raises:
        OddAnswerError: if it has no list of results.
    """
    if isinstance(answer, Mapping) and isinstance(answer.get("results"), list):
        return list(answer["results"])
    raise OddAnswerError


def without_repeats(rows: Sequence[object]) -> list[object]:
    """`rows` with one of each id; rows without one are all kept."""
    by_id = {
        row["id"] if isinstance(row, dict) and isinstance(row.get("id"), str) else at: row
        for at, row in enumerate(rows)
    }
    return list(by_id.values())


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
