"""What takes longer than a page may take to load: runs in the background, and a page shows how it goes."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from console.problems import problem

_KEPT = 50
Say = Callable[[str], None]


@dataclass
class Job:
    """One job.

    Attributes:
        title: what it does.
        back: the address of the page that it was started from.
        lines: what it has said.
        problem: why it failed, if it did.
        is_over: whether it has ended.
    """

    title: str
    back: str
    lines: list[str] = field(default_factory=list)
    problem: str = ""
    is_over: bool = False


class Jobs:
    """The newest jobs, by number."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    def start(self, title: str, back: str, run: Callable[[Say], None]) -> int:
        """Run something in a thread of its own; its number."""
        number = next(self._numbers)
        job = self._jobs[number] = Job(title, back)
        self._jobs.pop(number - _KEPT, None)

        def work() -> None:
            try:
                run(job.lines.append)
            except Exception as error:  # noqa: BLE001 - whatever it is, the job's page tells it
                job.problem = str(problem(error))
            finally:
                job.is_over = True

        threading.Thread(target=work, name=title, daemon=True).start()
        return number

    def get(self, number: int) -> Job | None:
        """A job; None if there is none of this number any more."""
        return self._jobs.get(number)
