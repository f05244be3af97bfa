"""Imports mem0's `MemoryClient` without the self-hosted engine that comes with it.

`import mem0` also loads qdrant, grpc, numpy and more, which take seconds and which the hosted client never
uses. While mem0 is imported, empty modules stand in for them; a test fails if a new mem0ai needs more.
"""

import os
import sys
import types

os.environ.setdefault("MEM0_DIR", "/tmp/.mem0")  # noqa: S108 - the only writable folder in Lambda
os.environ.setdefault("MEM0_TELEMETRY", "False")  # read while mem0 is imported, never later


class _Model:
    """Stands in for `pydantic.BaseModel`: keeps what it is given, and checks nothing.

    It has no `model_dump`, so an option object that was passed to the client would fail loudly.
    """

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


def _field(*, default: object, description: str) -> object:
    """Stands in for `pydantic.Field`, as far as mem0's models use it: the default becomes the attribute."""
    del description
    return default


def _stand_in(name: str, **content: object) -> types.ModuleType:
    module = types.ModuleType(name, "Only what the hosted client needs while it is imported.")
    module.__dict__.update(content)
    return module


def _stand_ins() -> dict[str, types.ModuleType]:
    memory, async_memory, posthog = (type(name, (), {}) for name in ("Memory", "AsyncMemory", "Posthog"))
    modules = (
        _stand_in("mem0.memory.main", Memory=memory, AsyncMemory=async_memory),
        _stand_in("posthog", Posthog=posthog),
        _stand_in("requests"),
        _stand_in("pydantic", BaseModel=_Model, Field=_field, ConfigDict=dict),
    )
    return {module.__name__: module for module in modules}


def _import_mem0() -> types.ModuleType:
    stand_ins = _stand_ins()
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        import mem0  # noqa: PLC0415 - only while the stand-ins are there
    finally:
        # Other code in this process gets the real ones.
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
