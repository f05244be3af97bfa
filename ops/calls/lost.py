"""Which calls are dead letters, and why."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ops import dead_letters
from ops.deployment import Deployment
from post_call import messages

_KEPT_SECONDS = 60


class LostCalls:
    """The reasons of dead letters by conversation id; threads may share it.

    Reading dead letters hides them from others for a moment, `amem redrive` included. So they are read when
    their number has changed, and else once a minute.

    Args:
        deployment: the stage.
        sqs: boto3's client.
    """

    def __init__(self, deployment: Deployment, sqs: Any) -> None:
        self._deployment = deployment
        self._sqs = sqs
        self._lock = threading.Lock()
        self._count = 0
        self._read_at = 0.0
        self._reasons: Mapping[str, str] = {}

    def reasons(self) -> Mapping[str, str]:
        """Why calls are among the dead letters."""
        url = self._deployment.output("DeadLetterQueueUrl")
        with self._lock:
            count = sum(dead_letters.count(self._sqs, url))
            if count != self._count or time.monotonic() - self._read_at > _KEPT_SECONDS:
                letters = self._read(url) if count else []
                self._reasons = dict(_by_conversation(letters))
                # Of fewer than there are, another reader holds some: they are read again the next time.
                self._count, self._read_at = len(letters), time.monotonic()
            return self._reasons

    def _read(self, url: str) -> list[dead_letters.DeadLetter]:
        with dead_letters.Reader(self._sqs, url) as reader:
            return list(reader.read())


def _by_conversation(letters: Iterable[dead_letters.DeadLetter]) -> Iterator[tuple[str, str]]:
    for letter in letters:
        try:
            content = messages.read(letter.body)
        except messages.UnreadableError:
            continue
        if isinstance(content, messages.QueuedCall):
            yield content.record.conversation_id, letter.reason
        else:
            data = content.event.get("data") if isinstance(content.event, Mapping) else None
            yield str(data.get("conversation_id") if isinstance(data, Mapping) else None), letter.reason
