"""Stops a function at named places of its code, so that a test can kill or freeze it exactly there.

Loaded by bootstrap.py only when such places are asked for. It watches calls from outside (sys.setprofile), so
the code under test holds no hooks of its own. It refuses to be a profiler: it measures nothing and slows
everything.
"""

import socket
import sys
import threading
from types import FrameType
from urllib.parse import quote


def watch(places: list[str], api: str) -> None:
    """Report each call of, and return from, the places to the Runtime API, and wait for its answer.

    Args:
        places: "module:qualname" each, e.g. "post_call.worker:remember".
        api: host and port of the instance's Runtime API.
    """
    wanted = frozenset(places)
    host, port = api.rsplit(":", 1)

    def tell(step: str) -> None:
        # A bare socket: http.client would be in sys.modules before the function asks for it.
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"GET /local/step?name={quote(step)} HTTP/1.1\r\nHost: local\r\n\r\n".encode())
            connection.recv(1024)

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        if event not in {"call", "return"}:
            return
        place = f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}"
        if place in wanted:
            sys.setprofile(None)
            tell(f"{place}:{'before' if event == 'call' else 'after'}")
            sys.setprofile(profile)

    threading.setprofile(profile)
    sys.setprofile(profile)
