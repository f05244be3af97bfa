"""Turns text into vectors, with the model that ships inside the `wordllama` wheel.

It needs no download, no GPU and 0.2 ms a sentence. It averages word vectors, so it knows that "puppy" is near
"dog", and little about word order.
"""

import logging
import os
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

DIMENSIONS = 256
# Beyond this a memory is a book; one token is 1 KiB while it is averaged, so 100,000 characters cost 25 MB.
LONGEST_TEXT = 100_000

_loading = threading.Lock()


def _model() -> Any:
    """The model, loaded once per process: about 1.5 s on two cores."""
    with _loading:
        return _load()


@cache
def _load() -> Any:
    # One thread is enough for a sentence, and the pool of threads would not survive a fork.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Importing wordllama calls logging.basicConfig(level=INFO), which would change the host program's log.
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import wordllama  # noqa: PLC0415 - half a second that only the first memory should pay

    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    root.handlers[:] = handlers
    root.setLevel(level)
    return model


def preload() -> threading.Thread:
    """Start loading the model beside whatever the process does next; the first embedding waits for it."""
    thread = threading.Thread(target=_model, name="mem0-model", daemon=True)
    thread.start()
    return thread


def embed(texts: Sequence[str]) -> Vectors:
    """Vectors of unit length (float32), one row of 256 for each text; without a known word, the zero vector.

    Each text goes through the model alone: in a batch all are padded to the longest, which costs gigabytes
    when one is long and makes a vector depend on its neighbors in the last digits.
    """
    rows = np.zeros((len(texts), DIMENSIONS), np.float32)
    for row, text in zip(rows, texts, strict=True):
        if clean := text[:LONGEST_TEXT].strip():
            vector = np.asarray(_model().embed([clean])[0], dtype=np.float32)
            norm = float(np.linalg.norm(vector))
            if np.isfinite(norm) and norm > 0:
                row[:] = vector / norm
    return rows


class VectorTable:
    """All vectors in memory, addressed by the row number that SQLite gave the memory.

    50,000 memories are 51 MB; a caller's similarities are one matrix product over that caller's rows.
    """

    def __init__(self) -> None:
        self._rows: Vectors = np.zeros((1024, DIMENSIONS), np.float32)
        self._lock = threading.Lock()

    def put(self, row: int, vector: Vectors) -> None:
        """Keep `vector` (256 floats) as row number `row`, in place of what was there."""
        with self._lock:
            if row >= len(self._rows):
                grown = np.zeros((max(row + 1, 2 * len(self._rows)), DIMENSIONS), np.float32)
                grown[: len(self._rows)] = self._rows
                self._rows = grown
            self._rows[row] = vector

    def similarities(self, rows: npt.NDArray[np.int64], vector: Vectors) -> npt.NDArray[np.float32]:
        """Cosine of `vector` with each of `rows`, cut at 0: opposite counts as unrelated."""
        with self._lock:
            table = self._rows
        cosines: npt.NDArray[np.float32] = np.clip(table[rows] @ vector, 0.0, 1.0)
        return cosines
