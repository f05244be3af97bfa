"""Handshakes: does a connection to Mem0 survive the silence between two calls? Counted over TLS."""

import tempfile
from pathlib import Path

from bench.measure.cold import NAMES
from bench.measure.report import Section, Table, Target
from bench.measure.rig import Rig, Side
from local.mem0 import server

GAPS = (1, 10, 60, 240)
LONG = 6  # seconds from which on the naive way is known to shake hands anew: httpx keeps a connection for 5


def measure(rig: Rig, repeats: int) -> Section:
    """Call a warm function after each gap, `repeats` times, and count the stand-in's handshakes."""
    rig.progress("handshakes over TLS")
    found: dict[tuple[str, int], float] = {}
    sides: tuple[Side, ...] = ("ours", "naive")
    function = "retrieve"
    with tempfile.TemporaryDirectory() as folder, server.start(Path(folder), tls=True) as mem0:
        for side in sides:
            trusted = str(mem0.certificate)
            with rig.host(side, function, probe=True, mem0_url=mem0.url, SSL_CERT_FILE=trusted) as host:
                rig.ask(host, function, rig.retrieve_event())
                for gap in GAPS:
                    before = mem0.stats()["tls_handshakes"]
                    for _ in range(repeats):
                        rig.ask(host, function, {"bench": "idle", "seconds": gap})
                        answer = rig.ask(host, function, rig.retrieve_event())["answer"]
                        if answer["statusCode"] != 200:  # noqa: PLR2004 - OK
                            raise RuntimeError(f"{side} answered {answer}")
                    found[side, gap] = (mem0.stats()["tls_handshakes"] - before) / repeats
    most = max(found["ours", gap] for gap in GAPS)
    naive = {found["naive", gap] for gap in GAPS if gap >= LONG}
    rows = [[f"{gap} s", *(f"{found[side, gap]:g}" for side in sides)] for gap in GAPS]
    return Section(
        key="handshakes",
        title="Handshakes",
        how=HOW.format(function=NAMES[function], repeats=repeats),
        targets=[
            Target(
                what="handshakes of a warm call",
                wanted="0 (naive: 1 from 6 s on)",
                reached=f"{most:g} (naive: {', '.join(f'{count:g}' for count in sorted(naive))})",
                met=most == 0,
            )
        ],
        tables=[Table(headers=("between two calls", "ours", "naive"), rows=rows)],
    )


HOW = """{function}, called {repeats} times after each gap. The gap is not slept: inside the function's
process `time.monotonic` is moved, by which httpx's pool judges how long a connection was idle, and between
the calls the process is stopped, as Lambda freezes it. The stand-in's end stays open meanwhile. Where Mem0
Cloud or something on the way closes an idle connection sooner, the pool sees that before it uses the
connection, and shakes hands once."""
