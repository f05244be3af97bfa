"""The operator's commands: what docs/operations.md tells people to run.

They run on the operator's machine with the operator's AWS credentials, never in Lambda. They read the
messages with the functions' own code, so that the format of a message is written down once.
"""

import sys
from pathlib import Path

# `python -m ops` finds the folder it is started in, and the functions' packages are one below.
_LAMBDAS = str(Path(__file__).resolve().parent.parent / "lambdas")
if _LAMBDAS not in sys.path:
    sys.path.append(_LAMBDAS)
