"""mem0's own `MemoryClient`, without the self-hosted engine that comes with it.

`import mem0` also loads that engine: qdrant, grpc, numpy, openai and sqlalchemy, seconds of start-up for
classes that the hosted client never touches. While mem0 is imported, the engine's module, PostHog, `requests`
(which only the async client uses) and pydantic (for one model that holds three strings) are replaced by empty
stand-ins. A test fails if a new mem0ai needs more of them; the real pydantic is in the layer, so the remedy
is to take it out of `_stand_ins`.
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
