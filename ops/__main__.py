"""`python -m ops`, which the script `amem` runs."""

import sys

from ops.cli import main

if __name__ == "__main__":
    sys.exit(main())
