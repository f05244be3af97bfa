"""Turns text into vectors, with the model that ships inside the ``wordllama`` wheel.

Why wordllama: it needs no download, no GPU and 0.2 ms a sentence. The model averages word vectors, so it
knows that "puppy" is near "dog" and little about word order. This module refuses to download anything.
"""

import logging
import os
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

DIMENSIONS = 256
# Beyond this a memory is a book; one token is 1 KiB while it is averaged, so 100,000 characters cost 25 MB.
LONGEST_TEXT = 100_000

_lock = threading.Lock()
_loaded: list[Any] = []


def _model() -> Any:
    """The model, loaded once per process: about 1.5 s on two cores."""
    with _lock:
        if not _loaded:
            # One thread is enough for a sentence, and the pool of threads would not survive a fork.
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
            # Importing wordllama calls logging.basicConfig(level=INFO), which would change the host program's
            # log.
            root = logging.getLogger()
            handlers, level = list(root.handlers), root.level
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import wordllama  # noqa: PLC0415 - half a second that only the first memory should pay

                _loaded.append(
                    wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
                )
            root.handlers[:] = handlers
            root.setLevel(level)
        return _loaded[0]


def preload() -> threading.Thread:
    """Start loading the model beside whatever the process does next; the first embedding waits for it."""
    thread = threading.Thread(target=_model, name="mem0-model", daemon=True)
    thread.start()
    return thread


def embed(texts: Iterable[str]) -> Vectors:
    """Vectors of unit length, one row per text.

    Each text goes through the model alone: in a batch all are padded to the longest, which costs gigabytes
    when one is long and makes a vector depend on its neighbours in the last digits.

    Args:
        texts: Any texts; one without a single known token becomes the zero vector, near to nothing.

    Returns:
        float32 array of shape (number of texts, 256).
    """
    model = _model()
    rows = []
    for text in texts:
        clean = text[:LONGEST_TEXT].strip()
        vector = (
            np.asarray(model.embed([clean])[0], dtype=np.float32)
            if clean
            else np.zeros(DIMENSIONS, np.float32)
        )
        norm = float(np.linalg.norm(vector))
        rows.append(vector / norm if np.isfinite(norm) and norm > 0 else np.zeros(DIMENSIONS, np.float32))
    return np.vstack(rows).astype(np.float32) if rows else np.zeros((0, DIMENSIONS), np.float32)


class VectorTable:
    """All vectors in memory, addressed by the row number that SQLite gave the memory.

    50,000 memories are 51 MB; a caller's similarities are one matrix product over that caller's rows.
    """

    def __init__(self) -> None:
        self._rows: Vectors = np.zeros((1024, DIMENSIONS), np.float32)
        self._lock = threading.Lock()

    def put(self, row: int, vector: Vectors) -> None:
        """Keep ``vector`` (256 floats) as row number ``row``, in place of what was there."""
        with self._lock:
            if row >= len(self._rows):
                grown = np.zeros((max(row + 1, 2 * len(self._rows)), DIMENSIONS), np.float32)
                grown[: len(self._rows)] = self._rows
                self._rows = grown
            self._rows[row] = vector

    def similarities(self, rows: npt.NDArray[np.int64], vector: Vectors) -> npt.NDArray[np.float32]:
        """Cosine of ``vector`` with each of ``rows``, cut at 0: opposite counts as unrelated."""
        with self._lock:
            table = self._rows
        cosines: npt.NDArray[np.float32] = np.clip(table[rows] @ vector, 0.0, 1.0)
        return cosines
