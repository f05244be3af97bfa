"""Runs the command line: `python -m local`."""

import os
import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command line handles it: no stack trace
    from local.cli import INTERRUPTED, main

    exit_code = main()
    if exit_code > INTERRUPTED:
        os._exit(exit_code)  # the command's thread may still be anywhere
    sys.exit(exit_code)
