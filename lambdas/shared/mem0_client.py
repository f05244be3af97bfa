"""The library's own `MemoryClient`, without the self-hosted engine that comes with it.

`import mem0` also loads `mem0.memory.main`: qdrant, grpc, numpy, openai and sqlalchemy, seconds of start-up
for classes that the hosted client never touches. While mem0 is imported, that module, its telemetry's
PostHog and `requests` (used by the async client only) are replaced by empty stand-ins. The class that runs
is mem0's own, unpatched. `tests/unit/test_mem0_client.py` fails if a new mem0ai needs more than that.
"""

import os
import sys
import types

os.environ.setdefault("MEM0_DIR", "/tmp/.mem0")  # noqa: S108 - the only writable folder in Lambda
os.environ.setdefault("MEM0_TELEMETRY", "False")  # read while mem0 is imported, never later


def _stand_in(name: str, *classes: str) -> types.ModuleType:
    module = types.ModuleType(name, "Empty: the hosted client does not use it.")
    for each in classes:
        setattr(module, each, type(each, (), {}))
    return module


def _import_mem0() -> types.ModuleType:
    stand_ins = {
        "mem0.memory.main": _stand_in("mem0.memory.main", "Memory", "AsyncMemory"),
        "posthog": _stand_in("posthog", "Posthog"),
        "requests": _stand_in("requests"),
    }
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        import mem0  # noqa: PLC0415 - only while the stand-ins are there
    finally:
        # Whoever else wants the real ones in this process gets them.
        for name, module in before.items():
            if module is not None:
                sys.modules[name] = module
            elif name != "mem0.memory.main":
                del sys.modules[name]
    imported: types.ModuleType = mem0
    return imported


_mem0 = _import_mem0()

from mem0 import MemoryClient  # noqa: E402 - only now is it safe
from mem0 import exceptions as errors  # noqa: E402

__all__ = ["MemoryClient", "errors"]
