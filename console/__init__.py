"""The console: what `ops` reads and does, as pages in a browser on the operator's machine."""

import ops  # noqa: F401 - it makes the functions' packages known to Python
