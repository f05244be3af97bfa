"""What starts inside an instance: a bare Python whose imports are Lambda's, then Amazon's own runtime client.

Run as `python -I -S -B bootstrap.py`, so that an import that Lambda lacks fails here as it would there. Each
import of its own would count as the function's cold start.
"""

import os
import sys


def main() -> None:
    """Set the import path from LOCAL_IMPORT_PATH, forget it, and hand over to awslambdaric's main."""
    folders = os.environ.pop("LOCAL_IMPORT_PATH").split(os.pathsep)
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would be one more import
    sys.path[:] = folders + [path for path in sys.path if path != here]
    steps = os.environ.pop("LOCAL_STEPS", "")
    if steps:
        sys.path.append(here)
        import probe  # type: ignore[import-not-found] # noqa: PLC0415 - only for tests that stop inside a function

        sys.path.remove(here)
        probe.watch(steps.split(","), os.environ["AWS_LAMBDA_RUNTIME_API"])

    from awslambdaric.__main__ import main as serve  # noqa: PLC0415 - only found once the path is set

    # Lambda's own bootstrap passes the handler as the last argument; the API's address is in the environment.
    serve([__file__, os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
