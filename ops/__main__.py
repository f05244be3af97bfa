"""`python -m ops`, which the script `amem` runs."""

import os
import signal
import sys
import warnings

INTERRUPTED = 130


def _leave(_number: int, _frame: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    # While modules are imported, for most of a second, nothing has begun that has to be ended in order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from ops.cli import main

    # The SDK uses names that pydantic would rather not have; that is no matter of an operator.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="elevenlabs")
    sys.exit(main())
